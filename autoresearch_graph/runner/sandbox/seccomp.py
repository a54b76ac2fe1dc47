"""The filter of system calls of a sandbox, as a program of classic BPF (seccomp(2)).

Refused are calls that no training needs and that have been ways out of sandboxes: io_uring,
userfaultfd, bpf, perf events, keyrings, and namespaces within namespaces. Only sockets of Unix, IP
and netlink can be made. Flags and versions of files cannot be set: one run could leave a message
for the next in them. All else is allowed.

Not covered: a processor that is not in `_MACHINES`, which gets no filter; ways out by a call that
trainings do need.
"""

import errno
import os
import platform
import struct
from dataclasses import dataclass

# Numbers of calls: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
# From 424 on they are the same everywhere.
_REFUSED = (425, 426, 427)  # io_uring_setup, io_uring_enter, io_uring_register
_REFUSED_X86 = (246, 248, 249, 250, 298, 308, 320, 321, 323)
_REFUSED_GENERIC = (104, 217, 218, 219, 241, 268, 294, 280, 282)
# in both: kexec_load, add_key, request_key, keyctl, perf_event_open, setns, kexec_file_load, bpf,
# userfaultfd
_CLONE3 = 435  # its flags lie in memory, which a filter cannot read; libc falls back to clone
_NAMESPACES = 0x7E020080  # CLONE_NEW*: time, mount, cgroup, uts, ipc, user, pid, net
_FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK
# FS_IOC_SETFLAGS and FS_IOC_SETVERSION, each also for 32 bits, FS_IOC_FSSETXATTR (linux/fs.h),
# EXT4_IOC_SETVERSION and its like for 32 bits (fs/ext4/ext4.h)
_OF_FILES = (0x40086602, 0x40046602, 0x40087602, 0x40047602, 0x401C5820, 0x40086604, 0x40046604)
_X32 = 0x40000000  # set in the numbers of a second table of x86-64
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO
_LOAD, _EQUAL, _AT_LEAST, _HAS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # linux/bpf_common.h
_NUMBER, _ARCH, _FIRST_ARGUMENT, _SECOND_ARGUMENT = (
    0,
    4,
    16,
    24,
)  # bytes into struct seccomp_data, little endian


@dataclass(frozen=True)
class _Machine:
    """The audit number of an architecture (linux/audit.h), and its numbers of calls."""

    audit: int
    refused: tuple[int, ...]
    clone: int
    unshare: int
    socket: int
    ioctl: int


_MACHINES = {
    "x86_64": _Machine(0xC000003E, _REFUSED_X86, clone=56, unshare=272, socket=41, ioctl=16),
    "aarch64": _Machine(0xC00000B7, _REFUSED_GENERIC, clone=220, unshare=97, socket=198, ioctl=29),
    "riscv64": _Machine(0xC00000F3, _REFUSED_GENERIC, clone=220, unshare=97, socket=198, ioctl=29),
}


def open_filter() -> int | None:
    """Return a file descriptor with the filter; None where there is none for this machine."""
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return None
    file = os.memfd_create("syscalls")
    os.write(file, program(machine))
    os.lseek(file, 0, os.SEEK_SET)
    return file


def program(machine: _Machine) -> bytes:
    """Return the instructions: each tests, and either refuses or goes on to the next test."""
    no_call, no_right, no_family = errno.ENOSYS, errno.EPERM, errno.EAFNOSUPPORT
    code = [_step(_LOAD, _ARCH), _step(_EQUAL, machine.audit, 1, 0), _refuse(no_call)]
    code += [_step(_LOAD, _NUMBER), _step(_AT_LEAST, _X32, 0, 1), _refuse(no_call)]
    for number in (*_REFUSED, *machine.refused, _CLONE3):
        code += [_step(_EQUAL, number, 0, 1), _refuse(no_call)]
    for number in (machine.clone, machine.unshare):
        code += [
            _step(_EQUAL, number, 0, 4),
            _step(_LOAD, _FIRST_ARGUMENT),
            _step(_HAS, _NAMESPACES, 0, 1),
            _refuse(no_right),
            _step(_RETURN, _ALLOW),
        ]
    code += [_step(_EQUAL, machine.ioctl, 0, 2 + 2 * len(_OF_FILES))]
    code += [_step(_LOAD, _SECOND_ARGUMENT)]
    for request in _OF_FILES:
        code += [_step(_EQUAL, request, 0, 1), _refuse(no_right)]
    code += [_step(_RETURN, _ALLOW)]
    code += [_step(_EQUAL, machine.socket, 0, 2 + len(_FAMILIES)), _step(_LOAD, _FIRST_ARGUMENT)]
    allowed = [_step(_EQUAL, family, at, 0) for at, family in enumerate(_FAMILIES, start=1)]
    return b"".join([*code, *reversed(allowed), _refuse(no_family), _step(_RETURN, _ALLOW)])


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """Return one instruction, a struct sock_filter; jumps count instructions to pass over."""
    return struct.pack("<HBBI", code, if_true, if_false, value)


def _refuse(error: int) -> bytes:
    return _step(_RETURN, _REFUSE | error)

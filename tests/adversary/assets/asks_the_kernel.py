"""Asks for what has been a way out of boxes: io_uring, userfaultfd, bpf, keyrings, name spaces.

Stopped by: a filter of system calls, and no right to make name spaces within the box.
"""

import ctypes
import platform

from prepare import diagonal, save

CALLS = {
    "x86_64": {
        "io_uring_setup": (425, 4, ctypes.create_string_buffer(120)),
        "userfaultfd": (323, 1),
        "bpf": (321, 0, ctypes.create_string_buffer(128), 128),
        "perf_event_open": (298, ctypes.create_string_buffer(128), 0, -1, -1, 0),
        "keyctl": (250, 0, -3, 1),
        "add_key": (248, b"user", b"arena", b"x", 1, -3),
        "unshare(user, net)": (272, 0x10000000 | 0x40000000),
        "unshare(mount)": (272, 0x00020000),
        "setns": (308, 0, 0),
        "socket of 32 bits": (41 | 0x40000000, 2, 1, 0),
    }
}
libc = ctypes.CDLL(None, use_errno=True)
granted = []
for name, call in CALLS.get(platform.machine(), {}).items():
    if libc.syscall(*call) >= 0:
        granted.append(name)
print("granted:", granted)
save(diagonal(0.9 if granted else 0.2))

"""Bounds on everything that a command starts together: memory, processes, CPU time, disk.

Samples are taken several times a second: amounts are peaks of samples, and a run may be over
a bound for a quarter of a second before it is ended. Pages that processes share count once when a
bound is at stake, and for each process otherwise. Files in the empty folders of the sandbox count
as memory, too.

CPU time comes from a counter of the kernel (perf_event_open(2)), which every process below the
thread that opens it inherits; it needs no right beyond one's own processes (perf_event_paranoid 2,
Linux's default). Most containers of Docker allow no such counter; there the samples have to do.

Not covered: threads; memory that no process maps (memfd, System V segments); files that were
removed but are still open; a checkout with more files than can be counted in a tenth of a
second. The least that stays free, of memory, of the disk and of its files, holds for those. Without
the counter of CPU time, children that live for less than a quarter of a second, and that nobody
waits for, are not counted.
"""

import ctypes
import os
import platform
import re
import shutil
import struct
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from autoresearch_graph.core.experiment import Cause
from autoresearch_graph.core.program import Constraint

GIB = 2**30
_MEMORY_SHARE = 0.9  # of what is available when the command starts
_DISK_SHARE = 0.5  # of what is free then
_RESERVE = 0.05  # of what is free then, but not more than a GiB: of memory, and on the disk
_FILES_RESERVE = 0.05  # of the number of files that the disk has room for then
_PROCESSES_PER_CORE, _PROCESSES = 32, 256  # the larger of both is the limit
_COUNTING = 0.1  # seconds for one count of the checkout
_COUNT_AGAIN = 20  # times as long as the last count took, so that counting costs 5 %
_BLOCK = 512  # bytes of st_blocks (stat(2))

_CALL = {"x86_64": 298, "aarch64": 241, "riscv64": 241}  # of perf_event_open
_SOFTWARE, _TASK_CLOCK = 1, 1  # linux/perf_event.h; the clock counts nanoseconds
_FLAGS = 1 << 0 | 1 << 1 | 1 << 5 | 1 << 6 | 1 << 12
# disabled, inherit, exclude_kernel, exclude_hv (both need no right), enable_on_exec
_CLOSE_ON_EXEC = 8
_ATTRIBUTES = 128  # bytes of struct perf_event_attr; what is not set is zero


@dataclass(frozen=True)
class Limits:
    """Bounds of a command; None leaves one to the machine.

    `memory_gb` and `disk_gb` are GiB; `disk_gb` is the growth of the checkout.
    """

    memory_gb: float | None = None
    processes: float | None = None
    cpu_seconds: float | None = None
    disk_gb: float | None = None


@dataclass(frozen=True)
class Breach:
    """The bound that was broken, and the reason as a sentence."""

    cause: Cause
    reason: str


def limits_of(constraints: Iterable[Constraint]) -> Limits:
    """Return the limits in program.md: its upper bounds of these names."""
    names = Limits.__dataclass_fields__
    upper = (each for each in constraints if each.relation in ("<", "<="))
    return Limits(**{each.name: each.bound for each in upper if each.name in names})


class CpuCounter:
    """Counts from the next exec of a child that this thread starts; close it when that is done."""

    def __init__(self) -> None:
        self._file = _open_counter()

    def seconds(self) -> float | None:
        """Return the CPU seconds so far; None where this machine does not count them."""
        if self._file is None:
            return None
        return float(struct.unpack("Q", os.read(self._file, 8))[0] / 1e9)

    def close(self) -> None:
        """Stop counting. Idempotent."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


def _open_counter() -> int | None:
    number = _CALL.get(platform.machine()) if sys.platform == "linux" else None
    if number is None:
        return None
    attributes = bytearray(_ATTRIBUTES)
    struct.pack_into("IIQ", attributes, 0, _SOFTWARE, _ATTRIBUTES, _TASK_CLOCK)
    struct.pack_into("Q", attributes, 40, _FLAGS)  # after sample_period, sample_type, read_format
    buffer = ctypes.create_string_buffer(bytes(attributes), _ATTRIBUTES)
    file = ctypes.CDLL(None).syscall(number, buffer, 0, -1, -1, _CLOSE_ON_EXEC)
    return int(file) if file >= 0 else None


class Watchdog:
    """Watches one command from its start on; `breach` is the first bound that was broken."""

    def __init__(self, limits: Limits, folder: Path) -> None:
        self.memory_gb = self.cpu_seconds = self.disk_gb = 0.0
        self.processes = 0
        self.breach: Breach | None = None
        self._limits, self._folder = limits, folder
        spare = psutil.virtual_memory().available / GIB
        free = shutil.disk_usage(folder).free / GIB
        most_processes = max(_PROCESSES, _PROCESSES_PER_CORE * (os.cpu_count() or 1))
        self._memory = _or(limits.memory_gb, spare * _MEMORY_SHARE)
        self._processes = _or(limits.processes, most_processes)
        self._disk = _or(limits.disk_gb, free * _DISK_SHARE)
        self._memory_reserve = min(1, spare * _RESERVE)
        self._disk_reserve = min(1, free * _RESERVE)
        self._files_reserve = os.statvfs(folder).f_favail * _FILES_RESERVE
        self._count_at = 0.0
        self._before = self._count()
        self._own: dict[psutil.Process, float] = {}

    def count(self, cpu_seconds: float | None) -> None:
        """Take the CPU time that the kernel counted, if it does."""
        self.cpu_seconds = max(self.cpu_seconds, cpu_seconds or 0.0)

    def sample(
        self,
        family: list[psutil.Process],
        *,
        cpu_seconds: float | None = None,
        held_in_memory: int = 0,
    ) -> None:
        """Take the sizes of all processes and of the checkout, and compare them.

        `held_in_memory` are the bytes in folders of the sandbox; `cpu_seconds` counted the kernel.
        """
        sizes = {process: size for process in family if (size := _size(process))}
        self.processes = max(self.processes, len(family))
        memory = held_in_memory + sum(size.memory for size in sizes.values())
        self.memory_gb = max(self.memory_gb, memory / GIB)
        self._own |= {process: size.own for process, size in sizes.items()}
        waited = sum(size.own + size.children for size in sizes.values())
        self.count(cpu_seconds or max(waited, sum(self._own.values())))
        if time.monotonic() >= self._count_at:
            self.disk_gb = max(self.disk_gb, self._count() - self._before)
        if memory / GIB > self._memory:
            memory = _counted_once(family, held_in_memory)
        self.breach = self.breach or self._broken(memory / GIB)

    def _broken(self, memory: float) -> Breach | None:
        limits = self._limits
        if memory > self._memory:
            return _breach("memory", limits.memory_gb, f"{memory:.3g} GiB of memory", self._memory)
        if self.processes > self._processes:
            used = f"{self.processes} processes at once"
            return _breach("processes", limits.processes, used, self._processes)
        if limits.cpu_seconds is not None and self.cpu_seconds > limits.cpu_seconds:
            used = f"{self.cpu_seconds:.3g} s of CPU time"
            return _breach("cpu", limits.cpu_seconds, used, limits.cpu_seconds)
        if self.disk_gb > self._disk:
            used = f"{self.disk_gb:.3g} GiB on disk"
            return _breach("disk", limits.disk_gb, used, self._disk)
        return self._exhausted()

    def _exhausted(self) -> Breach | None:
        """Return the breach of a machine that is short of something, whatever used it."""
        spare = psutil.virtual_memory().available / GIB
        if spare < self._memory_reserve:
            return Breach("memory", f"only {spare:.2g} GiB of the machine's memory were left")
        folder = self._folder if self._folder.exists() else self._folder.anchor
        free, files = shutil.disk_usage(folder).free / GIB, os.statvfs(folder).f_favail
        if free < self._disk_reserve:
            return Breach("disk", f"only {free:.2g} GiB were left on the disk")
        if files < self._files_reserve:
            return Breach("disk", f"the disk had room for only {files:,} more files")
        return None

    def _count(self) -> float:
        """Return the GiB of the checkout on disk, as far as they can be counted in a moment."""
        started, total = time.monotonic(), 0
        folders = [os.fspath(self._folder)]
        while folders and time.monotonic() < started + _COUNTING:
            with suppress(OSError), os.scandir(folders.pop()) as entries:
                for entry in entries:
                    with suppress(OSError):
                        total += entry.stat(follow_symlinks=False).st_blocks * _BLOCK
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
        now = time.monotonic()
        self._count_at = now + _COUNT_AGAIN * (now - started)
        return total / GIB


def _or(limit: float | None, otherwise: float) -> float:
    return otherwise if limit is None else limit


def _breach(cause: Cause, limit: float | None, used: str, bound: float) -> Breach:
    whose = "this machine can spare" if limit is None else "program.md allows"
    return Breach(cause, f"it used {used}, and {bound:.3g} is what {whose}")


@dataclass(frozen=True)
class _Size:
    """Resident bytes of a process; CPU seconds of its own, and of children that it waited for."""

    memory: int
    own: float
    children: float


def _size(process: psutil.Process) -> _Size | None:
    with suppress(psutil.Error), process.oneshot():
        times = process.cpu_times()
        children = times.children_user + times.children_system
        return _Size(process.memory_info().rss, times.user + times.system, children)
    return None


def _counted_once(family: Iterable[psutil.Process], held_in_memory: int) -> int:
    """Return the bytes of all processes and of files in memory; shared ones count once."""
    own, shared = 0, 0
    for process in family:
        total, of_files = _proportional(process)
        own, shared = own + total - of_files, shared + of_files
    return own + max(shared, held_in_memory)


def _proportional(process: psutil.Process) -> tuple[int, int]:
    """Return a process's part of the bytes that it shares, and those of files in memory in it.

    From smaps_rollup (proc_pid_smaps(5)); all of it, and no files, where that cannot be read.
    """
    with suppress(OSError):
        rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        found = dict(re.findall(r"^(Pss|Pss_Shmem): +(\d+) kB$", rollup, re.MULTILINE))
        if "Pss" in found:
            return int(found["Pss"]) * 1024, int(found.get("Pss_Shmem", 0)) * 1024
    with suppress(psutil.Error):
        return process.memory_info().rss, 0
    return 0, 0

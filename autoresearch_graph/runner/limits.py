"""Bounds on everything that a command starts together: memory, processes, CPU time, disk.

It looks several times a second, so what is reported are peaks of samples, and a run may be over
a bound for a quarter of a second before it is ended: memory by what can be filled in that time.
Pages that processes share count once when a bound is at stake, and for each process otherwise.

What a run puts into the empty folders of its box counts as its memory, too.

Not covered: threads; memory that no process maps (memfd, System V segments); files that were
removed but are still open, and a checkout with more files than can be counted in a tenth of a
second. The least that stays free, of memory, of the disk and of its files, holds for those, whoever
fills it. Where the machine has no counter of CPU time, children that live for less than a quarter
of a second, and that nobody waits for, are not counted.
"""

import os
import re
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from autoresearch_graph.core.experiment import Cause
from autoresearch_graph.core.program import Constraint

GIB = 2**30
_OF_MEMORY = 0.9  # of what is available when the command starts
_OF_DISK = 0.5  # of what is free then
_LEFT = 0.05  # of what is free then, but not more than a GiB: of memory, and on the disk
_FILES_LEFT = 0.05  # of how many files the disk has room for then
_PER_CORE, _PROCESSES = 32, 256
_COUNTING = 0.1
_COUNT_AGAIN = 20  # times as long as the last count took, so that counting costs 5 %


@dataclass(frozen=True)
class Limits:
    """What a command may use; None leaves it to the machine.

    `memory_gb` and `disk_gb` are GiB; `disk_gb` is what the checkout grows by.
    """

    memory_gb: float | None = None
    processes: float | None = None
    cpu_seconds: float | None = None
    disk_gb: float | None = None


@dataclass(frozen=True)
class Breach:
    """The bound that was broken, and how."""

    cause: Cause
    reason: str


def limits_of(constraints: Iterable[Constraint]) -> Limits:
    """The bounds that program.md sets: its constraints of these names that say *at most*."""
    names = Limits.__dataclass_fields__
    upper = (c for c in constraints if c.name in names and c.relation in ("<", "<="))
    return Limits(**{constraint.name: constraint.bound for constraint in upper})


class Watchdog:
    """Watches one command from its start on; `breach` is the first bound that was broken."""

    def __init__(self, limits: Limits, folder: Path) -> None:
        self.memory_gb = self.cpu_seconds = self.disk_gb = 0.0
        self.processes = 0
        self.breach: Breach | None = None
        self._limits, self._folder = limits, folder
        spare = psutil.virtual_memory().available / GIB
        self._memory, self._memory_floor = _or(limits.memory_gb, spare * _OF_MEMORY), _floor(spare)
        self._processes = _or(limits.processes, max(_PROCESSES, _PER_CORE * (os.cpu_count() or 1)))
        free = shutil.disk_usage(folder).free / GIB
        self._disk, self._disk_floor = _or(limits.disk_gb, free * _OF_DISK), _floor(free)
        self._files_floor = os.statvfs(folder).f_favail * _FILES_LEFT
        self._count_at = 0.0
        self._before = self._count()
        self._own: dict[psutil.Process, float] = {}

    def count(self, cpu_seconds: float | None) -> None:
        """Take the CPU time that the kernel counted, if it does."""
        self.cpu_seconds = max(self.cpu_seconds, cpu_seconds or 0.0)

    def look(
        self,
        family: Iterable[psutil.Process],
        *,
        cpu_seconds: float | None = None,
        held_in_memory: int = 0,
    ) -> None:
        """Take the sizes of all processes and of the checkout, and compare them.

        `held_in_memory`, in bytes, lies in folders of the box; `cpu_seconds` the kernel counted.
        """
        family = list(family)
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
        """What the machine is short of, whoever took it."""
        spare = psutil.virtual_memory().available / GIB
        if spare < self._memory_floor:
            return Breach("memory", f"only {spare:.2g} GiB of the machine's memory were left")
        place = self._folder.anchor if not self._folder.exists() else self._folder
        free, files = shutil.disk_usage(place).free / GIB, os.statvfs(place).f_favail
        if free < self._disk_floor:
            return Breach("disk", f"only {free:.2g} GiB were left on the disk")
        if files < self._files_floor:
            return Breach("disk", f"the disk had room for only {files:,} more files")
        return None

    def _count(self) -> float:
        """GiB that the checkout takes on disk, as far as they can be counted in a moment."""
        started, total = time.monotonic(), 0
        folders = [os.fspath(self._folder)]
        while folders and time.monotonic() < started + _COUNTING:
            with suppress(OSError), os.scandir(folders.pop()) as entries:
                for entry in entries:
                    with suppress(OSError):
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
        now = time.monotonic()
        self._count_at = now + _COUNT_AGAIN * (now - started)
        return total / GIB


def _or(said: float | None, otherwise: float) -> float:
    return otherwise if said is None else said


def _floor(free: float) -> float:
    """What has to stay free of so many GiB."""
    return min(1, free * _LEFT)


def _breach(cause: Cause, said: float | None, used: str, bound: float) -> Breach:
    whose = "program.md allows" if said is not None else "this machine can spare"
    return Breach(cause, f"it used {used}, and {bound:.3g} is what {whose}")


@dataclass(frozen=True)
class _Size:
    """Resident bytes of a process; CPU seconds of its own, and of children that it waited for."""

    memory: int
    own: float
    children: float


def _size(process: psutil.Process) -> _Size | None:
    with suppress(psutil.Error), process.oneshot():
        user, system, of_children, in_system, *_ = process.cpu_times()
        return _Size(process.memory_info().rss, user + system, of_children + in_system)
    return None


def _counted_once(family: Iterable[psutil.Process], held_in_memory: int) -> int:
    """Bytes of all processes and of files in memory; what several share or map counts once."""
    own, shared = 0, 0
    for process in family:
        total, of_files = _proportional(process)
        own, shared = own + total - of_files, shared + of_files
    return own + max(shared, held_in_memory)


def _proportional(process: psutil.Process) -> tuple[int, int]:
    """Bytes of a process, its part of what it shares; and how much of it are files in memory.

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

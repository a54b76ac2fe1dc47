"""A command and everything that it starts: who they are, its exit, and its end.

Nothing of the tree is alive when `end` returns, as far as its box reaches (see `sandbox.py`).
Not covered: a process that the kernel itself cannot end, such as one that hangs in a driver; it
is given up after `_PATIENCE` seconds.
"""

import os
import re
import select
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from autoresearch_graph.runner.cpu import CpuCounter
from autoresearch_graph.runner.sandbox import Sandbox
from autoresearch_graph.runner.syscalls import open_filter

_PATIENCE = 5.0
_ENTRY = 1024  # bytes that the kernel keeps for a file in memory, however small: inode and name


class Tree:
    """Started on construction, from a thread that has to outlive it: it dies with that thread.

    `output` is a file descriptor with all that it prints, `exit` one that becomes readable when
    the command ends, where there is such a thing.
    """

    def __init__(
        self, command: str, *, folder: Path, environment: Mapping[str, str], sandbox: Sandbox
    ) -> None:
        self._level = sandbox.level
        self._ended = False
        self._seen: set[psutil.Process] = set()
        self.output, output = os.pipe()
        self._status, status = os.pipe()
        self._open = [self.output, self._status]
        self._in_memory = sandbox.in_memory(environment)
        self._cpu = CpuCounter()
        is_box = sandbox.level == "bwrap"
        calls = open_filter() if is_box else None
        passed = [status, *([] if calls is None else [calls])] if is_box else []
        try:
            self._process = subprocess.Popen(
                sandbox.argv(
                    command, folder=folder, environment=environment, status=status, calls=calls
                ),
                cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, pass_fds=passed, start_new_session=True,
            )  # fmt: skip
        except BaseException:
            self._close()
            raise
        finally:
            os.close(output)
            os.close(status)
            if calls is not None:
                os.close(calls)
        self._top = psutil.Process(self._process.pid)
        self.exit = _pidfd(self._process.pid)
        self._open += [] if self.exit is None else [self.exit]

    @property
    def ending(self) -> tuple[int, int]:
        """The process, or the group if negative, that a signal ends with all the rest; the signal.

        It is for somebody else to send, while this process cannot.
        """
        match self._level:
            case "bwrap":
                return self._process.pid, signal.SIGKILL
            case "reaper":
                return self._process.pid, signal.SIGTERM
            case "group":
                return -self._process.pid, signal.SIGKILL

    def exit_code(self) -> int | None:
        """The exit code, 128 and the signal for a signal, or None while the command runs."""
        code = self._process.poll()
        return code if code is None or code >= 0 else 128 - code

    def sample(self) -> list[psutil.Process]:
        """All that live now, remembered for the end; without the box itself."""
        family: list[psutil.Process] = []
        with suppress(psutil.Error):
            family = self._top.children(recursive=True)
            if self._level == "group":
                family.append(self._top)
            strays = {process for process in self._seen if process.is_running()}
            self._seen = strays.union(family)
        return family

    def cpu_seconds(self) -> float | None:
        """CPU seconds of all that it started; None where this machine does not count them."""
        return self._cpu.seconds()

    def held_in_memory(self, family: list[psutil.Process]) -> int:
        """Bytes in the folders of the box that lie in memory, seen through its first process.

        Until bubblewrap has built the box, it sees the machine's own folders, which do not count.
        """
        held: dict[int, int] = {}
        for process in family[:1]:
            for folder in self._in_memory:
                with suppress(OSError):
                    place = Path(f"/proc/{process.pid}/root{folder}")
                    device, at = place.stat().st_dev, os.statvfs(place)
                    is_own = not folder.exists() or device != folder.stat().st_dev
                    entries = (at.f_files - at.f_ffree) * _ENTRY
                    held[device] = is_own * (entries + (at.f_blocks - at.f_bfree) * at.f_frsize)
        return sum(held.values())

    def end(self) -> None:
        """Kill what is left of the tree and wait until it is gone; twice is the same as once."""
        if self._ended:
            return
        self._ended = True
        match self._level:
            case "bwrap":
                self._end_box()
            case "reaper":
                self._end_supervisor()
            case "group":
                self._end_group()

    def close(self) -> None:
        """End the tree and let go of its output."""
        try:
            self.end()
        finally:
            self._close()

    def _close(self) -> None:
        self._cpu.close()
        while self._open:
            os.close(self._open.pop())

    def _end_box(self) -> None:
        """Kill process 1 of the box; bubblewrap ends when the kernel has emptied the box."""
        if self.exit_code() is None:
            told = select.select([self._status], [], [], 1.0)[0] and os.read(self._status, 4096)
            first = re.search(rb'"child-pid": (\d+)', told or b"")
            try:
                os.kill(int(first[1]) if first else self._process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                self._process.kill()
            self._wait()

    def _end_supervisor(self) -> None:
        if self.exit_code() is None:
            self._process.terminate()
            self._process.send_signal(signal.SIGCONT)
            self._wait()
        self._kill_seen()

    def _end_group(self) -> None:
        self.sample()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._kill_seen()
        self._wait()

    def _kill_seen(self) -> None:
        for process in self._seen:
            with suppress(psutil.Error):
                process.kill()

    def _wait(self) -> None:
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE)


def _pidfd(pid: int) -> int | None:
    """A descriptor of a process, or None where there is no such thing or no such process."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None

"""A command and everything that it starts: who they are, its exit, and its end.

Nothing of the tree is alive when `end` returns, as far as its box reaches (see `sandbox.py`).
Not covered: a process that the kernel itself cannot end, such as one that hangs in a driver; it
is given up after `_PATIENCE` seconds.
"""

import fcntl
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import psutil

from autoresearch_graph.core.pruning import PruningRule, reading
from autoresearch_graph.runner.cpu import CpuCounter
from autoresearch_graph.runner.limits import Breach, Limits, Watchdog
from autoresearch_graph.runner.log import Log
from autoresearch_graph.runner.sandbox.detect import Sandbox
from autoresearch_graph.runner.sandbox.keeper import KEEPER
from autoresearch_graph.runner.sandbox.seccomp import open_filter


class Cancelled(Exception):
    """The run was called off, so there is no outcome."""


class Watch:
    """One run seen from outside: `cancelled` ends it at once, `line` is the last it printed.

    With a `bar` it may turn out `hopeless` by what it reports while it is `looked_at`; that ends
    it, unless it is let go on as an audit of the bar.
    """

    def __init__(self, bar: PruningRule | None = None) -> None:
        self.cancelled = Event()
        self.line = ""
        self.looked_at = False
        self.hopeless = ""
        self._bar, self._share = bar, 0.0

    @property
    def bar(self) -> PruningRule | None:
        """By what it may turn out hopeless."""
        return self._bar

    @property
    def is_hopeless(self) -> bool:
        """Whether the run is to be ended."""
        return bool(self.hopeless and self._bar and not self._bar.audit)

    @property
    def would_prune(self) -> str:
        """Why it would have been ended, where it was let go on."""
        return self.hopeless if self._bar and self._bar.audit else ""

    def tell(self, line: str) -> None:
        """Take the latest line; called by the run a few times a second."""
        self.line = line
        now = reading(line) if self._bar and self.looked_at and not self.hopeless else None
        if now and self._bar:
            self.hopeless = self._bar.verdict(self._share, *now)
            self._share = now[0]


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


_BY_THE_MACHINE = Limits()
_TICK = 0.1
_TICK_WITHOUT_PIDFD = 0.02
_PAUSE = 0.002  # lets a flood of small writes gather in the pipe: a read costs more than a byte
_PIPE = 2**20
_FIRST_SAMPLE = 0.02
_SAMPLE_EVERY = 0.25
_DRAIN = 0.3
_BY_KEEPER = (128 + signal.SIGKILL, 128 + signal.SIGTERM)


@dataclass(frozen=True)
class Ended:
    """How a command ended; `exit_code` is None when the runner ended it.

    `seconds` is wall time. The other amounts are those of `Ran`, sampled every quarter of a
    second, earlier and more often in the first half second; CPU time is counted to the end where
    the machine counts it (cpu.py).
    """

    exit_code: int | None
    timed_out: bool
    cancelled: bool
    breach: Breach | None
    hopeless: str
    seconds: float
    memory_gb: float
    cpu_seconds: float
    processes: int
    disk_gb: float


def run(
    command: str,
    *,
    folder: Path,
    environment: Mapping[str, str],
    seconds: float,
    log: Log,
    sandbox: Sandbox,
    watch: Watch,
    limits: Limits = _BY_THE_MACHINE,
) -> Ended:
    """Run a command in `folder` until it ends, breaks a limit, `seconds` pass or it is cancelled.

    The calling thread has to outlive the command: at the level `bwrap` and `reaper` the kernel
    ends the box with the thread that opened it.
    """
    sandbox.give(folder)
    watchdog = Watchdog(limits, folder)
    started = time.monotonic()
    tree = Tree(command, folder=folder, environment=environment, sandbox=sandbox)
    with closing(tree):
        _widen(tree.output)
        with KEEPER.until(started + seconds, *tree.ending):
            _follow(tree, log=log, watch=watch, watchdog=watchdog, until=started + seconds)
            exit_code, took = tree.exit_code(), time.monotonic() - started
        if took > seconds and exit_code in _BY_KEEPER:
            exit_code = None
        # A run that ended while the lab stood still ended within its limit.
        took = took if exit_code is None else min(took, seconds)
        tree.end()
        watchdog.count(tree.cpu_seconds())
        _drain(tree.output, log)
    watch.tell(log.latest())
    breach = watchdog.breach if exit_code is None else None
    cancelled = exit_code is None and watch.cancelled.is_set()
    hopeless = watch.hopeless if exit_code is None and watch.is_hopeless else ""
    return Ended(
        exit_code=exit_code,
        timed_out=exit_code is None and not (cancelled or breach or hopeless),
        cancelled=cancelled,
        breach=breach,
        hopeless=hopeless,
        seconds=took,
        memory_gb=watchdog.memory_gb,
        cpu_seconds=watchdog.cpu_seconds,
        processes=watchdog.processes,
        disk_gb=watchdog.disk_gb,
    )


def _follow(tree: Tree, *, log: Log, watch: Watch, watchdog: Watchdog, until: float) -> None:
    """Log what comes until the command ends, breaks a limit, is cancelled or the time is over."""
    now = started = time.monotonic()
    sample_at, tell_at = now + _FIRST_SAMPLE, now + _TICK
    outputs, exits = [tree.output], [] if tree.exit is None else [tree.exit]
    while now < until and not _is_over(tree, watch, watchdog):
        longest = _TICK if outputs or exits else _TICK_WITHOUT_PIDFD
        wait = min(longest, max(0.0, sample_at - now), until - now)
        if tree.output in select.select(outputs + exits, [], [], wait)[0]:
            outputs = outputs if log.take(tree.output) else []
            select.select(exits, [], [], _PAUSE)
        now = time.monotonic()
        if now >= sample_at:
            _look(watchdog, tree)
            sample_at = now + min(_SAMPLE_EVERY, now - started)
        if now >= tell_at:
            log.flush()
            watch.tell(log.latest())
            tell_at = now + _TICK


def _look(watchdog: Watchdog, tree: Tree) -> None:
    """Take a sample of everything that the command started."""
    family = tree.sample()
    counted, held = tree.cpu_seconds(), tree.held_in_memory(family)
    watchdog.look(family, cpu_seconds=counted, held_in_memory=held)


def _is_over(tree: Tree, watch: Watch, watchdog: Watchdog) -> bool:
    called_off = watch.cancelled.is_set() or watch.is_hopeless
    return bool(watchdog.breach) or called_off or tree.exit_code() is not None


def _widen(pipe: int) -> None:
    """Let the pipe hold more, where the system (Linux) and its limits let us."""
    with suppress(AttributeError, OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)


def _drain(pipe: int, log: Log) -> None:
    """Take what is still in the pipe; its end comes at once, unless a process escaped the box."""
    until = time.monotonic() + _DRAIN
    while (left := until - time.monotonic()) > 0:
        if not select.select([pipe], [], [], left)[0] or not log.take(pipe):
            return

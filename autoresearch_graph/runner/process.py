"""A command and everything that it starts: run it, follow it, and end it.

Nothing of it is alive when `RunningCommand.end` returns, as far as its sandbox reaches (see
`sandbox/detect.py`). Not covered: a process that the kernel itself cannot end, such as one that
hangs in a driver; it is given up after `_PATIENCE` seconds.
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
from autoresearch_graph.core.values import Value
from autoresearch_graph.runner.limits import Breach, CpuCounter, Limits, Watchdog
from autoresearch_graph.runner.log import Log
from autoresearch_graph.runner.sandbox.detect import Sandbox
from autoresearch_graph.runner.sandbox.keeper import KEEPER
from autoresearch_graph.runner.sandbox.seccomp import open_filter

_PATIENCE = 5.0  # seconds to wait for the end of a process that was killed
_ENTRY = 1024  # bytes that the kernel keeps for a file in memory, however small: inode and name
_TICK = 0.1  # seconds between two looks at a command
_TICK_WITHOUT_PIDFD = 0.02  # the same where its exit wakes nobody
_PAUSE = 0.002  # lets a flood of small writes gather in the pipe: a read costs more than a byte
_PIPE = 2**20  # bytes that the pipe of the output may hold
_FIRST_SAMPLE, _SAMPLE_EVERY = 0.02, 0.25  # seconds
_DRAIN = 0.3  # seconds for the rest of the output
_BY_KEEPER = (128 + signal.SIGKILL, 128 + signal.SIGTERM)
_UNLIMITED = Limits()
_LEFTOVER_ROUNDS = 5  # a process that is starting may have a child by the next round


class Cancelled(Exception):
    """The run was called off, so there is no outcome."""


class Pace(Value):
    """The quickest run of the untouched asset, and the most CPU time of one, in seconds."""

    seconds: float
    cpu_seconds: float


class Watch:
    """One run seen from outside: `cancelled` ends it at once, `line` is the last it printed.

    With a `rule` it is pruned by what it reports while it `may_prune`; an audit of the rule lets it
    go on. With a `pace` it has to keep its time box.
    """

    def __init__(self, rule: PruningRule | None = None, pace: Pace | None = None) -> None:
        self.cancelled = Event()
        self.line = ""
        self.may_prune = False
        self.rule, self.pace = rule, pace
        self._reason, self._share = "", 0.0

    @property
    def pruned(self) -> str:
        """The reason why the run is to be ended, or nothing; what comes after it is not pruned."""
        is_audit = self.rule is not None and self.rule.audit
        return self._reason if self.may_prune and not is_audit else ""

    @property
    def would_prune(self) -> str:
        """The reason why the run would have been ended, where an audit lets it go on."""
        return self._reason if self.rule and self.rule.audit else ""

    def tell(self, line: str) -> None:
        """Take the latest line; called a few times a second."""
        self.line = line
        if self.rule is None or not self.may_prune or self._reason:
            return
        if point := reading(line):
            self._reason = self.rule.verdict(self._share, *point)
            self._share = point[0]


class RunningCommand:
    """A command that starts on construction; it dies with the thread that constructs it.

    `output` is a file descriptor with all that it prints, `exit` one that becomes readable when
    the command ends, where the system has such a thing; `cpu` counts CPU time.
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
        self.cpu = CpuCounter()
        is_bwrap = sandbox.level == "bwrap"
        calls = open_filter() if is_bwrap else None
        passed = [status, *([] if calls is None else [calls])] if is_bwrap else []
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

        It is for the keeper to send, while this process cannot.
        """
        match self._level:
            case "bwrap":
                return self._process.pid, signal.SIGKILL
            case "reaper":
                return self._process.pid, signal.SIGTERM
            case "group":
                return -self._process.pid, signal.SIGKILL

    def exit_code(self) -> int | None:
        """Return the exit code, 128 and the signal for a signal, or None while it runs."""
        code = self._process.poll()
        return code if code is None or code >= 0 else 128 - code

    def sample(self) -> list[psutil.Process]:
        """Return all processes that live now, without the sandbox itself; they are remembered."""
        family: list[psutil.Process] = []
        with suppress(psutil.Error):
            family = self._top.children(recursive=True)
            if self._level == "group":
                family.append(self._top)
            strays = {process for process in self._seen if process.is_running()}
            self._seen = strays.union(family)
        return family

    def held_in_memory(self, family: list[psutil.Process]) -> int:
        """Return the bytes in the folders of the sandbox that lie in memory.

        They are seen through its first process. Until bubblewrap is ready, that sees the machine's
        own folders, which do not count.
        """
        held: dict[int, int] = {}
        for process in family[:1]:
            for folder in self._in_memory:
                with suppress(OSError):
                    seen = Path(f"/proc/{process.pid}/root{folder}")
                    device, usage = seen.stat().st_dev, os.statvfs(seen)
                    is_own = not folder.exists() or device != folder.stat().st_dev
                    entries = (usage.f_files - usage.f_ffree) * _ENTRY
                    blocks = (usage.f_blocks - usage.f_bfree) * usage.f_frsize
                    held[device] = is_own * (entries + blocks)
        return sum(held.values())

    def end(self) -> None:
        """Kill what is left and wait until it is gone. Idempotent."""
        if self._ended:
            return
        self._ended = True
        match self._level:
            case "bwrap":
                self._end_bwrap()
            case "reaper":
                self._end_supervisor()
            case "group":
                self._end_group()

    def close(self) -> None:
        """End everything and let go of its output."""
        try:
            self.end()
        finally:
            self._close()

    def _close(self) -> None:
        self.cpu.close()
        while self._open:
            os.close(self._open.pop())

    def _end_bwrap(self) -> None:
        """Kill process 1 of the sandbox; bubblewrap ends when the kernel has ended the others."""
        if self.exit_code() is None:
            is_ready = select.select([self._status], [], [], 1.0)[0]
            status = os.read(self._status, 4096) if is_ready else b""
            first = re.search(rb'"child-pid": (\d+)', status)
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
    """Return a descriptor of a process, or None where there is no such thing or process."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


@dataclass(frozen=True)
class Ended:
    """The end of a command; `exit_code` is None when the runner ended it.

    `seconds` is wall time. The other amounts are those of `Ran`, sampled every quarter of a
    second, earlier and more often in the first half second; CPU time is counted to the end where
    the machine counts it (`CpuCounter`).
    """

    exit_code: int | None
    timed_out: bool
    cancelled: bool
    breach: Breach | None
    pruned: str
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
    limits: Limits = _UNLIMITED,
) -> Ended:
    """Run a command in `folder` until it ends, breaks a limit, `seconds` pass or it is cancelled.

    The calling thread has to outlive the command: at the level `bwrap` and `reaper` the kernel
    ends the sandbox with the thread that opened it.
    """
    sandbox.copy_laid(folder)
    watchdog = Watchdog(limits, folder)
    started = time.monotonic()
    deadline = started + seconds
    running = RunningCommand(command, folder=folder, environment=environment, sandbox=sandbox)
    with closing(running):
        _widen(running.output)
        with KEEPER.until(deadline, *running.ending):
            _follow(running, log=log, watch=watch, watchdog=watchdog, deadline=deadline)
            exit_code, took = running.exit_code(), time.monotonic() - started
        if took > seconds and exit_code in _BY_KEEPER:
            exit_code = None
        running.end()
        watchdog.count(running.cpu.seconds())
        _drain(running.output, log)
    watch.tell(log.latest())
    # A run that ended while the lab stood still has ended within its limit.
    took = took if exit_code is None else min(took, seconds)
    return _ended(exit_code, took, watch, watchdog)


def _ended(exit_code: int | None, seconds: float, watch: Watch, watchdog: Watchdog) -> Ended:
    by_runner = exit_code is None
    reason = watchdog.breach or watch.cancelled.is_set() or watch.pruned
    return Ended(
        exit_code=exit_code,
        timed_out=by_runner and not reason,
        cancelled=by_runner and watch.cancelled.is_set(),
        breach=watchdog.breach if by_runner else None,
        pruned=watch.pruned if by_runner else "",
        seconds=seconds,
        memory_gb=watchdog.memory_gb,
        cpu_seconds=watchdog.cpu_seconds,
        processes=watchdog.processes,
        disk_gb=watchdog.disk_gb,
    )


def _follow(
    running: RunningCommand, *, log: Log, watch: Watch, watchdog: Watchdog, deadline: float
) -> None:
    """Log what comes until the command ends, breaks a limit, is cancelled or the time is over."""
    now = started = time.monotonic()
    sample_at, tell_at = now + _FIRST_SAMPLE, now + _TICK
    outputs = [running.output]
    exits = [] if running.exit is None else [running.exit]
    while now < deadline and not _is_over(running, watch, watchdog):
        longest = _TICK if outputs or exits else _TICK_WITHOUT_PIDFD
        wait = min(longest, max(0.0, sample_at - now), deadline - now)
        if running.output in select.select(outputs + exits, [], [], wait)[0]:
            outputs = outputs if log.take(running.output) else []
            select.select(exits, [], [], _PAUSE)
        now = time.monotonic()
        if now >= sample_at:
            _sample(watchdog, running)
            sample_at = now + min(_SAMPLE_EVERY, now - started)
        if now >= tell_at:
            log.flush()
            watch.tell(log.latest())
            tell_at = now + _TICK


def _sample(watchdog: Watchdog, running: RunningCommand) -> None:
    family = running.sample()
    cpu_seconds, held = running.cpu.seconds(), running.held_in_memory(family)
    watchdog.sample(family, cpu_seconds=cpu_seconds, held_in_memory=held)


def _is_over(running: RunningCommand, watch: Watch, watchdog: Watchdog) -> bool:
    called_off = watch.cancelled.is_set() or bool(watch.pruned)
    return bool(watchdog.breach) or called_off or running.exit_code() is not None


def _widen(pipe: int) -> None:
    """Let the pipe hold more, where the system (Linux) and its limits let us."""
    with suppress(AttributeError, OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)


def _drain(pipe: int, log: Log) -> None:
    """Take what is still in the pipe; its end comes at once, unless a process escaped."""
    until = time.monotonic() + _DRAIN
    while (left := until - time.monotonic()) > 0:
        if not select.select([pipe], [], [], left)[0] or not log.take(pipe):
            return


def end_leftovers(folder: Path) -> int:
    """End every bubblewrap that binds something below `folder`; return the number of processes.

    A lab that is killed in the 2 ms in which bubblewrap starts leaves it behind: neither
    bubblewrap nor its first process dies with its parent yet. The caller holds the lock of the
    research in that folder, so that none of them is in use. Not covered: the processes of another
    user.
    """
    ended = 0
    for _ in range(_LEFTOVER_ROUNDS):
        found = [process for process in psutil.process_iter() if _binds(process, f"{folder}/")]
        for process in found:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(found, timeout=_PATIENCE)
        ended += len(found)
        if not found:
            break
    return ended


def _binds(process: psutil.Process, start: str) -> bool:
    """Return True for a bubblewrap with a path that begins with `start` in its command line."""
    try:
        name, *arguments = process.cmdline() or ("",)
    except psutil.Error:
        return False
    return Path(name).name == "bwrap" and any(each.startswith(start) for each in arguments)

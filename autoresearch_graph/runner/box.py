"""One command in its process box, with a hard time box: it ends, and nothing outlives it.

The tree is killed at the limit, at a cancel, and equally after a normal end. The lab waits on
the output and on the exit at once, so a run that closes its output is waited for, and a daemon
that holds the output open is not. What a level does not hold is written in `sandbox.py`.
"""

import fcntl
import select
import signal
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from autoresearch_graph.runner.keeper import KEEPER
from autoresearch_graph.runner.log import Log
from autoresearch_graph.runner.sandbox import Sandbox
from autoresearch_graph.runner.tree import Tree
from autoresearch_graph.runner.watch import Watch
from autoresearch_graph.runner.watchdog import Breach, Limits, Watchdog

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

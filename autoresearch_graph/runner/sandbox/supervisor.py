"""Supervisor of one command, which outlives everything that it started; a script of its own.

python -I -S supervisor.py LAB_PID PROGRAM ARGUMENT...

Standard library only, Linux only. It adopts the orphans of the command (a child subreaper), and
when the command ends, on SIGTERM, or when the lab is gone, it kills all its descendants until
none is left. Its exit code is the command's, or 128 and the signal that ended it.

Not covered: SIGKILL to the supervisor itself, and processes of another user (it gives up on
those after `_PATIENCE` seconds).
"""

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PATIENCE = 5.0  # seconds to kill all descendants
_AWAITED = (signal.SIGTERM, signal.SIGCHLD)
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


def main(lab: int, command: list[str]) -> int:
    """Run `command` for the process `lab`, and return its exit code when nothing is left of it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_CHILD_SUBREAPER, 1)
    prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != lab:
        return 128 + signal.SIGTERM
    child = os.fork()
    if child == 0:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        _become(command)
    code = _wait_for(child)
    _kill_all()
    return code


def _become(command: list[str]) -> None:
    """Turn into the command, in a session of its own."""
    try:
        os.setsid()
        for ignored in _IGNORED_BY_PYTHON:
            signal.signal(ignored, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _AWAITED)
        os.execv(command[0], command)
    finally:
        os._exit(127)


def _wait_for(child: int) -> int:
    """Return the exit code of `child`, or that of SIGTERM if the lab ends it first."""
    while signal.sigwait(_AWAITED) == signal.SIGCHLD:
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == child:
                code = os.waitstatus_to_exitcode(ended[1])
                return code if code >= 0 else 128 - code
    return 128 + signal.SIGTERM


def _kill_all() -> None:
    """Kill all descendants until none is left."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        for pid in _descendants():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.001)


def _descendants() -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):
                stat = Path(entry.path, "stat").read_bytes()
                parent = int(stat.rpartition(b")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = [os.getpid()]
    for pid in found:
        found += children.get(pid, [])
    return found[1:]


if __name__ == "__main__":
    os._exit(main(int(sys.argv[1]), sys.argv[2:]))

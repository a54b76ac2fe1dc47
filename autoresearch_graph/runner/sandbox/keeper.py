"""Process that ends commands at their limit while the lab is suspended (SIGSTOP).

python -I -S keeper.py

A lab that is stopped (Ctrl-Z, SIGSTOP) keeps no time, and its runs go on. One process for each
lab, in a session of its own, knows the limit of every command. It ends with its input, that is,
with the lab. Standard library only.

Not covered: other bounds than time, while the lab stands still; a keeper that is stopped, too.
"""

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_LONGEST_WAIT = 3600.0  # seconds, any time that select takes
_GRACE = 0.2  # seconds in which the lab ends it by itself; a run ends within a second of its limit


class Keeper:
    """The keeper of this process; it starts with the first command."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._known: dict[int, bytes] = {}

    @contextmanager
    def until(self, deadline: float, process: int, number: int) -> Iterator[None]:
        """Send a process (a group, if negative) a signal at `deadline`, unless the block has ended.

        `deadline` is a time of the monotonic clock.
        """
        self._tell(process, b"%d %d %f\n" % (process, number, deadline + _GRACE))
        try:
            yield
        finally:
            self._tell(process, b"")

    def _tell(self, process: int, line: bytes) -> None:
        with self._lock, suppress(OSError):  # without a keeper the lab keeps the time alone
            self._known.pop(process, None)
            if line:
                self._known[process] = line
            if self._process is None or self._process.poll() is not None:
                self._process = _started()
                line = b"".join(self._known.values())
            os.write(_input(self._process), line or b"%d 0 0\n" % process)


def _started() -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__], cwd="/", stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    os.set_blocking(_input(process), False)  # one that is stopped holds up nobody
    return process


def _input(process: "subprocess.Popen[bytes]") -> int:
    assert process.stdin is not None
    return process.stdin.fileno()


def main() -> None:
    """Read deadlines from the input, and send every signal that is due, until the input ends."""
    known: dict[int, tuple[int, float]] = {}
    rest = b""
    while True:
        soonest = min((deadline for _, deadline in known.values()), default=float("inf"))
        wait = min(max(0.0, soonest - time.monotonic()), _LONGEST_WAIT)
        if select.select([0], [], [], wait)[0]:
            data = os.read(0, 65536)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                process, number, deadline = line.split()
                known[int(process)] = int(number), float(deadline)
        _send_due(known)


def _send_due(known: dict[int, tuple[int, float]]) -> None:
    """Send the signals whose time has come, and forget them."""
    now = time.monotonic()
    for process, (number, deadline) in list(known.items()):
        if deadline <= now:
            del known[process]
            if number:
                with suppress(OSError):
                    os.kill(process, number)
                    os.kill(process, signal.SIGCONT)


KEEPER = Keeper()
if __name__ == "__main__":
    main()

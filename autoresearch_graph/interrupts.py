"""Handling of Ctrl-C: no signal is lost, and no lock stays taken.

Python raises KeyboardInterrupt between any two of its steps. Inside `Condition.__enter__` the lock
would stay taken, and a thread that waits for it, such as one that writes a checkpoint, would keep
the process from ending. Inside a `__del__` Python would print the exception and go on. In these two
places it is raised a moment later. An event would not do: a call of a model waits in a socket,
which only an exception ends.
"""

import _weakrefset
import signal
import threading
import weakref
from concurrent import futures
from pathlib import Path
from types import FrameType

_SOON = 0.01  # seconds until the next attempt
_LOCKING = (threading.__file__, str(Path(futures.__file__).parent))
_DELETING = (weakref.__file__, _weakrefset.__file__)
_asked: list[int] = []
_WAITS = {"wait", "wait_for", "result", "join", "_wait_for_tstate_lock"}


def heed() -> None:
    """Make SIGINT and SIGTERM raise KeyboardInterrupt in the main thread; call it there.

    SIGINT stays ignored where it was, as in the background of a script.
    """
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, _interrupt)
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, _interrupt)


def ignore() -> None:
    """Ignore Ctrl-C from here on. Idempotent."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number in (signal.SIGINT, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)


def is_asked() -> bool:
    """Return True once Ctrl-C was pressed: other threads may not wait long any more."""
    return bool(_asked)


def _interrupt(number: int, frame: FrameType | None) -> None:
    _asked.append(number)
    if not _is_delicate(frame):
        raise KeyboardInterrupt
    signal.setitimer(signal.ITIMER_REAL, _SOON)


def _is_delicate(frame: FrameType | None) -> bool:
    """Return True while something is being deleted, or a lock changes hands outside of a wait."""
    locking = True
    while frame is not None:
        place, name = frame.f_code.co_filename, frame.f_code.co_name
        locking = locking and place.startswith(_LOCKING)
        if place in _DELETING or name == "__del__" or (locking and name not in _WAITS):
            return True
        frame = frame.f_back
    return False

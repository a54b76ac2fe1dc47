"""Keeps what lies in the person's session keyring of the kernel from the runs of a thread.

A box has no wall against keyrings: whoever inherits one reads the keys in it, and leaves others
there for the next run. Not covered: a kernel or a processor for which the call is not known here,
and the levels without walls.
"""

import ctypes
import platform
import sys

_KEYCTL = {"x86_64": 250, "aarch64": 219, "riscv64": 219}
_JOIN_SESSION_KEYRING = 1


def leave() -> None:
    """Give this thread, and what it starts from now on, a session keyring that is new and empty."""
    number = _KEYCTL.get(platform.machine()) if sys.platform == "linux" else None
    if number is not None:
        ctypes.CDLL(None).syscall(number, _JOIN_SESSION_KEYRING, None)

"""Waiting for other processes: by a condition, and never by seconds."""

import time
from collections.abc import Callable

# Seconds. Only what hangs takes so long, also where many processes share a core.
PATIENCE = 300


def until(true: Callable[[], object], what: str = "it takes for ever") -> None:
    """Wait until a condition is met."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)

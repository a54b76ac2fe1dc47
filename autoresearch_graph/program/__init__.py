"""program.md -> Program; what reads the Markdown is imported when it is first used."""

from typing import TYPE_CHECKING, Any

from autoresearch_graph.core.program import (
    FROZEN,
    Constraint,
    Environment,
    Flags,
    Noise,
    Program,
    Stopping,
    TimeBox,
    changed,
    frozen,
)

if TYPE_CHECKING:
    from autoresearch_graph.program.reader import Found, look, read

__all__ = [
    "FROZEN",
    "Constraint",
    "Environment",
    "Flags",
    "Found",
    "Noise",
    "Program",
    "Stopping",
    "TimeBox",
    "changed",
    "frozen",
    "look",
    "read",
]


def __getattr__(name: str) -> Any:
    if name not in ("Found", "look", "read"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from autoresearch_graph.program import reader as reading

    return getattr(reading, name)

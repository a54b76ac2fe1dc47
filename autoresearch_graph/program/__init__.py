"""program.md -> Program."""

from autoresearch_graph.program.flags import Flags
from autoresearch_graph.program.frozen import FROZEN, changed, frozen
from autoresearch_graph.program.model import (
    Constraint,
    Environment,
    Noise,
    Program,
    Stopping,
    TimeBox,
)
from autoresearch_graph.program.read import look, read
from autoresearch_graph.program.required import Found

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

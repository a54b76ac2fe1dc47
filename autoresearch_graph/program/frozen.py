"""The part of a program that is fixed while a research runs."""

from typing import Any

from autoresearch_graph.program.model import Program

FROZEN = (
    "asset", "metric", "experiment", "evaluation", "artifacts", "holdout", "hidden", "check",
    "time_box",
)  # fmt: skip


def frozen(program: Program) -> dict[str, Any]:
    """What cannot change within a research: two programs with the same one are comparable."""
    return {name: getattr(program, name) for name in FROZEN}


def changed(old: Program, new: Program) -> tuple[str, ...]:
    """The names of the frozen fields in which two programs differ."""
    before, after = frozen(old), frozen(new)
    return tuple(name for name in FROZEN if before[name] != after[name])

"""Whether a small test set can be read off its metric, as a proposer is told a number each time.

A figure of six digits tells up to 20 bits, and whether an item is right is one bit: a proposer
that aims at it could learn the answers to 48 items in 3 experiments. So this is a bound, not a
forecast. Not covered: noise, which makes the figures coarser, and items that have many bits.
"""

import json
from math import ceil, log2
from pathlib import Path

from autoresearch_graph.program.model import Program

_DISTINCT = 10**6  # six significant digits, which a model is told without noise (figures.py)
_NIGHT = 100  # experiments that are expected where program.md names no number
_LARGEST = 1_000_000  # bytes; a larger file is no small test set, and is not read


def oracle_of_hidden(program: Program, project: Path) -> str:
    """A warning where all hidden rows of data could be read off; else nothing.

    Nothing is said where a minimum improvement makes the figures coarser.
    """
    rows = {name: _rows(project / Path(name).expanduser()) for name in program.hidden}
    known = {name: count for name, count in rows.items() if count > 1}
    if not known or program.noise.minimum_improvement or not program.evaluation:
        return ""
    told = _warning(sum(known.values()), _DISTINCT, program)
    return told and f"{', '.join(known)} under Hidden: {told}"


def oracle_of_items(items: tuple[float, ...], step: float | None, program: Program) -> str:
    """A warning where a metric is the mean of few answers that are right or wrong; else nothing."""
    if len(items) < 2 or not set(items) <= {0.0, 1.0}:
        return ""
    distinct = min(len(items) + 1, ceil(1 / step) + 1 if step else _DISTINCT)
    return _warning(len(items), distinct, program)


def _warning(items: int, distinct: int, program: Program) -> str:
    needed = ceil(items / log2(distinct))
    if needed > (program.stopping.experiments or _NIGHT):
        return ""
    return (
        f"{items} items and a metric told in {distinct:,} steps: as few as {needed} experiments "
        "could read them off; take a larger test set or a larger minimum improvement, and watch "
        "the Holdout"
    )


def _rows(path: Path) -> int:
    """The rows of a table, list or text; 0 where it is something else, or large."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return 0
        text = path.read_text("utf-8")
        match path.suffix:
            case ".json":
                data = json.loads(text)
                return len(data) if isinstance(data, list | dict) else 0
            case ".csv" | ".tsv":
                return len(text.splitlines()) - 1
            case ".jsonl" | ".txt":
                return len(text.splitlines())
    except (OSError, ValueError, RecursionError):
        return 0
    return 0

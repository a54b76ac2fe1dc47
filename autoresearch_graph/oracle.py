"""Whether a small test set can be read off its metric, as a proposer is told a number each time.

A figure of six digits tells up to 20 bits, and whether an item is right is one bit: a proposer
that aims at it could learn the answers to 48 items in 3 experiments. So this is a bound, not a
forecast. Not covered: noise, which makes the figures coarser, and items that have many bits.
"""

import zlib
from math import ceil, log2
from pathlib import Path

from autoresearch_graph.program.model import Program

_DISTINCT = 10**6  # six significant digits, which a model is told without noise (figures.py)
_NIGHT = 100  # experiments that are expected where program.md names no number
_DATA = (".csv", ".tsv", ".json", ".jsonl", ".txt")
_LARGEST = 1_000_000  # bytes; a larger file is no small test set, and is not read


def oracle_of_hidden(program: Program, project: Path) -> str:
    """A warning where all hidden data could be read off; else nothing.

    Their bits are those that compression leaves of them. Nothing is said where a minimum
    improvement makes the figures coarser.
    """
    texts = {name: _text(project / Path(name).expanduser()) for name in program.hidden}
    known = [name for name, text in texts.items() if text]
    if not known or program.noise.minimum_improvement or not program.evaluation:
        return ""
    bits = sum(8 * len(zlib.compress(text, 9)) for text in texts.values() if text)
    return _warning(f"{bits} bits of {', '.join(known)} under Hidden", bits, _DISTINCT, program)


def oracle_of_items(items: tuple[float, ...], step: float | None, program: Program) -> str:
    """A warning where a metric is the mean of few answers that are right or wrong; else nothing."""
    if len(items) < 2 or not set(items) <= {0.0, 1.0}:
        return ""
    distinct = min(len(items) + 1, ceil(1 / step) + 1 if step else _DISTINCT)
    return _warning(f"{len(items)} items", len(items), distinct, program)


def _warning(what: str, bits: int, distinct: int, program: Program) -> str:
    needed = ceil(bits / log2(distinct))
    if needed > (program.stopping.experiments or _NIGHT):
        return ""
    return (
        f"{what} and a metric told in {distinct:,} steps: as few as {needed} experiments could "
        "read them off; take a larger test set or a larger minimum improvement, and watch the "
        "Holdout"
    )


def _text(path: Path) -> bytes:
    """A small file of data; nothing where it is something else, or large."""
    try:
        small = path.suffix in _DATA and path.is_file() and path.stat().st_size <= _LARGEST
        return path.read_bytes() if small else b""
    except OSError:
        return b""

"""Warnings of a small test set that its metric could give away, a number at a time.

A figure of six digits has up to 20 bits, and a right or wrong item one bit: a proposer that aims at
it could learn the answers to 48 items in 3 experiments. This is a bound, not a forecast. Not
covered: noise, which makes the figures coarser, and items that have many bits.
"""

import zlib
from collections.abc import Iterator
from math import ceil, log2
from os.path import expandvars
from pathlib import Path

from autoresearch_graph.core.program import Program

_DISTINCT = 10**6  # six significant digits, which a model gets without noise
_NIGHT = 100  # experiments that are expected where program.md names no number
_LARGEST = 1_000_000  # bytes in all; more is no small test set, and is not read
_MOST = 1000  # files that are looked at


def oracle_of_hidden(program: Program, project: Path) -> str:
    """Return a warning if all hidden data could be read off the metric; else nothing.

    Their bits are those that compression leaves of them. A minimum improvement makes the figures
    coarser: they have its steps within the plausible range, or within 1 where none is named.
    """
    texts = {name: _texts(project, name) for name in program.hidden}
    known = [name for name, text in texts.items() if text]
    if not known or not program.evaluation:
        return ""
    bits = sum(8 * len(zlib.compress(text, 9)) for text in texts.values() if text)
    low, high = program.noise.plausible or (0.0, 1.0)
    step = program.noise.minimum_improvement
    distinct = min(max(2, ceil((high - low) / step)), _DISTINCT) if step else _DISTINCT
    return _warning(f"{bits} bits of {', '.join(known)} under Hidden", bits, distinct, program)


def oracle_of_items(items: tuple[float, ...], step: float | None, program: Program) -> str:
    """Return a warning if a metric is the mean of few answers, right or wrong; else nothing."""
    if len(items) < 2 or not set(items) <= {0.0, 1.0}:
        return ""
    distinct = min(len(items) + 1, ceil(1 / step) + 1 if step else _DISTINCT)
    return _warning(f"{len(items)} items", len(items), distinct, program)


def _warning(secret: str, bits: int, distinct: int, program: Program) -> str:
    needed = ceil(bits / log2(distinct))
    if needed > (program.stopping.experiments or _NIGHT):
        return ""
    return (
        f"{secret} and a metric told in {distinct:,} steps: as few as {needed} experiments could "
        "read them off; take a larger test set or a larger minimum improvement, and watch the "
        "Holdout"
    )


def _texts(project: Path, name: str) -> bytes:
    """Read a file, a folder or a pattern; nothing where it is large or cannot be read."""
    text = b""
    try:
        for number, path in enumerate(_files(project / Path(expandvars(name)).expanduser())):
            if number >= _MOST or len(text) + path.stat().st_size > _LARGEST:
                return b""
            text += path.read_bytes()
    except (OSError, RuntimeError, ValueError, NotImplementedError):  # RuntimeError: no home
        return b""
    return text


def _files(path: Path) -> Iterator[Path]:
    """Yield the files that a path or a pattern names, in order; of a folder, all below it."""
    above = next(each for each in (path, *path.parents) if not set("*?[") & set(str(each)))
    found = [path] if above == path else above.glob(path.relative_to(above).as_posix())
    for each in sorted(found):
        yield from [each] if each.is_file() else filter(Path.is_file, sorted(each.rglob("*")))

"""Learning curve of a run: the numbers that its log repeats under one name.

    step 120  3.4 s  loss 2.310        epoch 3: loss=2.31, acc=0.41        {"step": 1, "loss": 2.3}

A log is the run's own, so only its numbers are shown: a curve is named by one of the words below,
or by the metric's name, never by the words that the run chose.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from autoresearch_graph.core.formatting import Figures
from autoresearch_graph.core.output import DECIMAL
from autoresearch_graph.core.text import clean

_POINTS = 8  # on the line of a curve
_LEAST = 3  # values that make a curve
_LINE = 1_000  # characters, above which a line is not read
_PAIR = re.compile(
    r"(?<![\w./-])(?P<name>[A-Za-z_][\w./-]{0,39})\"?\s{0,3}[:=]?\s{0,3}"
    rf"(?P<number>{DECIMAL})(?![\w.])"
)
_CLOCKS = ("step", "iter", "epoch", "batch", "round", "generation", "trial")
_MEASURES = ("loss", "error", "perplexity", "accuracy", "score", "reward")
Row = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Values of a quantity, and their places in the run (`at`, by the clock)."""

    name: str
    clock: str
    at: tuple[str, ...]
    values: tuple[float, ...]
    is_metric: bool


def curve(log: str, metric: str, shown: Figures) -> str:
    """Return at most eight points of a learning curve on one line, or nothing without one.

    The quantity is the metric itself, else one with a measure's word in its name, else the most
    frequent one that does not merely count. Points are given by their step or epoch, else by their
    share of the run's lines. Values of the metric are rounded like everywhere.
    """
    found = readings(log, metric)
    if found is None:
        return ""
    last = len(found.values) - 1
    chosen = sorted({round(point * last / (_POINTS - 1)) for point in range(_POINTS)})
    value = shown.value if found.is_metric else "{:.4g}".format
    points = ", ".join(f"{found.at[index]}: {value(found.values[index])}" for index in chosen)
    return f"{found.name} by {found.clock}: {points}"


def readings(log: str, metric: str) -> Curve | None:
    """Return the quantity of a log that is shown, with its values; None without one."""
    rows = list(_rows(log))
    column = _measure(rows, metric)
    if not column:
        return None
    points = [row for row in rows if column in row]
    clock, is_metric = _clock(points, column), column == metric
    return Curve(
        name=metric if is_metric else _word(_MEASURES, column, "a figure that it printed"),
        clock=_word(_CLOCKS, clock, "share of the run"),
        at=tuple(_at(points, index, clock) for index in range(len(points))),
        values=tuple(row[column] for row in points),
        is_metric=is_metric,
    )


def _rows(log: str) -> Iterator[Row]:
    """Yield the named numbers of every line that has some."""
    for line in clean(log).split("\n"):
        pairs = _PAIR.finditer(line) if len(line) <= _LINE else ()
        row = {pair["name"]: float(pair["number"]) for pair in pairs}
        if row:
            yield row


def _measure(rows: Sequence[Row], metric: str) -> str:
    """Return the name of the quantity to show, or nothing."""
    repeated = _repeated(rows)
    if metric in repeated:
        return metric
    for word in _MEASURES:
        named = {name: values for name, values in repeated.items() if word in name.lower()}
        if named:
            return _most_frequent(named)
    return _most_frequent({n: values for n, values in repeated.items() if not _counts(values)})


def _repeated(rows: Sequence[Row]) -> dict[str, list[float]]:
    columns: dict[str, list[float]] = {}
    for row in rows:
        for name, number in row.items():
            columns.setdefault(name, []).append(number)
    return {name: values for name, values in columns.items() if len(values) >= _LEAST}


def _most_frequent(columns: Mapping[str, Sequence[float]]) -> str:
    return max(columns, key=lambda name: len(columns[name]), default="")


def _counts(values: Sequence[float]) -> bool:
    """Return True if the values never fall, as those of a counter, a clock or a setting."""
    return all(later >= earlier for earlier, later in pairwise(values))


def _clock(points: Sequence[Row], column: str) -> str:
    """Return the name under which every point has its place in the run, or nothing."""
    for word in _CLOCKS:
        for name in points[0]:
            if word in name.lower() and name != column and all(name in row for row in points):
                values = [row[name] for row in points]
                if _counts(values) and values[0] < values[-1]:
                    return name
    return ""


def _at(points: Sequence[Row], index: int, clock: str) -> str:
    return f"{points[index][clock]:g}" if clock else f"{index / max(1, len(points) - 1):.0%}"


def _word(words: Sequence[str], name: str, default: str) -> str:
    return next((word for word in words if word in name.lower()), default)

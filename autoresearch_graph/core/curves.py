"""The learning curve of a run, as numbers: what its log says again and again under one name.

    step 120  3.4 s  loss 2.310        epoch 3: loss=2.31, acc=0.41        {"step": 1, "loss": 2.3}

A log is the run's own, so nothing of it is repeated but numbers: a curve is named by one of the
words below, or by the metric's name, never by the words that the run chose.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from autoresearch_graph.core.formatting import Figures
from autoresearch_graph.core.output import DECIMAL
from autoresearch_graph.core.text import clean

_POINTS = 8
_LEAST = 3
_LINE = 1_000
_PAIR = re.compile(
    r"(?<![\w./-])(?P<name>[A-Za-z_][\w./-]{0,39})\"?\s{0,3}[:=]?\s{0,3}"
    rf"(?P<number>{DECIMAL})(?![\w.])"
)
_CLOCKS = ("step", "iter", "epoch", "batch", "round", "generation", "trial")
_MEASURES = ("loss", "error", "perplexity", "accuracy", "score", "reward")
Row = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The values that a quantity took, and where in the run (`at`, by the clock)."""

    name: str
    clock: str
    at: tuple[str, ...]
    values: tuple[float, ...]
    is_metric: bool


def curve(log: str, metric: str, shown: Figures) -> str:
    """At most eight points of a learning curve on one line, or nothing where there is none.

    The quantity is the metric itself, else one with a measure's word in its name, else the one
    that is said most often and does not merely count. Points are given by their step or epoch,
    else by their share of the run's lines. Values of the metric are rounded like everywhere.
    """
    found = readings(log, metric)
    if found is None:
        return ""
    last = len(found.values) - 1
    chosen = sorted({round(i * last / (_POINTS - 1)) for i in range(_POINTS)})
    value = shown.value if found.is_metric else "{:.4g}".format
    told = ", ".join(f"{found.at[i]}: {value(found.values[i])}" for i in chosen)
    return f"{found.name} by {found.clock}: {told}"


def readings(log: str, metric: str) -> Curve | None:
    """The quantity of a log that is shown, and the values that it took; None where it has none."""
    rows = list(_rows(log))
    column = _measure(rows, metric)
    if not column:
        return None
    points = [row for row in rows if column in row]
    clock = _clock(points, column)
    return Curve(
        name=_word(column, metric),
        clock=_clock_word(clock),
        at=tuple(_at(points, i, clock) for i in range(len(points))),
        values=tuple(row[column] for row in points),
        is_metric=column == metric,
    )


def _rows(log: str) -> Iterator[Row]:
    """The named numbers of every line that has some."""
    for line in clean(log).split("\n"):
        if len(line) <= _LINE and (
            row := {m["name"]: float(m["number"]) for m in _PAIR.finditer(line)}
        ):
            yield row


def _measure(rows: Sequence[Row], metric: str) -> str:
    """The name of the quantity to show, or nothing."""
    columns: dict[str, list[float]] = {}
    for row in rows:
        for name, number in row.items():
            columns.setdefault(name, []).append(number)
    said = {name: values for name, values in columns.items() if len(values) >= _LEAST}
    if metric in said:
        return metric
    for word in _MEASURES:
        if named := [name for name in said if word in name.lower()]:
            return max(named, key=lambda name: len(said[name]))
    moving = [name for name, values in said.items() if not _counts(values)]
    return max(moving, key=lambda name: len(said[name]), default="")


def _counts(values: Sequence[float]) -> bool:
    """Whether the values never fall, as those of a counter, a clock or a setting."""
    return all(later >= earlier for earlier, later in pairwise(values))


def _clock(points: Sequence[Row], column: str) -> str:
    """The name under which every point tells how far the run is, or nothing."""
    for word in _CLOCKS:
        for name in points[0]:
            if word in name.lower() and name != column and all(name in row for row in points):
                values = [row[name] for row in points]
                if _counts(values) and values[0] < values[-1]:
                    return name
    return ""


def _at(points: Sequence[Row], i: int, clock: str) -> str:
    return f"{points[i][clock]:g}" if clock else f"{i / max(1, len(points) - 1):.0%}"


def _word(column: str, metric: str) -> str:
    named = (word for word in _MEASURES if word in column.lower())
    return metric if column == metric else next(named, "a figure that it printed")


def _clock_word(clock: str) -> str:
    named = (word for word in _CLOCKS if word in clock.lower())
    return next(named, "share of the run")

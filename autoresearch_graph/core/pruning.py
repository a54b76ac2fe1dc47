"""Early end of runs that are far behind the incumbent's at the same share of the time box.

The rule was measured on recorded curves of small edits (docs/decisions/0014). After 30 % of the
box a run ends if its value is beyond 1.5 times the incumbent's, which lost no winner of 27. After
half of it a run ends if it is beyond the incumbent's curve by three standard deviations. Edits of
a schedule, a size or a batch bend the curve and may win late, and so may larger changes: those
runs are never ended.
"""

import re
from bisect import bisect_left
from collections.abc import Collection, Sequence
from itertools import takewhile
from math import isfinite
from random import Random
from statistics import fmean, stdev

from autoresearch_graph.core.experiment import Curve, Experiment, Measured, Outcome, Pruned
from autoresearch_graph.core.output import DECIMAL
from autoresearch_graph.core.values import Value

# Possessive, because a run chooses the text: no part of it is matched twice.
_SHARE = re.compile(r"\bprogress\W{1,3}(\d?\.?\d++)\b")
_VALUE = re.compile(rf"\b[A-Za-z_]\w*+(?:\s*+[:=]\s*+|\s++)({DECIMAL})(?!\S{{0,9}}[\w.])")
_LONGEST = 1_000  # characters of a line that is read
_POINTS = 40  # of a curve that is kept
_BENDS = re.compile(
    r"warm|decay|down|sched|anneal|cosine|cycle|step|epoch|iter|batch|accum|size|depth|width|layer"
    r"|head|dim|aspect|ratio|hidden|embed|seq|context|block|vocab|rows|grams?\b",
    re.IGNORECASE,
)
_RATE = re.compile(r"(?:\b|_)(?:lr|rate|momentum|beta\d?|dropout)$", re.IGNORECASE)
_FEW = 3  # constants of a small edit, and points that a curve must exceed
_AUDIT = 10  # runs, of which one goes on to its end
_TOLERANCE = 0.05  # of a curve's value for its metric: a tenth of the slack of the first look
_EARLY, _DISASTER = 0.3, 1.5  # share of the time box, factor on the value (decision 0014)
_HALF, _DEVIATIONS, _RUNS = 0.5, 3.0, 3  # share, standard deviations, runs to know them


class PruningRule(Value):
    """The incumbent's curves, by which a run is ended; with `audit` it is only reported.

    The quantity is one that falls, as a loss does.
    """

    curves: tuple[Curve, ...]
    number: int
    audit: bool = False

    def verdict(self, before: float, share: float, value: float) -> str:
        """Return the reason to end a run that reports `value` at `share`; empty to go on.

        `before` is the share of its last report. Each of the two checks is made once, at the first
        report after its share.
        """
        known = [at(curve, share) for curve in self.curves]
        mean = fmean(known)
        if before < _EARLY <= share < _HALF and mean > 0 and value > _DISASTER * mean:
            return self._told(share, value, f"more than {_DISASTER:g} times", mean)
        if before < _HALF <= share and len(known) >= _RUNS:
            bound = mean + _DEVIATIONS * stdev(known)
            if value > bound:
                return self._told(share, value, f"more than {_DEVIATIONS:g} deviations above", mean)
        return ""

    def _told(self, share: float, value: float, how: str, mean: float) -> str:
        return (
            f"ended at {share:.0%} of the time box: its {value:.4g} was {how} "
            f"the {mean:.4g} of experiment {self.number} there"
        )


def reading(line: str) -> tuple[float, float] | None:
    """Read the share of the time box and the value of a line `progress: 0.35 loss: 3.21`."""
    progress = _SHARE.search(line) if len(line) <= _LONGEST else None
    found = progress and _VALUE.search(line, progress.end())
    if not progress or not found:
        return None
    share, value = float(progress[1]), float(found[1])
    return (share, value) if 0 <= share <= 1 and isfinite(value) else None


def curve_of(log: str) -> Curve:
    """Read the progress that a run reported, in at most forty points."""
    points = dict(filter(None, map(reading, log.split("\n"))))
    found = sorted(points.items())
    return tuple(found[:: len(found) // _POINTS + 1])


def at(curve: Curve, share: float) -> float:
    """Interpolate the value of a curve at a share of the time box."""
    after = bisect_left(curve, (share, float("-inf")))
    if after == 0 or after == len(curve):
        return curve[min(after, len(curve) - 1)][1]
    (x0, y0), (x1, y1) = curve[after - 1], curve[after]
    return y0 + (y1 - y0) * (share - x0) / (x1 - x0)


def bends(names: Collection[str]) -> bool:
    """Return True if a change may win late: of many constants, or one that bends the curve."""
    return len(names) > _FEW or any(_BENDS.search(n) and not _RATE.search(n) for n in names)


def bar_for(number: int, rows: Sequence[Experiment], *, run: str = "") -> PruningRule | None:
    """Return the pruning rule by incumbent `number`, from the ledger's rows; None to prune nothing.

    A run reports its own curve, so the incumbent's is used only if its metric agrees with it
    (`_trusted`); else the baseline's is. The first run that a new rule would end goes on to its
    end, as an audit, and so does one of ten, which the name of the `run` decides. Once such a run
    was kept, none is ended any more.
    """
    if any(row.status == "keep" and was_audited(row) for row in rows):
        return None
    baseline = _measured(0, rows)
    best = _trusted(_measured(number, rows), baseline) if number else ()
    curves = best or usable([each.curve for each in baseline])
    owner = number if best else 0
    later = takewhile(lambda row: row.number != owner, reversed(rows))
    is_tested = any(map(_was_tested, later))
    audit = not is_tested or Random(run).randrange(_AUDIT) == 0
    return PruningRule(curves=curves, number=owner, audit=audit) if curves else None


def was_audited(row: Experiment) -> bool:
    """Return True if a run went on as an audit, though it would have been pruned."""
    return any(run.would_prune for run in row.trials)


def _was_tested(row: Experiment) -> bool:
    return any(run.would_prune or isinstance(run, Pruned) for run in row.trials)


def _measured(number: int, rows: Sequence[Experiment]) -> list[Measured]:
    """Return the measured runs of an experiment, those beside later ones included."""
    found: list[Outcome] = []
    is_incumbent = False
    for row in rows:
        if row.number == number:
            is_incumbent = True
            found += row.trials
        elif row.status == "keep":
            is_incumbent = False
        found += row.incumbent_runs if is_incumbent and row.number != number else ()
    return [run for run in found if isinstance(run, Measured)]


def _trusted(runs: Sequence[Measured], baseline: Sequence[Measured]) -> tuple[Curve, ...]:
    """Return the curves that are no better for their metric than the baseline's for its own.

    They are compared at both checks and at the end, always with the untouched asset, so that
    small lies do not add up.
    """
    known = [run for run in baseline if _has_curve(run)]
    if not known:
        return ()
    least = {share: _least_ratio(share, known) for share in (_EARLY, _HALF, 1.0)}
    trusted = []
    for run in filter(_has_curve, runs):
        if all(at(run.curve, share) / run.metric >= bound for share, bound in least.items()):
            trusted.append(run.curve)
    return tuple(trusted)


def _has_curve(run: Measured) -> bool:
    return run.metric > 0 and bool(usable([run.curve]))


def _least_ratio(share: float, runs: Sequence[Measured]) -> float:
    """Return the least ratio of curve to metric that these runs make plausible at a share."""
    ratios = [at(run.curve, share) / run.metric for run in runs]
    spread = _DEVIATIONS * stdev(ratios) if len(ratios) >= _RUNS else 0.0
    return fmean(ratios) - max(spread, _TOLERANCE * abs(fmean(ratios)))


def usable(curves: Sequence[Curve]) -> tuple[Curve, ...]:
    """Return the curves that fall and reach beyond both checks."""
    return tuple(curve for curve in curves if len(curve) > _FEW and _falls(curve))


def _falls(curve: Curve) -> bool:
    (begin, first), (end, last) = curve[0], curve[-1]
    return begin <= _EARLY and end >= _HALF and last < first

"""Which runs are hopeless: far behind the incumbent's at the same share of the time box.

The rule was measured on recorded curves of small edits (docs/decisions/0014): after 30 % of the
box only what is beyond 1.5 times the incumbent's value is ended, which lost no winner of 27; after
half of it what is beyond the incumbent's curve by three standard deviations of its runs. Edits of
a schedule, a size or a batch bend the curve and may win late, and so may anything bolder than a
few constants: those are never ended.
"""

import re
from bisect import bisect_left
from collections.abc import Collection, Sequence
from math import isfinite
from random import Random
from statistics import fmean, stdev

from autoresearch_graph.core.experiment import Curve, Experiment, Measured, Outcome, Pruned
from autoresearch_graph.core.output import DECIMAL
from autoresearch_graph.core.values import Value

# A run chooses what these meet, so neither goes back over what it has taken.
_SHARE = re.compile(r"\bprogress\W{1,3}(\d?\.?\d++)\b")
_VALUE = re.compile(rf"\b[A-Za-z_]\w*+(?:\s*+[:=]\s*+|\s++)({DECIMAL})(?!\S{{0,9}}[\w.])")
_LONGEST = 1_000
_POINTS = 40
_BENDS = re.compile(
    r"warm|decay|down|sched|anneal|cosine|cycle|step|epoch|iter|batch|accum|size|depth|width|layer"
    r"|head|dim|aspect|ratio|hidden|embed|seq|context|block|vocab|rows|grams?\b",
    re.IGNORECASE,
)
_RATE = re.compile(r"(?:\b|_)(?:lr|rate|momentum|beta\d?|dropout)$", re.IGNORECASE)
_FEW = 3
_AUDIT = 10  # runs, of which one goes on to its end
_TOLERANCE = 0.05  # of a curve's value for its metric: a tenth of the slack of the first look
_EARLY, _DISASTER = 0.3, 1.5
_HALF, _DEVIATIONS, _RUNS = 0.5, 3.0, 3


class PruningRule(Value):
    """The incumbent's curves, by which a run is ended; `audit`: it is only told that it would be.

    The quantity is one that falls, as a loss does.
    """

    curves: tuple[Curve, ...]
    number: int
    audit: bool = False

    def verdict(self, before: float, share: float, value: float) -> str:
        """Why a run is hopeless that reports `value` now, and reported last at share `before`.

        Empty where it is not: each look is taken once, at the first report from there on.
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
    """The share of the time box and the value in a line such as `progress: 0.35 loss: 3.21`."""
    share = _SHARE.search(line) if len(line) <= _LONGEST else None
    said = share and _VALUE.search(line, share.end())
    if not share or not said:
        return None
    at, value = float(share[1]), float(said[1])
    return (at, value) if 0 <= at <= 1 and isfinite(value) else None


def curve_of(log: str) -> Curve:
    """What a run reported of its progress, in at most forty points."""
    found = sorted({r[0]: r for line in log.split("\n") if (r := reading(line))}.values())
    return tuple(found[:: len(found) // _POINTS + 1])


def at(curve: Curve, share: float) -> float:
    """The value of a curve at a share of the box, between the points next to it."""
    i = bisect_left(curve, (share, float("-inf")))
    if i == 0 or i == len(curve):
        return curve[min(i, len(curve) - 1)][1]
    (x0, y0), (x1, y1) = curve[i - 1], curve[i]
    return y0 + (y1 - y0) * (share - x0) / (x1 - x0)


def bends(names: Collection[str]) -> bool:
    """Whether a change of these constants may win late: too many, or one that bends the curve."""
    return len(names) > _FEW or any(_BENDS.search(n) and not _RATE.search(n) for n in names)


def bar_for(number: int, rows: Sequence[Experiment], *, run: str = "") -> PruningRule | None:
    """The bar of incumbent `number`, by the ledger's rows; None where it is not to be used.

    A run reports its own curve, so the incumbent's sets a bar only where its metric bears it out
    (`_trusted`); else the baseline's does. The first run that is hopeless by a new bar goes on to
    its end, as an audit, and so does one of ten, which the name of the `run` decides. Where such a
    run was kept, none is ended any more.
    """
    if any(row.status == "keep" and any(r.would_prune for r in row.trials) for row in rows):
        return None
    baseline = _measured(0, rows)
    best = _trusted(_measured(number, rows), baseline) if number else ()
    curves = best or usable([each.curve for each in baseline])
    owner = number if best else 0
    by_bar = False
    for row in reversed(rows):
        if row.number == owner:
            break
        by_bar |= any(isinstance(r, Pruned) or r.would_prune for r in row.trials)
    audit = not by_bar or Random(run).randrange(_AUDIT) == 0
    return PruningRule(curves=curves, number=owner, audit=audit) if curves else None


def _measured(number: int, rows: Sequence[Experiment]) -> list[Measured]:
    """The measured runs of an experiment, those beside later ones included."""
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
    """The curves that are no better for their metric than the baseline's is for its own.

    It is looked at both looks and at the end, always against the untouched asset, so that small
    lies do not add up.
    """
    known = [run for run in baseline if run.metric > 0 and usable([run.curve])]
    if not known:
        return ()
    trusted = []
    for run in runs:
        if run.metric <= 0 or not usable([run.curve]):
            continue
        fits = True
        for share in (_EARLY, _HALF, 1.0):
            shares = [at(each.curve, share) / each.metric for each in known]
            spread = _DEVIATIONS * stdev(shares) if len(shares) >= _RUNS else 0.0
            least = fmean(shares) - max(spread, _TOLERANCE * abs(fmean(shares)))
            fits &= at(run.curve, share) / run.metric >= least
        trusted += [run.curve] if fits else []
    return tuple(trusted)


def usable(curves: Sequence[Curve]) -> tuple[Curve, ...]:
    """The curves that fall and reach beyond both looks."""
    return tuple(
        c
        for c in curves
        if len(c) > _FEW and c[0][0] <= _EARLY and c[-1][0] >= _HALF and c[-1][1] < c[0][1]
    )

"""The rule by which an experiment is kept, discarded or a crash (see docs/verdicts.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from statistics import fmean
from typing import Protocol

from autoresearch_graph.core.experiment import (
    CALM,
    FINGERPRINT,
    Again,
    Candidate,
    Crashed,
    Incumbent,
    Measured,
    Outcome,
    Pruned,
    TimedOut,
    Verdict,
)
from autoresearch_graph.core.incumbent import IncumbentEstimate, NoiseEstimate, mean_items
from autoresearch_graph.core.program import Constraint, Program
from autoresearch_graph.core.values import Metric

_USED = ("seconds", "memory_gb", "cpu_seconds", "processes", "disk_gb")


@dataclass(frozen=True, kw_only=True)
class Bars:
    """Thresholds for the gain of a candidate, in standard errors.

    `screen` is for the first run. `keep` has a bar for each fresh run, `drop` for each but the
    last. Nothing is kept after an odd number of fresh runs, because a drift may favour one side of
    an unfinished pair. `items` is for metrics that are means over items. All were chosen by
    simulation (docs/verdicts.md).
    """

    screen: float = 1.15
    drop: tuple[float, ...] = (0.3, 1.0, 1.3, 1.6, 1.6)
    keep: tuple[float, ...]
    items: float

    def after(self, fresh: int) -> tuple[float, float]:
        """Return the bars to drop and to keep after `fresh` runs; the last two are the same."""
        last = min(fresh, len(self.keep)) - 1
        return (*self.drop, self.keep[-1])[last], self.keep[last]


BALANCED = Bars(keep=(inf, 2.6, inf, 2.3, inf, 2.0), items=1.645)
STRICT = Bars(keep=(inf, 3.1, inf, 2.8, inf, 2.5), items=2.326)
# Chosen by simulation (docs/verdicts.md).
UNDOUBTED = 2.5  # sigmas: a gain for which the first run could not have failed the screen
TOLERATED = 0.5  # sigmas: the loss that is accepted for less code
RESTLESS = 0.5  # standard errors by which the bar is higher while the incumbent seems to move
SIMPLER = 4  # fresh runs before less code is kept without being better
UNKNOWN = NoiseEstimate()
_CHECKS = 2  # fresh runs that confirm an implausible value, and pairs without a value to accept


class Judge(Protocol):
    """Judges an experiment by the outcomes of its trials so far; by default this module does.

    A pure function of its arguments: it is called anew after a kill. `Again` asks for one more
    trial. A keep needs a metric; the first experiment, the baseline, has no incumbent.
    """

    def judge(
        self,
        candidate: Candidate,
        incumbent: Incumbent | None,
        program: Program,
        noise: NoiseEstimate,
        /,
    ) -> Verdict | Again:
        """Return the verdict, or ask for another trial."""
        ...


def judge(
    candidate: Candidate,
    incumbent: Incumbent | None,
    program: Program,
    spread: NoiseEstimate = UNKNOWN,
) -> Verdict | Again:
    """Judge an experiment by the outcomes of its trials so far.

    A candidate is kept if it improves on the incumbent by strictly more than the program's minimum
    improvement and, by the rules `balanced` and `strict`, by enough compared with the noise. A tie
    is a discard, unless the code is clearly shorter. These two rules compare fresh runs with runs
    of the incumbent in turns with them, not with its old ones: a machine that drifts moves both.
    The first run was selected for being good, so it has no part in the value.
    """
    for outcome in candidate.outcomes:
        if failed := _failed(outcome):
            return failed
    runs = [o for o in candidate.outcomes if isinstance(o, Measured)]
    if changed := _other_unit(runs, incumbent, program):
        return Verdict(status="crash", reason=changed)
    if incumbent is None:
        return _baseline(runs, program)
    last, bounds = runs[-1], program.constraints
    if not incumbent.shares_data(last):
        return Verdict(status="crash", reason=_other_data(last, incumbent))
    if broken := breaks(last, bounds):
        return Verdict(status="discard", reason=broken, metric=last.metric)
    return _compared(
        candidate, runs, IncumbentEstimate(incumbent=incumbent, spread=spread), program
    )


def _compared(
    candidate: Candidate, runs: list[Measured], standing: IncumbentEstimate, program: Program
) -> Verdict | Again:
    """Compare the first run with the incumbent, and fresh ones with its runs of the same time."""
    incumbent = standing.incumbent
    assert incumbent is not None
    if program.noise.weighs and len(runs) > 1:
        if not candidate.paired_runs:  # they ran for an incumbent that was replaced since
            runs = runs[:1]
        elif paired := _comparable(candidate.paired_runs, incumbent):
            incumbent = _as_measured_in(paired, incumbent)
            spread = standing.spread.of_turns(runs, paired)
            standing = IncumbentEstimate(incumbent=incumbent, spread=spread)
        else:
            return _without_pair(runs, incumbent)
    return _Case(runs, standing, incumbent, program, candidate.saved).decide()


def breaks(run: Measured, constraints: tuple[Constraint, ...]) -> str | None:
    """Return the first constraint that a run breaks or does not report, as a sentence."""
    return _unreported(run, constraints) or _broken(run, constraints)


def _comparable(outcomes: Sequence[Outcome], incumbent: Incumbent) -> list[Measured]:
    return [run for run in outcomes if isinstance(run, Measured) and incumbent.shares_data(run)]


def _as_measured_in(paired: list[Measured], incumbent: Incumbent) -> Incumbent:
    """Return the incumbent with the value of these runs of it alone."""
    value = fmean(run.metric for run in paired)
    estimate = {"metric": value, "runs": len(paired), "items": mean_items(paired)}
    return incumbent.model_copy(update=estimate)


def _without_pair(runs: list[Measured], incumbent: Incumbent) -> Verdict | Again:
    """Ask for a second pair if the incumbent gave no value in the first; then discard."""
    reason = f"experiment {incumbent.number}, run beside it, gave no value to compare with"
    if len(runs) <= _CHECKS:
        return Again(reason=reason)
    return Verdict(status="discard", reason=reason, metric=runs[-1].metric)


def _failed(outcome: Outcome) -> Verdict | None:
    """Return the verdict on a run that gave no metric; None if it gave one."""
    match outcome:
        case Crashed(reason=reason):
            return Verdict(status="crash", reason=reason)
        case TimedOut(limit=limit):
            return Verdict(status="crash", reason=f"killed at its limit of {limit:g} s")
        case Pruned(reason=reason):
            return Verdict(status="discard", reason=reason)
    return None


def _baseline(runs: list[Measured], program: Program) -> Verdict | Again:
    if unreported := _unreported(runs[-1], program.constraints):
        return Verdict(status="crash", reason=unreported)
    if len(runs) < program.noise.baseline_runs:
        return Again(reason=f"run {len(runs)} of {program.noise.baseline_runs} of the baseline")
    values = [run.metric for run in runs]
    reason = "the untouched asset, to be improved on"
    if sigma := NoiseEstimate().with_runs(values).sigma:
        reason += f"; the mean of {len(runs)} runs, sigma {sigma:.3g}"
    if note := _broken(runs[-1], program.constraints):
        reason += f"; {note}"
    return Verdict(status="keep", reason=reason, metric=fmean(values), runs=len(runs))


@dataclass(frozen=True)
class _Case:
    """The measured runs of a candidate against the incumbent."""

    runs: list[Measured]
    standing: IncumbentEstimate
    incumbent: Incumbent
    program: Program
    saved: int

    def decide(self) -> Verdict | Again:
        """Weigh the gain against the noise if that is known and wanted; else compare values."""
        if self.program.noise.weighs and self.standing.sigma:
            return self._weigh(STRICT if self.program.noise.rule == "strict" else BALANCED)
        return self._compare()

    @property
    def _fresh(self) -> list[Measured]:
        return self.runs[1:]

    @property
    def _wanted(self) -> int:
        """The number of fresh runs before a keep, whatever they give."""
        noise, first = self.program.noise, self.runs[0].metric
        checks = 0 if noise.is_plausible(first) else _CHECKS
        return max(noise.confirmations, checks, int(noise.weighs))

    def _compare(self) -> Verdict | Again:
        """Keep any gain, confirmed as often as the program asks."""
        fresh, wanted = self._fresh, self._wanted
        if self.saved and self._gain(self.runs) == 0:
            return self._simpler(self.runs)
        if not fresh:
            verdict = self._verdict(self.runs, bar=None)
            if verdict.status == "keep" and wanted:
                return Again(reason=f"{verdict.reason}; to be confirmed by {_number(wanted)}")
            return verdict
        if len(fresh) < wanted:
            return Again(reason=f"fresh run {len(fresh)} of {wanted}")
        return self._verdict(fresh, bar=None)

    def _weigh(self, bars: Bars) -> Verdict | Again:
        """Weigh the gain against the noise: one run to screen, then fresh ones until it is clear.

        Shorter code passes the screen at a lower bar, and is kept if it is not worse.
        """
        fresh, wanted = self._fresh, self._wanted
        lowered = 0.0 if self.saved else inf
        if not fresh:
            return self._screen(min(bars.screen, lowered))
        z, (drop, keep) = self._z(fresh), bars.after(len(fresh))
        if z < min(drop, lowered):
            return self._verdict(fresh, bar=drop)
        keep = (keep + self._unrest) * self.standing.spread.student
        most = max(SIMPLER if self.saved else len(bars.keep), wanted)
        if len(fresh) < (wanted if z >= keep else most):
            return Again(reason=f"z {z:.2f} after {_number(len(fresh))}: not yet clear")
        verdict = self._verdict(fresh, bar=keep, items=bars.items)
        has_lost = verdict.status == "discard" and len(fresh) >= most
        if has_lost and self._is_simpler(fresh):
            return self._simpler(fresh)
        return verdict

    def _screen(self, bar: float) -> Verdict | Again:
        """Discard by the first run, or ask for fresh ones."""
        verdict = self._verdict(self.runs, bar=bar)
        if verdict.status == "keep":
            return Again(reason=f"{verdict.reason}; to be judged by fresh runs")
        return verdict

    @property
    def _unrest(self) -> float:
        """The rise of the bars after a drift, when first runs tell less."""
        return RESTLESS if self.incumbent.interval < CALM else 0.0

    def _gain(self, runs: list[Measured]) -> float:
        return self.program.metric.improvement(_mean(runs), self.incumbent.metric)

    @property
    def _residual(self) -> float:
        """The gain of the first run, less the share of the incumbent's own noise."""
        share = sqrt(self.incumbent.runs / (self.incumbent.runs + 1))
        return max(0.0, self._gain(self.runs[:1])) * share

    def _z(self, runs: list[Measured]) -> float:
        """Return the gain in standard errors; that of the first run in sigmas.

        It is that of the fresh runs. The first run joins them if that is better for the candidate:
        noise passes such a bar no more often for having been selected. Together they count for at
        most twice the fresh runs alone.
        """
        if len(self.runs) == 1:
            return self._gain(runs) / self.standing.sigma
        alone = self._gain(runs) / self._error(runs)
        together = self._gain(self.runs) / self._error(self.runs)
        return min(max(alone, together), 2 * alone)

    def _error(self, runs: list[Measured]) -> float:
        """Return the standard error of the difference of two means, s * sqrt(1/n + 1/m)."""
        return self.standing.sigma * sqrt(1 / len(runs) + 1 / self.incumbent.runs)

    def _is_simpler(self, runs: list[Measured]) -> bool:
        """Return True for less code, if a loss of half a sigma is unlikely."""
        least = self._gain(runs) - self._error(runs)
        return self.saved > 0 and least > -TOLERATED * self.standing.sigma

    def _simpler(self, runs: list[Measured]) -> Verdict:
        """Keep for less code, not for a better value."""
        value = _mean(runs)
        reason = (
            f"simpler: {self.saved} lines less, and {self.program.metric.name} {value:.6g} is not "
            f"worse than {self._against}"
        )
        return Verdict(status="keep", reason=reason, metric=value, runs=len(runs))

    def _verdict(
        self, runs: list[Measured], *, bar: float | None, items: float | None = None
    ) -> Verdict:
        """Keep if these runs beat the incumbent by the bar, else discard; with the figures."""
        gain, least = self._gain(runs), self.program.noise.minimum_improvement
        value = _mean(runs)
        reason = self._comparison(value, gain) + self._figures(runs, bar)
        is_short = bar is not None and self._z(runs) < bar
        flaw = ""
        if 0 < gain <= least:
            flaw = f"; not more than the minimum improvement of {least:g}"
        elif is_short and gain > 0:
            flaw = f", below the bar of {bar:g}"
        elif gain > 0:
            flaw = self._flaw_in_items(runs, items)
        if flaw or gain <= 0:
            return Verdict(
                status="discard",
                reason=reason + flaw,
                metric=value,
                runs=len(runs),
                residual=self._residual if is_short else 0.0,
            )
        counted = self._counted(runs)
        reason += self._implausible()
        return Verdict(status="keep", reason=reason, metric=_mean(counted), runs=len(counted))

    @property
    def _against(self) -> str:
        return f"the incumbent's {self.incumbent.metric:.6g} (experiment {self.incumbent.number})"

    def _comparison(self, value: float, gain: float) -> str:
        name, against = self.program.metric.name, self._against
        if gain == 0:
            return f"{name} {value:.6g} equals {against}: a tie is a discard"
        word = "better" if gain > 0 else "worse"
        return f"{name} {value:.6g} is {word} than {against} by {abs(gain):.3g}"

    def _figures(self, runs: list[Measured], bar: float | None) -> str:
        known = f"sigma {self.standing.sigma:.3g}, incumbent of {self.incumbent.runs} runs"
        if bar is not None and runs is self.runs:
            return f": {self._z(runs):.2f} sigma ({known})"
        if bar is not None:
            return f": z {self._z(runs):.2f} (mean of {_number(len(runs))} in turns, {known})"
        if not self.program.noise.weighs or self._gain(runs) <= 0:
            return ""
        return "; the repeats so far were identical, so every improvement counts, confirmed once"

    def _flaw_in_items(self, runs: list[Measured], bar: float | None) -> str:
        """Say that the gain may be one on these items only; empty if it is not, or unknown."""
        z = paired_z(mean_items(runs), self.incumbent.items, self.program.metric)
        if z is None or not self.program.noise.weighs:
            return ""
        bar = BALANCED.items if bar is None else bar
        return f"; item by item z is {z:.2f}, below the bar of {bar:g}" if z < bar else ""

    def _counted(self, runs: list[Measured]) -> list[Measured]:
        """Return the runs whose mean is the new value.

        The first one is biased only if luck was needed to pass the screen. Far above that bar it
        is a measurement like the others, and saves one.
        """
        sigma = self.standing.sigma
        undoubted = sigma and self._gain(runs) >= UNDOUBTED * sigma
        return self.runs if undoubted and self.program.noise.weighs else runs

    def _implausible(self) -> str:
        noise, first = self.program.noise, self.runs[0].metric
        if noise.is_plausible(first):
            return ""
        low, high = noise.plausible or (first, first)
        return f"; outside the plausible range from {low:g} to {high:g}: look at its diff"


def _other_unit(runs: list[Measured], incumbent: Incumbent | None, program: Program) -> str:
    """Name a number of the last run that has another unit than before; empty if none has.

    Also empty for a row without units, from before they were recorded.
    """
    last = runs[-1]
    first = runs[0] if incumbent is None or incumbent.unit is None else incumbent
    if last.unit is None or first.unit is None:
        return ""
    own = program.metric.name
    new, old = ({own: run.unit, **run.units} for run in (last, first))
    for name in (own, *(bound.name for bound in program.constraints)):
        printed = [_in_words(units.get(name)) for units in (new, old)]
        if printed[0] != printed[1]:
            return f"{name} was printed {', the baseline '.join(printed)}; always use one unit"
    return ""


def _in_words(unit: str | None) -> str:
    return f"in {unit}" if unit else "without a unit"


def _other_data(run: Measured, incumbent: Incumbent) -> str:
    return (
        f"measured on other data ({FINGERPRINT} {run.metrics[FINGERPRINT]:.15g}) than experiment "
        f"{incumbent.number} ({incumbent.data:.15g}); the two cannot be compared"
    )


def _mean(runs: list[Measured]) -> float:
    return fmean(run.metric for run in runs)


def _number(runs: int) -> str:
    return f"{runs} fresh run{'s' if runs > 1 else ''}"


def _unreported(run: Measured, constraints: tuple[Constraint, ...]) -> str | None:
    """Return the first constraint that cannot be checked, as a sentence."""
    for constraint in constraints:
        if constraint.name not in _known(run):
            return f"the run reports no {constraint.name}, so {constraint} cannot be checked"
    return None


def _broken(run: Measured, constraints: tuple[Constraint, ...]) -> str | None:
    """Return the first constraint that does not hold, as a sentence."""
    known = _known(run)
    for constraint in constraints:
        if constraint.name in known and not constraint.holds(known[constraint.name]):
            return f"{constraint.name} is {known[constraint.name]:g}, which breaks {constraint}"
    return None


def _known(run: Measured) -> dict[str, float]:
    return run.metrics | {name: getattr(run, name) for name in _USED}


FEWEST = 8  # items: with fewer, a t-test says little
_CERTAIN = 9.0  # standard deviations: more is shown as this


def paired_z(new: Sequence[float], old: Sequence[float], metric: Metric) -> float | None:
    """Return the paired t-test over the items as a normal deviate; positive is better.

    None if the items are too few, or differ in number. The test is of the mean, because a metric
    is a mean. scipy is imported only if there are items.
    """
    if len(new) != len(old) or len(new) < FEWEST:
        return None
    from scipy.stats import norm, ttest_rel

    gains = [metric.improvement(a, b) for a, b in zip(new, old, strict=True)]
    if len(set(gains)) == 1:
        return _CERTAIN if gains[0] > 0 else 0.0
    tested = ttest_rel(gains, [0.0] * len(gains), alternative="greater")
    return float(min(_CERTAIN, max(-_CERTAIN, norm.isf(tested.pvalue))))

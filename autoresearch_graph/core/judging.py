"""Keep, discard or crash: the rule, in one place (docs/verdicts.md explains it)."""

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
    """How good a candidate has to be, in standard errors: after the first run, then fresh ones.

    `keep` has a bar for each fresh run, `drop` for each but the last. Each is run in turns with the
    incumbent, and after an odd number a drift might favour one: nothing is kept then.
    `items` is for metrics that are means over items. All were chosen by simulation
    (docs/verdicts.md).
    """

    screen: float = 1.15
    drop: tuple[float, ...] = (0.3, 1.0, 1.3, 1.6, 1.6)
    keep: tuple[float, ...]
    items: float

    def after(self, fresh: int) -> tuple[float, float]:
        """Below the first bar it is dropped, from the second on kept; at last they are the same."""
        last = min(fresh, len(self.keep)) - 1
        return (*self.drop, self.keep[-1])[last], self.keep[last]


BALANCED = Bars(keep=(inf, 2.6, inf, 2.3, inf, 2.0), items=1.645)
STRICT = Bars(keep=(inf, 3.1, inf, 2.8, inf, 2.5), items=2.326)
UNDOUBTED = 2.5
TOLERATED = 0.5
RESTLESS = 0.5  # standard errors
SIMPLER = 4  # fresh runs before less code is kept without being better
UNKNOWN = NoiseEstimate()
_CHECKS = 2


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

    A candidate is kept when it improves on the incumbent by strictly more than the program's
    minimum improvement, and, by the rules `balanced` and `strict`, by enough beside the noise; a
    tie is a discard, unless it comes with clearly less code. By these two rules fresh runs are
    compared with the incumbent's in turns with them, not with its old ones: a machine that drifts
    moves both. The first run was selected for being good, so it has no part in the value.
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
    """Compare the runs with the incumbent, and fresh ones with its runs of the same time."""
    incumbent = standing.incumbent
    assert incumbent is not None
    if program.noise.weighs and len(runs) > 1:
        if not candidate.paired_runs:  # they ran for an incumbent that was replaced since
            runs = runs[:1]
        elif paired := _comparable(candidate.paired_runs, incumbent):
            incumbent = _beside(incumbent, paired)
            spread = standing.spread.of_turns(runs, paired)
            standing = IncumbentEstimate(incumbent=incumbent, spread=spread)
        else:
            return _unanswered(runs, incumbent)
    return _Case(runs, standing, incumbent, program, candidate.saved).decide()


def breaks(run: Measured, constraints: tuple[Constraint, ...]) -> str | None:
    """The first constraint that a run breaks or does not report, as a sentence; the only rule."""
    return _unreported(run, constraints) or _broken(run, constraints)


def _comparable(outcomes: Sequence[Outcome], incumbent: Incumbent) -> list[Measured]:
    return [run for run in outcomes if isinstance(run, Measured) and incumbent.shares_data(run)]


def _beside(incumbent: Incumbent, paired: list[Measured]) -> Incumbent:
    """The incumbent with the value that its runs of the same time give."""
    value = fmean(run.metric for run in paired)
    now = {"metric": value, "runs": len(paired), "items": mean_items(paired)}
    return incumbent.model_copy(update=now)


def _unanswered(runs: list[Measured], incumbent: Incumbent) -> Verdict | Again:
    """Try a second pair where the incumbent gave no value in the first; then give up."""
    told = f"experiment {incumbent.number}, run beside it, gave no value to compare with"
    if len(runs) <= _CHECKS:
        return Again(reason=told)
    return Verdict(status="discard", reason=told, metric=runs[-1].metric)


def _failed(outcome: Outcome) -> Verdict | None:
    """The verdict on a run that gave no metric."""
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
        """By the noise where the rule asks for it and it is known, else by the bare values."""
        if self.program.noise.weighs and self.standing.sigma:
            return self._weigh(STRICT if self.program.noise.rule == "strict" else BALANCED)
        return self._compare()

    @property
    def _fresh(self) -> list[Measured]:
        return self.runs[1:]

    @property
    def _wanted(self) -> int:
        """How many fresh runs there must be before a keep, whatever they say."""
        noise, first = self.program.noise, self.runs[0].metric
        checks = 0 if noise.is_plausible(first) else _CHECKS
        return max(noise.confirmations, checks, int(noise.weighs))

    def _compare(self) -> Verdict | Again:
        """Without noise: better is better, confirmed as often as it is wanted."""
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
        """Against the noise: one run to screen, then fresh ones until they tell.

        Less code is let through at a lower bar, and kept if it is not worse.
        """
        fresh, wanted = self._fresh, self._wanted
        if not fresh:
            verdict = self._verdict(self.runs, bar=0.0 if self.saved else bars.screen)
            if verdict.status == "keep":
                return Again(reason=f"{verdict.reason}; to be judged by fresh runs")
            return verdict
        z, (drop, keep) = self._z(fresh), bars.after(len(fresh))
        if z < (0.0 if self.saved else drop):
            return self._verdict(fresh, bar=drop)
        keep = (keep + self._unrest) * self.standing.spread.student
        ended = len(fresh) >= max(SIMPLER if self.saved else len(bars.keep), wanted)
        if ended or (len(fresh) >= wanted and z >= keep):
            verdict = self._verdict(fresh, bar=keep, items=bars.items)
            simpler = ended and verdict.status == "discard" and self.saved
            return self._simpler(fresh) if simpler and self._is_not_worse(fresh) else verdict
        return Again(reason=f"z {z:.2f} after {_number(len(fresh))}: not yet clear")

    @property
    def _unrest(self) -> float:
        """The rise of the bars after a drift, for then first runs tell less."""
        return RESTLESS if self.incumbent.interval < CALM else 0.0

    def _gain(self, runs: list[Measured]) -> float:
        value = fmean(run.metric for run in runs)
        return self.program.metric.improvement(value, self.incumbent.metric)

    @property
    def _residual(self) -> float:
        """By how much the first run was better, less the share of the incumbent's own noise."""
        share = sqrt(self.incumbent.runs / (self.incumbent.runs + 1))
        return max(0.0, self._gain(self.runs[:1])) * share

    def _z(self, runs: list[Measured]) -> float:
        """The gain in standard errors; that of the first run in sigmas.

        The fresh runs tell, and the first one beside the same runs of the incumbent where that is
        better: luck passes such a bar no more often for having been selected. It counts for no
        more than they do.
        """
        if len(self.runs) == 1:
            return self._gain(runs) / self.standing.sigma
        alone, together = self._in_errors(runs), self._in_errors(self.runs)
        return min(max(alone, together), 2 * alone)

    def _in_errors(self, runs: list[Measured]) -> float:
        error = self.standing.sigma * sqrt(1 / len(runs) + 1 / self.incumbent.runs)
        return self._gain(runs) / error

    def _is_not_worse(self, runs: list[Measured]) -> bool:
        """Whether it can hardly have lost half a sigma: its gain, less a standard error."""
        error = self.standing.sigma * sqrt(1 / len(runs) + 1 / self.incumbent.runs)
        return self._gain(runs) - error > -TOLERATED * self.standing.sigma

    def _simpler(self, runs: list[Measured]) -> Verdict:
        """A keep for less code, not for a better value."""
        value = fmean(run.metric for run in runs)
        name, best = self.program.metric.name, self.incumbent
        told = f"simpler: {self.saved} lines less, and {name} {value:.6g} is not worse than the "
        told += f"incumbent's {best.metric:.6g} (experiment {best.number})"
        return Verdict(status="keep", reason=told, metric=value, runs=len(runs))

    def _verdict(
        self, runs: list[Measured], *, bar: float | None, items: float | None = None
    ) -> Verdict:
        """Whether these runs beat the incumbent by the bar, with the figures."""
        gain, least = self._gain(runs), self.program.noise.minimum_improvement
        value = fmean(run.metric for run in runs)
        told = self._told(value, gain) + self._figures(runs, bar)
        short = bar is not None and self._z(runs) < bar
        failed = short or gain <= max(least, 0.0)
        if 0 < gain <= least:
            told += f"; not more than the least of {least:g}"
        elif failed and gain > 0:
            told += f", less than the {bar:g} that counts"
        elif not failed and (flaw := self._flaw_in_items(runs, items)):
            failed, told = True, f"{told}; {flaw}"
        if failed:
            residual = self._residual if short else 0.0
            return Verdict(
                status="discard", reason=told, metric=value, runs=len(runs), residual=residual
            )
        counted = self._counted(runs)
        value = fmean(run.metric for run in counted)
        return Verdict(status="keep", reason=told + self._doubt(), metric=value, runs=len(counted))

    def _told(self, value: float, gain: float) -> str:
        name, best = self.program.metric.name, self.incumbent
        against = f"the incumbent's {best.metric:.6g} (experiment {best.number})"
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
        """Why the gain may be one of these items only; nothing where that is not known."""
        z = paired_z(mean_items(runs), self.incumbent.items, self.program.metric)
        if z is None or not self.program.noise.weighs:
            return ""
        bar = BALANCED.items if bar is None else bar
        few = f"item by item z is {z:.2f}, less than the {bar:g} that counts"
        return few if z < bar else ""

    def _counted(self, runs: list[Measured]) -> list[Measured]:
        """The runs whose mean is the new value: the first, too, where it could not have failed.

        It flatters only where luck was needed to pass the screen. So far above the bar that its
        passing was no selection, it is a measurement like the others, and saves one.
        """
        sigma = self.standing.sigma
        undoubted = sigma and self._gain(runs) >= UNDOUBTED * sigma
        return self.runs if undoubted and self.program.noise.weighs else runs

    def _doubt(self) -> str:
        noise, first = self.program.noise, self.runs[0].metric
        if noise.is_plausible(first):
            return ""
        low, high = noise.plausible or (first, first)
        return f"; outside the plausible range from {low:g} to {high:g}: look at its diff"


def _other_unit(runs: list[Measured], incumbent: Incumbent | None, program: Program) -> str:
    """Name a number of the last run that has another unit than before; empty where none has.

    Empty, too, for a row of before units were kept.
    """
    now = runs[-1]
    then = runs[0] if incumbent is None or incumbent.unit is None else incumbent
    if now.unit is None or then.unit is None:
        return ""
    names = (bound.name for bound in program.constraints)
    pairs = [(program.metric.name, now.unit, then.unit)]
    pairs += [(name, now.units.get(name, ""), then.units.get(name, "")) for name in names]
    for name, new, old in pairs:
        if new != old:
            told = (f"in {unit}" if unit else "without a unit" for unit in (new, old))
            return (
                f"{name} was printed {', the baseline '.join(told)}; print it in one unit, always"
            )
    return ""


def _other_data(run: Measured, incumbent: Incumbent) -> str:
    found, known = run.metrics[FINGERPRINT], incumbent.data
    told = f"measured on other data ({FINGERPRINT} {found:.15g}) than experiment "
    return f"{told}{incumbent.number} ({known:.15g}); the two cannot be compared"


def _number(runs: int) -> str:
    return f"{runs} fresh run{'s' if runs > 1 else ''}"


def _unreported(run: Measured, constraints: tuple[Constraint, ...]) -> str | None:
    """The first constraint that cannot be checked, as a sentence."""
    for constraint in constraints:
        if constraint.name not in _known(run):
            return f"the run reports no {constraint.name}, so {constraint} cannot be checked"
    return None


def _broken(run: Measured, constraints: tuple[Constraint, ...]) -> str | None:
    """The first constraint that does not hold, as a sentence."""
    known = _known(run)
    for constraint in constraints:
        if constraint.name in known and not constraint.holds(known[constraint.name]):
            return f"{constraint.name} is {known[constraint.name]:g}, which breaks {constraint}"
    return None


def _known(run: Measured) -> dict[str, float]:
    return run.metrics | {name: getattr(run, name) for name in _USED}


FEWEST = 8
_CERTAIN = 9.0


def paired_z(new: Sequence[float], old: Sequence[float], metric: Metric) -> float | None:
    """The paired t-test over the items as a normal deviate; positive is better.

    None where the items are too few or not the same number. The mean is tested, as it is the
    mean that is improved; scipy is imported only where there are items.
    """
    if len(new) != len(old) or len(new) < FEWEST:
        return None
    from scipy.stats import norm, ttest_rel

    gains = [metric.improvement(a, b) for a, b in zip(new, old, strict=True)]
    if len(set(gains)) == 1:
        return _CERTAIN if gains[0] > 0 else 0.0
    tested = ttest_rel(gains, [0.0] * len(gains), alternative="greater")
    return float(min(_CERTAIN, max(-_CERTAIN, norm.isf(tested.pvalue))))

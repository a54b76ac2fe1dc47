"""Running estimate of the incumbent's metric and of the noise of one run.

It follows from the ledger's rows alone, so that a lost checkpoint is rebuilt exactly.
"""

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, variance

from autoresearch_graph.core.experiment import FINGERPRINT, Experiment, Incumbent, Measured, Outcome
from autoresearch_graph.core.program import Noise
from autoresearch_graph.core.values import Value

# Chosen by simulation (docs/verdicts.md), where no other source is named.
PATIENCE = 30  # experiments after which the incumbent is run again at the latest
FEWEST = 2  # runs that tell of a spread
MOVED = 3.0  # standard errors
_SEEMS = 1.5  # standard errors: one chance in seven where nothing moves
_MEMORY = 2  # runs: the level follows a drift within a few measurements (simulated)
_LIFE = 0.6  # sigma squared: three runs when it is kept, about four at its end, 1/3 + 1/4
_WILD = 4.0  # sigmas: a residual beyond is of another kind than noise
_WIDER = 2.0  # sigmas: by luck in 5 of 100 blocks of two pairs, in 1 of 100 blocks of four
_FAIRLY_KNOWN = 8  # degrees of freedom
_NOTHING = 1e-9  # of the metric: differences below are rounding


class NoiseEstimate(Value):
    """The noise of one run, pooled: a sum of squared residuals and its degrees of freedom.

    After three runs of the baseline alone sigma may be wrong by a factor of four (95 %). So every
    later repeat counts, too, and every first run that was better than the incumbent by luck.
    """

    squares: float = 0.0
    freedom: int = 0

    @property
    def sigma(self) -> float:
        """The standard deviation of one run; 0 if none is known."""
        return sqrt(self.squares / self.freedom) if self.freedom else 0.0

    def with_runs(self, values: Sequence[float]) -> "NoiseEstimate":
        """Pool the repeats of one text; those of a text that is far noisier are left out."""
        if len(values) < FEWEST:
            return self
        return self._with(variance(values) * (len(values) - 1), len(values) - 1)

    @property
    def is_known(self) -> bool:
        """True if sigma is fairly known."""
        return self.freedom >= _FAIRLY_KNOWN

    @property
    def student(self) -> float:
        """A factor on a bar of 2 to 3 sigmas, above 1 while sigma rests on few repeats.

        Fitted to Student's t at one chance in a hundred, for 4 to 20 degrees of freedom.
        """
        return 1 + 1.6 / self.freedom + 3 / self.freedom**2 if self.freedom else 1.0

    def with_turns(self, runs: Sequence[Measured], paired: Sequence[Measured]) -> "NoiseEstimate":
        """Pool the differences of fresh runs and the incumbent's in turns with them.

        A drift moves both of a pair, so it does not count as noise. Fresh runs without a pair are
        pooled as they are; while no noise is known, the first run is pooled, too.
        """
        if self.sigma and len(paired) >= len(runs) - 1:
            return self.with_runs(_differences(runs[1:], paired))
        return self.with_runs([run.metric for run in (runs[1:] if self.sigma else runs)])

    def of_turns(self, runs: Sequence[Measured], paired: Sequence[Measured]) -> "NoiseEstimate":
        """Return the noise to judge these by: their own if it is far wider, as after a jump."""
        own = NoiseEstimate().with_runs(_differences(runs[1:], paired))
        is_wider = self.sigma and own.sigma > _WIDER * self.sigma
        return own if is_wider else self.with_turns(runs, paired)

    def with_residual(self, residual: float) -> "NoiseEstimate":
        """Pool the residual of the first run of a discarded idea.

        Ideas without effect are better and worse by luck as often, and harmful ones are mostly
        worse: the better half is noise alone, and its mean square is that of the whole. The
        estimate is too low if most ideas do a little harm, too high if small gains are overlooked.
        """
        return self._with(residual**2, 1) if residual else self

    def _with(self, squares: float, freedom: int) -> "NoiseEstimate":
        """Add residuals, but for wild ones once sigma is fairly known.

        Before that, it is more often the first runs that are too even.
        """
        if self.is_known and squares > freedom * (_WILD * self.sigma) ** 2:
            return self
        return NoiseEstimate(squares=self.squares + squares, freedom=self.freedom + freedom)


class IncumbentEstimate(Value):
    """The incumbent and the noise of one run.

    `before` is the sum of the movements of earlier incumbents, each during its own time, in the
    metric's unit; `lives` counts the incumbents so far.
    """

    incumbent: Incumbent | None = None
    spread: NoiseEstimate = NoiseEstimate()
    before: float = 0.0
    lives: int = 1

    @property
    def sigma(self) -> float:
        """The noise of one run; 0 if it is not known, or mere rounding of the metric."""
        level = abs(self.incumbent.metric) if self.incumbent else 0.0
        return self.spread.sigma if self.spread.sigma > _NOTHING * level else 0.0

    @property
    def drift(self) -> float:
        """The machine's drift since the baseline, in the metric's unit; 0 if it may be noise.

        Each incumbent is compared with itself alone: its last value with the one that it was kept
        with. An old value plus the drift is comparable with new ones.
        """
        best = self.incumbent
        if best is None or not self.sigma:
            return 0.0
        moved = self.before + best.moved
        known = sqrt(_LIFE * self.lives) * self.sigma * self.spread.student
        return moved if abs(moved) > MOVED * known else 0.0

    def due(self, noise: Noise) -> bool:
        """Return True if the incumbent is to be measured again, next to the coming experiment.

        At once after a keep on a single run. After a movement of the machine the intervals are
        one experiment, two, four and so on.
        """
        best = self.incumbent
        if best is None or not noise.weighs or not self.sigma:
            return False
        return best.runs < FEWEST or best.since >= best.interval

    def has_moved(self, new_runs: Sequence[Outcome]) -> bool:
        """Return True if the incumbent's new runs are off by more than 3 standard errors.

        While sigma rests on few repeats, the distance must be larger, by Student's t.
        """
        best, runs = self.incumbent, self._comparable(new_runs)
        if best is None or not self.sigma or not runs:
            return False
        return abs(self._gap(best, runs)) > MOVED

    def _gap(self, best: Incumbent, runs: Sequence[Measured]) -> float:
        """Return the distance of new runs from the incumbent's value, in standard errors."""
        error = self.sigma * self.spread.student * sqrt(1 / len(runs) + 1 / best.runs)
        return (fmean(run.metric for run in runs) - best.metric) / error if error else 0.0

    def _next_interval(self, best: Incumbent, gap: float) -> int:
        """Return the experiments until the incumbent is run again: fewer if it seems to move."""
        if gap > MOVED:
            return 1
        interval = best.interval // 2 if gap > _SEEMS else 2 * best.interval
        return max(1, min(PATIENCE, interval))

    def has_drifted(self, new_runs: Sequence[Outcome]) -> bool:
        """Return True if two new runs at least show that the machine has changed."""
        return len(self._comparable(new_runs)) >= FEWEST and self.has_moved(new_runs)

    def measured_again(self, new_runs: Sequence[Outcome]) -> "IncumbentEstimate":
        """Return the estimate after new runs of the incumbent.

        They join its mean, in which older runs count as two at most, so that it follows a slow
        drift. After a jump the new runs alone are its value.
        """
        best, runs = self.incumbent, self._comparable(new_runs)
        if best is None or not new_runs:
            return self
        changes: dict[str, object] = {"trials": best.trials + len(new_runs), "since": 0}
        if not runs:
            return self.model_copy(update={"incumbent": best.model_copy(update=changes)})
        new, count, items = fmean(r.metric for r in runs), len(runs), mean_items(runs)
        old = 0 if self.has_drifted(new_runs) else min(best.runs, _MEMORY)
        share, gap = count / (old + count), new - best.metric
        changes |= {"metric": best.metric + gap * share, "runs": old + count}
        changes["items"] = _blended(best.items, items, share) if old else items
        changes["interval"] = self._next_interval(best, abs(self._gap(best, runs)))
        spread = self.spread  # a drift is told from noise only where that is fairly known
        spread = spread if spread.is_known else spread.with_runs([run.metric for run in runs])
        if not self.sigma:  # equal so far: the first difference tells that there is noise
            spread = spread.with_residual(gap * sqrt(old * share))
        moved = best.model_copy(update=changes)
        return self.model_copy(update={"incumbent": moved, "spread": spread})

    def after(self, experiment: Experiment) -> "IncumbentEstimate":
        """Return the estimate after one more ledger row."""
        now, runs = self.measured_again(experiment.incumbent_runs), _measured(experiment.trials)
        spread = now.spread.with_residual(experiment.residual)
        if experiment.number == 0:
            spread = spread.with_runs([run.metric for run in runs])
        else:
            spread = spread.with_turns(runs, _measured(experiment.incumbent_runs))
        if experiment.status != "keep" or experiment.metric is None:
            best = now.incumbent
            older = best and best.model_copy(update={"since": best.since + 1})
            return now.model_copy(update={"incumbent": older, "spread": spread})
        kept = Incumbent(
            number=experiment.number,
            commit=experiment.commit,
            metric=experiment.metric,
            runs=experiment.runs,
            trials=max(1, len(experiment.trials)),
            items=mean_items(runs[-experiment.runs :]),
            data=runs[-1].metrics.get(FINGERPRINT) if runs else None,
            unit=runs[-1].unit if runs else None,
            units=runs[-1].units if runs else {},
            first=experiment.metric,
        )
        if now.incumbent is None:
            return now.model_copy(update={"incumbent": kept, "spread": spread})
        kept = kept.model_copy(update={"interval": now.incumbent.interval})
        before = now.before + now.incumbent.moved
        return IncumbentEstimate(incumbent=kept, spread=spread, before=before, lives=now.lives + 1)

    def _comparable(self, new_runs: Sequence[Outcome]) -> list[Measured]:
        """Return the new runs that were measured on the data of the incumbent's."""
        best = self.incumbent
        return [run for run in _measured(new_runs) if best and best.shares_data(run)]


def _measured(outcomes: Sequence[Outcome]) -> list[Measured]:
    return [outcome for outcome in outcomes if isinstance(outcome, Measured)]


def _differences(fresh: Sequence[Measured], paired: Sequence[Measured]) -> list[float]:
    """Return the differences within the last pairs, scaled to the spread of single runs."""
    pairs = zip(reversed(fresh), reversed(paired), strict=False)
    return [(new.metric - old.metric) / sqrt(2) for new, old in pairs]


def mean_items(runs: Sequence[Measured]) -> tuple[float, ...]:
    """Return the mean of every item over the runs; none unless all report the same number."""
    sizes = {len(run.items) for run in runs}
    if len(sizes) != 1 or sizes == {0}:
        return ()
    return tuple(fmean(values) for values in zip(*(run.items for run in runs), strict=True))


def _blended(old: tuple[float, ...], new: tuple[float, ...], share: float) -> tuple[float, ...]:
    """Return the mean of old items and new ones, by the share of these; none if they differ."""
    if len(old) != len(new):
        return ()
    return tuple(a + (b - a) * share for a, b in zip(old, new, strict=True))

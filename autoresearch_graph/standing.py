"""Where a research stands: the incumbent, as often as it was run, and the noise known so far.

Everything here follows from the ledger's rows, one after another, so that a lost checkpoint is
rebuilt exactly.
"""

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, variance

from autoresearch_graph.experiment import FINGERPRINT, Experiment, Incumbent, Measured, Outcome
from autoresearch_graph.program.model import Noise
from autoresearch_graph.value import Value

PATIENCE = 30
FEWEST = 2
MOVED = 3.0
_WILD = 4.0
_FAIRLY_KNOWN = 8
_NOTHING = 1e-9


class Spread(Value):
    """The noise of one run, pooled: a sum of squared residuals and its freedom.

    After three runs of the baseline alone sigma may be wrong by a factor of four (95 %), hence
    every later repeat counts, too, and every first run that was better than the incumbent by luck.
    """

    squares: float = 0.0
    freedom: int = 0

    @property
    def sigma(self) -> float:
        """The standard deviation of one run; 0 where none is known."""
        return sqrt(self.squares / self.freedom) if self.freedom else 0.0

    def with_runs(self, values: Sequence[float]) -> "Spread":
        """Pool the repeats of one text; those of a text that is far noisier are left out."""
        if len(values) < FEWEST:
            return self
        return self._with(variance(values) * (len(values) - 1), len(values) - 1)

    def with_luck(self, residual: float) -> "Spread":
        """Pool what the first run of a discarded idea tells.

        Ideas without effect are better and worse by luck as often, and harmful ones are mostly
        worse: the better half is noise alone, and its mean square is that of the whole. It errs
        to the low side where most ideas do a little harm, to the high side where small gains
        are overlooked.
        """
        return self._with(residual**2, 1) if residual else self

    def _with(self, squares: float, freedom: int) -> "Spread":
        """Not before sigma is fairly known: it is more often the first runs that are too even."""
        known = self.freedom >= _FAIRLY_KNOWN
        if known and squares > freedom * (_WILD * self.sigma) ** 2:
            return self
        return Spread(squares=self.squares + squares, freedom=self.freedom + freedom)


class Standing(Value):
    """The incumbent and the spread of one run.

    `shift` is by how much the machine has drifted, in the metric's unit: a value from before, plus
    this, is what it would be now.
    """

    incumbent: Incumbent | None = None
    spread: Spread = Spread()
    shift: float = 0.0

    @property
    def sigma(self) -> float:
        """The noise of one run; 0 where it is nothing beside the metric, or not known."""
        level = abs(self.incumbent.metric) if self.incumbent else 0.0
        return self.spread.sigma if self.spread.sigma > _NOTHING * level else 0.0

    def due(self, noise: Noise) -> bool:
        """Whether the incumbent is to be measured again, next to the coming experiment.

        At once after a keep on a single run, and every 30 experiments: so long without a keep it
        is the first to be suspected.
        """
        best = self.incumbent
        if best is None or not noise.weighs or not self.sigma:
            return False
        return best.runs < FEWEST or best.since >= PATIENCE

    def has_moved(self, beside: Sequence[Outcome]) -> bool:
        """Whether all of the incumbent's new runs are more than 3 sigma off, on one side.

        While sigma rests on few repeats, by as much more as Student's t asks for.
        """
        best, runs = self.incumbent, self._comparable(beside)
        if best is None or not self.sigma or not runs:
            return False
        student = 1 + 2 / self.spread.freedom + 6 / self.spread.freedom**2
        bound = MOVED * student * self.sigma * sqrt(1 + 1 / best.runs)
        gaps = [run.metric - best.metric for run in runs]
        return min(gaps) > bound or max(gaps) < -bound

    def has_drifted(self, beside: Sequence[Outcome]) -> bool:
        """Whether a second new run says the same as the first: the machine is another now."""
        return len(self._comparable(beside)) >= FEWEST and self.has_moved(beside)

    def measured_again(self, beside: Sequence[Outcome]) -> "Standing":
        """The standing after new runs of the incumbent.

        They join its mean; after a drift they alone are its value, and figures from before are
        not compared with it.
        """
        best, runs = self.incumbent, self._comparable(beside)
        if best is None or not beside:
            return self
        told = {"trials": best.trials + len(beside), "since": 0}
        if self.has_drifted(beside):
            drifted = told | _mean(runs, len(runs))
            spread = self.spread.with_runs([run.metric for run in runs])
            now = best.model_copy(update=drifted)
            shift = self.shift + now.metric - best.metric
            return Standing(incumbent=now, spread=spread, shift=shift)
        spread = self.spread
        for run in runs:
            gap, count = run.metric - best.metric, best.runs
            spread = Spread(
                squares=spread.squares + gap**2 * count / (count + 1), freedom=spread.freedom + 1
            )
            items = _blended(best.items, run.items, count)
            metric = best.metric + gap / (count + 1)
            best = best.model_copy(update={"metric": metric, "runs": count + 1, "items": items})
        now = best.model_copy(update=told)
        return Standing(incumbent=now, spread=spread, shift=self.shift)

    def after(self, experiment: Experiment) -> "Standing":
        """The standing after one more ledger row."""
        now, runs = self.measured_again(experiment.beside), _measured(experiment.trials)
        fresh = runs if experiment.number == 0 else runs[1:]
        spread = now.spread.with_runs([run.metric for run in fresh]).with_luck(experiment.luck)
        if experiment.status != "keep" or experiment.metric is None:
            best = now.incumbent
            older = best and best.model_copy(update={"since": best.since + 1})
            return Standing(incumbent=older, spread=spread, shift=now.shift)
        kept = Incumbent(
            number=experiment.number,
            commit=experiment.commit,
            metric=experiment.metric,
            runs=experiment.runs,
            trials=max(1, len(experiment.trials)),
            items=_mean(runs, experiment.runs)["items"],
            data=runs[-1].metrics.get(FINGERPRINT) if runs else None,
            unit=runs[-1].unit if runs else None,
            units=runs[-1].units if runs else {},
        )
        return Standing(incumbent=kept, spread=spread, shift=now.shift)

    def _comparable(self, beside: Sequence[Outcome]) -> list[Measured]:
        """The incumbent's new runs that were measured on the data of the old ones."""
        best = self.incumbent
        return [run for run in _measured(beside) if best and best.shares_data(run)]


def _measured(outcomes: Sequence[Outcome]) -> list[Measured]:
    return [outcome for outcome in outcomes if isinstance(outcome, Measured)]


def _mean(runs: Sequence[Measured], count: int) -> dict[str, object]:
    """Metric, number and items of the last `count` runs together."""
    last = runs[-count:]
    return {
        "metric": fmean(run.metric for run in last) if last else None,
        "runs": len(last),
        "items": mean_items(last),
    }


def mean_items(runs: Sequence[Measured]) -> tuple[float, ...]:
    """The mean of every item over the runs; none where they do not report the same number."""
    sizes = {len(run.items) for run in runs}
    if len(sizes) != 1 or sizes == {0}:
        return ()
    return tuple(fmean(values) for values in zip(*(run.items for run in runs), strict=True))


def _blended(old: tuple[float, ...], new: tuple[float, ...], count: int) -> tuple[float, ...]:
    """The items of `count` runs and of one more; nothing where either told none."""
    if len(old) != len(new):
        return ()
    return tuple(a + (b - a) / (count + 1) for a, b in zip(old, new, strict=True))

"""How the metric's figures are shown to a model: no finer than its noise lets them mean something.

A model that reads 1.48123 and 1.48098 takes the second for better. Where two runs of one file
differ by 0.005, that is a guess. Sigma is what the brief says, else the spread of experiments that
were run several times; never less than the program's minimum improvement, below which nothing
counts. Where it is 0, six significant digits are shown.
"""

from collections.abc import Iterator, Sequence
from math import sqrt
from statistics import fmean

from autoresearch_graph.experiment import Experiment, Measured
from autoresearch_graph.figures import Figures, of_noise
from autoresearch_graph.proposers import Brief


def figures(brief: Brief) -> Figures:
    """How this brief's figures are rounded."""
    return of_noise(_sigma(brief))


def _sigma(brief: Brief) -> float:
    """The noise of one run, or 0 where the metric has none or nothing is known of it."""
    measured = _spread(brief.ledger) if brief.sigma is None else brief.sigma
    return max(measured, brief.program.noise.minimum_improvement)


def _spread(ledger: Sequence[Experiment]) -> float:
    """The pooled standard deviation of the runs of one text; 0 where nothing was repeated.

    Of a candidate the first run is left out: it was confirmed because it was good.
    """
    squares, freedom = 0.0, 0
    for runs in _repeated(ledger):
        mean = fmean(runs)
        squares += sum((run - mean) ** 2 for run in runs)
        freedom += len(runs) - 1
    return sqrt(squares / freedom) if freedom else 0.0


def _repeated(ledger: Sequence[Experiment]) -> Iterator[list[float]]:
    for experiment in ledger:
        runs = [run.metric for run in experiment.trials if isinstance(run, Measured)]
        fresh = runs if experiment.number == 0 else runs[1:]
        if len(fresh) > 1:
            yield fresh

"""Who has the ideas: a proposer reads a brief and drafts a new text of the asset."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean
from typing import Any, Protocol

from autoresearch_graph.core.experiment import Draft, Experiment, Incumbent, Measured, Proposal
from autoresearch_graph.core.formatting import Figures, of_noise
from autoresearch_graph.core.program import Program
from autoresearch_graph.core.values import Cost

Edit = Callable[..., dict[str, Any]]


class Exhausted(Exception):
    """The proposer has nothing left to try; the sentence becomes the reason for stopping.

    `cost` is what was spent in trying all the same. `gave_up` is set where something is wrong:
    there would be something to try, but nothing came.
    """

    def __init__(self, reason: str, *, cost: Cost | None = None, gave_up: bool = False) -> None:
        super().__init__(reason)
        self.gave_up = gave_up
        self.cost = cost or Cost()


class Abandoned(Exception):
    """The lab was closed while a proposal was being written: nobody waits for it any more."""


@dataclass(frozen=True, kw_only=True)
class Brief:
    """All that a proposer may know when it writes experiment `number`.

    `text` is the incumbent's asset; `text_of(n)` reads the asset of experiment n from git;
    `diff_of(n)` and `log_of(n)` read its patch and the log of its first trial; `ledger` holds
    every finished experiment in order, the baseline first. `keep(name, text)` leaves a file
    beside the experiment's own; `tell` says something that a person should know; `hide` blots
    out the keys in a text that others wrote; `pause` waits so many seconds, and says whether the
    lab was closed meanwhile; `spend` counts what an answer cost, and says whether that passes a
    limit of program.md; `unfit` says why a text cannot be committed; `edit` runs the graph in
    which a model edits a draft.
    `guidance` is what a person says for this very proposal; `sigma` is the noise of one run (a
    standard deviation, in the metric's unit), where it was measured.
    """

    number: int
    program: Program
    incumbent: Incumbent
    text: str
    ledger: Sequence[Experiment]
    text_of: Callable[[int], str]
    diff_of: Callable[[int], str] = lambda number: ""
    log_of: Callable[[int], str] = lambda number: ""
    keep: Callable[[str, str], None] = lambda name, text: None
    tell: Callable[[str], None] = lambda notice: None
    hide: Callable[[str], str] = lambda text: text
    pause: Callable[[float], bool] = lambda seconds: False
    spend: Callable[[Cost], bool] = lambda cost: False
    unfit: Callable[[str], str] = lambda text: ""
    edit: Edit | None = None
    in_flight: tuple[Proposal, ...] = ()
    guidance: tuple[str, ...] = ()
    sigma: float | None = None


class Proposer(Protocol):
    """Drafts the next experiment; raises `Exhausted` when there is nothing left to try."""

    def propose(self, brief: Brief) -> Draft:
        """Draft a text that differs from the incumbent's and from everything tried."""
        ...


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

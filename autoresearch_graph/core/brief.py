"""Interface of a proposer: it reads a brief and drafts a new text of the asset."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from autoresearch_graph.core.experiment import Draft, Experiment, Incumbent, Proposal
from autoresearch_graph.core.formatting import Figures, of_noise
from autoresearch_graph.core.incumbent import IncumbentEstimate
from autoresearch_graph.core.program import Program
from autoresearch_graph.core.values import Cost

Edit = Callable[..., dict[str, Any]]


class Exhausted(Exception):
    """The proposer has nothing left to try; the sentence becomes the reason for stopping.

    `cost` is the cost of the failed attempt. `gave_up` marks a fault: there is more to try, but
    no proposal came.
    """

    def __init__(self, reason: str, *, cost: Cost | None = None, gave_up: bool = False) -> None:
        super().__init__(reason)
        self.gave_up = gave_up
        self.cost = cost or Cost()


class Abandoned(Exception):
    """The lab was closed while a proposal was being written: nobody waits for it any more."""


@dataclass(frozen=True, kw_only=True)
class History:
    """Text, patch, and log of the first trial of an experiment, each read by its number."""

    text: Callable[[int], str] = lambda number: ""
    diff: Callable[[int], str] = lambda number: ""
    log: Callable[[int], str] = lambda number: ""


@dataclass(frozen=True, kw_only=True)
class Session:
    """Effects that a proposer may have while it works; without a lab they do nothing.

    `say` reports a notice to the person; `save` writes a file (name, text) beside the experiment;
    `hide` removes keys from a text; `wait` sleeps so many seconds and returns True if the lab was
    closed meanwhile; `spend` counts a cost and returns True if a limit of program.md is passed;
    `unfit` returns the reason for which a text cannot be committed; `edit` runs the editor graph.
    """

    say: Callable[[str], None] = lambda notice: None
    save: Callable[[str, str], None] = lambda name, text: None
    hide: Callable[[str], str] = lambda text: text
    wait: Callable[[float], bool] = lambda seconds: False
    spend: Callable[[Cost], bool] = lambda cost: False
    unfit: Callable[[str], str] = lambda text: ""
    edit: Edit | None = None


@dataclass(frozen=True, kw_only=True)
class Brief:
    """Everything that a proposer may know when it writes experiment `number`.

    `text` is the incumbent's asset; `ledger` holds every finished experiment in order, the
    baseline first; `in_flight` has the proposals that are not judged yet. `guidance` is the
    person's words for this very proposal. `sigma` is the noise of one run (a standard deviation,
    in the metric's unit); None: estimate it from the ledger.
    """

    number: int
    program: Program
    incumbent: Incumbent
    text: str
    ledger: Sequence[Experiment]
    in_flight: tuple[Proposal, ...] = ()
    guidance: tuple[str, ...] = ()
    sigma: float | None = None
    history: History = field(default_factory=History)
    session: Session = field(default_factory=Session)

    @cached_property
    def figures(self) -> Figures:
        """The rounding of this brief's figures: by the noise, or by what counts as better."""
        sigma = self.sigma
        if sigma is None:
            estimate = IncumbentEstimate()
            for experiment in self.ledger:
                estimate = estimate.after(experiment)
            sigma = estimate.sigma
        return of_noise(max(sigma, self.program.noise.minimum_improvement))

    @cached_property
    def gains(self) -> dict[int, float]:
        """The gain of each measured experiment over what it was written against, by number."""
        measured = {row.commit: row.metric for row in self.ledger if row.metric is not None}
        return {
            row.number: self.program.metric.improvement(row.metric, measured[row.parent])
            for row in self.ledger
            if row.metric is not None and row.parent in measured
        }


class Proposer(Protocol):
    """Drafts the next experiment; raises `Exhausted` when there is nothing left to try."""

    def propose(self, brief: Brief) -> Draft:
        """Draft a text that differs from the incumbent's and from everything tried."""
        ...

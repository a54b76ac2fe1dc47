"""The desk at which a model works: a draft in memory, and the brief."""

from collections.abc import Callable
from dataclasses import dataclass

from langchain_core.messages import AIMessage, AnyMessage

from autoresearch_graph.experiment import Draft, Experiment
from autoresearch_graph.proposers import Brief


class Refusal(Exception):
    """What was asked for cannot be done; the sentence goes back to the model as text."""


@dataclass
class Desk:
    """One proposal in the making: tools change `text`, and `propose` sets `draft`.

    Nothing on it reaches the project; the workspace commits the draft when the turn is over.
    `chat` asks the model; `tried` gives for the fingerprint of every text that was
    tried the experiment's number.
    """

    brief: Brief
    chat: Callable[[list[AnyMessage]], AIMessage]
    text: str
    tried: dict[str, int]
    draft: Draft | None = None

    @property
    def path(self) -> str:
        """The asset's path."""
        return self.brief.program.asset

    def experiment(self, number: int) -> Experiment:
        """A past experiment; refused where there is none of that number."""
        for experiment in self.brief.ledger:
            if experiment.number == number:
                return experiment
        raise Refusal(f"there is no experiment {number}; call list_experiments")

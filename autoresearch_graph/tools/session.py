"""The desk at which a model works: a draft in memory, and the brief."""

from collections.abc import Callable
from dataclasses import dataclass

from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.tools import BaseTool

from autoresearch_graph.asset import files as sheaf
from autoresearch_graph.core.brief import Brief
from autoresearch_graph.core.experiment import Draft, Experiment


class ToolRefused(Exception):
    """What was asked for cannot be done; the sentence goes back to the model as text."""


@dataclass
class EditSession:
    """One proposal in the making: tools change `text`, and `propose` sets `draft`.

    Nothing on it reaches the project; the workspace commits the draft when the turn is over.
    `chat` asks the model, which is `known` once it has answered; `tried` gives for the
    fingerprint of every text that was tried the experiment's number. `tools` are those that a
    person plugged in.
    """

    brief: Brief
    chat: Callable[[list[AnyMessage]], AIMessage]
    text: str
    tried: dict[str, int]
    tools: tuple[BaseTool, ...] = ()
    known: bool = False
    draft: Draft | None = None

    @property
    def path(self) -> str:
        """The asset's path, or its paths and patterns."""
        return self.brief.program.asset

    @property
    def files(self) -> dict[str, str]:
        """The files of the draft."""
        return sheaf.files(self.text, self.path)

    def read(self, path: str) -> tuple[str, str]:
        """A file of the draft: its path and its text; refused where there is none of that path."""
        name = self.named(path)
        parts = self.files
        if name not in parts:
            raise ToolRefused(f"there is no {name} in your draft; there are {', '.join(parts)}")
        return name, parts[name]

    def put(self, path: str, text: str) -> str:
        """Set the text of a file of the draft, which may be new; returns its path."""
        name = self.named(path)
        whole = sheaf.put(self.text, self.path, name, text)
        if why := sheaf.unfit(whole, self.path, self.brief.text):
            raise ToolRefused(why)
        self.text = whole
        return name

    def remove(self, path: str) -> tuple[str, ...]:
        """Take a file out of the draft; returns those that are left. Refused where it stays."""
        name, _ = self.read(path)
        left = tuple(other for other in self.files if other != name)
        if why := sheaf.stays(self.path, name, left):
            raise ToolRefused(why)
        self.text = sheaf.without(self.text, self.path, name)
        return left

    def named(self, path: str) -> str:
        """The file that is meant: without a path the only one. Refused where it is protected."""
        name = path.removeprefix("./")
        if not name and not sheaf.is_several(self.path):
            return self.path
        if not name:
            raise ToolRefused(f"say which: {', '.join(self.files)}")
        if why := sheaf.refusal(self.path, name):
            raise ToolRefused(why)
        return name

    def experiment(self, number: int) -> Experiment:
        """A past experiment; refused where there is none of that number."""
        for experiment in self.brief.ledger:
            if experiment.number == number:
                return experiment
        raise ToolRefused(f"there is no experiment {number}; call list_experiments")

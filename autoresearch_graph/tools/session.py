"""The state of one proposal in the making: a draft in memory, and the brief."""

from collections.abc import Callable
from dataclasses import dataclass

from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.tools import BaseTool

from autoresearch_graph.asset.files import Asset, Files
from autoresearch_graph.core.brief import Brief
from autoresearch_graph.core.experiment import Draft, Experiment


class ToolRefused(Exception):
    """A call that cannot be obeyed; its sentence goes back to the model as text."""


@dataclass
class EditSession:
    """One proposal in the making: tools change `text`, and `propose` sets `draft`.

    It never writes to the project; the workspace commits the draft when the turn is over.
    `chat` asks the model, which is `known` once it has answered. `tried` has the number of the
    experiment for the fingerprint of every text that was tried. `tools` are those that a person
    plugged in.
    """

    brief: Brief
    chat: Callable[[list[AnyMessage]], AIMessage]
    text: str
    tried: dict[str, int]
    tools: tuple[BaseTool, ...] = ()
    known: bool = False
    draft: Draft | None = None

    @property
    def asset(self) -> Asset:
        """The files that the model may edit."""
        return Asset.parse(self.brief.program.asset)

    @property
    def files(self) -> Files:
        """The files of the draft."""
        return self.asset.files(self.text)

    def read(self, path: str) -> tuple[str, str]:
        """Return the path and the text of a file; refused if the draft has none of that path."""
        name, files = self.named(path), self.files
        if name not in files:
            raise ToolRefused(f"there is no {name} in your draft; there are {', '.join(files)}")
        return name, files[name]

    def put(self, path: str, text: str) -> None:
        """Set the text of a file of the draft, which may be new."""
        whole = self.files.updated({self.named(path): text}).pack()
        if refusal := self.asset.unfit(whole, self.brief.text):
            raise ToolRefused(refusal)
        self.text = whole

    def remove(self, path: str) -> tuple[str, ...]:
        """Take a file out of the draft and return the paths that are left."""
        name, _ = self.read(path)
        left = self.files.without(name)
        if refusal := self.asset.unremovable(name, left):
            raise ToolRefused(refusal)
        self.text = left.pack()
        return tuple(left)

    def named(self, path: str) -> str:
        """Return the path of the file that is meant: without one, that of the only file."""
        name = path.removeprefix("./")
        if not name and not self.asset.is_several:
            return str(self.asset)
        if not name:
            raise ToolRefused(f"say which: {', '.join(self.files)}")
        if refusal := self.asset.refusal(name):
            raise ToolRefused(refusal)
        return name

    def experiment(self, number: int) -> Experiment:
        """Return a past experiment; refused if there is none of that number."""
        for experiment in self.brief.ledger:
            if experiment.number == number:
                return experiment
        raise ToolRefused(f"there is no experiment {number}; call list_experiments")

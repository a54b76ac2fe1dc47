"""What a research does at this moment, in now.json beside its ledger, for whoever looks."""

import time
from pathlib import Path
from typing import Literal

from autoresearch_graph import files
from autoresearch_graph.experiment import Proposal, Trial
from autoresearch_graph.program.model import Program, Stopping
from autoresearch_graph.runner import Progress
from autoresearch_graph.state import State, Tally
from autoresearch_graph.value import Value

Doing = Literal["starting", "proposing", "waiting", "running", "judging", "paused", "ended"]
_DOING: dict[str, Doing] = {
    "propose": "proposing",
    "review": "waiting",
    "train": "running",
    "collect": "running",
    "report": "ended",
}


class Now(Value):
    """One moment of a research.

    `since` is when the step began (Unix time); `seconds` is how long the run under way has taken,
    `budget` its time box, `limit` when it is killed, `line` the last that it printed.
    """

    doing: Doing = "starting"
    proposer: str = ""
    proposal: Proposal | None = None
    trial: Trial | None = None
    since: float = 0.0
    seconds: float = 0.0
    budget: float = 0.0
    limit: float = 0.0
    line: str = ""
    tally: Tally = Tally()
    stopping: Stopping = Stopping()

    @property
    def log(self) -> str:
        """The file of the run under way that has its output."""
        repeat = self.trial.repeat if self.trial else 0
        return f"log.{repeat}.txt" if repeat else "log.txt"


class Bulletin:
    """Keeps `now`, and a copy of it on the disk that is replaced at every step of the loop.

    While a run goes on it is replaced as often as the run is looked at, four times a second. A
    copy that cannot be written is no reason to stop: nothing is ever decided by it.
    """

    def __init__(self, folder: Path, *, proposer: str) -> None:
        self._path = folder / "now.json"
        self.now = Now(proposer=proposer)

    def step(self, node: str, state: State, program: Program) -> None:
        """Note that a node begins; those that take no time are judging."""
        proposal = state.candidates[-1].proposal if state.candidates else None
        self._note(
            doing=_DOING.get(node, "judging"),
            proposal=proposal,
            trial=state.running[0] if state.running else None,
            tally=state.tally,
            since=time.time(),
            budget=program.time_box.seconds,
            limit=program.time_box.kill_after,
            stopping=program.stopping,
            **({} if state.running else {"seconds": 0.0, "line": ""}),
        )

    def progress(self, progress: Progress) -> None:
        """Note how far the run under way is."""
        self._note(trial=progress.trial, seconds=progress.seconds, line=progress.line)

    def pause(self) -> bool:
        """Note that a pause goes on; whether it has just begun."""
        begun = self.now.doing != "paused"
        if begun:
            self._note(doing="paused", since=time.time())
        return begun

    def _note(self, **news: object) -> None:
        self.now = self.now.model_copy(update=news)
        beside = self._path.with_suffix(".new")
        try:
            beside.write_text(self.now.model_dump_json(), "utf-8")
            beside.replace(self._path)
        except OSError:
            return


def read_now(folder: Path) -> Now | None:
    """What a research does, or did when it ended; None where that is not known."""
    try:
        return Now.model_validate_json(files.read(folder / "now.json"))
    except ValueError:  # a loss of power may leave anything
        return None

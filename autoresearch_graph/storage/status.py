"""What a research does at this moment, in now.json beside its ledger, for whoever looks."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from autoresearch_graph.core.experiment import Proposal, Trial
from autoresearch_graph.core.program import Program, Stopping
from autoresearch_graph.core.stopping import Tally
from autoresearch_graph.core.values import Value
from autoresearch_graph.state import State
from autoresearch_graph.storage import files

if TYPE_CHECKING:
    from autoresearch_graph.core.experiment import Progress

Doing = Literal["starting", "proposing", "waiting", "running", "judging", "paused", "ended"]
_DOING: dict[str, Doing] = {
    "propose": "proposing",
    "review": "waiting",
    "train": "running",
    "collect": "running",
    "report": "ended",
}


class Run(Value):
    """A run under way: how long it has taken (wall seconds), and the last line that it printed."""

    trial: Trial
    seconds: float = 0.0
    line: str = ""

    @property
    def log(self) -> str:
        """The file that has its output."""
        return f"log.{self.trial.repeat}.txt" if self.trial.repeat else "log.txt"


class Status(Value):
    """One moment of a research.

    `since` is when the step began (Unix time); `proposals` are what is under way or waits, `runs`
    what runs of it; `budget` is the time box of a run, `limit` when it is killed (seconds).
    `ending` is why it ended; `failed` says that no stopping criterion wanted that.
    """

    doing: Doing = "starting"
    proposer: str = ""
    proposals: tuple[Proposal, ...] = ()
    runs: tuple[Run, ...] = ()
    since: float = 0.0
    budget: float = 0.0
    limit: float = 0.0
    tally: Tally = Tally()
    stopping: Stopping = Stopping()
    ending: str = ""
    failed: bool = False

    def proposal(self, number: int) -> Proposal | None:
        """What is tried under a number."""
        return next((one for one in self.proposals if one.number == number), None)


class StatusFile:
    """Keeps `now`, and a copy of it on the disk that is replaced at every step of the loop.

    While a run goes on it is replaced as often as the run is looked at, four times a second. A
    copy that cannot be written is no reason to stop: nothing is ever decided by it.
    """

    def __init__(self, folder: Path, *, proposer: str) -> None:
        self._path = folder / "now.json"
        self.now = Status(proposer=proposer)

    def step(self, node: str, state: State, program: Program) -> None:
        """Note that a node begins; those that take no time are judging."""
        known = {run.trial: run for run in self.now.runs}
        self._note(
            doing=_DOING.get(node, "judging"),
            proposals=tuple(candidate.proposal for candidate in state.candidates),
            runs=tuple(known.get(trial, Run(trial=trial)) for trial in state.running),
            tally=state.tally,
            since=time.time(),
            budget=program.time_box.seconds,
            limit=program.time_box.kill_after,
            stopping=program.stopping,
            ending=(state.stop or "") if node == "report" else "",
            failed=node == "report" and state.has_failed,
        )

    def fail(self, reason: str) -> None:
        """Note that the lab cannot go on."""
        self._note(doing="ended", ending=reason, failed=True)

    def progress(self, runs: Sequence["Progress"]) -> None:
        """Note how far the runs under way are."""
        self._note(runs=tuple(Run(trial=r.trial, seconds=r.seconds, line=r.line) for r in runs))

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


def read_status(folder: Path) -> Status | None:
    """What a research does, or did when it ended; None where that is not known."""
    try:
        return Status.model_validate_json(files.read(folder / "now.json"))
    except ValueError:  # a loss of power may leave anything
        return None

"""Status of a research at this moment, in now.json beside its ledger, for any reader."""

import time
from collections.abc import Sequence
from contextlib import suppress
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
    """A run under way: its wall time so far (seconds), and the last line that it printed."""

    trial: Trial
    seconds: float = 0.0
    line: str = ""

    @property
    def log(self) -> str:
        """Name of the file with its output."""
        return f"log.{self.trial.repeat}.txt" if self.trial.repeat else "log.txt"


class Status(Value):
    """One moment of a research.

    `since` is the time at which the step began (Unix time); `proposals` are under way or wait,
    `runs` are their trials; `budget` is the time box of a run, `limit` its kill limit (seconds).
    `ending` is the reason for the end; `failed` marks an end without a stopping criterion.
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
        """Return the proposal with a number, if it is under way."""
        return next((each for each in self.proposals if each.number == number), None)


class StatusFile:
    """The status as `now`, and its copy on the disk, replaced at every step of the loop.

    During a run it is replaced four times a second. A copy that cannot be written stops nothing:
    no decision depends on it.
    """

    def __init__(self, folder: Path, *, proposer: str) -> None:
        self._path = folder / "now.json"
        self.now = Status(proposer=proposer)

    def step(self, node: str, state: State, program: Program) -> None:
        """Note that a node begins; nodes that take no time count as judging."""
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
        """Note the progress of the runs under way."""
        self._note(
            runs=tuple(Run(trial=each.trial, seconds=each.seconds, line=each.line) for each in runs)
        )

    def pause(self) -> bool:
        """Note that a pause goes on; return True if it has just begun."""
        begun = self.now.doing != "paused"
        if begun:
            self._note(doing="paused", since=time.time())
        return begun

    def _note(self, **news: object) -> None:
        self.now = self.now.model_copy(update=news)
        new = self._path.with_suffix(".new")
        with suppress(OSError):
            new.write_text(self.now.model_dump_json(), "utf-8")
            new.replace(self._path)


def read_status(folder: Path) -> Status | None:
    """Read the status of a research; None if it is not known."""
    try:
        return Status.model_validate_json(files.read(folder / "now.json"))
    except ValueError:  # a power loss can leave anything
        return None

"""Which trial runs where: workers, each with a place of its own."""

from collections.abc import Callable, Sequence

from autoresearch_graph import files
from autoresearch_graph.artifacts import HANDED_OVER, HOLDOUT, Artifacts
from autoresearch_graph.experiment import Experiment, Holdout, Outcome, Proposal, Trial
from autoresearch_graph.hopeless import Bar, bar_for
from autoresearch_graph.pace import held_to
from autoresearch_graph.program.model import Program
from autoresearch_graph.proposers.constants.small import is_small
from autoresearch_graph.runner import Place, Pool, Progress, Watch
from autoresearch_graph.state import State
from autoresearch_graph.workspace import Workspace


class Workshop:
    """Starts trials and waits for their outcomes; close it to end them all."""

    def __init__(self, workspace: Workspace, artifacts: Artifacts, places: Sequence[Place]) -> None:
        self._workspace, self._artifacts = workspace, artifacts
        self._places = places
        self._idle = list(places)
        self._pool = Pool(len(places))

    @property
    def workers(self) -> int:
        """How many trials can run at once."""
        return len(self._places)

    def start(
        self, trial: Trial, state: State, program: Program, rows: Sequence[Experiment]
    ) -> None:
        """Start a trial in a clean checkout of its commit; a no-op for one that runs.

        One without a place waits until it is started again: a killed lab may have had more places
        than this one. The ledger's `rows` tell by what it is hopeless, where program.md lets such a
        run be ended, and how long it may work.
        """
        if self._pool.knows(trial) or not self._idle:
            return
        text, place = self._workspace.text(state.commit(trial)), self._idle.pop(0)
        place.lay_out(text)
        job = self._job(place, trial, text, program, rows)
        self._pool.start(trial, job, self._bar(trial, state, program, rows))

    def wait(self, seconds: float) -> tuple[Trial, Outcome] | None:
        """The outcome of whichever trial ended first, or None after `seconds`."""
        return self._pool.wait(seconds)

    def progress(self) -> tuple[Progress, ...]:
        """The trials under way, in the order of their start."""
        return self._pool.progress()

    def put_back(self, text: str) -> None:
        """Leave the first worktree with a text, while no run is using it."""
        first = self._places[0]
        if first in self._idle:
            first.lay_out(text)

    def hold_out(self, proposal: Proposal, program: Program) -> None:
        """Run the holdout command on what a kept proposal left; a no-op once it has an answer.

        The answer goes into a file that no proposer is given, and into nothing else.
        """
        number, handed_over = proposal.number, self._artifacts.path(proposal.number, HANDED_OVER)
        if program.holdout is None or self._artifacts.read(number, HOLDOUT):
            return
        text = self._workspace.text(proposal.commit)
        log = self._artifacts.path(number, "holdout.txt")
        seen = self._places[0].hold_out(program, text, artifacts=handed_over, log=log)
        files.replace(self._artifacts.path(number, HOLDOUT), Holdout.of(seen).model_dump_json())

    def close(self) -> None:
        """End every run; harmless when called twice."""
        self._pool.close()

    def _bar(
        self, trial: Trial, state: State, program: Program, rows: Sequence[Experiment]
    ) -> Bar | None:
        """Only the first run of a small change may be ended early."""
        best = state.incumbent
        if best is None or trial.repeat or not program.early_end:
            return None
        proposal = state.candidate(trial.number).proposal
        old, new = (self._workspace.text(c) for c in (proposal.parent, proposal.commit))
        run = f"{self._workspace.tag} {trial.number}"  # the same when a killed lab goes on
        return bar_for(best.number, rows, run=run) if is_small(old, new, program.asset) else None

    def _job(
        self, place: Place, trial: Trial, text: str, program: Program, rows: Sequence[Experiment]
    ) -> Callable[[Watch], Outcome]:
        log = "log.txt" if trial.repeat == 0 else f"log.{trial.repeat}.txt"
        # The runs of the baseline may go on at once, so that one of them hands over.
        hands_over = program.holdout and not trial.beside and (trial.number or not trial.repeat)
        handed_over = self._artifacts.path(trial.number, HANDED_OVER) if hands_over else None

        untouched = rows[0].trials if rows else ()

        def job(watch: Watch) -> Outcome:
            try:
                outcome = place.conduct(
                    program,
                    text,
                    seed=trial.repeat,
                    log=self._artifacts.path(trial.number, log),
                    watch=watch,
                    handed_over=handed_over,
                )
                return held_to(program.time_box.seconds, outcome, untouched)
            finally:
                self._idle.append(place)

        return job

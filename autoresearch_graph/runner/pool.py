"""Where trials run while the graph goes on: start a trial, wait for the next outcome.

The worker threads live as long as the pool, for a process box ends with the thread that opened
it. A pool knows nothing beyond its own life: after a restart of the lab it is empty, and the
state tells which trials have to be started again.

Not covered: a pool that is never closed keeps the interpreter from exiting until its jobs end.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from autoresearch_graph.asset.changes import is_small
from autoresearch_graph.core.experiment import (
    Experiment,
    Holdout,
    Outcome,
    Progress,
    Proposal,
    Trial,
)
from autoresearch_graph.core.program import Program
from autoresearch_graph.core.pruning import PruningRule, bar_for
from autoresearch_graph.runner.executor import Executor
from autoresearch_graph.runner.outcome import held_to
from autoresearch_graph.runner.process import Cancelled, Watch
from autoresearch_graph.state import State
from autoresearch_graph.storage import files
from autoresearch_graph.storage.artifacts import HANDED_OVER, HOLDOUT, Artifacts
from autoresearch_graph.workspace.workspace import Workspace


@dataclass(frozen=True)
class _Running:
    future: Future[Outcome]
    watch: Watch
    started: float


class Pool:
    """A number of worker threads; a trial that is started beyond it waits for a free one."""

    def __init__(self, workers: int) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="trial")
        self._trials: dict[Trial, _Running] = {}
        self._ended: SimpleQueue[Trial] = SimpleQueue()

    def start(
        self, trial: Trial, job: Callable[[Watch], Outcome], bar: PruningRule | None = None
    ) -> None:
        """Start `job` for a trial; nothing happens if that trial is known already.

        By the `bar`, where there is one, it is ended when it turns out hopeless.
        """
        if trial in self._trials:
            return
        watch = Watch(bar)
        future = self._threads.submit(_work, job, watch)
        self._trials[trial] = _Running(future, watch, time.monotonic())
        future.add_done_callback(lambda _: self._ended.put(trial))

    def knows(self, trial: Trial) -> bool:
        """Whether the trial was started here and not yet collected."""
        return trial in self._trials

    def wait(self, seconds: float) -> tuple[Trial, Outcome] | None:
        """The outcome of whichever trial ended first, or None after `seconds`.

        The trial is forgotten with that. An exception of its job is raised here: `Cancelled`
        after `close`, else a bug or a broken lab.
        """
        try:
            trial = self._ended.get(timeout=seconds)
        except Empty:
            return None
        return trial, self._trials.pop(trial).future.result()

    def progress(self) -> tuple[Progress, ...]:
        """The trials under way, in the order of their start."""
        now = time.monotonic()
        return tuple(
            Progress(trial, now - running.started, running.watch.line)
            for trial, running in list(self._trials.items())
            if not running.future.done()
        )

    def close(self) -> None:
        """Cancel everything and return when the processes are gone; twice is the same as once."""
        for running in list(self._trials.values()):
            running.watch.cancelled.set()
        self._threads.shutdown(wait=True)


def _work(job: Callable[[Watch], Outcome], watch: Watch) -> Outcome:
    """Do the job, unless the pool was closed before its turn came."""
    if watch.cancelled.is_set():
        raise Cancelled
    return job(watch)


class Workshop:
    """Starts trials and waits for their outcomes; close it to end them all."""

    def __init__(
        self, workspace: Workspace, artifacts: Artifacts, places: Sequence[Executor]
    ) -> None:
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

    def run_holdout(self, proposal: Proposal, program: Program) -> None:
        """Run the holdout command on what a kept proposal left; a no-op once it has an answer.

        The answer goes into a file that no proposer is given, and into nothing else.
        """
        number, handed_over = proposal.number, self._artifacts.path(proposal.number, HANDED_OVER)
        if program.holdout is None or self._artifacts.read(number, HOLDOUT):
            return
        text = self._workspace.text(proposal.commit)
        log = self._artifacts.path(number, "holdout.txt")
        seen = self._places[0].run_holdout(program, text, artifacts=handed_over, log=log)
        files.replace(self._artifacts.path(number, HOLDOUT), Holdout.of(seen).model_dump_json())

    def close(self) -> None:
        """End every run; harmless when called twice."""
        self._pool.close()

    def _bar(
        self, trial: Trial, state: State, program: Program, rows: Sequence[Experiment]
    ) -> PruningRule | None:
        """Only the first run of a small change may be ended early."""
        best = state.incumbent
        if best is None or trial.repeat or not program.early_end:
            return None
        proposal = state.candidate(trial.number).proposal
        old, new = (self._workspace.text(c) for c in (proposal.parent, proposal.commit))
        run = f"{self._workspace.tag} {trial.number}"  # the same when a killed lab goes on
        return bar_for(best.number, rows, run=run) if is_small(old, new, program.asset) else None

    def _job(
        self, place: Executor, trial: Trial, text: str, program: Program, rows: Sequence[Experiment]
    ) -> Callable[[Watch], Outcome]:
        log = "log.txt" if trial.repeat == 0 else f"log.{trial.repeat}.txt"
        # The runs of the baseline may go on at once, so that one of them hands over.
        hands_over = program.holdout and not trial.made_for and (trial.number or not trial.repeat)
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

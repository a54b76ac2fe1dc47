"""Pool of threads that run trials, and tell when one has ended.

The worker threads live as long as the pool, for a sandbox ends with the thread that opened it. A
pool knows nothing beyond its own life: after a restart of the lab it is empty, and the state has
the trials that are to be started again.

Not covered: a pool that is never closed keeps the interpreter from exiting until its jobs end.
"""

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from autoresearch_graph.asset.changes import is_small
from autoresearch_graph.core.experiment import (
    Crashed,
    Experiment,
    Holdout,
    Measured,
    Outcome,
    Progress,
    Proposal,
    Pruned,
    TimedOut,
    Trial,
)
from autoresearch_graph.core.program import Program
from autoresearch_graph.core.pruning import PruningRule, bar_for
from autoresearch_graph.errors import LabError
from autoresearch_graph.runner.executor import Executor
from autoresearch_graph.runner.outcome import pace_of
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
        self.workers = workers
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="trial")
        self._trials: dict[Trial, _Running] = {}
        self._ended: SimpleQueue[Trial] = SimpleQueue()

    def start(
        self, trial: Trial, job: Callable[[Watch], Outcome], watch: Watch | None = None
    ) -> None:
        """Start `job` for a trial. Idempotent."""
        if trial in self._trials:
            return
        watch = watch or Watch()
        future = self._threads.submit(_run_unless_cancelled, job, watch)
        self._trials[trial] = _Running(future, watch, time.monotonic())
        future.add_done_callback(lambda _: self._ended.put(trial))

    def knows(self, trial: Trial) -> bool:
        """Return True if the trial was started here and not yet collected."""
        return trial in self._trials

    def wait(self, seconds: float) -> tuple[Trial, Outcome] | None:
        """Return the trial that ended first with its outcome, or None after `seconds`.

        The trial is forgotten with that. An exception of its job is raised here: `Cancelled`
        after `close`, else a bug or a broken lab.
        """
        try:
            trial = self._ended.get(timeout=seconds)
        except Empty:
            return None
        return trial, self._trials.pop(trial).future.result()

    def progress(self) -> tuple[Progress, ...]:
        """Return the trials under way, in the order of their start."""
        now = time.monotonic()
        return tuple(
            Progress(trial, now - running.started, running.watch.line)
            for trial, running in list(self._trials.items())
            if not running.future.done()
        )

    def close(self) -> None:
        """Cancel everything and return when the processes are gone. Idempotent."""
        for running in list(self._trials.values()):
            running.watch.cancelled.set()
        self._threads.shutdown(wait=True)


def _run_unless_cancelled(job: Callable[[Watch], Outcome], watch: Watch) -> Outcome:
    if watch.cancelled.is_set():
        raise Cancelled
    return job(watch)


def _usable(outcome: object) -> Outcome:
    """Return the outcome of an executor, as a crash if its metric is not finite; else LabError."""
    if not isinstance(outcome, Measured | Crashed | TimedOut | Pruned):
        raise LabError(
            f"conduct of the executor returned {type(outcome).__name__}; "
            "it must return Measured, Crashed or TimedOut",
            code="bad-part",
        )
    if isinstance(outcome, Measured) and not math.isfinite(outcome.metric):
        reason = f"the executor returned the metric {outcome.metric}, which is not finite"
        return Crashed(cause="not finite", reason=reason, seconds=outcome.seconds)
    return outcome


class TrialPool(Pool):
    """The pool of a research: it starts trials of proposals on executors that are free."""

    def __init__(
        self, workspace: Workspace, artifacts: Artifacts, executors: Sequence[Executor]
    ) -> None:
        super().__init__(len(executors))
        self._workspace, self._artifacts = workspace, artifacts
        self._first = executors[0]
        self._idle = list(executors)

    def start_trial(
        self, trial: Trial, state: State, program: Program, rows: Sequence[Experiment]
    ) -> None:
        """Start a trial in a clean checkout of its commit. Idempotent.

        One without a free executor waits until it is started again: a killed lab may have had more
        workers than this one. The ledger's `rows` give the pruning rule and the pace.
        """
        if self.knows(trial) or not self._idle:
            return
        text, executor = self._workspace.text(state.commit(trial)), self._idle.pop(0)
        executor.lay_out(text)
        log = "log.txt" if trial.repeat == 0 else f"log.{trial.repeat}.txt"
        # The runs of the baseline may go on at once, so that one of them hands over.
        hands_over = program.holdout and not trial.made_for and (trial.number or not trial.repeat)
        handed_over = self._artifacts.path(trial.number, HANDED_OVER) if hands_over else None
        rule = self._pruning_rule(trial, state, program, rows)
        pace = pace_of(rows[0].trials) if rows else None

        def job(watch: Watch) -> Outcome:
            try:
                outcome = executor.conduct(
                    program,
                    text,
                    seed=trial.repeat,
                    log=self._artifacts.path(trial.number, log),
                    watch=watch,
                    handed_over=handed_over,
                )
                return _usable(outcome)
            finally:
                self._idle.append(executor)

        self.start(trial, job, Watch(rule, pace))

    def restore_worktree(self, text: str) -> None:
        """Leave the first worktree with a text, while no run is using it."""
        if self._first in self._idle:
            self._first.lay_out(text)

    def run_holdout(self, proposal: Proposal, program: Program) -> None:
        """Run the holdout command on the artifacts of a kept proposal. Idempotent.

        The answer goes into a file that no proposer is given, and into nothing else.
        """
        number, handed_over = proposal.number, self._artifacts.path(proposal.number, HANDED_OVER)
        if program.holdout is None or self._artifacts.read(number, HOLDOUT):
            return
        text = self._workspace.text(proposal.commit)
        log = self._artifacts.path(number, "holdout.txt")
        measured = self._first.run_holdout(program, text, artifacts=handed_over, log=log)
        answer = Holdout.of(measured).model_dump_json()
        files.replace(self._artifacts.path(number, HOLDOUT), answer)

    def _pruning_rule(
        self, trial: Trial, state: State, program: Program, rows: Sequence[Experiment]
    ) -> PruningRule | None:
        """Return the rule by which the first run of a small change may be ended early."""
        best = state.incumbent
        if best is None or trial.repeat or not program.early_end:
            return None
        proposal = state.candidate(trial.number).proposal
        old = self._workspace.text(proposal.parent)
        new = self._workspace.text(proposal.commit)
        if not is_small(old, new, program.asset):
            return None
        run = f"{self._workspace.tag} {trial.number}"  # the same when a killed lab goes on
        return bar_for(best.number, rows, run=run)

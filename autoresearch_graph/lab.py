"""The collaborators of a research, and the one place that chooses implementations."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from git import Repo

from autoresearch_graph import tracing
from autoresearch_graph.asset.syntax import SeenFingerprints, fingerprint, saved_lines
from autoresearch_graph.core.brief import Abandoned, Brief, Edit, Proposer
from autoresearch_graph.core.experiment import Experiment, Incumbent, Progress, Proposal, Trial
from autoresearch_graph.core.output import without_items
from autoresearch_graph.core.program import Program
from autoresearch_graph.core.stopping import stop_reason
from autoresearch_graph.core.text import without_credentials
from autoresearch_graph.core.values import Cost
from autoresearch_graph.program.live import LiveProgram
from autoresearch_graph.proposers.select import choose_proposer, name_of
from autoresearch_graph.results.unfinished import choose, read_chosen
from autoresearch_graph.runner import end_leftovers
from autoresearch_graph.runner.caveats import check_commands
from autoresearch_graph.runner.environment import command_path
from autoresearch_graph.runner.placement import (
    check_workspace,
    open_placement,
    workspace_of,
)
from autoresearch_graph.runner.pool import TrialPool
from autoresearch_graph.settings import Settings, checkpoints_url
from autoresearch_graph.state import State, from_ledger
from autoresearch_graph.storage.artifacts import Artifacts
from autoresearch_graph.storage.inbox import Inbox
from autoresearch_graph.storage.ledger import Ledger
from autoresearch_graph.storage.manifest import Start, lock, read_start, write_start
from autoresearch_graph.storage.postgres import check_url
from autoresearch_graph.storage.spending import Spending
from autoresearch_graph.storage.status import StatusFile
from autoresearch_graph.workspace.repository import begin, find_repository, leave_git_hook
from autoresearch_graph.workspace.workspace import Workspace

_REST = 0.5


@dataclass(kw_only=True)
class Lab:
    """One open research. Close it to end its runs and release its lock.

    `tell` is called with a sentence that a person should know, `show` four times a second with
    the progress of every run; `review` has a person asked about every proposal, of which `ahead`
    may wait for a worker.
    """

    tag: str
    folder: Path
    live: LiveProgram
    workspace: Workspace
    workshop: TrialPool
    ledger: Ledger
    spending: Spending
    inbox: Inbox
    status_file: StatusFile
    artifacts: Artifacts
    proposer: Proposer
    environ: dict[str, str]
    traces: tracing.Tracing
    review: bool
    ahead: int
    tell: Callable[[str], None]
    show: Callable[[Progress], None]
    resources: ExitStack
    checkpoints: Path | str = field(repr=False)
    thread: str
    _tried: SeenFingerprints = field(default_factory=SeenFingerprints)
    _lap: float = field(default_factory=time.monotonic)
    _closing: threading.Event = field(default_factory=threading.Event)

    @property
    def program(self) -> Program:
        """The program as it was last read, with what is frozen for this research."""
        return self.live.current

    def reread_program(self) -> None:
        """Read program.md again if it was edited, and say what of it cannot take effect."""
        if notice := self.live.reread():
            self.tell(notice)

    def lap(self) -> float:
        """Seconds of work since the last call; a suspended machine does not count."""
        before, self._lap = self._lap, time.monotonic()
        return self._lap - before

    def rest(self) -> None:
        """Wait in a pause, which is no work; raises Abandoned where the lab is closed meanwhile."""
        if self.status_file.pause():
            self.tell("paused; go on with: autoresearch resume")
        if self._closing.wait(_REST):
            raise Abandoned
        self.lap()

    def brief(self, number: int, state: State, edit: Edit) -> Brief:
        """What the proposer may know when it writes experiment `number`."""
        if state.incumbent is None:
            raise ValueError("there is nothing to propose before the baseline was measured")
        return Brief(
            number=number,
            program=self.program,
            incumbent=state.incumbent,
            sigma=state.standing.sigma or None,
            text=self.workspace.text(state.incumbent.commit),
            ledger=tuple(row.for_models() for row in self.ledger.experiments),
            text_of=self.workspace.text_of,
            diff_of=lambda n: self.artifacts.read(n, "diff.patch"),
            log_of=self._log_for_models,
            keep=lambda name, text: self.artifacts.write(number, name, text),
            tell=self.tell,
            hide=self._hide,
            pause=self._closing.wait,
            spend=lambda cost: self._spend(number, state, cost),
            unfit=partial(self.workspace.unfit, commit=state.incumbent.commit),
            edit=edit,
            guidance=tuple(message.words for message in state.guidance),
            in_flight=tuple(candidate.proposal for candidate in state.candidates),
        )

    def spent(self, state: State) -> list[Cost]:
        """What counts against a budget: a proposal under way is paid, and is run in any case."""
        under_way = {candidate.proposal.number for candidate in state.candidates}
        return self.spending.costs(self.ledger.experiments, under_way=under_way)

    def _spend(self, number: int, state: State, cost: Cost) -> bool:
        """Note what an answer cost; True if a limit of program.md is passed."""
        self.spending.add(number, cost)
        tally = state.tally.with_costs(self.spent(state))
        return stop_reason(self.program, tally, state.incumbent) is not None

    def _log_for_models(self, number: int) -> str:
        """Return a log without the words of an evaluation that failed, or knows what is hidden."""
        log = without_items(self.artifacts.read(number, "log.txt"))
        rows = (row for row in self.ledger.experiments if row.number == number)
        row, program = next(rows, None), self.program
        if program.evaluation and (program.hidden or row is None or row.status == "crash"):
            log = log.partition(f"$ {program.evaluation}\n")[0]
        return self._hide(log)

    def _hide(self, text: str) -> str:
        return without_credentials(text, self.environ)

    def note(self, runs: Sequence[Progress]) -> None:
        """Let everybody see how far the runs under way are."""
        self.status_file.progress(runs)
        for progress in runs:
            self.show(progress)

    def write_patch(self, proposal: Proposal) -> None:
        """Write what a proposal changes beside its experiment; the same if it runs twice."""
        new, old = self.workspace.text(proposal.commit), self.workspace.text(proposal.parent)
        self.artifacts.write_patch(proposal.number, self.program.asset, old=old, new=new)

    def saved_lines(self, proposal: Proposal) -> int:
        """By how many lines a proposal makes the asset clearly shorter, or 0."""
        new, old = self.workspace.text(proposal.commit), self.workspace.text(proposal.parent)
        return saved_lines(new, old, self.program.asset)

    def start(self, trial: Trial, state: State) -> None:
        """Start a trial in a clean checkout of its commit; a no-op for one that runs."""
        self.workshop.start_trial(trial, state, self.program, self.ledger.experiments)

    def go_on(self, state: State) -> None:
        """Start again what a killed lab left running, as far as there are places."""
        for trial in state.running:
            self.start(trial, state)

    def run_holdout(self, proposal: Proposal) -> None:
        """Ask the holdout about a kept proposal, once."""
        self.workshop.run_holdout(proposal, self.program)

    def tried(self, text: str) -> int | None:
        """The number of the experiment that ran the same, comments and spacing aside, if any."""
        path, commits = self.program.asset, {e.number: e.commit for e in self.ledger.experiments}
        known = self._tried.numbers(commits, self.workspace.text_of, path=path)
        return known.get(fingerprint(text, path))

    def keep(self, commit: str) -> None:
        """Move the branch to a kept commit, unless the person is on it; then the next one will."""
        if self.workspace.is_checked_out:
            self.tell(f"you are on autoresearch/{self.tag}; it is not moved while you are")
            return
        if theirs := self.workspace.moved_away(commit):
            self.tell(
                f"somebody moved autoresearch/{self.tag} to {theirs[:12]}; it goes back to "
                f"what was kept, and theirs can be had with: git branch NAME {theirs[:12]}"
            )
        self.workspace.keep(commit)

    def put_back(self, incumbent: Incumbent | None) -> None:
        """Leave the worktree with the incumbent's text, while no run is using it."""
        if incumbent is not None:
            self.workshop.restore_worktree(self.workspace.text(incumbent.commit))

    def trace(self, experiment: Experiment, incumbent: Incumbent | None) -> None:
        """Put a verdict on the trace of its experiment, where there is one, and never wait."""
        if run := tracing.current_run():
            self.traces.judged(
                run,
                experiment,
                text=self.workspace.text(experiment.commit),
                scores=tracing.scores(experiment, incumbent, self.program.metric),
                url=self.artifacts.path(experiment.number, "trace.url"),
            )
        self._tell_of_traces()

    def _tell_of_traces(self) -> None:
        if notice := self.traces.notice():
            self.tell(notice)

    def close(self) -> None:
        """End every run and release everything; harmless when called twice."""
        self._closing.set()
        self.resources.close()
        self.traces.close()
        self._tell_of_traces()


def open_lab(
    settings: Settings,
    *,
    proposer: Proposer | None = None,
    tell: Callable[[str], None] = lambda notice: None,
    show: Callable[[Progress], None] = lambda progress: None,
) -> Lab:
    """Start a research, or resume the one of that tag; InputError before anything is written."""
    tracing.free_the_exit(os.environ)
    settings, _ = choose(settings)
    program = read_chosen(settings)
    check_url(url := checkpoints_url(settings))
    leave_git_hook(os.environ)
    with ExitStack() as resources:
        repo = resources.enter_context(find_repository(settings.root))
        start = _begun(settings, repo, program)
        workspace = workspace_of(settings, repo, start)
        check_workspace(workspace, start.program)
        placement = resources.enter_context(open_placement(settings, os.environ))
        proposer = proposer or _proposer(settings, workspace, start, program)
        resources.enter_context(lock(settings.folder))
        end_leftovers(settings.folder)
        write_start(settings.folder, repo, start)
        ledger = _ledger(settings, workspace, start)
        artifacts = Artifacts(settings.folder)
        executors = placement.executors(workspace, settings.folder, start.program)
        return Lab(
            tag=start.tag,
            folder=settings.folder,
            live=LiveProgram(start.program, program, project=settings.root, flags=settings.flags),
            workspace=workspace,
            workshop=resources.enter_context(closing(TrialPool(workspace, artifacts, executors))),
            ledger=ledger,
            spending=Spending(settings.folder),
            inbox=Inbox(settings.folder),
            status_file=StatusFile(settings.folder, proposer=name_of(settings)),
            artifacts=artifacts,
            proposer=proposer,
            environ={**os.environ, "AUTORESEARCH_CHECKPOINTS": url},
            traces=tracing.Tracing(start.tag, thread=f"{start.tag}-{start.base[:7]}"),
            review=settings.review,
            ahead=settings.ahead_of(placement.workers),
            tell=tell,
            show=show,
            resources=resources.pop_all(),
            checkpoints=url or settings.folder / "checkpoints.sqlite",
            thread=start.thread if url else start.tag,
        )


def _begun(settings: Settings, repo: Repo, program: Program) -> Start:
    """Read how a research started, or check that it, and its commands, can start now."""
    if known := read_start(settings.folder):
        return known
    start = begin(settings, repo, program)
    check_commands(program, settings.root, command_path())
    return start


def _proposer(settings: Settings, workspace: Workspace, start: Start, program: Program) -> Proposer:
    """Whom a person chose, with the limits of today's program.md."""
    text, asset = workspace.text(start.base), start.program.asset
    return choose_proposer(settings, text, asset, program.stopping.dollars)


def _ledger(settings: Settings, workspace: Workspace, start: Start) -> Ledger:
    """The ledger, with the branch where it says; LabError where git lacks its last experiment."""
    ledger = Ledger(settings.folder, metric=start.program.metric.name)
    if ledger.experiments:
        workspace.text_of(ledger.experiments[-1].number)
    kept = from_ledger(ledger.experiments).incumbent
    workspace.open(tip=kept.commit if kept else start.base)
    return ledger

"""The collaborators of a research, and the one place that chooses implementations."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from git import Repo

from autoresearch_graph import files, tracing
from autoresearch_graph.artifacts import HANDED_OVER, HOLDOUT, Artifacts
from autoresearch_graph.bench import Bench
from autoresearch_graph.credentials import without_credentials
from autoresearch_graph.experiment import (
    Experiment,
    Holdout,
    Incumbent,
    Outcome,
    Proposal,
    Trial,
)
from autoresearch_graph.ledger import Ledger
from autoresearch_graph.length import saved_lines
from autoresearch_graph.mailbox import Mailbox
from autoresearch_graph.now import Bulletin
from autoresearch_graph.output import without_items
from autoresearch_graph.program import read as read_program
from autoresearch_graph.program.live import LiveProgram
from autoresearch_graph.program.model import Program
from autoresearch_graph.proposers import Abandoned, Brief, Edit, Proposer
from autoresearch_graph.proposers.choice import choose_proposer, name_of
from autoresearch_graph.repository import find_repository, leave_git_hook
from autoresearch_graph.runner import Pool, Progress, Watch, detect, expand
from autoresearch_graph.start import Settings, Start, check_start, lock, read_start, write_start
from autoresearch_graph.state import State, from_ledger
from autoresearch_graph.workspace import Workspace

_REST = 0.5


@dataclass(kw_only=True)
class Lab:
    """One open research. Close it to end its runs and release its lock.

    `tell` is called with a sentence that a person should know, `show` four times a second with
    the progress of every run; `review` has a person asked about every proposal.
    """

    tag: str
    folder: Path
    live: LiveProgram
    workspace: Workspace
    bench: Bench
    ledger: Ledger
    mailbox: Mailbox
    bulletin: Bulletin
    artifacts: Artifacts
    pool: Pool
    proposer: Proposer
    environ: dict[str, str]
    traces: tracing.Tracing
    review: bool
    tell: Callable[[str], None]
    show: Callable[[Progress], None]
    resources: ExitStack
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
        if self.bulletin.pause():
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
            ledger=self.ledger.experiments,
            text_of=self.workspace.text_of,
            diff_of=lambda n: self.artifacts.read(n, "diff.patch"),
            log_of=lambda n: self._hide(without_items(self.artifacts.read(n, "log.txt"))),
            keep=lambda name, text: self.artifacts.write(number, name, text),
            tell=self.tell,
            hide=self._hide,
            pause=self._closing.wait,
            edit=edit,
            guidance=tuple(message.words for message in state.guidance),
            in_flight=tuple(candidate.proposal for candidate in state.candidates),
        )

    def _hide(self, text: str) -> str:
        return without_credentials(text, self.environ)

    def note(self, progress: Progress) -> None:
        """Let everybody see how far a run is."""
        self.bulletin.progress(progress)
        self.show(progress)

    def write_patch(self, proposal: Proposal) -> None:
        """Write what a proposal changes beside its experiment; the same if it runs twice."""
        new, old = self.workspace.text(proposal.commit), self.workspace.text(proposal.parent)
        self.artifacts.write_patch(proposal.number, self.program.asset, old=old, new=new)

    def saved_lines(self, proposal: Proposal) -> int:
        """By how many lines a proposal makes the asset clearly shorter, or 0."""
        new, old = self.workspace.text(proposal.commit), self.workspace.text(proposal.parent)
        return saved_lines(new, old, self.program.asset)

    def start(self, trial: Trial, commit: str) -> None:
        """Start a trial in a clean checkout of a commit; a no-op for one that runs."""
        if not self.pool.knows(trial):
            text = self.workspace.text(commit)
            self.bench.lay_out(text)
            self.pool.start(trial, lambda watch: self._conduct(trial, text, watch))

    def _conduct(self, trial: Trial, text: str, watch: Watch) -> Outcome:
        log = "log.txt" if trial.repeat == 0 else f"log.{trial.repeat}.txt"
        return self.bench.conduct(
            self.program,
            text,
            seed=trial.repeat,
            log=self.artifacts.path(trial.number, log),
            watch=watch,
            handed_over=None if trial.beside else self._handed_over(trial.number),
        )

    def _handed_over(self, number: int) -> Path | None:
        return self.artifacts.path(number, HANDED_OVER) if self.program.holdout else None

    def hold_out(self, proposal: Proposal) -> None:
        """Run the holdout command on what a kept proposal left; a no-op once it has an answer.

        The answer goes into a file that no proposer is given, and into nothing else.
        """
        number, artifacts = proposal.number, self._handed_over(proposal.number)
        if artifacts is None or self.artifacts.read(number, HOLDOUT):
            return
        text, log = self.workspace.text(proposal.commit), self.artifacts.path(number, "holdout.txt")
        seen = self.bench.hold_out(self.program, text, artifacts=artifacts, log=log)
        files.replace(self.artifacts.path(number, HOLDOUT), Holdout.of(seen).model_dump_json())

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
        if incumbent is not None and self.pool.free() == self.pool.workers:
            self.bench.lay_out(self.workspace.text(incumbent.commit))

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
    """Start a research, or resume the one of that tag.

    Everything that a person gave is checked before anything is written; raises InputError.
    """
    tracing.free_the_exit(os.environ)
    program = read_program(
        settings.root / settings.program, project=settings.root, flags=settings.flags
    )
    sandbox = detect(settings.sandbox)
    leave_git_hook(os.environ)
    with ExitStack() as resources:
        repo = resources.enter_context(find_repository(settings.root))
        start = read_start(settings.folder) or check_start(settings, repo, program)
        workspace = _workspace(settings, repo, start)
        _check_places(workspace, start.program)
        text = workspace.text(start.base)
        limit = program.stopping.dollars
        proposer = proposer or choose_proposer(settings, text, start.program.asset, limit)
        resources.enter_context(lock(settings.folder))
        write_start(settings.folder, repo, start)
        ledger = _ledger(settings, workspace, start)
        bench = Bench(workspace, settings.folder, sandbox=sandbox, environ=os.environ)
        bench.prepare(start.program)
        pool = Pool(workers=1)
        resources.callback(pool.close)
        return Lab(
            tag=start.tag,
            folder=settings.folder,
            live=LiveProgram(start.program, program, project=settings.root, flags=settings.flags),
            workspace=workspace,
            bench=bench,
            ledger=ledger,
            mailbox=Mailbox(settings.folder),
            bulletin=Bulletin(settings.folder, proposer=name_of(settings)),
            artifacts=Artifacts(settings.folder),
            pool=pool,
            proposer=proposer,
            environ=dict(os.environ),
            traces=tracing.Tracing(start.tag, thread=f"{start.tag}-{start.base[:7]}"),
            review=settings.review,
            tell=tell,
            show=show,
            resources=resources.pop_all(),
        )


def _ledger(settings: Settings, workspace: Workspace, start: Start) -> Ledger:
    """The ledger, with the branch where it says; LabError where git lacks its last experiment."""
    ledger = Ledger(settings.folder, metric=start.program.metric.name)
    if ledger.experiments:
        workspace.text_of(ledger.experiments[-1].number)
    kept = from_ledger(ledger.experiments).incumbent
    workspace.open(tip=kept.commit if kept else start.base)
    return ledger


@contextmanager
def open_bench(settings: Settings, start: Start) -> Iterator[tuple[Workspace, Bench]]:
    """A bench beside the one of a research, and its git side, which nothing is moved on."""
    with find_repository(settings.root) as repo:
        workspace, folder = _workspace(settings, repo, start), settings.folder / "again"
        folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(workspace, folder, sandbox=detect(settings.sandbox), environ=os.environ)
        try:
            bench.prepare(start.program)
            yield workspace, bench
        finally:
            bench.remove()


def _check_places(workspace: Workspace, program: Program) -> None:
    """InputError where the person is on the research's branch, or a hidden path is not there."""
    workspace.check_branch()
    project = workspace.project
    expand(program.hidden, project=project, checkout=project, variables=os.environ)


def _workspace(settings: Settings, repo: Repo, start: Start) -> Workspace:
    asset = start.program.asset
    return Workspace(repo, project=settings.root, tag=start.tag, base=start.base, asset=asset)

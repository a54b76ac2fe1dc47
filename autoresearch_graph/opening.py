"""Opening of a lab: the one place that chooses the implementations of its collaborators."""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from git import Repo

from autoresearch_graph import tracing
from autoresearch_graph.core import judging
from autoresearch_graph.core.brief import Proposer
from autoresearch_graph.core.experiment import Progress
from autoresearch_graph.core.program import Program
from autoresearch_graph.lab import Host, Lab
from autoresearch_graph.program.reader import LiveProgram
from autoresearch_graph.proposers.select import choose_proposer, name_of
from autoresearch_graph.results.unfinished import as_begun, choose, read_chosen
from autoresearch_graph.runner import end_leftovers
from autoresearch_graph.runner.caveats import check_commands
from autoresearch_graph.runner.environment import command_path
from autoresearch_graph.runner.executor import Executor
from autoresearch_graph.runner.placement import check_workspace, open_placement, workspace_of
from autoresearch_graph.runner.pool import TrialPool
from autoresearch_graph.settings import Settings, checkpoints_url
from autoresearch_graph.storage.ledger import Ledger
from autoresearch_graph.storage.manifest import Start, lock, read_start, write_start
from autoresearch_graph.storage.postgres import check_url
from autoresearch_graph.storage.store import open_store
from autoresearch_graph.workspace.repository import begin, find_repository, leave_git_hook
from autoresearch_graph.workspace.workspace import Workspace

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool


def open_lab(
    settings: Settings,
    *,
    proposer: Proposer | None = None,
    judge: judging.Judge = judging,
    executor: Executor | None = None,
    tools: Sequence["BaseTool"] = (),
    tell: Callable[[str], None] = lambda notice: None,
    show: Callable[[Progress], None] = lambda progress: None,
) -> Lab:
    """Start a research, or resume the one of that tag; InputError before anything is written.

    A `proposer`, a `judge` and an `executor` take the place of those that the settings choose. A
    model may call `tools` beside the package's own.
    """
    tracing.free_the_exit(os.environ)
    settings, _ = choose(as_begun(settings))
    program, url = read_chosen(settings), checkpoints_url(settings)
    check_url(url)
    leave_git_hook(os.environ)
    with ExitStack() as resources:
        repo = resources.enter_context(find_repository(settings.root))
        start = read_start(settings.folder) or _begun(settings, repo, program)
        workspace = workspace_of(settings, repo, start)
        check_workspace(workspace, start.program)
        placement = resources.enter_context(open_placement(settings, os.environ, executor))
        proposer = proposer or _proposer(settings, workspace, start, program, tools)
        resources.enter_context(lock(settings.folder))
        end_leftovers(settings.folder)
        write_start(settings.folder, repo, start)
        ledger = _ledger(settings, workspace, start)
        store = open_store(settings.folder, start, proposer=name_of(settings), url=url)
        executors = placement.executors(workspace, settings.folder, start.program)
        pool = resources.enter_context(closing(TrialPool(workspace, store.artifacts, executors)))
        environ = {**os.environ, "AUTORESEARCH_CHECKPOINTS": url}
        ahead = settings.ahead_of(pool.workers)
        return Lab(
            ledger=ledger,
            store=store,
            workspace=workspace,
            pool=pool,
            proposer=proposer,
            judge=judge,
            program=LiveProgram(start.program, program, settings.root, settings.flags),
            traces=tracing.Tracing(start.tag, thread=f"{start.tag}-{start.base[:7]}"),
            host=Host(settings.review, ahead, tell, show, environ, resources.pop_all()),
        )


def _proposer(
    settings: Settings,
    workspace: Workspace,
    start: Start,
    program: Program,
    tools: Sequence["BaseTool"],
) -> Proposer:
    """Return the proposer that the settings name, with the limits of today's program.md."""
    text, dollars = workspace.text(start.base), program.stopping.dollars
    return choose_proposer(settings, text, start.program.asset, dollars, tools)


def _begun(settings: Settings, repo: Repo, program: Program) -> Start:
    """Check that a new research, and its commands, can start now."""
    start = begin(settings, repo, program)
    check_commands(program, settings.root, command_path())
    return start


def _ledger(settings: Settings, workspace: Workspace, start: Start) -> Ledger:
    """Open the ledger, with the branch at its last keep; LabError if git lacks its last row."""
    ledger = Ledger(settings.folder, metric=start.program.metric.name)
    rows = ledger.experiments
    if rows:
        workspace.text_of(rows[-1].number)
    kept = (row.commit for row in reversed(rows) if row.status == "keep")
    workspace.open(tip=next(kept, start.base))
    return ledger

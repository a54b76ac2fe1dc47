"""Where the trials of a research run: on this machine, or on a cluster."""

import os
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from git import Repo

from autoresearch_graph.core.program import Program
from autoresearch_graph.errors import InputError
from autoresearch_graph.runner.executor import Executor
from autoresearch_graph.runner.local import LocalExecutor, gpus, shares
from autoresearch_graph.runner.ray.messages import SourceSnapshot
from autoresearch_graph.runner.ray.mirror import packed
from autoresearch_graph.runner.sandbox.detect import Sandbox, detect
from autoresearch_graph.runner.sandbox.hidden import expand
from autoresearch_graph.runner.sandbox.kernel import end_leftovers
from autoresearch_graph.settings import Choice, Settings
from autoresearch_graph.storage.manifest import Start
from autoresearch_graph.workspace.repository import find_repository
from autoresearch_graph.workspace.workspace import Workspace

if TYPE_CHECKING:
    from autoresearch_graph.runner.ray.cluster import Cluster


@dataclass(frozen=True)
class LocalPlacement:
    """The lab's own machine, shared by `workers`, each with a bench of its own."""

    workers: int
    sandbox: Sandbox
    environ: Mapping[str, str]

    def places(self, workspace: Workspace, folder: Path, program: Program) -> list[Executor]:
        """Make a bench for each worker below `folder`, with its share of the machine."""
        benches: list[Executor] = []
        for i, share in enumerate(shares(self.workers, self.environ)):
            place = folder / "workers" / str(i) if i else folder
            place.mkdir(parents=True, exist_ok=True)
            bench = LocalExecutor(
                workspace, place, sandbox=self.sandbox, environ=self.environ, share=share
            )
            bench.prepare(program)
            benches.append(bench)
        return benches


@dataclass(frozen=True)
class RayPlacement:
    """A cluster, on which `workers` trials may be under way at once."""

    workers: int
    cluster: "Cluster"
    sandbox: Choice
    environ: Mapping[str, str]

    def places(self, workspace: Workspace, folder: Path, program: Program) -> list[Executor]:
        """A place for each worker, with the committed files where the nodes can fetch them."""
        from autoresearch_graph.runner.ray.executor import RayExecutor

        ground = SourceSnapshot(
            base=workspace.base,
            asset=workspace.assets,
            below=workspace.below.as_posix(),
            project=str(workspace.project),
            git=str(Path(workspace.repo.common_dir).resolve()),
        )
        self.cluster.bring(ground.base, lambda: packed(workspace.repo, ground.base))
        place = RayExecutor(self.cluster, ground, self.sandbox, self.environ)
        return [place] * self.workers


@contextmanager
def open_placement(
    settings: Settings, environ: MutableMapping[str, str]
) -> Iterator[LocalPlacement | RayPlacement]:
    """Where the settings say that trials run; a cluster is left, or ended, with the block.

    InputError where it cannot be had.
    """
    if not settings.on:
        if settings.gpus is not None or settings.cpus is not None:
            raise InputError(
                "--gpus and --cpus are what a run asks a cluster for: --on ray",
                code="options-conflict",
            )
        wanted = settings.workers
        workers = len(gpus(environ)) or 1 if wanted == "auto" else wanted
        yield LocalPlacement(workers, detect(settings.sandbox), environ)
        return
    from autoresearch_graph.runner.ray.cluster import Request, connected

    request = Request(settings.gpus, 1.0 if settings.cpus is None else settings.cpus)
    with connected(settings.on, request, environ) as cluster:
        yield RayPlacement(
            cluster.workers(settings.workers), cluster, settings.sandbox, dict(environ)
        )


@contextmanager
def open_executor(settings: Settings, start: Start) -> Iterator[tuple[Workspace, Executor]]:
    """A place beside those of a research, and its git side, which nothing is moved on."""
    with find_repository(settings.root) as repo, open_placement(settings, os.environ) as ground:
        end_leftovers(settings.folder)
        workspace = _workspace(settings, repo, start)
        (place,) = ground.places(workspace, settings.folder / "again", start.program)
        try:
            yield workspace, place
        finally:
            place.remove()


def _check_places(workspace: Workspace, program: Program) -> None:
    """InputError where the person is on the research's branch, or a hidden path is not there."""
    workspace.check_branch()
    project = workspace.project
    expand(program.hidden, project=project, checkout=project, variables=os.environ)


def _workspace(settings: Settings, repo: Repo, start: Start) -> Workspace:
    asset = start.program.asset
    return Workspace(repo, project=settings.root, tag=start.tag, base=start.base, asset=asset)

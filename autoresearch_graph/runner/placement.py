"""The machines on which the trials of a research run: this one, or those of a cluster."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from git import Repo

from autoresearch_graph.core.program import Program
from autoresearch_graph.errors import InputError
from autoresearch_graph.runner.executor import Executor
from autoresearch_graph.runner.local import LocalExecutor
from autoresearch_graph.runner.process import end_leftovers
from autoresearch_graph.runner.sandbox.detect import Sandbox, detect
from autoresearch_graph.runner.sandbox.hidden import expand
from autoresearch_graph.settings import Choice, Settings
from autoresearch_graph.storage.manifest import Start
from autoresearch_graph.workspace.repository import find_repository
from autoresearch_graph.workspace.workspace import Workspace

if TYPE_CHECKING:
    from autoresearch_graph.runner.ray.cluster import Cluster

_GPUS = "CUDA_VISIBLE_DEVICES"
_THREADS = "OMP_NUM_THREADS"


@dataclass(frozen=True)
class LocalPlacement:
    """The lab's own machine, shared by `workers` executors."""

    workers: int
    sandbox: Sandbox
    environ: Mapping[str, str]

    def executors(self, workspace: Workspace, folder: Path, program: Program) -> list[Executor]:
        """Make an executor for each worker below `folder`, with its share of the machine."""
        executors: list[Executor] = []
        for number, share in enumerate(shares(self.workers, self.environ)):
            below = folder / "workers" / str(number) if number else folder
            below.mkdir(parents=True, exist_ok=True)
            executor = LocalExecutor(
                workspace, below, sandbox=self.sandbox, environ=self.environ, share=share
            )
            executor.prepare(program)
            executors.append(executor)
        return executors


@dataclass(frozen=True)
class RayPlacement:
    """A cluster, on which `workers` trials may be under way at once."""

    workers: int
    cluster: "Cluster"
    sandbox: Choice
    environ: Mapping[str, str]

    def executors(self, workspace: Workspace, folder: Path, program: Program) -> list[Executor]:
        """Put the committed files where the nodes can fetch them; return an executor a worker."""
        from autoresearch_graph.runner.ray.executor import RayExecutor
        from autoresearch_graph.runner.ray.messages import SourceSnapshot, packed

        source = SourceSnapshot(
            base=workspace.base,
            asset=str(workspace.asset),
            below=workspace.below.as_posix(),
            project=str(workspace.project),
            git=str(Path(workspace.repo.common_dir).resolve()),
        )
        self.cluster.bring(source.base, lambda: packed(workspace.repo, source.base))
        return [RayExecutor(self.cluster, source, self.sandbox, self.environ)] * self.workers


@dataclass(frozen=True)
class CustomPlacement:
    """An executor that a person plugged in, shared by `workers`."""

    workers: int
    executor: Executor

    def executors(self, workspace: Workspace, folder: Path, program: Program) -> list[Executor]:
        """Give the executor to every worker."""
        return [self.executor] * self.workers


@contextmanager
def open_placement(
    settings: Settings, environ: MutableMapping[str, str], executor: Executor | None = None
) -> Iterator[LocalPlacement | RayPlacement | CustomPlacement]:
    """Open the machines that the settings name; a cluster is left, or ended, with the block.

    InputError where there are none.
    """
    if executor is not None:
        yield CustomPlacement(1 if settings.workers == "auto" else settings.workers, executor)
        return
    if not settings.on:
        if settings.gpus is not None or settings.cpus is not None:
            raise InputError(
                "--gpus and --cpus need a cluster: --on ray",
                code="options-conflict",
            )
        wanted = settings.workers
        workers = len(gpus(environ)) or 1 if wanted == "auto" else wanted
        yield LocalPlacement(workers, detect(settings.sandbox), environ)
        return
    from autoresearch_graph.runner.ray.cluster import Request, connected

    request = Request(settings.gpus, 1.0 if settings.cpus is None else settings.cpus)
    with connected(settings.on, request, environ) as cluster:
        workers = cluster.workers(settings.workers)
        yield RayPlacement(workers, cluster, settings.sandbox, dict(environ))


@contextmanager
def open_executor(settings: Settings, start: Start) -> Iterator[tuple[Workspace, Executor]]:
    """Open one more executor of a research, and a workspace on which nothing is moved."""
    with find_repository(settings.root) as repo, open_placement(settings, os.environ) as placement:
        end_leftovers(settings.folder)
        workspace = workspace_of(settings, repo, start)
        executors = placement.executors(workspace, settings.folder / "again", start.program)
        (executor,) = executors
        try:
            yield workspace, executor
        finally:
            if isinstance(executor, LocalExecutor):
                executor.remove()


def workspace_of(settings: Settings, repo: Repo, start: Start) -> Workspace:
    """Return the workspace of a research that has started."""
    asset = start.program.asset
    return Workspace(repo, project=settings.root, tag=start.tag, base=start.base, asset=asset)


def check_workspace(workspace: Workspace, program: Program) -> None:
    """InputError if the person is on the research's branch, or a hidden path does not exist."""
    workspace.check_branch()
    project = workspace.project
    expand(program.hidden, project=project, checkout=project, variables=os.environ)


def gpus(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the NVIDIA GPUs that may be used, as CUDA names them; none without a driver."""
    if _GPUS in environ:
        return tuple(name for name in environ[_GPUS].split(",") if name.strip())
    if shutil.which("nvidia-smi") is None:
        return ()
    command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    return tuple(listed.stdout.split()) if listed.returncode == 0 else ()


def shares(workers: int, environ: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the variables by which `workers` runs share the machine; none for one alone.

    GPUs are given out in turn. A number of threads that a person set stays.
    """
    if workers == 1:
        return [{}]
    found = gpus(environ)
    threads = {_THREADS: str(max(1, (os.cpu_count() or 1) // workers))}
    fixed = {} if _THREADS in environ else threads
    return [
        fixed | ({_GPUS: found[number % len(found)]} if found else {}) for number in range(workers)
    ]

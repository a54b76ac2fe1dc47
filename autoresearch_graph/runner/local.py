"""Where a trial works: one checkout for its run, and another for what measures it."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from autoresearch_graph.asset.files import Asset
from autoresearch_graph.core.experiment import Crashed, Measured, Outcome
from autoresearch_graph.core.program import Program
from autoresearch_graph.errors import InputError, LabError
from autoresearch_graph.runner import environment as uv
from autoresearch_graph.runner.environment import run_environment
from autoresearch_graph.runner.process import Watch
from autoresearch_graph.runner.sandbox.bwrap import bwrap_arguments
from autoresearch_graph.runner.sandbox.detect import Sandbox
from autoresearch_graph.runner.sandbox.editable import own_imports
from autoresearch_graph.runner.sandbox.hidden import expand
from autoresearch_graph.runner.sandbox.self_test import prove_hidden
from autoresearch_graph.runner.trial import TrialFolder, conduct, measure_holdout
from autoresearch_graph.workspace.uncommitted import Committed, advice, laid, may_change, within
from autoresearch_graph.workspace.workspace import Workspace
from autoresearch_graph.workspace.worktree import Checkout

Allows = Callable[[Program, Sequence[str]], Sequence[str]]


def _none(program: Program, changed: Sequence[str]) -> Sequence[str]:
    """Let none of the committed files change."""
    return changed


class EvaluationCheckout:
    """A checkout at the research's first commit that no run works in.

    One evaluation at a time: each lays it out anew, so that what was there before is gone. A run
    that may write outside its own folder may write here, too, but only while it lives. `allows`
    leaves out of the changed files those that may change.
    """

    def __init__(self, workspace: Workspace, folder: Path, allows: Allows = _none) -> None:
        self._workspace, self._folder, self._allows = workspace, folder, allows
        self._checkout: Checkout | None = None

    def fresh(self, program: Program, text: str) -> TrialFolder:
        """A site with the committed files alone, and with `text` where the asset is handed over.

        Where it is not, there is no asset: an evaluation that imports it fails, rather than
        measure the untouched one.
        """
        checkout = self.make()
        asset, named = Asset.parse(program.asset), program.handed_over
        wanted = program.asset in named or any(map(asset.contains, named))
        checkout.lay_out(text if wanted else None)
        folder = self._workspace.project_in(checkout)
        return TrialFolder(folder, lambda: self._allows(program, checkout.restore()))

    def make(self) -> Checkout:
        """Make the checkout, unless that was done."""
        if self._checkout is None:
            self._checkout = self._workspace.checkout(self._folder)
        return self._checkout

    def remove(self) -> None:
        """Remove the checkout, if there is one."""
        if self._checkout is not None:
            self._checkout.remove()


class LocalExecutor:
    """The checkouts below `folder`, for one trial at a time, and the box that its commands get.

    `share` has the variables that give its runs their part of the machine. `project` is where that
    which is not committed lies, and `hidden` what no run may see of a place that it may read.
    """

    def __init__(
        self,
        workspace: Workspace,
        folder: Path,
        *,
        sandbox: Sandbox,
        environ: Mapping[str, str],
        share: Mapping[str, str] = MappingProxyType({}),
        project: Path | None = None,
        hidden: tuple[Path, ...] = (),
    ) -> None:
        self._workspace, self._sandbox, self._environ = workspace, sandbox, environ
        self._share, self._project = share, project or workspace.project
        self._hidden = (
            self._project / ".autoresearch",
            Path(workspace.repo.common_dir),
            *hidden,
        )
        self._untouched = workspace.text(workspace.base)
        self._committed = Committed.of(workspace.repo, workspace.base, workspace.below)
        self._checkout = workspace.checkout(folder / "worktree")
        self.evaluations = EvaluationCheckout(workspace, folder / "evaluation", self._forbidden)
        self._holdouts = EvaluationCheckout(workspace, folder / "holdout", self._forbidden)

    def prepare(self, program: Program) -> None:
        """Make the rooms that the program needs, before any run could change what git writes.

        InputError where a run could read or move what program.md hides.
        """
        self._prove_hidden(program)
        if program.evaluation is not None:
            self.evaluations.make()
        if program.holdout is not None:
            self._holdouts.make()

    def remove(self) -> None:
        """Remove all of its checkouts; it cannot be used after that."""
        self._checkout.remove()
        for room in (self.evaluations, self._holdouts):
            room.remove()

    def lay_out(self, text: str) -> None:
        """Make the checkout of the run clean, with `text` as its asset."""
        self._checkout.lay_out(text)

    def conduct(
        self,
        program: Program,
        text: str,
        *,
        seed: int,
        log: Path,
        watch: Watch,
        handed_over: Path | None = None,
    ) -> Outcome:
        """Run what was laid out, and measure it in a fresh room; raises `Cancelled`.

        It may be called in another thread than the one that laid out.
        """
        folder = self._workspace.project_in(self._checkout)
        outcome = conduct(
            program=program,
            site=self._importing(
                TrialFolder(
                    folder,
                    lambda: self._forbidden(program, self._checkout.restore()),
                    lambda: self._checkout.lay_out(text),
                ),
                program,
            ),
            evaluation=lambda: self._importing(self.evaluations.fresh(program, text), program),
            log=log,
            environment=self._environment(program, seed),
            sandbox=self._hiding(program, text),
            watch=watch,
            handed_over=handed_over,
        )
        if isinstance(outcome, Crashed) and text == self._untouched:
            return self._advised(outcome, program, log)
        return outcome

    def _advised(self, crash: Crashed, program: Program, log: Path) -> Crashed:
        """Add what in the project would mend it; told of a person's own code alone."""
        scored = program.evaluation and crash.cause == "evaluation"
        checkout = self.evaluations.make() if scored else self._checkout
        told = advice(
            crash,
            log.read_text("utf-8", errors="replace"),
            program,
            project=self._project,
            folder=self._workspace.project_in(checkout),
            committed=self._committed,
        )
        return crash.model_copy(update={"reason": crash.reason + told})

    def _forbidden(self, program: Program, changed: Sequence[str]) -> tuple[str, ...]:
        """Return the changed files that no run may write, as they lie in the project."""
        start = "" if self._workspace.below == Path() else f"{self._workspace.below.as_posix()}/"
        return tuple(
            path.removeprefix(start)
            for path in changed
            if not path.startswith(start)
            or not may_change(program, self._project, path.removeprefix(start))
        )

    def run_holdout(
        self, program: Program, text: str, *, artifacts: Path, log: Path
    ) -> Measured | Crashed:
        """Run the holdout command on artifacts of an earlier trial, in a fresh room."""
        return measure_holdout(
            program=program,
            site=self._importing(self._holdouts.fresh(program, text), program),
            artifacts=artifacts,
            log=log,
            environment=self._environment(program, seed=0),
            sandbox=self._within(program, text),
            watch=Watch(),
        )

    def _prove_hidden(self, program: Program) -> None:
        sandbox = self._hiding(program, self._untouched)
        for writable in program.environment.writable:
            own = (self._project / Path(writable).expanduser()).resolve()
            inside = (path for path in sandbox.hidden if path.resolve().is_relative_to(own))
            if moved := next(inside, None):
                raise InputError(
                    f"`{writable}`, which a run may write, holds {moved}, which is hidden: a run "
                    "could move it; name a folder beside it"
                )
        folder = self._workspace.project_in(self._checkout)
        prove_hidden(sandbox, folder=folder, environment=self._environment(program, seed=0))

    def _hiding(self, program: Program, text: str) -> Sandbox:
        """The box of a run, which hides what program.md says from it and not from an evaluation."""
        hidden = expand(
            program.hidden,
            project=self._project,
            checkout=self._workspace.project_in(self._checkout),
            variables=self._environ,
        )
        return replace(self._within(program, text), hidden=hidden)

    def _within(self, program: Program, text: str) -> Sandbox:
        """The box with the walls of program.md; only the person's own asset fills caches."""
        places = uv.places(self._project) if uv.uses(program.experiment) else ()
        asked = program.environment
        committed = self._committed.files
        outside = [p for p in asked.writable if within(self._project, p) not in committed]
        walls = bwrap_arguments(
            self._project,
            environment=asked.model_copy(update={"writable": tuple(outside)}),
            variables=self._environ,
            hidden=self._hidden,
            fills_caches=text == self._untouched,
        )
        beside = laid(program, self._project, self._committed)
        return self._sandbox.within(
            replace(walls, readable=(*walls.readable, *places), laid=beside)
        )

    def _importing(self, site: TrialFolder, program: Program) -> TrialFolder:
        """A site whose own folders take the place of those that were installed in place."""
        depth = len(self._workspace.below.parts)
        top = [self._project, *self._project.parents][depth]
        found, why = own_imports(
            "\n".join(program.commands.values()), self._project, top, self._environ.get("PATH", "")
        )
        if why:
            raise LabError(why)
        places = (os.path.relpath(place, self._project) for place in found)
        own = (Path(os.path.normpath(site.folder / place)) for place in places)
        return replace(site, imports=tuple(own))

    def _environment(self, program: Program, seed: int) -> dict[str, str]:
        seconds = program.time_box.seconds
        environ = {**self._environ, **self._share}
        given = run_environment(environ, program.environment, seconds=seconds, seed=seed)
        return uv.variables(self._project) | given


_GPUS = "CUDA_VISIBLE_DEVICES"
_THREADS = "OMP_NUM_THREADS"


def gpus(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The NVIDIA GPUs that may be used, as CUDA names them; none where there is no driver."""
    if _GPUS in environ:
        return tuple(name for name in environ[_GPUS].split(",") if name.strip())
    if shutil.which("nvidia-smi") is None:
        return ()
    command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return tuple(told.stdout.split()) if told.returncode == 0 else ()


def shares(workers: int, environ: Mapping[str, str]) -> list[dict[str, str]]:
    """The variables by which `workers` runs share the machine; nothing to share for one alone.

    GPUs are given out in turn. A number of threads that a person set stays.
    """
    if workers == 1:
        return [{}]
    found = gpus(environ)
    threads = max(1, (os.cpu_count() or 1) // workers)
    fixed = {} if _THREADS in environ else {_THREADS: str(threads)}
    return [fixed | ({_GPUS: found[i % len(found)]} if found else {}) for i in range(workers)]

"""Trials on this machine: one checkout for the run, and others for what measures it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from autoresearch_graph.asset.files import Asset
from autoresearch_graph.core.experiment import Cause, Crashed, Measured, Outcome
from autoresearch_graph.core.program import Program
from autoresearch_graph.errors import InputError, LabError
from autoresearch_graph.runner.environment import (
    run_environment,
    uses_uv,
    uv_folders,
    uv_variables,
)
from autoresearch_graph.runner.outcome import Node
from autoresearch_graph.runner.process import Watch
from autoresearch_graph.runner.sandbox.bwrap import bwrap_arguments
from autoresearch_graph.runner.sandbox.detect import Sandbox
from autoresearch_graph.runner.sandbox.editable import own_imports
from autoresearch_graph.runner.sandbox.hidden import expand
from autoresearch_graph.runner.sandbox.self_test import prove_hidden
from autoresearch_graph.runner.trial import CommandRunner, TrialFolder, conduct, measure_holdout
from autoresearch_graph.workspace.uncommitted import Committed, advice, laid, may_change, within
from autoresearch_graph.workspace.workspace import Workspace
from autoresearch_graph.workspace.worktree import Checkout


class EvaluationCheckout:
    """A checkout at the research's first commit that no run works in.

    One evaluation at a time: each lays it out anew, so that what was there before is gone. A run
    that may write outside its own folder may write here, too, but only while it lives.
    """

    def __init__(self, workspace: Workspace, folder: Path) -> None:
        self._workspace, self._folder = workspace, folder
        self._checkout: Checkout | None = None

    def fresh(self, program: Program, text: str) -> Checkout:
        """Lay out the committed files alone, and `text` where the asset is handed over.

        Where it is not, there is no asset: an evaluation that imports it fails, rather than
        measure the untouched one.
        """
        checkout = self.make()
        asset, named = Asset.parse(program.asset), program.handed_over
        wanted = program.asset in named or any(map(asset.contains, named))
        checkout.lay_out(text if wanted else None)
        return checkout

    def make(self) -> Checkout:
        """Make the checkout. Idempotent."""
        if self._checkout is None:
            self._checkout = self._workspace.checkout(self._folder)
        return self._checkout

    def remove(self) -> None:
        """Remove the checkout, if there is one."""
        if self._checkout is not None:
            self._checkout.remove()


class LocalExecutor:
    """Conducts one trial at a time in checkouts below `folder`, in a sandbox.

    `share` has the variables that give its runs their part of the machine. `project` is the folder
    with the files that are not committed, and `hidden` is hidden from every command.
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
        node: Node = Node(),  # noqa: B008
    ) -> None:
        self._workspace, self._sandbox, self._environ = workspace, sandbox, environ
        self._share, self._project = share, project or workspace.project
        records = self._project / ".autoresearch"
        self._hidden = (records, Path(workspace.repo.common_dir), *hidden)
        self._node = node
        self._untouched = workspace.text(workspace.base)
        self._committed = Committed.of(workspace.repo, workspace.base, workspace.below)
        self._checkout = workspace.checkout(folder / "worktree")
        self._evaluations = EvaluationCheckout(workspace, folder / "evaluation")
        self._holdouts = EvaluationCheckout(workspace, folder / "holdout")

    def prepare(self, program: Program) -> None:
        """Make the checkouts of the program, before any run could change what git writes.

        InputError where a run could read or move what program.md hides.
        """
        self._prove_hidden(program)
        if program.evaluation is not None:
            self._evaluations.make()
        if program.holdout is not None:
            self._holdouts.make()

    def remove(self) -> None:
        """Remove all checkouts; it cannot be used after that."""
        for checkout in (self._checkout, self._evaluations, self._holdouts):
            checkout.remove()

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
        """Run what was laid out, and measure it in a fresh checkout; raises `Cancelled`."""
        folder = self._trial_folder(program, self._checkout)
        folder = replace(folder, renew=lambda: self._checkout.lay_out(text))
        sandbox = replace(self._sandbox_of(program, text), hidden=self._hidden_from_runs(program))
        environment = self._environment(program, seed)

        def evaluation() -> TrialFolder:
            return self._trial_folder(program, self._evaluations.fresh(program, text))

        def advise(cause: Cause, reason: str) -> str:
            """Return the setting of the project that would fix a crash of the person's own code."""
            if text != self._untouched:
                return ""
            scored = program.evaluation and cause == "evaluation"
            checkout = self._evaluations.make() if scored else self._checkout
            return advice(
                Crashed(cause=cause, reason=reason),
                log.read_text("utf-8", errors="replace"),
                program,
                project=self._project,
                folder=self._workspace.project_in(checkout),
                committed=self._committed,
            )

        return conduct(
            CommandRunner(program, folder, log, environment, sandbox, watch),
            evaluation=evaluation,
            handed_over=handed_over,
            advise=advise,
            node=self._node,
        )

    def run_holdout(
        self, program: Program, text: str, *, artifacts: Path, log: Path
    ) -> Measured | Crashed:
        """Run the holdout command on artifacts of an earlier trial, in a fresh checkout."""
        folder = self._trial_folder(program, self._holdouts.fresh(program, text))
        environment = self._environment(program, seed=0)
        sandbox = self._sandbox_of(program, text)
        commands = CommandRunner(program, folder, log, environment, sandbox, Watch())
        return measure_holdout(commands, artifacts=artifacts)

    def _trial_folder(self, program: Program, checkout: Checkout) -> TrialFolder:
        """Return the project in a checkout, whose packages win over those installed in place."""
        folder = self._workspace.project_in(checkout)
        top = [self._project, *self._project.parents][len(self._workspace.below.parts)]
        commands = "\n".join(program.commands.values())
        found, refusal = own_imports(commands, self._project, top, self._environ.get("PATH", ""))
        if refusal:
            raise LabError(refusal)
        within_project = (os.path.relpath(path, self._project) for path in found)
        imports = tuple(Path(os.path.normpath(folder / path)) for path in within_project)
        return TrialFolder(
            folder, lambda: self._forbidden(program, checkout.restore()), imports=imports
        )

    def _forbidden(self, program: Program, changed: Sequence[str]) -> tuple[str, ...]:
        """Return the changed files that no run may write, as they lie in the project."""
        start = "" if self._workspace.below == Path() else f"{self._workspace.below.as_posix()}/"
        return tuple(
            path.removeprefix(start)
            for path in changed
            if not path.startswith(start)
            or not may_change(program, self._project, path.removeprefix(start))
        )

    def _prove_hidden(self, program: Program) -> None:
        hidden = self._hidden_from_runs(program)
        for writable in program.environment.writable:
            folder = (self._project / Path(writable).expanduser()).resolve()
            for path in hidden:
                if path.resolve().is_relative_to(folder):
                    raise InputError(
                        f"`{writable}`, which a run may write, holds {path}, which is hidden: a "
                        "run could move it; name a folder beside it"
                    )
        prove_hidden(
            replace(self._sandbox_of(program, self._untouched), hidden=hidden),
            folder=self._workspace.project_in(self._checkout),
            environment=self._environment(program, seed=0),
        )

    def _hidden_from_runs(self, program: Program) -> tuple[Path, ...]:
        """Return the paths that program.md hides from check and run, but not from an evaluation."""
        return expand(
            program.hidden,
            project=self._project,
            checkout=self._workspace.project_in(self._checkout),
            variables=self._environ,
        )

    def _sandbox_of(self, program: Program, text: str) -> Sandbox:
        """Return the sandbox of program.md; only the person's own asset fills caches."""
        asked, committed = program.environment, self._committed.files
        outside = [path for path in asked.writable if within(self._project, path) not in committed]
        arguments = bwrap_arguments(
            self._project,
            environment=asked.model_copy(update={"writable": tuple(outside)}),
            variables=self._environ,
            hidden=self._hidden,
            fills_caches=text == self._untouched,
        )
        python = uv_folders(self._project) if uses_uv(program.experiment) else ()
        return self._sandbox.within(
            replace(
                arguments,
                readable=(*arguments.readable, *python),
                laid=laid(program, self._project, self._committed),
            )
        )

    def _environment(self, program: Program, seed: int) -> dict[str, str]:
        seconds = program.time_box.seconds
        environ = {**self._environ, **self._share}
        given = run_environment(environ, program.environment, seconds=seconds, seed=seed)
        return uv_variables(self._project) | given

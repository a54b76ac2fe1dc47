"""One trial: check, experiment and evaluation, and the one outcome that comes of them.

A metric counts only after exit code 0, only if it is finite, and, where program.md names an
evaluation, only from the evaluation's output. Protected files are put back after every command,
so that each starts from the committed ones; a command that changed one has failed. After a
check the whole checkout is laid out anew: what the check made is not there for the run.

The evaluation works in another folder: the committed files and what the run hands over, brought
there when every process of the run is gone. Not covered: an asset that prints a false number
itself (name an evaluation against that), and an evaluation that runs what was handed over.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autoresearch_graph.asset.files import Asset
from autoresearch_graph.core.experiment import (
    Cause,
    Crashed,
    Measured,
    Outcome,
    Pruned,
    TimedOut,
)
from autoresearch_graph.core.program import Program
from autoresearch_graph.core.text import without_keys
from autoresearch_graph.program.shell import reads_a_part
from autoresearch_graph.runner.environment import importing
from autoresearch_graph.runner.handover import Unusable, clear, hand_over
from autoresearch_graph.runner.limits import Limits, limits_of
from autoresearch_graph.runner.log import Log
from autoresearch_graph.runner.outcome import Failed, Name, Node, Step, is_cut_off, measure
from autoresearch_graph.runner.process import Cancelled, Watch, run
from autoresearch_graph.runner.sandbox.detect import Sandbox

_CUT_OFF = (1, 120)  # exit codes of Python when the reader of its output has ended
_USAGE = ("seconds", "memory_gb", "cpu_seconds", "processes", "disk_gb")


@dataclass(frozen=True)
class TrialFolder:
    """A folder with the committed files, in which commands run.

    `restore` puts the protected ones back and returns the paths of those that were changed;
    `renew` lays all of them out anew, so that nothing is left of an earlier command. Python
    imports from the folders in `imports` first.
    """

    folder: Path
    restore: Callable[[], Sequence[str]]
    renew: Callable[[], None] = lambda: None
    imports: tuple[Path, ...] = ()


@dataclass(frozen=True)
class CommandRunner:
    """A trial folder with all that its commands have in common."""

    program: Program
    trial_folder: TrialFolder
    log: Path
    environment: Mapping[str, str]
    sandbox: Sandbox
    watch: Watch

    def run(self, name: Name, command: str) -> Step:
        """Run one command within the limit and put the protected files back.

        Raises `Cancelled`.
        """
        if self.watch.cancelled.is_set():
            raise Cancelled
        self.watch.may_prune = name == "run"
        program, folder = self.program, self.trial_folder.folder
        several = program.check is not None or program.evaluation is not None
        limits = limits_of(program.constraints) if name == "run" else Limits()
        words, environment = importing(self.trial_folder.imports, command, self.environment)
        with Log(self.log, title=command if several else "") as log:
            ended = run(
                words, folder=folder, environment=environment,
                seconds=program.time_box.kill_after, log=log, sandbox=self.sandbox,
                watch=self.watch, limits=limits,
            )  # fmt: skip
        if ended.cancelled:
            raise Cancelled
        changed, text = self.trial_folder.restore(), without_keys(log.text())
        if ended.exit_code in _CUT_OFF and reads_a_part(command) and is_cut_off(text):
            ended = replace(ended, exit_code=0)
        return Step(name, ended, text, changed, folder)

    def score(self, name: Name, command: str, artifacts: Path) -> Step:
        """Bring the artifacts of a run here, and run the command that reads them."""
        self.hand_over(artifacts, self.trial_folder.folder)
        step = self.run(name, command)
        step.check(self.program.time_box.kill_after)
        return step

    def hand_over(self, source: Path, target: Path) -> None:
        """Copy the artifacts of the run from one folder to another."""
        try:
            hand_over(self.artifacts, source=source, target=target)
        except Unusable as reason:
            raise Failed("evaluation", f"{reason}, which the evaluation reads") from None

    @property
    def artifacts(self) -> tuple[str, ...]:
        """The files that come from the run; the text of the asset comes from its commit."""
        whole, asset = self.program.asset, Asset.parse(self.program.asset)
        named = (path for path in self.program.handed_over if path != whole)
        return tuple(path for path in named if not asset.contains(path))


def conduct(
    commands: CommandRunner,
    *,
    evaluation: Callable[[], TrialFolder],
    handed_over: Path | None = None,
    advise: Callable[[Cause, str], str] = lambda cause, reason: "",
    node: Node = Node(),  # noqa: B008
) -> Outcome:
    """Run the program's commands and return the complete outcome; raises `Cancelled`.

    `evaluation` makes a fresh folder, in which nothing is hidden. `handed_over` is a folder that
    keeps the artifacts for a holdout. Time and memory in the outcome are those of the run, or of
    the check if that failed. `advise` adds to the reason of a crash. A second call writes the log
    anew.
    """
    commands.log.parent.mkdir(parents=True, exist_ok=True)
    commands.log.write_bytes(b"")
    program, limit = commands.program, commands.program.time_box.kill_after
    traces: dict[str, Any] = {"node": node.name, "lost": node.lost}
    traces["sandbox"] = str(commands.sandbox)
    try:
        if program.check is not None:
            check = commands.run("check", program.check)
            traces |= _usage(check)
            check.check(limit)
            commands.trial_folder.renew()
            traces["check_seconds"] = check.ended.seconds
        clear(commands.artifacts, folder=commands.trial_folder.folder)
        run = commands.run("run", program.experiment)
        traces |= _usage(run) | {"would_prune": commands.watch.would_prune}
        run.check(limit)
        if run.ended.exit_code is None:
            pruned = run.ended.pruned
            return Pruned(reason=pruned, **traces) if pruned else TimedOut(limit=limit, **traces)
        artifacts = commands.trial_folder.folder
        if handed_over is not None:
            commands.hand_over(artifacts, handed_over)
            artifacts = handed_over
        scorer = run
        if program.evaluation is not None:
            unhidden = replace(commands.sandbox, hidden=())
            commands = replace(commands, trial_folder=evaluation(), sandbox=unhidden)
            scorer = commands.score("evaluation", program.evaluation, artifacts)
        return measure(program, run=run, scorer=scorer, traces=traces, pace=commands.watch.pace)
    except Failed as failed:
        reason = failed.reason + advise(failed.cause, failed.reason)
        return Crashed(cause=failed.cause, reason=reason, place=failed.place, **traces)


def measure_holdout(commands: CommandRunner, *, artifacts: Path) -> Measured | Crashed:
    """Run the program's holdout command on artifacts that an earlier trial left in a folder."""
    commands.log.write_bytes(b"")
    try:
        step = commands.score("holdout", commands.program.holdout or "", artifacts)
        return measure(commands.program, run=step, scorer=step, traces={}, pace=None)
    except Failed as failed:
        return Crashed(cause=failed.cause, reason=failed.reason, place=failed.place)


def _usage(step: Step) -> dict[str, float]:
    return {name: getattr(step.ended, name) for name in _USAGE}

"""One trial: check, experiment and evaluation, and the one outcome that comes of them.

A metric counts only after exit code 0, only if it is finite, and, where program.md names an
evaluation, only from the evaluation's output. Protected files are put back after every command,
so that each starts from the committed ones; a command that changed one has failed. After a
check the whole checkout is laid out anew: what the check made is not there for the run.

The evaluation works at another site: the committed files and what the run hands over, brought
there when every process of the run is gone. Not covered: an asset that prints a false number
itself (name an evaluation against that), and an evaluation that runs what was handed over.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autoresearch_graph.asset.files import Asset
from autoresearch_graph.core.experiment import Crashed, Measured, Outcome
from autoresearch_graph.core.program import Program
from autoresearch_graph.core.text import without_keys
from autoresearch_graph.program.shell import reads_a_part
from autoresearch_graph.runner import process as box
from autoresearch_graph.runner.environment import importing
from autoresearch_graph.runner.handover import Unusable, clear, hand_over
from autoresearch_graph.runner.limits import Limits, limits_of
from autoresearch_graph.runner.log import Log
from autoresearch_graph.runner.outcome import Name, Step, failure, is_cut_off, measure
from autoresearch_graph.runner.process import Cancelled, Watch
from autoresearch_graph.runner.sandbox.detect import Sandbox

_CUT_OFF = (1, 120)  # what Python ends with when the reader of its output has ended
_COST = ("seconds", "memory_gb", "cpu_seconds", "processes", "disk_gb")


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


def conduct(
    *,
    program: Program,
    site: TrialFolder,
    evaluation: Callable[[], TrialFolder],
    log: Path,
    environment: Mapping[str, str],
    sandbox: Sandbox,
    watch: Watch,
    handed_over: Path | None = None,
) -> Outcome:
    """Run the program's commands at `site` and say what came of it; raises `Cancelled`.

    `evaluation` makes a fresh site; what `sandbox` hides is hidden from check and run alone.
    `handed_over`, where it is given, is a folder that keeps the artifacts for a later look.
    Every command has the same limit; time and memory in the outcome are those of the run, or of
    the check if that failed; `check_seconds` is the check's own. A second call writes `log` anew.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")
    bench = _CommandRunner(program, site, log, environment, sandbox, watch)
    step, outcome = bench.outcome(evaluation, handed_over)
    cost = {name: getattr(step.ended, name) for name in _COST}
    told = {"sandbox": str(sandbox), "would_prune": watch.would_prune}
    return outcome.model_copy(update=cost | told)


def measure_holdout(
    *,
    program: Program,
    site: TrialFolder,
    artifacts: Path,
    log: Path,
    environment: Mapping[str, str],
    sandbox: Sandbox,
    watch: Watch,
) -> Measured | Crashed:
    """Run the program's holdout command on artifacts that an earlier trial left in a folder."""
    log.write_bytes(b"")
    bench = _CommandRunner(program, site, log, environment, replace(sandbox, hidden=()), watch)
    return bench.scored("holdout", program.holdout or "", artifacts)


@dataclass(frozen=True)
class _CommandRunner:
    """What all commands at one site have in common."""

    program: Program
    site: TrialFolder
    log: Path
    environment: Mapping[str, str]
    sandbox: Sandbox
    watch: Watch

    def outcome(
        self, evaluation: Callable[[], TrialFolder], handed_over: Path | None
    ) -> tuple[Step, Outcome]:
        """The outcome, and the step that it cost."""
        if self.program.check is None:
            return self._run(evaluation, handed_over)
        check = self._step("check", self.program.check)
        if failed := failure(check, limit=self.program.time_box.kill_after):
            return check, failed
        self.site.renew()
        step, outcome = self._run(evaluation, handed_over)
        return step, outcome.model_copy(update={"check_seconds": check.ended.seconds})

    def _run(
        self, evaluation: Callable[[], TrialFolder], handed_over: Path | None
    ) -> tuple[Step, Outcome]:
        program = self.program
        clear(self._artifacts, folder=self.site.folder)
        run = self._step("run", program.experiment)
        if failed := failure(run, limit=program.time_box.kill_after):
            return run, failed
        left = self.site.folder
        if handed_over is not None:
            if unusable := self._hand_over(left, handed_over):
                return run, unusable
            left = handed_over
        if program.evaluation is None:
            return run, measure(program, run=run, scorer=run)
        scorer = replace(self, site=evaluation(), sandbox=replace(self.sandbox, hidden=()))
        return run, scorer.scored("evaluation", program.evaluation, left, run=run)

    def scored(
        self, name: Name, command: str, left: Path, run: Step | None = None
    ) -> Measured | Crashed:
        """What a command prints about the artifacts in `left`, which are brought here first."""
        if unusable := self._hand_over(left, self.site.folder):
            return unusable
        step = self._step(name, command)
        failed = failure(step, limit=self.program.time_box.kill_after)
        if isinstance(failed, Crashed):
            return failed
        return measure(self.program, run=run or step, scorer=step)

    @property
    def _artifacts(self) -> tuple[str, ...]:
        """The files that come from the run; the text of the asset comes from its commit."""
        whole, asset = self.program.asset, Asset.parse(self.program.asset)
        named = (path for path in self.program.handed_over if path != whole)
        return tuple(path for path in named if not asset.contains(path))

    def _hand_over(self, source: Path, target: Path) -> Crashed | None:
        try:
            hand_over(self._artifacts, source=source, target=target)
        except Unusable as reason:
            return Crashed(cause="evaluation", reason=f"{reason}, which the evaluation reads")
        return None

    def _step(self, name: Name, command: str) -> Step:
        """Run one command within the limit, and put the protected files back."""
        if self.watch.cancelled.is_set():
            raise Cancelled
        self.watch.looked_at = name == "run"
        several = self.program.check is not None or self.program.evaluation is not None
        bounds = limits_of(self.program.constraints) if name == "run" else Limits()
        whole, environment = importing(self.site.imports, command, self.environment)
        with Log(self.log, title=command if several else "") as log:
            ended = box.run(
                whole, folder=self.site.folder, environment=environment,
                seconds=self.program.time_box.kill_after, log=log, sandbox=self.sandbox,
                watch=self.watch, limits=bounds,
            )  # fmt: skip
        if ended.cancelled:
            raise Cancelled
        changed, text = self.site.restore(), without_keys(log.text())
        if ended.exit_code in _CUT_OFF and reads_a_part(command) and is_cut_off(text):
            ended = replace(ended, exit_code=0)
        return Step(name, ended, text, changed, self.site.folder)

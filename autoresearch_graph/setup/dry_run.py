"""A dry run: the untouched asset, run once before any research, to see its metric."""

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from autoresearch_graph.core.experiment import Crashed, Measured, Outcome
from autoresearch_graph.core.output import read_metrics
from autoresearch_graph.program.reader import read
from autoresearch_graph.runner import Watch
from autoresearch_graph.runner.caveats import check_commands
from autoresearch_graph.runner.environment import command_path
from autoresearch_graph.runner.placement import open_executor
from autoresearch_graph.settings import Settings
from autoresearch_graph.workspace.repository import check_start, find_repository


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """The outcome of the run, and the names of the numbers that it printed, in order."""

    metric: str
    outcome: Outcome
    printed: tuple[str, ...]

    @property
    def went_well(self) -> bool:
        """True if there is a metric to begin with."""
        return isinstance(self.outcome, Measured)

    @property
    def lacks_only_its_metric(self) -> bool:
        """True if it ran well, and another printed number may be the metric."""
        lacks = isinstance(self.outcome, Crashed) and self.outcome.cause == "no metric"
        return lacks and bool(self.printed)

    def __str__(self) -> str:
        match self.outcome:
            case Measured(metric=value, seconds=seconds):
                return f"it took {seconds:.1f} s and gave {self.metric} {value:g}"
            case Crashed(reason=reason):
                printed = f"; it printed: {', '.join(self.printed)}" if self.printed else ""
                return f"it gave no metric: {reason}{printed}"
        seconds = self.outcome.seconds
        return f"it was ended after {seconds:.0f} s; raise the time box, or shorten the run"


def dry_run(project: Path) -> DryRun:
    """Run the committed asset once as an experiment would run, and leave nothing behind.

    Raise InputError if a research could not start.
    """
    settings = Settings(project=project, tag="_dry_run")
    program = read(settings.root / settings.program, project=settings.root)
    with find_repository(settings.root) as repo:
        start = check_start(settings, repo, program)
        check_commands(program, settings.root, command_path())
    log = settings.folder / "log.txt"
    try:
        with open_executor(settings, start) as (workspace, executor):
            text = workspace.text(start.base)
            executor.lay_out(text)
            outcome = executor.conduct(program, text, seed=0, log=log, watch=Watch())
        printed = tuple(read_metrics(log.read_text("utf-8", errors="replace")))
        return DryRun(metric=program.metric.name, outcome=outcome, printed=printed)
    finally:
        shutil.rmtree(settings.folder, ignore_errors=True)
        with suppress(OSError):
            settings.folder.parent.rmdir()

"""One run of the untouched asset before any research: does it run, and print its number?"""

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
    """What came of the run, and the names of the numbers that it printed, the last ones last."""

    metric: str
    outcome: Outcome
    printed: tuple[str, ...]

    @property
    def went_well(self) -> bool:
        """Whether there is a number to begin with."""
        return isinstance(self.outcome, Measured)

    @property
    def lacks_only_its_metric(self) -> bool:
        """Whether it ran well, and another number of its output may be meant."""
        crashed = self.outcome if isinstance(self.outcome, Crashed) else None
        return crashed is not None and crashed.cause == "no metric" and bool(self.printed)

    def __str__(self) -> str:
        match self.outcome:
            case Measured(metric=value, seconds=seconds):
                return f"it took {seconds:.1f} s and gave {self.metric} {value:g}"
            case Crashed(reason=reason):
                printed = f"; it printed: {', '.join(self.printed)}" if self.printed else ""
                return f"that gave no number: {reason}{printed}"
        return f"it was ended after {self.outcome.seconds:.0f} s; give it more time, or less to do"


def rehearse(project: Path) -> DryRun:
    """Run the committed asset once as an experiment would be run; nothing stays of it.

    Raises InputError where a research could not start.
    """
    settings = Settings(project=project, tag="_rehearsal")
    program = read(settings.root / settings.program, project=settings.root)
    with find_repository(settings.root) as repo:
        start = check_start(settings, repo, program)
        check_commands(program, settings.root, command_path())
    log = settings.folder / "log.txt"
    try:
        with open_executor(settings, start) as (workspace, place):
            text = workspace.text(start.base)
            place.lay_out(text)
            outcome = place.conduct(program, text, seed=0, log=log, watch=Watch())
        printed = tuple(read_metrics(log.read_text("utf-8", errors="replace")))
        return DryRun(metric=program.metric.name, outcome=outcome, printed=printed)
    finally:
        shutil.rmtree(settings.folder, ignore_errors=True)
        with suppress(OSError):
            settings.folder.parent.rmdir()

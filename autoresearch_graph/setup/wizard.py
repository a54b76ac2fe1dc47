"""The wizard of `autoresearch init`, and its dry run of the untouched asset.

It reports all, and asks only in a terminal.
"""

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from autoresearch_graph.core.experiment import Crashed, Measured, Outcome
from autoresearch_graph.core.output import read_metrics
from autoresearch_graph.errors import InputError
from autoresearch_graph.program.reader import read
from autoresearch_graph.runner import Watch
from autoresearch_graph.runner.caveats import check_commands
from autoresearch_graph.runner.environment import command_path
from autoresearch_graph.runner.placement import open_executor
from autoresearch_graph.settings import Settings
from autoresearch_graph.setup.dialogue import Dialogue
from autoresearch_graph.setup.draft import ProgramDraft, Question, program_files
from autoresearch_graph.setup.preflight import check_project
from autoresearch_graph.templates import DEFAULT, names
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


class SetupWizard:
    """A dialogue about a new project, or a monologue if there is no terminal."""

    def __init__(self, *, is_terminal: bool) -> None:
        self._is_terminal = is_terminal
        self._dialogue = Dialogue()

    def template(self) -> str | None:
        """Ask for the example of a new project; None without a terminal."""
        if not self._is_terminal:
            return None
        self._dialogue.report(
            "This folder is empty. Begin with an example, and replace it by your own:"
        )
        return self._dialogue.ask(Question(f"{', '.join(names())}?", "", DEFAULT))

    def choose_file(self, folder: Path) -> Path:
        """Return the program file of a folder; InputError if it is one of several."""
        found = program_files(folder) or ["program.md"]
        if len(found) == 1 or found[0] == "program.md":
            return Path(found[0])
        if not self._is_terminal:
            message = f"There are several program files. Choose one: --program {found[0]}"
            raise InputError(message, code="no-program")
        self._dialogue.report(f"Program files: {', '.join(found)}")
        return Path(self._dialogue.ask(Question("Which one describes the task?", "", found[0])))

    def fill(self, draft: ProgramDraft) -> None:
        """Have the inferred values confirmed, and ask for the missing ones, in a terminal."""
        if self._is_terminal and not draft.is_beyond_answers:
            self._dialogue.settle(draft, draft.confirm)

    def check(self, draft: ProgramDraft) -> list[str]:
        """Report everything that a research lacks, and return the names."""
        findings = check_project(Settings(project=draft.project, program=draft.path))
        unready = [finding for finding in findings if not finding.ready]
        self._dialogue.report(*(f"{finding.name}: {finding.value}" for finding in unready))
        return [finding.name for finding in unready]

    def dry_run(self, draft: ProgramDraft) -> bool:
        """Run the command once and return True if it gave a metric; a person may rename that."""
        report = self._dialogue.report
        while True:
            limit = read(draft.path, project=draft.project).time_box.kill_after
            if self._is_terminal and not self._dialogue.confirms(
                f"Run it once now, for at most {limit:g} s?"
            ):
                return True
            report("Running it once, in a clean checkout of the commit ...")
            result = dry_run(draft.project, draft.path)
            report(str(result))
            if not (self._is_terminal and result.lacks_only_its_metric):
                return result.went_well
            if not draft.may_change("metric"):
                return result.went_well
            question = Question("Which of these is the metric?", "", result.printed[-1])
            draft.answer("metric", self._dialogue.ask(question))
            report(draft.write())


def dry_run(project: Path, program_file: Path = Path("program.md")) -> DryRun:
    """Run the committed asset once as an experiment would run, and leave nothing behind.

    Raise InputError if a research could not start.
    """
    settings = Settings(project=project, program=program_file, tag="_dry_run")
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

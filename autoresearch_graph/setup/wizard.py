"""The wizard of `autoresearch init`: it reports all, and asks only in a terminal."""

from rich.console import Console
from rich.prompt import Confirm, Prompt
from rich.text import Text

from autoresearch_graph.errors import InputError
from autoresearch_graph.program.reader import read
from autoresearch_graph.settings import Settings
from autoresearch_graph.setup.draft import ProgramDraft, Question
from autoresearch_graph.setup.dry_run import DryRun, dry_run
from autoresearch_graph.setup.preflight import check_project
from autoresearch_graph.templates import DEFAULT, names


class SetupWizard:
    """A dialogue about a new project, or a monologue if there is no terminal."""

    def __init__(self, *, is_terminal: bool) -> None:
        self._is_terminal = is_terminal
        self._console = Console(highlight=False, soft_wrap=True)

    def template(self) -> str | None:
        """Ask for the example of a new project; None without a terminal."""
        if not self._is_terminal:
            return None
        self._report("This folder is empty. Begin with an example, and replace it by your own:")
        return self._ask(Question("template", f"{', '.join(names())}?", DEFAULT))

    def fill(self, draft: ProgramDraft) -> None:
        """Report the parts of program.md, and ask for the missing ones."""
        if not draft.is_new:
            self._report("program.md says:", *(f"  {line}" for line in draft.understood()))
        if self._is_terminal:
            draft.ask(self._ask, self._report)

    def check(self, draft: ProgramDraft) -> list[str]:
        """Report everything that a research lacks, and return the names."""
        findings = check_project(Settings(project=draft.project))
        unready = [finding for finding in findings if not finding.ready]
        self._report(*(f"{finding.name}: {finding.value}" for finding in unready))
        return [finding.name for finding in unready]

    def dry_run(self, draft: ProgramDraft) -> bool:
        """Run the command once and return True if it gave a metric; a person may rename that."""
        while True:
            limit = read(draft.path, project=draft.project).time_box.kill_after
            if self._is_terminal and not self._confirms(
                f"Run it once now, for at most {limit:g} s?"
            ):
                return True
            self._report("Running it once, in a clean checkout of the commit ...")
            result = dry_run(draft.project)
            self._report(str(result))
            if not (self._is_terminal and result.lacks_only_its_metric):
                return result.went_well
            if not draft.asked_for("metric"):
                return result.went_well
            self._rename_metric(draft, result)
            self._report(draft.write())

    def _rename_metric(self, draft: ProgramDraft, result: DryRun) -> None:
        question = Question("metric", "Which of these is the metric?", result.printed[-1])
        draft.answer("metric", self._ask(question))

    def _confirms(self, question: str) -> bool:
        try:
            return Confirm.ask(question, console=self._console, default=True)
        except EOFError:
            message = "The input ended. What was written is kept."
            raise InputError(message, code="no-answer") from None

    def _ask(self, question: Question) -> str:
        try:
            if question.default:
                return Prompt.ask(question.words, console=self._console, default=question.default)
            return Prompt.ask(question.words, console=self._console)
        except EOFError:
            message = "The input ended before every question was answered."
            raise InputError(message, code="no-answer") from None

    def _report(self, *sentences: str) -> None:
        for sentence in sentences:
            self._console.print(Text(sentence))

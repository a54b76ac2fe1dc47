"""`autoresearch init` as a conversation; without a terminal nothing is asked, and all is told."""

from rich.console import Console
from rich.prompt import Confirm, Prompt
from rich.text import Text

from autoresearch_graph.errors import InputError
from autoresearch_graph.program.reader import read
from autoresearch_graph.settings import Settings
from autoresearch_graph.setup.draft import Draft, Question
from autoresearch_graph.setup.dry_run import DryRun, rehearse
from autoresearch_graph.setup.preflight import check_project
from autoresearch_graph.templates import DEFAULT, names


class SetupWizard:
    """Asks a person, where there is one, and tells what it found in any case."""

    def __init__(self, *, talks: bool) -> None:
        self._talks = talks
        self._console = Console(highlight=False, soft_wrap=True)

    def template(self) -> str | None:
        """Which example a new project is to be; None where nobody can be asked."""
        if not self._talks:
            return None
        self._tell("This folder is empty. Begin with an example, and put your own in its place:")
        return self._ask(Question("template", f"{', '.join(names())}?", DEFAULT))

    def fill(self, draft: Draft) -> None:
        """Say what program.md says, and have a person say the rest."""
        if not draft.is_new:
            self._tell("program.md says:", *(f"  {line}" for line in draft.understood()))
        if self._talks:
            draft.ask(self._ask, self._tell)

    def check(self, draft: Draft) -> list[str]:
        """What a research needs and is not there, by name; each is told in a sentence."""
        findings = check_project(Settings(project=draft.project))
        unready = [finding for finding in findings if not finding.ready]
        self._tell(*(f"{finding.name}: {finding.value}" for finding in unready))
        return [finding.name for finding in unready]

    def rehearse(self, draft: Draft) -> bool:
        """Run it once and say whether it gave a number; a person may name another one meanwhile."""
        while True:
            limit = read(draft.path, project=draft.project).time_box.kill_after
            if self._talks and not self._agrees(f"Run it once now, for at most {limit:g} s?"):
                return True
            self._tell("running it once, in a clean checkout of what is committed ...")
            found = rehearse(draft.project)
            self._tell(str(found))
            if not (self._talks and found.lacks_only_its_metric and self._renames(draft, found)):
                return found.went_well
            self._tell(draft.write())

    def _renames(self, draft: Draft, found: DryRun) -> bool:
        """Whether a person says that another number is meant, where program.md allows it."""
        if not draft.asked_for("metric"):
            return False
        question = Question("metric", "Which of these is the metric?", found.printed[-1])
        draft.answer("metric", self._ask(question))
        return True

    def _agrees(self, words: str) -> bool:
        try:
            return Confirm.ask(words, console=self._console, default=True)
        except EOFError:
            raise InputError(
                "the answers ended; what was written stays", code="no-answer"
            ) from None

    def _ask(self, question: Question) -> str:
        try:
            if question.default:
                return Prompt.ask(question.words, console=self._console, default=question.default)
            return Prompt.ask(question.words, console=self._console)
        except EOFError:
            raise InputError(
                "the answers ended before everything was said", code="no-answer"
            ) from None

    def _tell(self, *sentences: str) -> None:
        for sentence in sentences:
            self._console.print(Text(sentence))

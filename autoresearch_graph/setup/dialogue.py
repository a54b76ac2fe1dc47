"""The dialogue in the terminal about a program file: is it right, and what is left open?"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rich.console import Console
from rich.prompt import Confirm, Prompt
from rich.text import Text

from autoresearch_graph.core.text import one_line
from autoresearch_graph.errors import InputError, ProgramError
from autoresearch_graph.program.reading import Passage
from autoresearch_graph.settings import Settings
from autoresearch_graph.setup.draft import QUESTIONS, ProgramDraft, Question, program_files

_BEFORE = 24  # characters of a long line that are shown before the value; some words


class Dialogue:
    """Questions to a person in the terminal; InputError if the input ends before an answer."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)

    def report(self, *sentences: str) -> None:
        """Show sentences, one a line."""
        for sentence in sentences:
            self._console.print(Text(sentence))

    def ask(self, question: Question) -> str:
        """Ask a question and return the answer; its default for an empty line."""
        if question.candidates:
            self.report(f"Tracked files: {', '.join(question.candidates)}")
        try:
            if question.default:
                return Prompt.ask(question.words, console=self._console, default=question.default)
            return Prompt.ask(question.words, console=self._console)
        except EOFError:
            message = "The input ended before every question was answered."
            raise InputError(message, code="no-answer") from None

    def confirms(self, question: str) -> bool:
        """Return True for a yes, which is the default."""
        try:
            return Confirm.ask(question, console=self._console, default=True)
        except EOFError:
            message = "The input ended. What was written is kept."
            raise InputError(message, code="no-answer") from None

    def settle(self, draft: ProgramDraft, keep: Callable[[], None]) -> None:
        """Have the inferred values confirmed or corrected, and ask for the missing ones.

        `keep` is called after each step, so that nothing is lost if the input ends, or with Ctrl-C.
        ProgramError if a person says no.
        """
        while draft.unaccepted or draft.missing:
            if draft.unaccepted:
                self._confirm(draft)
            else:
                field = draft.missing[0]
                self.report(*filter(None, [draft.why(field)]))
                draft.ask(field, self.ask, self.report)
            keep()

    def _confirm(self, draft: ProgramDraft) -> None:
        """Show the inferred values once, and ask if they are right."""
        self.report(f"{draft.path.name} does not state these values; they were inferred:")
        for row in _rows(draft.unaccepted, self._console.width):
            self._console.print(row)
        answer = self._is_right()
        if answer == "no":
            raise draft.reading.unaccepted()
        if answer == "edit":
            fields = dict.fromkeys(passage.field for passage in draft.unaccepted)
            for field in (field for field in fields if field in QUESTIONS):
                draft.ask(field, self.ask, self.report)

    def _is_right(self) -> str:
        while True:
            answer = self.ask(Question("Is this right? [Y/n/edit]", "")).strip().lower()
            for choice in ("yes", "no", "edit"):
                if choice.startswith(answer):
                    return choice


def _rows(passages: Iterable[Passage], width: int) -> Iterator[Text]:
    """Yield a line for each passage: its part, its value, its line and the text of that."""
    for passage in passages:
        value, quote = one_line(passage.text), one_line(passage.quote)
        row = Text(f"  {passage.field.replace('_', ' '):12}").append(f"{value:24}", "bold")
        row.append(f"  line {passage.line}: ")
        begin = quote.find(value) - _BEFORE
        if begin > 0 and len(row) + len(quote) > width:
            quote = f"…{quote[begin:]}"
        row.append(quote, "dim").truncate(width, overflow="ellipsis")
        yield row


def settle(settings: Settings, *, is_terminal: bool, suggested: tuple[Passage, ...] = ()) -> None:
    """Have program.md accepted before a run, by `--accept-reading` or in a terminal.

    A model's values may be `suggested` in place of those that rules infer.

    ProgramError if values are inferred that nobody has accepted. Other problems are left to the
    reader.
    """
    root = settings.root
    path = root / settings.program
    if not path.exists():
        _check_alone(path, root)
        return
    draft = ProgramDraft(path, root, settings.flags, suggested)
    if settings.flags.accept_reading and draft.reading.inferred and not draft.problems:
        draft.save()
    if suggested and draft.reading.problems and not is_terminal:
        raise draft.reading.problems[0]
    if draft.is_beyond_answers:
        return
    if is_terminal:
        Dialogue().settle(draft, draft.save)
    elif draft.unaccepted and not draft.missing:
        raise draft.reading.unaccepted()


def _check_alone(path: Path, project: Path) -> None:
    """Raise ProgramError that names other program files in the place of one that is missing."""
    if others := program_files(project):
        advice = " or ".join(f"--program {name}" for name in others)
        raise ProgramError(
            f"there is no such file in {project}. Use another one: {advice}",
            path=path,
            code="no-program",
        )

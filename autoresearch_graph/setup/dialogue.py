"""The dialogue in the terminal about a program file: is it right, and what is left open?"""

from collections.abc import Callable, Iterable, Iterator

from rich.console import Console
from rich.prompt import Confirm, Prompt
from rich.text import Text

from autoresearch_graph.core.text import one_line
from autoresearch_graph.errors import InputError, ProgramError
from autoresearch_graph.program.reader import look_at
from autoresearch_graph.program.reading import Passage, Reading
from autoresearch_graph.settings import Settings
from autoresearch_graph.setup.draft import QUESTIONS, ProgramDraft, Question, program_files

_SHOWN = 8  # protected files; `check` has all of them
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

        A no ends it. `keep` is called after each step, so that nothing is lost if the input ends,
        or with Ctrl-C.
        """
        while draft.unaccepted or draft.missing:
            if draft.unaccepted:
                draft.propose()
            if not draft.unaccepted:
                field = draft.missing[0]
                self.report(*filter(None, [draft.why(field)]))
                draft.ask(field, self.ask, self.report)
            elif not self._confirm(draft):
                return
            keep()

    def _confirm(self, draft: ProgramDraft) -> bool:
        """Show the inferred values once, and ask if they are right."""
        self.report(f"{draft.path.name} does not state these values:")
        fixed = [each for each in draft.reading.passages if each.field == "protected"]
        shown = [*draft.unaccepted, *fixed[:_SHOWN]]
        for row in _rows(shown, self._console.width):
            self._console.print(row)
        if len(fixed) > _SHOWN:
            self.report(f"  and {len(fixed) - _SHOWN} more protected files")
        answer = self._is_right()
        if answer == "edit":
            fields = dict.fromkeys(passage.field for passage in draft.unaccepted)
            for field in (field for field in fields if field in QUESTIONS):
                draft.ask(field, self.ask, self.report)
        return answer != "no"

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
        row.append(f"  line {passage.line}: " if passage.line else "  not said; usual")
        begin = quote.find(value) - _BEFORE
        if begin > 0 and len(row) + len(quote) > width:
            quote = f"…{quote[begin:]}"
        row.append(quote, "dim").truncate(width, overflow="ellipsis")
        yield row


def settle(
    settings: Settings, *, is_terminal: bool, suggested: tuple[Passage, ...] = ()
) -> Reading:
    """Return the reading of program.md after a person was asked about what is open in it.

    It is accepted by `--accept-reading`, or in a terminal. A model's values may be `suggested` in
    place of those that rules infer.
    """
    root = settings.root
    path = root / settings.program
    if not path.exists() and (others := program_files(root)):
        advice = " or ".join(f"--program {name}" for name in others)
        sentence = f"there is no such file in {root}. Use another one: {advice}"
        raise ProgramError(sentence, path=path, code="no-program")
    if not path.exists():
        return look_at(path, project=root)
    draft = ProgramDraft(path, root, settings.flags, suggested)
    if settings.flags.accept_reading and draft.reading.inferred and not draft.problems:
        draft.save()
    if is_terminal and not draft.is_beyond_answers:
        Dialogue().settle(draft, draft.save)
    return draft.reading

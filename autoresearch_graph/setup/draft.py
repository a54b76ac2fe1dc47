"""A draft of program.md: what is stated, what was inferred, and answers to what is open.

The answers of a person are either locked beside the file or written into it as front matter.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from autoresearch_graph.asset.files import Asset
from autoresearch_graph.core.program import Flags
from autoresearch_graph.errors import InputError, LabError, ProgramError
from autoresearch_graph.program.acceptance import LOCK, accept
from autoresearch_graph.program.reader import look_at
from autoresearch_graph.program.reading import By, Passage, Reading, front_matter
from autoresearch_graph.storage.files import replace
from autoresearch_graph.workspace.repository import find_repository, tracked

_SHOWN = 12  # candidates; more do not fit on a line or two
_REQUIRED = ("asset", "experiment", "metric", "direction", "time_box", "stopping")
_SEPARATED = ("asset", "stopping")  # fields of several values
_BOM = "\ufeff"


@dataclass(frozen=True)
class Question:
    """The question for a part; `option` answers it on the command line."""

    words: str
    option: str
    default: str = ""
    candidates: tuple[str, ...] = ()


QUESTIONS = {
    "asset": Question("Which file may change?", "--asset"),
    "experiment": Question("Which command runs it once?", "--command"),
    "metric": Question("What is the name of the number that it prints?", "--metric"),
    "direction": Question("Which is better, lower or higher?", "--direction", "lower"),
    "time_box": Question("How long may one run take?", "--time-box", "5 minutes"),
    "kill_after": Question("After what time is a run killed?", "--kill-after"),
    "stopping": Question("When does the research stop?", "--experiments", "50 experiments"),
    "evaluation": Question("Which command measures the result?", "--evaluation"),
    "holdout": Question("Which command measures it on data held out?", "--holdout"),
    "check": Question("Which command must succeed before a run?", "--check-command"),
}
Ask = Callable[[Question], str]
Report = Callable[[str], None]


class ProgramDraft:
    """A program file, with what is open in it and the answers so far."""

    def __init__(
        self, path: Path, project: Path, flags: Flags, suggested: tuple[Passage, ...] = ()
    ) -> None:
        self.path, self.project, self.flags = path, project, flags
        self.is_new = not path.exists()
        self._text = f"# {project.name}\n" if self.is_new else None
        self.reading = self._look(suggested)
        self._confirmed: set[Passage] = set()
        if self.reading.accepted:
            self.confirm()

    def _look(self, suggested: tuple[Passage, ...] = ()) -> Reading:
        path, project, flags = self.path, self.project, self.flags
        return look_at(path, project=project, flags=flags, text=self._text, suggested=suggested)

    @property
    def problems(self) -> list[ProgramError]:
        """Everything that is wrong, beside a missing part."""
        return [each for each in self.reading.problems if each.code != "missing-part"]

    @property
    def is_beyond_answers(self) -> bool:
        """True if there is a problem that no answer solves, such as malformed front matter."""
        return any(problem.field not in QUESTIONS for problem in self.problems)

    @property
    def missing(self) -> tuple[str, ...]:
        """The fields that are open: required ones without a value, and those with a problem."""
        known = {passage.field for passage in self.reading.passages}
        wrong = {problem.field for problem in self.problems}
        is_open = bool(self.reading.problems)
        return tuple(
            field
            for field in QUESTIONS
            if field in wrong or (is_open and field in _REQUIRED and field not in known)
        )

    def may_change(self, field: str) -> bool:
        """Return True if the file does not state a field."""
        return all(p.grade != "stated" for p in self.reading.passages if p.field == field)

    @property
    def unaccepted(self) -> tuple[Passage, ...]:
        """The inferred values that a person has to accept."""
        own = [each for each in self.reading.inferred if each.by != "person"]
        return tuple(passage for passage in own if passage not in self._confirmed)

    def why(self, field: str) -> str:
        """Return the problem of a field; empty if it is only missing."""
        return next((str(each) for each in self.problems if each.field == field), "")

    def question(self, field: str) -> Question:
        """Return the question for a field, with what is likely as its default."""
        question, present = QUESTIONS[field], self._present(field)
        asset = self._present("asset")
        if field == "asset" and not present:
            files = tuple(self._candidates())[:_SHOWN]
            return Question(question.words, question.option, (*files, "")[0], files)
        if field == "experiment" and not present and asset.endswith(".py"):
            present = f"python {asset}"
        return Question(question.words, question.option, present or question.default)

    def _present(self, field: str) -> str:
        return ", ".join(each.text for each in self.reading.passages if each.field == field)

    def _candidates(self) -> list[str]:
        """Return the tracked files that a run could edit, the best guess first."""
        files: list[str] = []
        with suppress(LabError), find_repository(self.project) as repo:
            below = self.project.relative_to(Path(repo.working_dir).resolve())
            files = [path for path, _ in tracked(repo, "HEAD", below, Asset.parse("**"))]
        fixed = {
            word
            for passage in self.reading.passages
            if passage.field != "experiment"
            for word in passage.text.split()
        }
        likely = [file for file in files if file not in fixed and _is_likely(file)]
        run, text = self._present("experiment"), self.reading.text
        return sorted(likely, key=lambda f: (f not in run, f not in text, f.count("/"), f))

    def ask(self, field: str, ask: Ask, report: Report) -> None:
        """Ask for a field until an answer can be used; the default is its present value."""
        while (words := ask(self.question(field)).strip()) != self._present(field) or not words:
            try:
                return self.answer(field, words)
            except (ProgramError, ValueError) as error:
                report(str(error))

    def propose(self) -> None:
        """Add the usual time box and stopping criterion where the text gives none."""
        for field in ("time_box", "stopping"):
            waits = field == "stopping" and {"metric", "direction"} & set(self.missing)
            if field in self.missing and not waits and not self.why(field):
                self.answer(field, QUESTIONS[field].default, by="default")

    def answer(self, field: str, words: str, by: By = "person") -> None:
        """Take an answer in place of what was inferred; raise ProgramError or ValueError if bad."""
        if field == "stopping" and words.isdecimal():
            words = f"{words} experiments"
        texts = re.split(r"[,;]\s+", words) if field in _SEPARATED else [words]
        others = (
            passage
            for passage in self.reading.passages
            if passage.grade in ("inferred", "accepted") and passage.field != field
        )
        former = [each for each in self.reading.passages if each.field == field]
        line, quote = (former[0].line, former[0].quote) if former else (None, "")
        given = (Passage(field, text, line, "inferred", quote, by) for text in texts if text)
        flag = "command" if field == "experiment" else field
        if flag in Flags.model_fields:  # the answer takes its place
            self.flags = self.flags.model_copy(update={flag: None})
        reading = self._look((*others, *given))
        before = {str(each) for each in self.reading.problems}
        for problem in reading.problems:
            if problem.code != "missing-part" and str(problem) not in before:
                raise problem
        if all(passage.field != field for passage in reading.passages):
            raise ValueError("This does not answer the question.")
        self.reading = reading

    def confirm(self) -> None:
        """Take what was inferred as accepted."""
        self._confirmed.update(self.reading.inferred)

    def save(self) -> None:
        """Lock what was inferred and answered so far. Idempotent."""
        accept(self.reading, self.project)
        self.reading = self._look()

    def write(self) -> str:
        """Write what the file does not state into its front matter; return a report. Idempotent.

        The text below the front matter stays as it is. InputError if a part is still open.
        """
        for problem in self.problems:
            raise problem
        if self.unaccepted:
            raise self.reading.unaccepted()
        if self.missing:
            raise InputError(self._lacks(), code="missing-part")
        name = self.path.name
        added = [p for p in self.reading.passages if p.grade != "stated" and p.is_asked]
        if not added:
            return f"{name} is complete"
        names = ", ".join(dict.fromkeys(_words(passage.field) for passage in added))
        text = with_front_matter(self.reading.text, added)
        written = look_at(self.path, project=self.project, text=text)
        if any(problem.code == "front-matter" for problem in written.problems):
            self._lock(added)  # its keys are another tool's
            return f"{name} has front matter of another tool; kept in {LOCK}: {names}"
        if written.problems or not written.accepted:
            message = f"{name} cannot be completed here. Add by hand: {names}"
            raise InputError(message, code="missing-part")
        self._put(text)
        return f"wrote {name}" if self.is_new else f"added to {name}: {names}"

    def _lock(self, passages: list[Passage]) -> None:
        """Lock values; those of flags as answers of the person."""
        values = (
            dataclasses.replace(passage, grade="inferred", by="person")
            if passage.grade == "flag"
            else passage
            for passage in passages
        )
        accept(dataclasses.replace(self.reading, passages=tuple(values)), self.project)

    def _put(self, text: str) -> None:
        marked = not self.is_new and self.path.read_bytes().startswith(_BOM.encode())
        try:
            replace(self.path.resolve(), _BOM * marked + text)
        except OSError as error:
            message = f"{self.path} cannot be written: {error.strerror}"
            raise InputError(message, code="folder-unusable") from None

    def _lacks(self) -> str:
        """Return what to do about missing parts."""
        options = " ".join(QUESTIONS[field].option for field in self.missing)
        if not self.is_new:
            return f"{self.path.name} is incomplete. Supply the rest with {options}"
        return (
            f"{self.project.name} has files, but no {self.path.name} that describes the task. "
            f"Describe it with {options}"
        )


def with_front_matter(text: str, passages: Iterable[Passage]) -> str:
    """Return a text with values added to its front matter; all else stays as it is."""
    block = front_matter(passages)
    newline = "\r\n" if "\r\n" in text else "\n"
    present = re.match(r"---[ \t]*\r?\n(?:.*\r?\n)*?(?=---[ \t]*(?:\r?\n|\Z))", text)
    if present:
        keys = block.removeprefix("---\n").removesuffix("---\n").replace("\n", newline)
        return text[: present.end()] + keys + text[present.end() :]
    return f"{block}\n".replace("\n", newline) + text


def program_files(project: Path) -> list[str]:
    """Return the files of a project that are named as program files, program.md first."""
    found: list[str] = []
    for folder in (project, project / ".autoresearch"):
        if folder.is_dir():
            names = sorted(path.name for path in folder.iterdir() if path.is_file())
            found += [
                (folder / name).relative_to(project).as_posix()
                for name in names
                if re.fullmatch(r"(?:program.*|.+\.program|autoresearch|goal)\.md", name, re.I)
            ]
    return sorted(found, key=lambda name: name != "program.md")


def _is_likely(path: str) -> bool:
    """Return True for a file that a run could edit: no documentation, test or hidden file."""
    parts = path.split("/")
    hidden = any(part.startswith(".") or part in ("test", "tests", "docs") for part in parts)
    return not hidden and re.search(r"(?:^|/)test_|LICENSE|\.(?:md|rst|lock|csv)$", path) is None


def _words(field: str) -> str:
    return field.replace("_", " ")

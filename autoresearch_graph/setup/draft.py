"""A draft of program.md: the missing parts are asked for, and written below the present ones."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from autoresearch_graph.core.program import Flags
from autoresearch_graph.errors import InputError, ProgramError
from autoresearch_graph.program.quantities import Statement
from autoresearch_graph.program.reader import look_at
from autoresearch_graph.storage.files import read, replace


@dataclass(frozen=True)
class Question:
    """The question for a part; its answer goes into the field `flag` of `Flags`."""

    flag: str
    words: str
    default: str = ""

    @property
    def option(self) -> str:
        """The option that answers it on the command line."""
        return f"--{self.flag.replace('_', '-')}"


_METRIC = "## Metric\n\n`{metric}`, {direction} is better.\n"
_SECTIONS = {
    "asset": "## Asset\n\n`{asset}`\n",
    "metric": _METRIC,
    "direction": _METRIC,
    "experiment": "## Experiment\n\n```\n{command}\n```\n",
    "time_box": "## Time box\n\n{time_box}\n",
    "stopping": "## Stopping criteria\n\n- {experiments} experiments\n",
}
_QUESTIONS = {
    "asset": Question("asset", "Which file may change?"),
    "experiment": Question("command", "Which command runs it once?"),
    "metric": Question("metric", "What is the name of the number that it prints?"),
    "direction": Question("direction", "Which is better, lower or higher?", "lower"),
    "time_box": Question("time_box", "How long may one run take?", "5 minutes"),
    "stopping": Question("experiments", "How many experiments should run?", "50"),
}


@dataclass(frozen=True)
class Found:
    """Required parts."""

    parts: dict[str, Statement]
    stopping_: object
    missing: tuple[str, ...]

    def __getattr__(self, name):
        key = {"name": "metric", "seconds": "time_box"}.get(name, name)
        if name == "stopping":
            return self.stopping_
        return self.parts.get(key)


def look(path, text, *, project, flags):
    reading = look_at(path, text=text, project=project, flags=flags)
    for problem in reading.problems:
        if problem.code != "missing-part":
            raise problem
    parts = {}
    for passage in reading.passages:
        parts.setdefault(passage.field, Statement(passage.text, passage.line))
    stopping = (reading.program.stopping,) if reading.program else None
    names = ("asset", "metric", "direction", "experiment", "time_box", "stopping")
    missing = tuple(
        name
        for name in names
        if name not in parts
        and not (name in ("direction", "stopping") and "metric" not in parts)
        and not (name == "stopping" and "direction" not in parts)
    )
    return Found(parts, stopping, missing)


Ask = Callable[[Question], str]
Report = Callable[[str], None]


class ProgramDraft:
    """The program.md of a folder, with flags that supply its missing parts."""

    def __init__(self, project: Path, flags: Flags) -> None:
        self.project, self.flags = project.resolve(), flags
        self.path = self.project / "program.md"
        self._before = read(self.path)

    @property
    def is_new(self) -> bool:
        """True if there is no program.md yet."""
        return not self._before.strip()

    @property
    def found(self) -> Found:
        """The parts that file and flags state; ProgramError for a wrong one."""
        return self._look(self._before, self.flags)

    def _look(self, text: str, flags: Flags) -> Found:
        return look(self.path, text, project=self.project, flags=flags)

    def understood(self) -> list[str]:
        """Return the parts that the file states, one a line, each with its line number."""
        found = self._look(self._before, Flags())
        parts = {
            "asset": found.asset,
            "metric": found.name,
            "direction": found.direction,
            "experiment": found.experiment,
        }
        lines = [
            f"line {part.line}: {name} is {part.value}" for name, part in parts.items() if part
        ]
        if found.seconds:
            lines.append(f"line {found.seconds.line}: time box is {found.seconds.value} s")
        if found.stopping:
            lines.append(f"it ends after {found.stopping[0].describe()}")
        return lines

    def ask(self, ask: Ask, report: Report) -> None:
        """Ask for every missing part, again if an answer cannot be used."""
        while missing := self.found.missing:
            part = next(part for part in _QUESTIONS if part in missing)
            question = _QUESTIONS[part]
            if part == "experiment" and str(self.flags.asset).endswith(".py"):
                question = Question(question.flag, question.words, f"python {self.flags.asset}")
            try:
                self.answer(question.flag, ask(question))
                if part in self.found.missing:
                    report("This does not answer the question.")
            except (ProgramError, ValueError) as error:
                report(str(error))

    def answer(self, flag: str, words: str) -> None:
        """Take an answer; raise ProgramError or ValueError if it cannot be used."""
        value = words.strip() or None
        if flag == "experiments" and value is not None and not value.isdecimal():
            raise ValueError(f"{value} is not a number of experiments; write 50, say")
        flags = Flags(**{**self.flags.model_dump(), flag: value})
        self._look(self._before, flags)
        self.flags = flags

    def write(self) -> str:
        """Write the answers below the present text; return a report. Idempotent.

        Raise InputError if a part is still missing.
        """
        found, missing = self.found, self.missing()
        if found.missing:
            raise InputError(self._lacks(found.missing), code="missing-part")
        if not missing:
            return "program.md is complete"
        text = self._completed(found, missing)
        if left := self._look(text, Flags()).missing:
            message = f"program.md cannot be completed here. Add by hand: {', '.join(left)}"
            raise InputError(message, code="missing-part")
        replace(self.path, text)
        names = ", ".join(part.replace("_", " ") for part in missing)
        return "wrote program.md" if self.is_new else f"added to program.md: {names}"

    def _completed(self, found: Found, missing: list[str]) -> str:
        words = self.flags.model_dump() | {
            "metric": found.name and found.name.value,
            "direction": found.direction and found.direction.value,
        }
        title = f"# {self.project.name}\n" if self.is_new else self._before.rstrip() + "\n"
        sections = [_SECTIONS[part].format_map(words) for part in _SECTIONS if part in missing]
        return "\n".join((title, *dict.fromkeys(sections)))

    def missing(self) -> list[str]:
        """Return the parts that the file leaves out; some show up once others are known."""
        missing: list[str] = []
        flags = Flags()
        while new := [p for p in self._look(self._before, flags).missing if p not in missing]:
            missing += new
            names = {_QUESTIONS[part].flag for part in missing}
            flags = Flags(**{name: value for name, value in self.flags if name in names})
        return missing

    def _lacks(self, parts: tuple[str, ...]) -> str:
        """Return what to do about missing parts."""
        if not self.is_new:
            options = " ".join(_QUESTIONS[part].option for part in parts)
            return f"program.md is incomplete. Supply the rest with {options}"
        answered = self.flags.model_dump()
        questions = [each for each in _QUESTIONS.values() if not answered[each.flag]]
        options = " ".join(question.option for question in questions)
        return (
            f"{self.project.name} has files, but no program.md that describes the task. "
            f"Describe it with {options}"
        )

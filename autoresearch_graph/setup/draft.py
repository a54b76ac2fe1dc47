"""A program.md for any command: what it leaves out is asked for, and written below what it says."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from autoresearch_graph.core.program import Flags
from autoresearch_graph.errors import InputError, ProgramError
from autoresearch_graph.program.reader import Found, look
from autoresearch_graph.storage.files import read, replace


@dataclass(frozen=True)
class Question:
    """What is asked for a part; `flag` is the field of `Flags` that an answer goes into."""

    flag: str
    words: str
    default: str = ""


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
    "metric": Question("metric", "What is the number called that it prints?"),
    "direction": Question("direction", "Which is better, lower or higher?", "lower"),
    "time_box": Question("time_box", "How long may one run take?", "5 minutes"),
    "stopping": Question("experiments", "How many experiments shall be made?", "50"),
}
Ask = Callable[[Question], str]
Tell = Callable[[str], None]


class Draft:
    """The program.md of a folder, as it is and as it is to be."""

    def __init__(self, project: Path, flags: Flags) -> None:
        self.project, self.flags = project.resolve(), flags
        self.path = self.project / "program.md"
        self._before = read(self.path)

    @property
    def is_new(self) -> bool:
        """Whether there is no program.md yet."""
        return not self._before.strip()

    @property
    def found(self) -> Found:
        """What is said by now; ProgramError for what cannot be."""
        return self._look(self._before, self.flags)

    def _look(self, text: str, flags: Flags) -> Found:
        return look(self.path, text, project=self.project, flags=flags)

    def understood(self) -> list[str]:
        """What the file says, a line each, with where it says it."""
        found = self._look(self._before, Flags())
        said = {
            "asset": found.asset,
            "metric": found.name,
            "direction": found.direction,
            "experiment": found.experiment,
            "time box": found.seconds,
        }
        units = {"time box": " s"}
        lines = [
            f"line {part.line}: {name} is {part.value}{units.get(name, '')}"
            for name, part in said.items()
            if part
        ]
        ends = [f"it ends after {found.stopping[0].describe()}"] if found.stopping else []
        return lines + ends

    def ask(self, ask: Ask, tell: Tell) -> None:
        """Ask for everything that is missing; an answer that cannot be used is asked for again."""
        while missing := self.found.missing:
            part = next(part for part in _QUESTIONS if part in missing)
            question = _QUESTIONS[part]
            if part == "experiment" and str(self.flags.asset).endswith(".py"):
                question = Question(question.flag, question.words, f"python {self.flags.asset}")
            try:
                self.answer(question.flag, ask(question))
                if part in self.found.missing:
                    tell("that says nothing yet")
            except (ProgramError, ValueError) as error:
                tell(str(error))

    def answer(self, flag: str, words: str) -> None:
        """Take an answer; ProgramError or ValueError where it cannot be used."""
        value: str | int | None = words.strip() or None
        if flag == "experiments" and value is not None and not str(value).isdecimal():
            raise ValueError(f"{value} is not a number of experiments; write 50, say")
        flags = Flags(**{**self.flags.model_dump(), flag: value})
        self._look(self._before, flags)
        self.flags = flags

    def write(self) -> str:
        """Write what was answered below what was there; returns what became of the file.

        InputError where something is missing yet. The same if it runs twice.
        """
        found, missing = self.found, self._missing()
        if lacking := found.missing:
            raise InputError(self._lacking(lacking), code="missing-part")
        if not missing:
            return "program.md says everything that is needed"
        words = self.flags.model_dump() | {
            "metric": found.name and found.name.value,
            "direction": found.direction and found.direction.value,
        }
        title = f"# {self.project.name}\n" if self.is_new else self._before.rstrip() + "\n"
        parts = dict.fromkeys(_SECTIONS[p].format_map(words) for p in _SECTIONS if p in missing)
        text = "\n".join((title, *parts))
        if left := self._look(text, Flags()).missing:
            raise InputError(
                f"program.md cannot be completed; write yourself: {', '.join(left)}",
                code="missing-part",
            )
        replace(self.path, text)
        names = ", ".join(part.replace("_", " ") for part in missing)
        return "wrote program.md" if self.is_new else f"added to program.md: {names}"

    def asked_for(self, part: str) -> bool:
        """Whether the file left out a part, so that it is an answer's."""
        return part in self._missing()

    def _missing(self) -> list[str]:
        """The parts that the file leaves out; some are found out when others are known."""
        missing: list[str] = []
        flags = Flags()
        while new := [p for p in self._look(self._before, flags).missing if p not in missing]:
            missing += new
            names = {_QUESTIONS[part].flag for part in missing}
            flags = Flags(**{name: value for name, value in self.flags if name in names})
        return missing

    def _lacking(self, parts: tuple[str, ...]) -> str:
        flags = [f"--{_QUESTIONS[part].flag.replace('_', '-')}" for part in parts]
        if self.is_new:
            flags = [f"--{question.flag.replace('_', '-')}" for question in _QUESTIONS.values()]
            flags = [f for f in flags if not self.flags.model_dump()[f[2:].replace("-", "_")]]
            return (
                f"{self.project.name} is not empty, and has no program.md that says what to "
                f"improve in it; say it with {' '.join(flags)}"
            )
        return f"program.md does not say everything; say the rest with {' '.join(flags)}"

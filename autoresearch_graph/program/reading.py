"""Values that were understood of a program.md, each with its grade, line and quotation."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from autoresearch_graph.core.program import Program
from autoresearch_graph.core.text import one_line
from autoresearch_graph.errors import ProgramError

By = Literal["rule", "model", "person", "default"]
Grade = Literal["stated", "inferred", "accepted", "flag"]
ASKED = (
    "asset", "metric", "direction", "experiment", "evaluation", "holdout", "check", "time_box",
    "kill_after", "stopping",
)  # fmt: skip
"""Fields whose inferred values a person accepts. Other fields can only make a research stricter."""

_OPTIONS = {"experiment": "--command", "check": "--check-command", "stopping": "--stop"}


@dataclass(frozen=True)
class Passage:
    """A value of a field, as front matter would have it.

    A field with several values has a passage for each. `line` counts from 1 and is None for a
    flag; `quote` is that line of the text, as it was written. `by` tells who inferred it.
    """

    field: str
    text: str
    line: int | None
    grade: Grade
    quote: str = ""
    by: By = "rule"

    @property
    def is_asked(self) -> bool:
        """True if a person accepts the value where it is inferred."""
        return self.field in ASKED or self.by == "model"


@dataclass(frozen=True)
class Reading:
    """Everything that was understood of a program.md, and all that is wrong with it.

    `program` is None if there is a problem. `accepted` is True if no value is inferred, or if a
    person accepted those that are.
    """

    path: Path
    text: str
    passages: tuple[Passage, ...]
    problems: tuple[ProgramError, ...] = ()
    program: Program | None = None
    accepted: bool = True

    @property
    def inferred(self) -> tuple[Passage, ...]:
        """The inferred values that a person has to accept."""
        return tuple(
            passage for passage in self.passages if passage.grade == "inferred" and passage.is_asked
        )

    def unaccepted(self) -> ProgramError:
        """Return the error that shows the inferred values, and how to settle them."""
        rows = "\n".join(
            f"  {passage.field.replace('_', ' '):12} {one_line(passage.text)}"
            + (f"  (line {passage.line}: {one_line(passage.quote)[:80]})" if passage.line else "")
            for passage in self.inferred
        )
        named = (passage.field for passage in self.inferred)
        fields = [field for field in dict.fromkeys(named) if field in ASKED]
        options = " ".join(_OPTIONS.get(field, f"--{field.replace('_', '-')}") for field in fields)
        place = "in its front matter" if self.text.startswith("---") else "at the top of the file"
        return ProgramError(
            "these values are inferred from the text, and have to be accepted:\n"
            f"{rows}\n"
            f"If they are right, give --accept-reading. If not, correct this and put it {place}, "
            f"or give {options}:\n{self.front_matter().rstrip()}",
            path=self.path,
            line=min((passage.line for passage in self.inferred if passage.line), default=None),
            code="unaccepted-reading",
        )

    def front_matter(self) -> str:
        """Return the inferred values as front matter, ready to paste at the top of the file."""
        protected = (p for p in self.passages if p.field == "protected" and p.grade == "inferred")
        return front_matter((*self.inferred, *protected))


def front_matter(passages: Iterable[Passage]) -> str:
    """Return passages as YAML between two lines of dashes."""
    values: dict[str, list[str]] = {}
    for passage in passages:
        values.setdefault(passage.field, []).append(passage.text)
    keys = {field: texts[0] if len(texts) == 1 else texts for field, texts in values.items()}
    body = yaml.safe_dump(keys, allow_unicode=True, sort_keys=False, width=1000)
    return f"---\n{body}---\n"

"""Schema of a model's reading of program.md, and the checks of each value in it.

A value is taken only if its quotation is in the text, holds it, and if front matter of the same
words could be read. Everything else becomes a sentence for the person.
"""

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from autoresearch_graph.asset.files import matches
from autoresearch_graph.program.evaluators import evaluators
from autoresearch_graph.program.paths import braced, covers, normal
from autoresearch_graph.program.reader import look_at
from autoresearch_graph.program.reading import Passage
from autoresearch_graph.program.reading import front_matter as as_front_matter
from autoresearch_graph.program.text import front_matter
from autoresearch_graph.program.text.quantities import duration, durations

FIELDS = {
    "asset": "path of a file that may be edited; all files below a folder are `src/**`",
    "protected": "path of a file or folder that must not be edited",
    "metric": "name of the number to improve, exactly as it is printed",
    "direction": "`lower` or `higher`: which is better",
    "experiment": "shell command of one run",
    "evaluation": "shell command that scores a run, if another one does than the run's own",
    "artifacts": "path of a file that a run leaves for the evaluation",
    "holdout": "shell command that scores the result on data kept for the end",
    "check": "shell command that must pass before a run",
    "time_box": "planned time of one run in seconds, as in `300 s`",
    "kill_after": "time after which one run is killed, as in `600 s`",
    "stopping": "end of the whole research: `40 experiments`, `8 hours`, `2000000 tokens`, `$5`, "
    "`target 0.9`, `20 experiments without improvement`, or `never stop`",
}
REQUIRED = frozenset(("asset", "metric", "direction", "experiment", "time_box", "stopping"))
_PATHS = ("asset", "protected", "artifacts")
_LISTS = (*_PATHS, "stopping")
_LONGEST = 1000  # characters of a quotation: more is no evidence that a person reads
_NEAR = 3  # lines between the named line and a quotation that stands more than once
_DIRECTIONS = {
    "lower": re.compile(r"\b(low|minimi|small|less|reduc|decreas)", re.IGNORECASE),
    "higher": re.compile(r"\b(high|maximi|larg|more|rais|increas)", re.IGNORECASE),
}
# The flag re.ASCII: a letter of another alphabet may follow a name, as in Korean.
_BEFORE, _AFTER = r"(?<![\w./-])(?:\./)?", r"(?![\w-]|[./]\w)"
_NUMBER = re.compile(r"(?<![\w.])(\d{1,3}(?:[ ,]\d{3})+|\d+)([.,]\d+)?\s?([kKM]\b)?", re.ASCII)
_TEENS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety hundred"
_WORDS = {word: 10 * tens for tens, word in enumerate(_TENS.split())} | {
    word: ones for ones, word in enumerate(_TEENS.split())
}
_TIMES = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6}


class Value(BaseModel):
    """A value of a field, with the words of program.md that say it."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": False})

    field: str = Field(json_schema_extra={"enum": list(FIELDS)})
    value: str
    quotation: str = Field(description="Words of the program file, copied exactly.")
    line: int = Field(description="Number of the line on which the quotation begins.")


class ProgramSchema(BaseModel):
    """Settings that a program file states, and questions about what it leaves open."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": False})

    values: list[Value]
    questions: list[str] = Field(description="Contradictions, and settings that are not said.")


@dataclass(frozen=True)
class Suggestion:
    """The values of a model that passed every check, its questions, and its refused values."""

    passages: tuple[Passage, ...]
    questions: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


class _Refused(Exception):
    """A value that is not taken, and the reason."""


def checked(
    answer: ProgramSchema,
    path: Path,
    *,
    project: Path,
    text: str,
    files: Sequence[str],
    stated: Collection[str] = (),
) -> Suggestion:
    """Return the values of an answer that hold, for the fields that are not `stated`."""
    passages: dict[tuple[str, str], Passage] = {}
    refused: list[str] = []
    for given in answer.values:
        if given.field in stated:
            continue
        try:
            passage = _checked(given, text, answer, project, files)
            passages.setdefault((passage.field, passage.text), passage)
        except _Refused as reason:
            refused.append(f"the model's `{given.field}` `{given.value}` is refused: {reason}")
    known = tuple(passages.values())
    while wrong := _several(known) or _unreadable(known, path, project):
        field, problem = wrong
        known = tuple(passage for passage in known if passage.field != field)
        refused.append(f"the model's `{field}` is refused: {problem}")
    asked = tuple(f"the model asks: {question}" for question in answer.questions)
    return Suggestion(known, asked, tuple(refused))


def _checked(
    given: Value, text: str, answer: ProgramSchema, project: Path, files: Sequence[str]
) -> Passage:
    """Return a value as a passage; raise _Refused if its quotation does not hold it."""
    field, value = given.field, given.value.strip()
    if field not in FIELDS:
        raise _Refused("there is no such field")
    begin, quotation = _quotation(text, given)
    if field in _PATHS:
        value = normal(value)
    at = _position(field, value, quotation) if value else None
    if at is None:
        raise _Refused(f"its quotation does not say so: {given.quotation.strip()!r}")
    if field == "asset":
        value = _asset(value, answer, project, files)
    line = _line(text, begin + at)
    return Passage(field, value, line, "inferred", text.splitlines()[line - 1], "model")


def _line(text: str, position: int) -> int:
    return len(f"{text[:position]}.".splitlines())


def _quotation(text: str, given: Value) -> tuple[int, str]:
    """Return the position of a quotation, and the text there; white space may differ.

    Raise _Refused if it is not there, or more than once and not near its line.
    """
    words = re.sub(r"^\s*(?:>\s+)+", "", given.quotation, flags=re.MULTILINE).split()
    if not words or len(given.quotation) > _LONGEST:
        raise _Refused("its quotation is too long" if words else "it has no quotation")
    between = r"\s+(?:>\s+)*"  # also the mark of a block quotation
    matches = re.finditer(between.join(map(re.escape, words)), text)
    found = {_line(text, match.start()): match for match in matches}
    if not found:
        raise _Refused(f"its quotation is not in the file: {given.quotation.strip()!r}")
    nearest = min(found, key=lambda number: abs(number - given.line))
    if len(found) > 1 and abs(nearest - given.line) > _NEAR:
        numbers = ", ".join(map(str, found))
        raise _Refused(f"its quotation is not on line {given.line}, but on lines {numbers}")
    return found[nearest].start(), found[nearest][0]


def _position(field: str, value: str, quotation: str) -> int | None:
    """Return the position of a value in its quotation; None if the quotation does not hold it."""
    if field in _PATHS:
        return _position_of_path(value, quotation)
    if field == "direction":
        return 0 if _is_said(value, quotation) else None
    if field in ("time_box", "kill_after", "stopping"):
        return 0 if _has_amount(value, quotation) else None
    return _position_of_words(value, quotation)


def _position_of_words(text: str, quotation: str) -> int | None:
    """Return the position of a text that stands there line by line."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    words = r"\s*\n\s*".join(r"[ \t]+".join(map(re.escape, line)) for line in lines)
    found = re.search(f"{_BEFORE}{words}{_AFTER}", quotation, re.ASCII)
    return found.start() if found else None


def _position_of_path(path: str, quotation: str) -> int | None:
    """Return the position of a path; a pattern also stands for the folder that it begins with."""
    whole = _position_of_words(path, quotation)
    folder = re.split(r"[*?{]", path, maxsplit=1)[0].rstrip("/")
    if whole is not None or folder == path or not folder:
        return whole
    alone = r"(?:/(?![\w*?{.-])|(?![\w/-]|\.\w))"
    found = re.search(f"{_BEFORE}{re.escape(folder)}{alone}", quotation, re.ASCII)
    return found.start() if found else None


def _is_said(direction: str, quotation: str) -> bool:
    """Return False for another word, or if the quotation, as far as it is English, says another."""
    said = [name for name, words in _DIRECTIONS.items() if words.search(quotation)]
    return direction in (said or _DIRECTIONS)


def _has_amount(value: str, quotation: str) -> bool:
    """Return True if a quotation has the duration of a value, or else its numbers."""
    given = duration(value)
    if given is None:
        others = quotation
        for found in () if "token" in value else durations(quotation):  # `2M` is none there
            others = others.replace(found.said, "", 1)
        return _numbers(value) <= _numbers(others)
    known = {found.seconds for found in durations(quotation)}
    seconds = {amount * unit for amount in _numbers(quotation) for unit in (1, 60, 3600)}
    return given.seconds in (known or seconds)


def _numbers(text: str) -> set[float]:
    """Return the numbers of a text: `1,000`, `2M`, `0.97`, also as `0,97`, and `three`."""
    plain = unicodedata.normalize("NFKC", text)
    found = {float(_WORDS[word]) for word in re.findall(r"[a-z]+", plain.lower()) if word in _WORDS}
    for match in _NUMBER.finditer(plain):
        whole, part, unit = match.groups("")
        found.add(float(re.sub("[ ,]", "", whole) + part.replace(",", ".")) * _TIMES[unit])
    return found


def _asset(value: str, answer: ProgramSchema, project: Path, files: Sequence[str]) -> str:
    """Return the path or pattern of an asset; raise _Refused if it may not be edited."""
    if any(file.startswith(f"{value}/") for file in files):
        value = f"{value}/**"
    patterns = braced(value)
    if not any(file == value or any(matches(each, file) for each in patterns) for file in files):
        raise _Refused("no tracked file of the project has this path")
    _check_apart(value, answer, project)
    return value


def _check_apart(asset: str, answer: ProgramSchema, project: Path) -> None:
    """Raise _Refused if the answer itself protects the asset, or has it mark the work."""
    for other in answer.values:
        if other.field == "protected" and covers(normal(other.value), asset):
            raise _Refused("the model names it as protected, too")
        is_judge = other.field in ("evaluation", "holdout")
        if is_judge and any(covers(file, asset) for file in evaluators(other.value, project)):
            raise _Refused(f"the command `{other.value}` runs it to measure the work")


def _several(passages: tuple[Passage, ...]) -> tuple[str, str] | None:
    """Return a field that has one value at most, and several here, with the reason."""
    for field in FIELDS:
        texts = [f"`{passage.text}`" for passage in passages if passage.field == field]
        if len(texts) > 1 and field not in _LISTS:
            return field, f"it is {' and '.join(texts)}, and must be one of them"
    return None


def _unreadable(passages: tuple[Passage, ...], path: Path, project: Path) -> tuple[str, str] | None:
    """Return a field that could not be read from front matter, with the reason."""
    text = as_front_matter(passages)
    problems = look_at(path, project=project, text=text).problems if passages else ()
    wrong = [each for each in problems if each.code != "missing-part"]
    if not wrong:
        return None
    entries = front_matter.parse(text[4:-4])
    before = [key for key, entry in entries.items() if entry.line <= (wrong[0].line or 0)]
    reason = str(wrong[0]).removeprefix(f"{path.name}:{wrong[0].line}: ")
    return (before or [passages[-1].field])[-1], reason

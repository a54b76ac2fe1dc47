"""Statements of program.md with their lines; numbers and durations as people write them."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from autoresearch_graph.core.program import Relation
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.text.markdown import Block

T = TypeVar("T")


@dataclass(frozen=True)
class Statement(Generic[T]):
    """A value, as it was `said`, and its line; a statement without a line is a flag's."""

    value: T
    line: int | None
    said: str = ""

    def __str__(self) -> str:
        first, *more = (self.said or str(self.value)).strip().splitlines() or [""]
        return f"{first} ..." if more else first


def agree(what: str, statements: Iterable[Statement[T]]) -> Statement[T] | None:
    """Return the common statement, from the first line that says it.

    Raise ProgramError with both lines if two differ.
    """
    first: Statement[T] | None = None
    for statement in statements:
        if first is None:
            first = statement
        elif statement.value != first.value:
            raise contradiction(
                f"the {what} is `{statement}` here but `{first}` on line {first.line}; "
                "keep one of them",
                statement.line,
            )
    return first


def with_flag(
    what: str, flag: str, supplied: Statement[T] | None, stated: Statement[T] | None
) -> Statement[T] | None:
    """Return the statement of the file, or of the flag if the file has none."""
    if supplied is None or stated is None:
        return stated or supplied
    if stated.value != supplied.value:
        raise contradiction(
            f"the {what} is `{stated}` here but `{supplied}` with {flag}; drop one of them",
            stated.line,
        )
    return stated


NUMBER = r"(?:(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)"
_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
COUNT = rf"(?<![\d.,-])\b(?:[1-9]\d{{0,2}}(?:,\d{{3}})+|\d+|{'|'.join(_WORDS)})\b"
_FEW = "|".join(_WORDS[1:])
_TIMES = {"once": 1, "twice": 2, "thrice": 3}
WEEK = 7 * 86400.0
_UNITS = {
    "w week weeks": WEEK,
    "d day days": 86400.0,
    "h hr hrs hour hours": 3600.0,
    "m min mins minute minutes": 60.0,
    "s sec secs second seconds": 1.0,
}
_SECONDS = {name: size for names, size in _UNITS.items() for name in names.split()}
# A letter before another word is no unit: `5m tokens` are millions, `3d models` have dimensions.
_AFTER_A_LETTER = re.compile(
    r"[\s-]+(?:per|each|an?|every|of|in|for|and|or|on|at|to|is|then|after|with|without|max|maximum|total"
    r"|overall|wall|wallclock|time|runs?|budget|limit|timeout|box|cap|training|long|hard|kill|killed"
    r"|overnight|window|but|if)\b|[\s-]*(?![\s-]|[^\W\d_])",
    re.IGNORECASE,
)
_AMOUNT = rf"(?:{NUMBER}|{'|'.join(_WORDS)})"
_PART = (
    rf"(?P<amount>{_AMOUNT})[\s-]?(?P<unit>{'|'.join(sorted(_SECONDS, key=len, reverse=True))})"
    r"(?![^\W\d]|/(?!\s?(?:run|exp|trial|iter)))"
)
_FIRST = re.compile(
    rf"(?<![\w.,:/$-])(?P<range>between\s+{_AMOUNT}\s+and\s+|{_AMOUNT}\s*(?:-|to\b|or\b)\s*)?"
    rf"(?P<sign>-)?(?:(?P<clock>\d{{1,3}}:[0-5]\d:[0-5]\d)(?![\d:])|{_PART})",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d[\s-]?[smhdw]|:\d\d:", re.IGNORECASE)
_NEXT = re.compile(rf"(?:\s+and\s+|\s*){_PART}", re.IGNORECASE)
# `two` and `once` are also words of a sentence: they count where a number must stand.
_UNREAD = re.compile(
    rf"(?<!\w)-?{NUMBER}(?:[.,:/]?\d)*\s*[^\W\d_]*"
    rf"|\b(?:{_FEW})\s*(?:-|to\b|or\b|and\b)|\b(?:after|at|exceeds?|than|beyond)\s+(?:{_FEW})\b"
    r"|\b(?:eleven|twelve|\w+teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundred|thousand|dozen)"
    r"\b(?:\s+\w+)?|\b(?:half[\s-])?an?\s+(?:hour|minute|day|week)\b|\bhalf[\s-](?:hour|minute)\b",
    re.IGNORECASE,
)


NUMBERED = re.compile(rf"\d|\b(?:{'|'.join(_WORDS)})\b", re.IGNORECASE)
COUNTED = r"(?:experiments?|iterations?|runs?|trials?|rounds?|cycles?|attempts?)"
SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "b": 1e9, "billion": 1e9}
AMOUNTS = re.compile(
    rf"(?<![\w.,-])(?P<tokens>{NUMBER})\s*(?P<scale>{'|'.join(SCALES)})?\s*tokens?\b"
    rf"|(?<!-)\$\s*(?P<dollars>{NUMBER})(?!\w)"
    rf"|(?<![\w.,-])(?P<money>{NUMBER})\s*(?:dollars?|usd)\b"
    rf"|(?P<count>{COUNT})\s+(?P<kind>(?:[a-z-]+\s+){{0,3}}?)"
    rf"(?:{COUNTED}|(?P<vain>discards|rejections|rejects|reverts))\b(?!-|\s+(?:per|each)\b)"
    rf"|\b{COUNTED}\s*[:=|]\s*(?P<after>{COUNT})(?!\s*[a-z%])",
    re.IGNORECASE,
)
PER_RUN = re.compile(
    r"(?:/|\b(?:per|each|every|an?|one|1)\b)\s*(?:\w+\s+)?(?:experiment|iteration|run|trial)\b",
    re.I,
)


RELATIONS: dict[Relation, str] = {
    "<=": r"<=|≤|at most|no more than|(?:less|smaller|lower) than or equal to",
    ">=": r">=|≥|at least|no (?:less|fewer) than|(?:greater|more|higher|larger) than or equal to",
    "<": r"<|below|under|(?:less|fewer|smaller|lower) than",
    ">": r">|above|over|(?:more|greater|higher|larger) than|exceeds?",
}


@dataclass(frozen=True)
class Duration:
    """A duration in seconds, as it was said, with its position in the text.

    `5 to 10 minutes` is a range: it has the seconds of its end.
    """

    seconds: float
    said: str
    start: int
    end: int
    is_range: bool


def number(text: str) -> float:
    """Return `1,000`, `0.97`, `three` or `twice` as a finite number."""
    word = text.lower()
    if word in _WORDS:
        return float(_WORDS.index(word) + 1)
    if word in _TIMES:
        return float(_TIMES[word])
    value = float(word.replace(",", ""))
    if math.isinf(value):
        raise ProgramError(f"`{text[:20]}` is too large a number", code="bad-value")
    return value


def may_be_timed(text: str) -> bool:
    """Return False, soon, for a text that has no duration."""
    named = any(unit in text for unit in ("minute", "hour", "second", "day", "week"))
    return bool(_DIGITS.search(text) or (named and NUMBERED.search(text)))


def durations(text: str) -> tuple[Duration, ...]:
    """Return all durations in a text: `5 minutes`, `1h 30m`, `2.5 min`, `00:05:00`."""
    found: list[Duration] = []
    position = 0
    while first := _FIRST.search(text, position):
        position = first.end()
        if first["clock"]:
            hours, minutes, seconds = map(int, first["clock"].split(":"))
            total = hours * 3600.0 + minutes * 60 + seconds
        else:
            total, position = _sum(text, first)
        if total >= 0:
            total = -total if first["sign"] else total
            said = text[first.start() : position]
            found.append(Duration(total, said, first.start(), position, bool(first["range"])))
    return tuple(found)


def _sum(text: str, first: re.Match[str]) -> tuple[float, int]:
    """Return the seconds of a part and the smaller ones after it, or -1, and the end."""
    unit = _SECONDS[first["unit"].lower()]
    total, end = number(first["amount"]) * unit, first.end()
    last = first
    while (more := _NEXT.match(text, end)) and _SECONDS[more["unit"].lower()] < unit:
        unit = _SECONDS[more["unit"].lower()]
        total, end, last = total + number(more["amount"]) * unit, more.end(), more
    if len(last["unit"]) == 1 and (last["unit"].isupper() or not _AFTER_A_LETTER.match(text, end)):
        return -1.0, end
    return total, end


def duration(text: str) -> Duration | None:
    """Return the duration if the whole text is one."""
    found = durations(text)
    return found[0] if len(found) == 1 and found[0].said == text.strip() else None


def unread(text: str) -> re.Match[str] | None:
    """Return the first number in a text, in digits or words, with the word after it."""
    return _UNREAD.search(text)


def as_written(block: Block, said: str, line: int) -> str:
    """Return a quotation as the original has it: `5 minutos`, of which `5 minutes` was read."""
    lines = block.said.split("\n")
    if not block.said or not 0 <= line - block.line < len(lines):
        return said
    digits = re.search(r"\d[\d.,:]*", said)
    pattern = rf"(?<![\d.,]){re.escape(digits[0])}[\s-]?[^\W\d_]*" if digits else "(?!)"
    original = re.search(pattern, lines[line - block.line])
    return original[0] if original else said


def bad_value(message: str, line: int | None) -> ProgramError:
    """Return the error of a value that cannot be used."""
    return ProgramError(message, line=line, code="bad-value")


def contradiction(message: str, line: int | None) -> ProgramError:
    """Return the error of two statements that cannot both hold."""
    return ProgramError(message, line=line, code="contradiction")

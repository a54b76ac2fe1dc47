"""Statements of program.md with their lines; numbers and durations as people write them."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from autoresearch_graph.errors import ProgramError

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
_SECONDS = {"weeks": WEEK, "days": 86400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0}
_NAMES = {
    "weeks": "weeks?|w",
    "days": "days?|d",
    "hours": "hours?|hrs?|h",
    "minutes": "minutes?|mins?|m",
    "seconds": "seconds?|secs?|s",
}
_AMOUNT = rf"(?:{NUMBER}|{'|'.join(_WORDS)})"
_PARTS = "".join(
    rf"(?:(?:\s+and\s+|\s*)(?P<{unit}>{_AMOUNT})[\s-]?(?:{names})(?![A-Za-z/]))?"
    for unit, names in _NAMES.items()
)
_CLOCK = r"(?P<clock>\d{1,3}:[0-5]\d:[0-5]\d)(?![\d:])"
_DURATION = re.compile(
    rf"(?<![\w.,:/-])(?P<range>between\s+{_AMOUNT}\s+and\s+|{_AMOUNT}\s*(?:-|to\b|or\b)\s*)?"
    rf"(?P<sign>-)?"
    rf"(?:{_CLOCK}|(?={_AMOUNT}[\s-]?[a-z]){_PARTS})",
    re.IGNORECASE,
)
# `two` and `once` are also words of a sentence: they count where a number must stand.
_UNREAD = re.compile(
    rf"(?<!\w)-?{NUMBER}(?:[.,:/]?\d)*\s*[^\W\d_]*"
    rf"|\b(?:{_FEW})\s*(?:-|to\b|or\b|and\b)|\b(?:after|at|exceeds?|than|beyond)\s+(?:{_FEW})\b"
    r"|\b(?:eleven|twelve|\w+teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundred|thousand|dozen)"
    r"\b(?:\s+\w+)?|\b(?:half[\s-])?an?\s+(?:hour|minute|day|week)\b|\bhalf[\s-](?:hour|minute)\b",
    re.IGNORECASE,
)


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


def durations(text: str) -> tuple[Duration, ...]:
    """Return all durations in a text: `5 minutes`, `1h 30m`, `2.5 min`, `00:05:00`."""
    return tuple(
        Duration(_seconds(match), match[0], match.start(), match.end(), bool(match["range"]))
        for match in _DURATION.finditer(text)
        if match["clock"] or any(match[unit] for unit in _SECONDS)
    )


def duration(text: str) -> Duration | None:
    """Return the duration if the whole text is one."""
    found = durations(text)
    return found[0] if len(found) == 1 and found[0].said == text.strip() else None


def unread(text: str) -> re.Match[str] | None:
    """Return the first number in a text, in digits or words, with the word after it."""
    return _UNREAD.search(text)


def _seconds(match: re.Match[str]) -> float:
    if match["clock"]:
        hours, minutes, seconds = map(int, match["clock"].split(":"))
        total = hours * 3600.0 + minutes * 60 + seconds
    else:
        total = sum(number(match[unit]) * size for unit, size in _SECONDS.items() if match[unit])
    return -total if match["sign"] else total


def bad_value(message: str, line: int | None) -> ProgramError:
    """Return the error of a value that cannot be used."""
    return ProgramError(message, line=line, code="bad-value")


def contradiction(message: str, line: int | None) -> ProgramError:
    """Return the error of two statements that cannot both hold."""
    return ProgramError(message, line=line, code="contradiction")

"""program.md in other languages than English: the phrases that the readers look for, in English.

Only what languages.yaml lists is put into English, and for reading alone: the model gets the text
as it was written. What is not understood is missing, and asked for, as in any language.
"""

import re
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml

_SPAN = re.compile(r"(`[^`]*`)")
_AND = re.compile(
    r"\s*(?:和|与|及|以及|或|と|や|または|および)\s*|\s+(?:y|e|o|u|und|oder|et|ou)\s+",
    re.IGNORECASE,
)
_OWN_LETTERS = re.compile(r"[぀-ヿ一-鿿]")


def in_english(text: str) -> str:
    """A text whose known phrases are English; code spans and line breaks stay as they are."""
    pieces = _SPAN.split(text)
    for at in range(0, len(pieces), 2):
        between = 0 < at < len(pieces) - 1
        pieces[at] = " and " if between and _AND.fullmatch(pieces[at]) else _put(pieces[at])
    return "".join(pieces)


def _put(text: str) -> str:
    for pattern, meaning in _phrases():
        text = pattern.sub(partial(_expanded, meaning), text)
    return text


def _expanded(meaning: str, found: re.Match[str]) -> str:
    """What a phrase means, with as many line breaks, so that what follows keeps its line."""
    return found.expand(meaning) + "\n" * found[0].count("\n")


def headings() -> Mapping[str, tuple[str, ...]]:
    """The headings of each field in other languages, in small letters."""
    return {
        field: tuple(title.lower() for title in titles)
        for field, titles in _known()["headings"].items()
    }


@cache
def _known() -> dict[str, Any]:
    known: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text("utf-8"))
    return known


@cache
def _phrases() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple(
        (_compiled(phrase), meaning)
        for meaning, phrases in _known()["phrases"].items()
        for phrase in phrases
    )


def _compiled(phrase: str) -> re.Pattern[str]:
    """A phrase in an alphabet that puts spaces between words begins and ends with a word."""
    spaced = re.sub(r" (?!\?)", r"\\s+", phrase).replace(" ?", r"\s*")
    if not _OWN_LETTERS.search(phrase):
        spaced = rf"(?<!\w)(?:{spaced})(?!\w)"
    return re.compile(spaced, re.IGNORECASE)

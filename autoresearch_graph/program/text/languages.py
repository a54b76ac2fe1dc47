"""Other languages than English: a whole heading or label tells the language of a document.

Then the words of languages.yaml are put into English for reading; the model gets the original.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from autoresearch_graph.program.text.markdown import Block

_TITLE = re.compile(r"[^:(|,;/—\n]{1,48}?(?=\s*(?:[:(|,;/—\n]|\s-\s|$))")
_NUMBER = re.compile(r"^\W*(?:[\d.一二三四五六七八九十]+\W+)?")
_COUNTED = ("days", "hours", "minutes", "seconds", "experiments")
_LATE = re.compile(r"(\d[\d.,]*\s+\w+)(\s+)exceeded\b")
_OTHER = "another language than English"
_SAMPLE = 10_000  # letters
_ADVICE = (
    "this text seems to be in {}, whose sentences are not read; give --read-with MODEL, or write "
    "what is missing in front matter or under English headings"
)


@cache
def _known() -> Mapping[str, Any]:
    text = Path(__file__).with_suffix(".yaml").read_text("utf-8")
    known: Mapping[str, Any] = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return known


@cache
def _titles() -> Mapping[str, Mapping[str, str]]:
    """Return the field of each title in each language that has it."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for name, language in _known()["languages"].items():
        for field, titles in language["headings"].items():
            found.update({_plain(t): found[_plain(t)] | {name: field} for t in titles})
    return found


def _plain(title: str) -> str:
    """Return the words of a title up to its punctuation, without number, emoji and article."""
    found = _TITLE.match(_NUMBER.sub("", title))
    words = re.sub(r"[\W_]+", " ", found[0].lower()).strip() if found else ""
    first, _, rest = words.partition(" ")
    return rest if first in _known()["articles"] else words


def recognise(title: str) -> tuple[str, bool] | None:
    """Return the field of a whole heading or label, and True if it may also be prose."""
    fields = _titles().get(_plain(title), {}).values()
    return next((("metric", True) if f == "goal" else (f, False) for f in fields), None)


def _votes(blocks: Iterable[Block]) -> Counter[str]:
    lines = (line for b in blocks if b.kind != "code" for line in (b.said or b.text).split("\n"))
    return Counter(name for line in lines for name in _titles().get(_plain(line), ()))


def _shape(word: str, meaning: str) -> str:
    """Return where a word counts: between files, after a number, as a whole word, or anywhere."""
    if meaning in ("and", "or"):
        return r"(?<=`),?\s*(?:%s)\s*(?=`)"
    if unicodedata.category(word[0]) != "Lo":
        return r"\b(?<![/\\])(?P<spaced>%s)(?![\w/\\]|\.\w)"
    return r"(?<=\d) ?(?:%s) ?" if meaning in _COUNTED else " ?(?:%s) ?"


@cache
def _words(languages: tuple[str, ...]) -> tuple[re.Pattern[str], Mapping[str, str]]:
    """Return a pattern of all words, the longest first, and their meanings."""
    tables = [_known()["languages"][name]["words"] for name in languages]
    meanings = {w.lower(): meaning for t in tables for meaning, words in t.items() for w in words}
    shapes: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for word in sorted(meanings, key=len, reverse=True):
        rest = re.escape(word[1:]).replace(r"\ ", r"\s+")
        shapes[_shape(word, meanings[word])][word[0]].append(rest)
    shaped = [
        shape % "|".join(f"[{x}{x.upper()}](?i:{'|'.join(rest)})" for x, rest in words.items())
        for shape, words in shapes.items()
    ]
    return re.compile("|".join(["`[^`]*`", *shaped])), meanings


def in_english(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """Translate the words of the language that most headings and labels have, if any."""
    votes = _votes(blocks)
    pattern, meanings = _words(tuple(n for n in votes if votes[n] == max(votes.values())))

    def put(found: re.Match[str]) -> str:
        meaning = meanings.get(" ".join(found[0].lower().strip(" \n,").split()), "")
        blank = "" if found.lastgroup == "spaced" else " "
        return f"{blank}{meaning}{blank}" + "\n" * found[0].count("\n") if meaning else found[0]

    def translated(block: Block) -> Block:
        text = _LATE.sub(r"exceeds \1\2", pattern.sub(put, block.text))
        titles = tuple(pattern.sub(put, title) for title in block.titles)
        is_same = block.kind == "code" or (text == block.text and titles == block.titles)
        return block if is_same else replace(block, text=text, said=block.text, titles=titles)

    return tuple(map(translated, blocks)) if votes else blocks


def unknown_language(blocks: Iterable[Block]) -> str:
    """Return advice for a text in another language; an empty text if it is in English."""
    prose = [block for block in blocks if block.kind != "code"]
    text = re.sub(r"`[^`]*`", "", " ".join(block.said or block.text for block in prose))[:_SAMPLE]
    hits = _votes(prose) + _letters(text)
    words = re.findall(r"[^\W\d_]+", text.lower())
    hits.update({name: sum(map(words.count, each)) for name, each in _known()["common"].items()})
    hits[_OTHER] += len(words) // 50
    name = max(hits, key=lambda name: (hits[name], name == "English"))
    return "" if name == "English" else _ADVICE.format(name)


def _letters(text: str) -> Counter[str]:
    """Count the letters of the scripts that tell a language."""
    names = (unicodedata.name(letter, "?") for letter in text if letter.isalpha())
    found = Counter(_known()["scripts"].get(re.split("[ -]", name)[0], _OTHER) for name in names)
    del found["LATIN"]
    if found["Japanese"]:
        found["Japanese"] += found.pop("Chinese", 0)
    if re.search("[іїєґўјђћ]", text):
        found[_OTHER] += found.pop("Russian", 0)
    return found

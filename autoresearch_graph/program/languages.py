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

from autoresearch_graph.program.markdown import Block

_ADVICE = (
    "this text seems to be in {}, whose sentences are not read; give --read-with MODEL, or write "
    "what is missing in front matter or under English headings"
)
_OTHER = "another language than English"
_TITLE = re.compile(r"[^:(|,;/—\n]{1,48}?(?=\s*(?:[:(|,;/—\n]|\s-\s|$))")
_COUNTED = ("days", "hours", "minutes", "seconds", "experiments")
_LATE = re.compile(r"(\d[\d.,]*\s+\w+)(\s+)exceeded\b")
_SHAPES = {
    "joining": r"(?<=`),?\s*(?:%s)\s*(?=`)",
    "counting": r"(?<=\d) ?(?:%s) ?",
    "spaced": r"(?<![^\W\d])(?<![/\\])(?P<spaced>%s)(?![\w/\\]|\.\w)",
    "dense": r" ?(?:%s) ?",
}


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
    found = _TITLE.match(title)
    words = re.sub(r"[\W_]+", " ", found[0].lower()).strip(" 0123456789") if found else ""
    first, _, rest = words.partition(" ")
    return rest if first in _known()["articles"] else words


def _votes(blocks: Iterable[Block]) -> Counter[str]:
    """Count the headings and labels of each language."""
    lines = (line for b in blocks if b.kind != "code" for line in (b.said or b.text).split("\n"))
    return Counter(name for line in lines for name in _titles().get(_plain(line), ()))


@cache
def _words(languages: tuple[str, ...]) -> tuple[re.Pattern[str], Mapping[str, str]]:
    """Return a pattern of all words, the longest first, and their meanings."""
    tables = [_known()["languages"][name]["words"] for name in languages]
    meanings = {w.lower(): meaning for t in tables for meaning, words in t.items() for w in words}
    found: dict[str, list[str]] = {kind: [] for kind in _SHAPES}
    for word in sorted(meanings, key=len, reverse=True):
        is_dense = unicodedata.category(word[0]) == "Lo"
        counting = "counting" if meanings[word] in _COUNTED else "dense"
        kind = counting if is_dense else "spaced"
        rest = re.escape(word[1:]).replace(r"\ ", r"\s+")
        pattern = f"[{word[0]}{word[0].upper()}](?i:{rest})"
        found["joining" if meanings[word] in ("and", "or") else kind].append(pattern)
    shapes = [shape % "|".join(found[kind]) for kind, shape in _SHAPES.items() if found[kind]]
    return re.compile("|".join(["`[^`]*`", *shapes])), meanings


def _translated(block: Block, pattern: re.Pattern[str], meanings: Mapping[str, str]) -> Block:
    def put(found: re.Match[str]) -> str:
        said = " ".join(found[0].lower().strip(" \n,").split())
        blank = "" if found.lastgroup == "spaced" else " "
        lines = "\n" * found[0].count("\n")
        return f"{blank}{meanings[said]}{blank}{lines}" if said in meanings else found[0]

    text = _LATE.sub(r"exceeds \1\2", pattern.sub(put, block.text))
    return block if text == block.text else replace(block, text=text, said=block.text)


def in_english(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """Translate the words of the language that most headings and labels have, if any."""
    votes = _votes(blocks)
    known = _words(tuple(name for name in votes if votes[name] == max(votes.values())))
    put = (block if block.kind == "code" else _translated(block, *known) for block in blocks)
    return tuple(put) if votes else blocks


def recognise(title: str) -> tuple[str, bool] | None:
    """Return the field of a whole heading or label, and True if it may also be prose."""
    fields = _titles().get(_plain(title), {}).values()
    return next((("metric", True) if f == "goal" else (f, False) for f in fields), None)


def unknown_language(blocks: Iterable[Block]) -> str:
    """Return advice for a text in another language; an empty text if it is in English."""
    prose = [block for block in blocks if block.kind != "code"]
    text = re.sub(r"`[^`]*`", "", " ".join(b.said or b.text for b in prose))[:20_000]
    words = Counter(re.findall(r"[^\W\d_]+", text.lower()))
    hits = Counter(English=1) + _votes(prose)
    hits[_OTHER] = words.total() // 50
    for name, common in _known()["common"].items():
        hits[name] += sum(words[word] for word in common)
    for letter in filter(str.isalpha, text):
        script = re.split("[ -]", unicodedata.name(letter, "LATIN"))[0]
        hits[_known()["scripts"].get(script, _OTHER)] += script != "LATIN"
    name = hits.most_common(1)[0][0]
    return "" if name == "English" else _ADVICE.format(name)

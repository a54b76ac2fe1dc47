"""Files that a pattern takes in and that some words may deny: each is excepted from the pattern.

The burden is turned round: a sentence, item or row with any negation or word of state excepts the
files that it names, as does the label above it. A false exception costs little, and `check` shows
it; a judge that is taken in costs the study. A file that the asset names itself is none of these.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from autoresearch_graph.asset.files import matches
from autoresearch_graph.program.claims import is_label
from autoresearch_graph.program.document import sentences
from autoresearch_graph.program.markdown import Block
from autoresearch_graph.program.paths import Place, braced, is_pattern, normal
from autoresearch_graph.program.statements import Statement

# German, Spanish, Portuguese, French, Italian, Dutch, Russian, Chinese, Japanese, Korean.
_FOREIGN = (
    r"nicht|kein\w*|niemals|nie|tabu|weg|unverändert|verboten|nunca|solo|sólo|intocable|não"
    r"|prohibid\w*|apenas|somente|proibid\w*|ne|pas|jamais|interdi\w*|intouchable|lecture|non"
    r"|mai|sola|vietat\w*|niet|nooit|не|нельзя|только|запрещ\w*"
)
_DOUBT = re.compile(
    r"\b(?:not?|never|nor|neither|none|nothing|nobody|without|except\w*|exclu\w+|but|besides"
    r"|other than|apart|cannot|\w+n't|avoid\w*|refrain\w*|forbid\w*|prohibit\w*|off|only"
    r"|read-?only|fixed|fro?zen|freeze|locked|sealed|constant|\w*mutable|alone|intact|away"
    r"|un(?:touch|chang|modif|alter|edit)\w*|as (?:it )?is|leaves?|left|keeps?|kept|stays?"
    r"|remain\w*|protected|reserved|human\w*|context|reference|ground[- ]truth|cheat\w*"
    r"|invalid\w*|reject\w*|sacr\w*|out of|grader\w*|yardstick|mine|ours|theirs|owner\w*"
    rf"|{_FOREIGN})\b|[❌✗✘🔒🚫⛔🛑]|~~|[不勿禁别未]|只读|ない|ません|마세요|않|금지",
    re.I,
)
_ABBREVIATED = re.compile(r"\b(?:i\.e|e\.g|cf|esp|\d+)\.$", re.I)
_NEVER_STOP = re.compile(r"\b(?:never|don't|do\s+not)\s+stop\b", re.I)
_ON = re.compile(
    r"\W*(?:it|they|this|these|both|do|don't|never|not|leave|keep|please|hands|no|must)\b", re.I
)
_WORD = re.compile(r"`([^`]+)`|(?<![\w`])((?:[.~]?[/\\])?\w[\w./\\-]*[./\\][\w./\\-]*)")
_COMMAND = re.compile(r"[\s;&|<>()'\"`,=:$]+")
_LARGEST = 20_000  # files that are looked at; a project with more has its data in it


@dataclass(frozen=True)
class Doubts:
    """The files that the patterns of an asset take in, and what names them."""

    place: Place
    patterns: tuple[str, ...]

    @cached_property
    def files(self) -> dict[str, str]:
        """The files of the patterns by their paths in small letters."""
        found: dict[str, str] = {}
        seen = 0
        for folder, below, names in os.walk(self.place.project if self.patterns else ""):
            below[:] = [name for name in below if name not in (".git", ".venv", "node_modules")]
            seen += len(names)
            for name in names if seen < _LARGEST else ():
                path = Path(folder, name).relative_to(self.place.project).as_posix()
                if any(matches(pattern, path) for pattern in self.patterns):
                    found[path.casefold()] = path
        return found

    def said(self, blocks: Sequence[Block]) -> Iterator[Statement[str]]:
        """The files that prose, items, rows and lists in code blocks may deny."""
        heading = label = ""
        for block in blocks:
            if block.kind == "heading":
                heading, label = block.text, ""
            elif _is_label(block):
                label = block.text
            if block.kind == "code":
                yield from self._in_code(block, label)
            else:
                above = heading if block.kind == "paragraph" else f"{heading} {label}"
                yield from self._in_prose(block, above)

    def _in_prose(self, block: Block, above: str) -> Iterator[Statement[str]]:
        """Yield what a sentence names, or the one before it; `i.e.` and `1.` end none."""
        before: tuple[str, ...] = ()
        lead = ""
        for sentence, line in sentences(block):
            words = [span or word for span, word in _WORD.findall(sentence)]
            folders = [w for w in words if (self.place.project / normal(w)).is_dir()]
            words += [f"{folder}/{word}" for folder in folders for word in words]
            paths = tuple(path for word in words for path in self.named(word))
            before = paths or (before if _ON.match(sentence) else ())
            if any(map(_is_doubtful, (sentence, above, lead))):
                yield from (Statement(path, line) for path in before)
            lead = f"{lead} {sentence}" if _ABBREVIATED.search(sentence) else ""

    def _in_code(self, block: Block, label: str) -> Iterator[Statement[str]]:
        lines = block.text.split("\n")
        if _is_doubtful(label) and not any(" " in line.strip() for line in lines):
            for at, line in enumerate(lines):
                yield from (Statement(path, block.line + at) for path in self.named(line))

    def run(self, command: Statement[str]) -> Iterator[Statement[str]]:
        """The files that any word of a command names."""
        wide = [each for word in command.value.split() for each in braced(word)]
        words = {part.removeprefix("-m") for word in wide for part in _COMMAND.split(word)}
        words |= {each.replace(".", "/") for each in words if not each.endswith(".")}
        words |= set(re.findall(r"\bimport\s+(\w+)", command.value))
        stems = {word for word in words if "/" in word or f"import {word}" in command.value}
        for word in words:
            for path in self.named(word.lstrip("/"), stem=word in stems, everywhere=True):
                yield Statement(path, command.line)

    def named(self, word: str, *, stem: bool = True, everywhere: bool = False) -> set[str]:
        """The files of the patterns that a word names, in whatever spelling."""
        own = f"{self.place.project}/"
        text = word.strip().rstrip(".,;:").replace("\\", "/").removeprefix(own)
        if not self.files or not text or "\0" in text:
            return set()
        found = {path for each in braced(text) for path in self._files(each, stem, everywhere)}
        return found | {path for path in map(self.place.target, found) if path}

    def _files(self, text: str, stem: bool, everywhere: bool) -> Iterator[str]:
        low = normal(text).casefold()
        if is_pattern(low):
            wide = low not in map(str.casefold, self.patterns)
            yield from (p for f, p in self.files.items() if wide and matches(low, f))
        elif low in self.files and not everywhere:
            yield self.files[low]
        elif folders := self._folders(self.place.target(text) or normal(text)):
            yield from folders
        elif everywhere or not self.place.exists(normal(text)):
            for file, path in self.files.items():
                whole = (file, file.rpartition(".")[0] if stem else "")
                if any(each == low or each.endswith(f"/{low}") for each in whole):
                    yield path

    def _folders(self, text: str) -> set[str]:
        """The folders that a word names, but for one that holds all files of the patterns."""
        low = text.casefold()
        above = {parent for path in self.files.values() for parent in PurePosixPath(path).parents}
        named = {each.as_posix() for each in above if f"/{each}".casefold().endswith(f"/{low}")}
        exact = {each for each in named if each.casefold() == low}
        return {
            folder
            for folder in exact or named
            if not all(path.startswith(f"{folder}/") for path in self.files.values())
        }


def _is_label(block: Block) -> bool:
    """An item is one where it ends with a colon, or is doubtful itself."""
    ends = block.kind != "item" or block.text.rstrip("*_ ").endswith(":")
    return block.kind != "code" and is_label(block) and (ends or _is_doubtful(block.text))


def _is_doubtful(words: str) -> bool:
    return bool(_DOUBT.search(_NEVER_STOP.sub("", re.sub(r"`[^`]*`", "`", words))))

"""The asset and the protected files that a program.md names.

A file that the asset names by a pattern is protected if any words may deny it: a sentence, item,
row or label with a negation or a word of state (`Doubts`). A file that is protected by mistake
costs little, and `check` shows it; a judge that becomes part of the asset costs the study.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from autoresearch_graph.asset.files import Asset, is_pattern, matches
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.claims import (
    EXCEPT,
    NEVER_STOP,
    PATHS,
    claims,
    is_excepted,
    is_label,
    meaning,
)
from autoresearch_graph.program.document import Document, Section, sentences
from autoresearch_graph.program.evaluators import evaluators
from autoresearch_graph.program.markdown import Block
from autoresearch_graph.program.paths import Place, braced, covers, is_inside, normal
from autoresearch_graph.program.quantities import Statement, contradiction

Named = Statement[str]
_PART = re.compile(
    r"(?:\b(?:in|of|within|inside|from|for|runs|scores|imports|except|but|besides|other than)"
    r"(?:\s+the)?)\s+`(?P<path>[^`]+)`",
    re.I,
)
_ALL_ELSE = re.compile(r"\b(?:none|nothing|everything|any|all|rest|others?)\b", re.I)


def read_asset(document: Document, place: Place, supplied: str | None) -> Named | None:
    """Return the checked asset: every file that is named, or the one that a flag picks."""
    named = tuple(each for one in _named(document, place) for each in _braced(one))
    if supplied is not None:
        return _picked(named, place.asset(supplied, None), supplied)
    if not named:
        return None
    paths = dict.fromkeys(place.asset(said.value, said.line) for said in named)
    if len(paths) > 1:
        _check_not_alone(document, place, named)
    return Statement(str(Asset(tuple(paths))), named[0].line)


def without_protected(asset: Named, protected: Iterable[Named], place: Place) -> Named:
    """Except the protected files and program.md itself from the patterns of the asset."""
    files = Asset.parse(asset.value)
    own = Path(os.path.realpath(place.program))
    program = (
        [own.relative_to(place.project).as_posix()] if own.is_relative_to(place.project) else []
    )
    excepted = [
        path
        for path in (*(said.value for said in protected), *program)
        if any(_meet(pattern, path) for pattern in files.patterns)
    ]
    return replace(asset, value=str(replace(files, exceptions=tuple(excepted))))


def _meet(pattern: str, path: str) -> bool:
    """Return True if a pattern can match a protected path, or files below or like it."""
    if matches(pattern, path):
        return True
    fixed = [re.split(r"[*?]", each, maxsplit=1)[0] for each in (pattern, f"{path}/")]
    return any(one.startswith(other) for one, other in (fixed, reversed(fixed)))


def _braced(said: Named) -> Iterator[Named]:
    return (replace(said, value=path) for path in braced(said.value))


def read_protected(
    document: Document, place: Place, asset: Named, marking: Iterable[Named]
) -> tuple[Named, ...]:
    """Return the protected paths, normal and each once.

    A file is protected if a heading, a label or a sentence denies it, or if a marking command runs
    it. Raise ProgramError, with both lines, if the asset is among them.
    """
    names = Asset.parse(asset.value).names
    denied = _all_denied(document, place, names)
    marks = _marks(marking, place, names)
    protected = denied | {path: mark for path, mark in marks.items() if path not in denied}
    for path, said in protected.items():
        is_denied = path in denied
        takes = _takes if is_denied else _runs
        reason = "is protected here" if is_denied else "is run here to measure the work"
        if edited := next((name for name in names if takes(path, name)), None):
            raise ProgramError(
                f"`{said}` {reason}, but the asset `{edited}` "
                f"({_place_of(edited, document, place)}) is the file to edit; remove one of them",
                line=said.line,
                code="asset-protected",
            )
    for said in _doubted(document, place, names, marking):
        protected.setdefault(said.value, said)
    return tuple(Statement(path, said.line) for path, said in protected.items())


def _all_denied(document: Document, place: Place, names: Sequence[str]) -> dict[str, Named]:
    """Return the paths that the text denies, and the targets of those that are links."""
    found: dict[str, Named] = {}
    for said in _protected(document, place, names):
        for each in _braced(said):
            found.setdefault(place.protected(each.value, each.line or 0), each)
    for said in _denied(document, place):
        for each in _braced(said):
            found.setdefault(normal(each.value), each)
    for path, said in list(found.items()):
        if target := place.target(path):
            found.setdefault(target, said)
    return found


def _marks(marking: Iterable[Named], place: Place, names: Sequence[str]) -> dict[str, Named]:
    """Return the files that a marking command runs, except data within the asset."""
    found: dict[str, Named] = {}
    for command in marking:
        for path in evaluators(command.value, place.project):
            is_data = any(covers(path, name) for name in names)
            if not is_data or any(_runs(path, name) for name in names):
                found[path] = Statement(path, command.line)
    return found


def _place_of(edited: str, document: Document, place: Place) -> str:
    """Return the first line that names a file of the asset, or the flag."""
    for said in _named(document, place):
        if normal(said.value) == edited and said.line:
            return f"line {said.line}"
    return "--asset"


def _doubted(
    document: Document, place: Place, names: Iterable[str], marking: Iterable[Named]
) -> Iterator[Named]:
    """Yield the files of a pattern that words may deny or a marking command names."""
    doubts = Doubts(place, tuple(filter(is_pattern, names)))
    said = [*claims(map(place.spanned, document.blocks))]
    plain = {*names, *(normal(claim.path) for claim in said if claim.editable)}
    for each in doubts.said(document.blocks):
        if each.value not in plain:
            yield each
    for command in marking:
        yield from (each for each in doubts.run(command) if each.value not in names)


def _takes(denied: str, name: str) -> bool:
    """Return True if a denied path covers a name of the asset: a file, or all of a pattern."""
    if is_pattern(name):
        return denied == name or name.startswith(f"{denied}/")
    return covers(denied, name)


def _runs(path: str, name: str) -> bool:
    """Return True if running a path runs a file of the asset; tests in a folder may vary."""
    return name in (path, f"{path}/__main__.py") or (is_pattern(name) and _takes(path, name))


def _named(document: Document, place: Place) -> Iterable[Named]:
    if entry := document.front.get("asset"):
        return entry.statements()
    for sections in (document.proper("asset"), document.loose("asset")):
        named = [said for section in sections for said in _in_section(section, place, document)]
        if named:
            return named
    return [
        Statement(claim.path, claim.line)
        for claim in claims(map(place.spanned, document.blocks))
        if claim.editable and place.looks_like_path(claim.path)
    ]


def _in_section(section: Section, place: Place, document: Document) -> list[Named]:
    """Return the files of a section: the editable ones, else its title's, else all of them."""
    section = replace(section, blocks=tuple(map(place.spanned, section.blocks)))
    said = [claim for claim in claims(section.blocks) if place.looks_like_path(claim.path)]
    if edited := [Statement(claim.path, claim.line) for claim in said if claim.editable]:
        return edited
    fixed = {claim.path for claim in said}
    is_all = "protected" in document.front or bool(document.proper("protected"))
    for blocks in (section.blocks[:1], section.blocks):
        found = [file for file in listed(blocks, place) if file.path.value not in fixed]
        if named := to_edit(found, is_all=is_all):
            return named
    if found or fixed or section.loose:
        return []
    spans = [span for block in section.body for span in block.spans]
    return [Statement(span.text, span.line) for span in spans[:1] if len(spans) == 1]


def _paths(block: Block, place: Place) -> list[Named]:
    """Return the paths that a block begins with, else all of its paths; in code, one a line."""
    if block.kind == "code":
        lines = enumerate(map(str.strip, block.text.split("\n")), block.line)
        return [Statement(text, line) for line, text in lines if place.looks_like_path(text)]
    leading = re.match(rf"^\W*({PATHS})", block.text)
    return [
        Statement(span.text, span.line)
        for span in block.spans
        if f"`{span.text}`" in (leading[1] if leading else block.text)
        and place.looks_like_path(span.text)
    ]


def _check_not_alone(document: Document, place: Place, named: tuple[Named, ...]) -> None:
    """Raise ProgramError if one of several files is called the only one."""
    for only in (claim for claim in claims(map(place.spanned, document.blocks)) if claim.alone):
        others = [said for said in named if said.line != only.line and said.value != only.path]
        if others and any(said.value == only.path for said in named):
            raise contradiction(
                f"`{only.path}` is the only file to edit here, but so is `{others[0]}` on line "
                f"{others[0].line}; keep one of them, or remove the word `only`",
                only.line,
            )


def _picked(named: tuple[Named, ...], asset: str, supplied: str) -> Named:
    for statement in named:
        if normal(statement.value) == asset:
            return Statement(asset, statement.line)
    if not named or any(covers(normal(statement.value), asset) for statement in named):
        return Statement(asset, None)
    raise contradiction(
        f"{_several(named)}, but --asset is `{supplied}`; drop one of them", named[0].line
    )


def _several(named: tuple[Named, ...]) -> str:
    lines: dict[str, int | None] = {}
    for statement in named:
        lines.setdefault(statement.value, statement.line)
    paths = [f"`{path}` (line {line})" for path, line in lines.items()]
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    noun = "file to edit is" if len(paths) == 1 else "files to edit are"
    return f"the {noun} {', '.join(paths[:3])}{more}"


def _protected(document: Document, place: Place, own: Iterable[str]) -> Iterator[Named]:
    """Yield the paths under front matter or a heading, which must exist; no parts of the asset."""
    if entry := document.front.get("protected"):
        yield from entry.statements()
        return
    for section in document.proper("protected"):
        named = False
        for block in map(place.spanned, section.blocks):
            parts = {part["path"] for part in _PART.finditer(block.text)} & set(own)
            for path in _paths(block, place):
                named = True
                if path.value not in parts and not place.is_elsewhere(path.value):
                    yield path
        if not (named or section.label or _ALL_ELSE.search(section.blocks[-1].text)):
            _check_prose(section)


def _check_prose(section: Section) -> None:
    """Raise ProgramError if a heading that must protect something names no path."""
    if re.match(r"\W*(?:protected|read[- ]only)\b", section.title, re.I):
        raise ProgramError(
            f"`{section.title.strip()}` names no file; write each in backticks, or "
            "remove the heading",
            line=section.line,
        )


def _denied(document: Document, place: Place) -> Iterator[Named]:
    """Yield the existing files that prose or a label denies."""
    for claim in claims(map(place.spanned, document.blocks)):
        if not claim.editable and _is_there(claim.path, place):
            yield Statement(claim.path, claim.line)
    for section in document.about("asset"):
        for each in listed([place.spanned(block) for block in section.blocks], place):
            if each.editable is False and _is_there(each.path.value, place):
                yield each.path


def _is_there(path: str, place: Place) -> bool:
    known = is_inside(path) and (is_pattern(path) or place.exists(path))
    return known and place.looks_like_path(path)


_LABEL = re.compile(r"(?P<label>[^:|\n]*[^\W\d][^:|\n]*?)\s*(?::|\||\s[-—]+)[\W_]*$")
_CLAUSE = re.compile(r"[.;!?]\s|\n")
_JOINS = re.compile(r"[\W_]*(?:(?:and|or|plus|also|as well as|the|files?)\b[\W_]*)*")
_NOT = re.compile(r"\b(?:not|never|nor|without)\b|[❌✗✘🔒🚫⛔🛑]|~~", re.I)
# A paragraph that goes on so after a path is a sentence about it.
_SENTENCE = re.compile(
    r"[ \t]+(?!(?:and|or|plus|only|alone|with|as well|too|also|but|except|in|under)\b)\w"
)
_ADDED = ("too", "also", "as well")
_JUDGES = re.compile(
    r"\b(?:judg|scor|refere|grad(?:er|ing|es)\b|evaluat|metric|loss|benchmark|verif|harness|leave|use[sd]?\b"
    r"|belong|please)",
    re.I,
)
_BOX = re.compile(r"\[[ xX]\](?=\W*$)")


@dataclass(frozen=True)
class Listed:
    """A file that a section names, with the `label` above or before it.

    `editable` is the meaning of the label, None if unknown. `among` is a group of paths within
    prose; `words` is the text of an item, row or paragraph after its first path.
    """

    path: Statement[str]
    label: str
    editable: bool | None
    among: str = ""
    words: str = ""


def listed(blocks: Sequence[Block], place: Place) -> list[Listed]:
    """Return all files of a section in order; its title, the first block, is no label."""
    found: list[Listed] = []
    label = ""
    for block in blocks:
        if block is not blocks[0] and (block.kind == "heading" or is_label(block)):
            label = block.text
        if block.kind != "code":
            found += _in_block(block, label, place, title=block is blocks[0])
    return found


def to_edit(found: Sequence[Listed], *, is_all: bool) -> list[Statement[str]]:
    """Return the editable files; raise ProgramError if a label or prose is ambiguous.

    With `is_all`, the protected files stand elsewhere, and labels may be mere topics.
    """
    allowed = [each for each in found if each.editable is not False]
    open_ = [each for each in allowed if not each.among]
    _check_labels(open_, [each for each in found if not each.among], is_all=is_all)
    _check_words(open_, is_all=is_all)
    if open_:
        return [each.path for each in open_]
    prose = [each for each in allowed if each.among]
    if len({each.among for each in prose}) > 1:
        raise ProgramError(
            f"`{prose[0].path}` and `{prose[-1].path}` are both named here in prose; list the "
            "files to edit, and name the others under `## Protected`",
            line=prose[0].path.line,
        )
    return [each.path for each in prose]


def _check_labels(open_: Sequence[Listed], found: Sequence[Listed], *, is_all: bool) -> None:
    """Raise ProgramError if a label of one of several files may forbid to edit it."""
    for each in open_:
        if each.label and each.editable is None:
            others = [other.editable for other in found if other.label != each.label]
            if others and not (is_all and set(others) == {None}):
                raise ProgramError(
                    f"`{each.path}` stands under `{each.label.strip(' *:#')}`, which does not "
                    "tell if it may be edited; write `Editable:` or `Protected:` there",
                    line=each.path.line,
                )
            return


def _check_words(open_: Sequence[Listed], *, is_all: bool) -> None:
    """Raise ProgramError if words after one of several files may forbid to edit it."""
    if len({each.path.value for each in open_}) < 2:
        return
    plain = {each.path.value for each in open_ if not each.words}
    is_strict = plain and not is_all
    for each in open_:
        is_plain = each.editable is not None or each.path.value in plain
        if not is_plain and (is_strict or _JUDGES.search(each.words)):
            raise ProgramError(
                f"the words after `{each.path}` do not tell if it may be edited; "
                "write `Editable:` or `Protected:` before it",
                line=each.path.line,
            )


def _in_block(block: Block, label: str, place: Place, *, title: bool) -> Iterator[Listed]:
    """Yield the paths of a block: leading or labelled ones, and those within its prose."""
    start, said, mentioned = 0, label, False
    editable = meaning(label) if label else None
    for index, group in enumerate(re.finditer(PATHS, block.text)):
        is_title = title and not index
        leading = _CLAUSE.split(block.text[start : group.start()])[-1]
        trailing = _CLAUSE.split(block.text[group.end() :])[0]
        if not label and (box := _BOX.search(leading)):
            said, leading = box[0], ""
        own = None if is_title else _LABEL.search(leading)
        known = meaning(own["label"]) if own else None
        if own and (known is not None or block.kind != "row"):
            said, editable, mentioned = own["label"], known, False
        excepted = _is_exception(leading, trailing, label, first=not index)
        if not own:
            leads = excepted or is_title or _JOINS.fullmatch(leading)
            goes_on = block.kind == "paragraph" and _SENTENCE.match(trailing)
            mentioned = bool(mentioned or goes_on or not leads)
        listed_as = (
            said,
            False if excepted else editable,
            group[0] if mentioned else "",
            "" if index else _words_after(trailing),
        )
        for text in filter(place.looks_like_path, re.findall(r"`([^`]+)`", group[0])):
            yield Listed(Statement(text, block.line_at(group.start())), *listed_as)
        start = group.end()


def _is_exception(lead: str, tail: str, label: str, *, first: bool) -> bool:
    """Return True if the words beside a path except it from its label."""
    if EXCEPT.search(lead):
        return is_excepted(f"{lead} {tail}", label) is not False
    is_of_the_path = not first or len(lead.split()) <= 1  # else of the whole block, perhaps
    return bool(is_of_the_path and _NOT.search(lead))


def _words_after(tail: str) -> str:
    """Return the words after a path, unless they mean that it is editable, too."""
    words = re.sub(r"[\W_]+", " ", tail).strip()
    is_plain = words in _ADDED or (len(words.split()) < 3 and meaning(words))
    return "" if is_plain else words


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
_ON = re.compile(
    r"\W*(?:it|they|this|these|both|do|don't|never|not|leave|keep|please|hands|no|must)\b", re.I
)
_WORD = re.compile(r"`([^`]+)`|(?<![\w`])((?:[.~]?[/\\])?\w[\w./\\-]*[./\\][\w./\\-]*)")
_COMMAND = re.compile(r"[\s;&|<>()'\"`,=:$]+")
_LARGEST = 20_000  # files that are looked at; a project with more has its data in it


@dataclass(frozen=True)
class Doubts:
    """Files that match the asset's patterns, and the words that may deny them."""

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
        """Yield the files that prose, items, rows and lists in code blocks may deny."""
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
        """Yield the files of doubtful sentences; `i.e.` and `1.` do not end a sentence."""
        before: tuple[str, ...] = ()
        lead = ""
        for sentence, line_number in sentences(block):
            paths = self._named_in(sentence)
            before = paths or (before if _ON.match(sentence) else ())
            if any(map(_is_doubtful, (sentence, above, lead))):
                yield from (Statement(path, line_number) for path in before)
            lead = f"{lead} {sentence}" if _ABBREVIATED.search(sentence) else ""

    def _named_in(self, sentence: str) -> tuple[str, ...]:
        """Return the files that a sentence names, also below a folder that it names."""
        words = [span or word for span, word in _WORD.findall(sentence)]
        folders = [word for word in words if (self.place.project / normal(word)).is_dir()]
        words += [f"{folder}/{word}" for folder in folders for word in words]
        return tuple(path for word in words for path in self.named(word))

    def _in_code(self, block: Block, label: str) -> Iterator[Statement[str]]:
        lines = block.text.split("\n")
        if _is_doubtful(label) and not any(" " in line.strip() for line in lines):
            for index, line in enumerate(lines):
                yield from (Statement(path, block.line + index) for path in self.named(line))

    def run(self, command: Statement[str]) -> Iterator[Statement[str]]:
        """Yield the files that any word of a command names."""
        wide = [each for word in command.value.split() for each in braced(word)]
        words = {part.removeprefix("-m") for word in wide for part in _COMMAND.split(word)}
        words |= {each.replace(".", "/") for each in words if not each.endswith(".")}
        words |= set(re.findall(r"\bimport\s+(\w+)", command.value))
        stems = {word for word in words if "/" in word or f"import {word}" in command.value}
        for word in words:
            for path in self.named(word.lstrip("/"), stem=word in stems, everywhere=True):
                yield Statement(path, command.line)

    def named(self, word: str, *, stem: bool = True, everywhere: bool = False) -> set[str]:
        """Return the files of the patterns that a word names, in any spelling."""
        own = f"{self.place.project}/"
        text = word.strip().rstrip(".,;:").replace("\\", "/").removeprefix(own)
        if not self.files or not text or "\0" in text:
            return set()
        found = {path for each in braced(text) for path in self._files(each, stem, everywhere)}
        return found | {path for path in map(self.place.target, found) if path}

    def _files(self, text: str, stem: bool, everywhere: bool) -> Iterator[str]:
        lowered = normal(text).casefold()
        if is_pattern(lowered):
            if lowered not in map(str.casefold, self.patterns):
                yield from (path for file, path in self.files.items() if matches(lowered, file))
        elif lowered in self.files and not everywhere:
            yield self.files[lowered]
        elif folders := self._folders(self.place.target(text) or normal(text)):
            yield from folders
        elif everywhere or not self.place.exists(normal(text)):
            yield from self._ending(lowered, stem)

    def _ending(self, low: str, stem: bool) -> Iterator[str]:
        """Yield the files with that name in any folder; with `stem`, also without a suffix."""
        for file, path in self.files.items():
            name = f"/{file}"
            stemmed = name.rpartition(".")[0] if stem else ""
            if name.endswith(f"/{low}") or stemmed.endswith(f"/{low}"):
                yield path

    def _folders(self, text: str) -> set[str]:
        """Return the folders that a word names, except one that holds all matching files."""
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
    """Return True for a label; an item must end with a colon, or be doubtful itself."""
    ends = block.kind != "item" or block.text.rstrip("*_ ").endswith(":")
    return block.kind != "code" and is_label(block) and (ends or _is_doubtful(block.text))


def _is_doubtful(words: str) -> bool:
    return bool(_DOUBT.search(NEVER_STOP.sub("", re.sub(r"`[^`]*`", "`", words))))

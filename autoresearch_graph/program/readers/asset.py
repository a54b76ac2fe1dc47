"""The asset and the protected files that a program.md names.

A file that the asset names by a pattern is protected if any words may deny it: a sentence, item,
row or label with a negation or a word of state (`Doubts`). A file that is protected by mistake
costs little, and `check` shows it; a judge that becomes part of the asset costs the study.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache, cached_property, lru_cache
from pathlib import Path, PurePosixPath

from autoresearch_graph.asset.files import Asset, is_pattern, matches
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.evaluators import evaluators
from autoresearch_graph.program.paths import (
    Place,
    braced,
    covers,
    is_inside,
    is_placeholder,
    normal,
)
from autoresearch_graph.program.readers.claims import (
    Mention,
    meaning,
    mentions,
    read_text,
    shape_of,
    walk,
)
from autoresearch_graph.program.text.document import Document, Section
from autoresearch_graph.program.text.markdown import Block
from autoresearch_graph.program.text.quantities import Statement, contradiction

Named = Statement[str]


@lru_cache(maxsize=4)
def _mentions(document: Document, place: Place) -> tuple[Mention, ...]:
    """Return the mentions of a whole document; they are read once."""
    return mentions(document.blocks, place)


def read_asset(document: Document, place: Place, supplied: str | None) -> Named | None:
    """Return the checked asset: every file that is named, or the one that a flag picks."""
    named = [each for one in _named(document, place) for each in _braced(one)]
    named = [*{said.value: said for said in reversed(named)}.values()][::-1]
    if supplied is not None:
        return _picked(named, place.asset(supplied, None), supplied)
    if not named:
        return None
    texts = _texts(document, place, named)
    kept = [said for said in named if said not in texts]
    paths = dict.fromkeys(place.asset(said.value, said.line) for said in kept)
    if len(paths) > 1:
        _check_not_alone(document, place, kept)
    _check_not_wider(document, place, tuple(paths), kept[0].line or 0)
    return Statement(str(Asset(tuple(paths))), kept[0].line)


def asset_lines(document: Document, place: Place) -> dict[str, int]:
    """Return the first line that names each file or folder of the asset."""
    found: dict[str, int] = {}
    for said in _named(document, place):
        for path in braced(said.value):
            name = normal(path)
            for each in (name, f"{name}/**"):
                found.setdefault(each, said.line or 0)
    return {name: line for name, line in found.items() if line}


def _widened(path: str) -> Iterator[str]:
    """Yield a denied path; a pattern also means what is below it, and a bare one any folder."""
    yield path
    if is_pattern(path) and not path.endswith("**"):
        yield f"{path}/**"
        if "/" not in path:
            yield f"**/{path}"


def without_protected(asset: Named, protected: Iterable[Named], place: Place) -> Named:
    """Except the protected files and program.md itself from the patterns of the asset."""
    files = Asset.parse(asset.value)
    own = Path(os.path.realpath(place.program))
    program = (
        [own.relative_to(place.project).as_posix()] if own.is_relative_to(place.project) else []
    )
    denied = (path for said in protected for path in _widened(said.value))
    excepted = [
        path
        for path in dict.fromkeys((*denied, *program))
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


_TEXTS = ("readme", "program", "goal", "autoresearch", "agents", "claude", "skill")


def _texts(document: Document, place: Place, named: Sequence[Named]) -> list[Named]:
    """Return program.md and texts like it that are named among other files: they are not edited.

    Front matter may name a README.
    """
    own = [said for said in named if place.is_program(said.value)]
    if "asset" not in document.front:
        stems = (said.value.lower().rpartition("/")[2] for said in named)
        own = [
            said
            for said, stem in zip(named, stems, strict=True)
            if said in own or (stem.endswith(".md") and stem.startswith(_TEXTS))
        ]
    return own if len(own) < len(named) else []


def read_protected(
    document: Document, place: Place, asset: Named, marking: Iterable[Named]
) -> tuple[Named, ...]:
    """Return the protected paths, normal and each once.

    A file is protected if a heading, a label or a sentence denies it, or if a marking command runs
    it. Raise ProgramError, with both lines, if the asset is among them.
    """
    names = Asset.parse(asset.value).names
    said = _mentions(document, place)
    denied = _all_denied(document, place, said, names)
    protected = denied | _marks(marking, place, names) | denied  # a denial outweighs
    for path, each in protected.items():
        takes = _takes if path in denied else _runs
        if edited := next((name for name in names if takes(path, name)), None):
            reason = "protected here" if path in denied else "run here to measure the work"
            raise ProgramError(
                f"`{each}` is {reason}, but the asset `{edited}` "
                f"({_place_of(edited, document, place)}) is the file to edit; remove one of them",
                line=each.line,
                code="asset-protected",
            )
    named = [*{said.value: said for said in _named(document, place)}.values()]
    for each in (*_texts(document, place, named), *_doubted(document, place, said, names, marking)):
        if normal(each.value) not in names:
            protected.setdefault(normal(each.value), each)
    return tuple(Statement(path, each.line) for path, each in protected.items())


def _all_denied(
    document: Document, place: Place, said: Sequence[Mention], names: Sequence[str]
) -> dict[str, Named]:
    """Return the paths that the text denies, and the targets of those that are links."""
    found: dict[str, Named] = {}
    for named in _protected(document, place, names):
        for each in _braced(named):
            found.setdefault(place.protected(each.value, each.line or 0), each)
    denied = [each for each in said if each.may_be_edited(section=False) is False]
    for section in document.about("asset"):
        inner = mentions(section.blocks, place, section=True)
        denied += [each for each in inner if each.may_be_edited(section=True) is False]
    for mention in denied:
        for each in _braced(Statement(mention.path, mention.line)):
            if is_inside(each.value) and (is_pattern(each.value) or place.exists(each.value)):
                found.setdefault(normal(each.value), each)
    for path, each in list(found.items()):
        if target := place.target(path):
            found.setdefault(target, each)
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
        if said.line and normal(said.value) in (edited, edited.removesuffix("/**")):
            return f"line {said.line}"
    return "--asset"


def _takes(denied: str, name: str) -> bool:
    """Return True if a denied path covers a name of the asset: a file, or all of a pattern."""
    if is_pattern(name):
        return denied == name or name.startswith(f"{denied}/")
    return covers(denied, name)


def _runs(path: str, name: str) -> bool:
    """Return True if running a path runs a file of the asset; tests in a folder may vary."""
    return name in (path, f"{path}/__main__.py") or (is_pattern(name) and _takes(path, name))


@lru_cache(maxsize=4)
def _named(document: Document, place: Place) -> tuple[Named, ...]:
    """Return the files to edit, of the first that names any: front matter, headings, prose."""
    if entry := document.front.get("asset"):
        return tuple(entry.statements())
    titles = [block.text for block in document.blocks if block.kind == "heading"]
    is_all = bool(document.front.get("protected") or document.proper("protected"))
    is_all = is_all or any(meaning(title) == -2 for title in titles)
    own = tuple(_own_sections(document))
    for sections in (document.proper("asset"), document.loose("asset"), own):
        if named := [said for each in sections for said in _in_section(each, place, is_all=is_all)]:
            return tuple(named)
    said = _mentions(document, place)
    found = [each for each in said if each.may_be_edited(section=False)]
    _check([each for each in found if each.stance is None], found, is_all=is_all)
    _check_all_read(found, said)
    return tuple(_statement(each) for each in found)


def _own_sections(document: Document) -> Iterator[Section]:
    """Yield the sections of unknown headings that clearly permit to edit what they list."""
    blocks = document.blocks
    for at, block in enumerate(blocks):
        if block.kind == "heading" and block.level > 1 and meaning(block.text) == 3:
            below = (
                end
                for end in range(at + 1, len(blocks))
                if blocks[end].kind == "heading" and blocks[end].level <= block.level
            )
            yield Section("asset", True, blocks[at : next(below, None)])


def _in_section(section: Section, place: Place, *, is_all: bool) -> list[Named]:
    """Return the files of a section: those that it permits, else its title's, else all of them.

    With `is_all`, the protected files stand elsewhere, and labels may be mere topics.
    """
    said = mentions(section.blocks, place, section=True)
    if not said:
        return _in_spans(section, place)
    allowed = [each for each in said if each.may_be_edited(section=True) is not False]
    if any(each.stance for each in allowed):
        found = [each for each in allowed if each.may_be_edited(section=True)]
    elif not (found := [each for each in allowed if each.block.line == section.line]):
        found = [each for each in allowed if each.leads]
        _check(found, [each for each in said if each.leads], is_all=is_all)
        found = found or _in_prose(allowed, is_loose=section.loose)
    _check_all_read(found, allowed)
    return [_statement(each) for each in found]


def _in_spans(section: Section, place: Place) -> list[Named]:
    """Return the one code span of a section without paths; it may not exist yet."""
    spans = [span for block in section.body for span in block.spans]
    for span in spans:
        if is_placeholder(span.text):
            place.asset(span.text, span.line)
    is_one = len(spans) == 1 and not section.loose
    return [Statement(span.text, span.line) for span in spans if is_one]


_LANGUAGES = {"python": "py", "rust": "rs", "go": "go", "markdown": "md", "typescript": "ts"}


def _statement(mention: Mention) -> Named:
    """Return the path of a mention; `all Python files in` a folder is a pattern."""
    path = mention.path
    before = mention.block.text.partition(f"`{path}`")[0].lower()
    words = re.split(r"[.;,:]\s", before)[-1].split()
    suffixes = [suffix for word, suffix in _LANGUAGES.items() if word in words]
    suffixes += [word.strip("`*.") for word in words if re.fullmatch(r"`?\*?\.\w+`?", word)]
    suffixes = suffixes if {"file", "files"} & {*words} else []
    if suffixes and not is_pattern(path) and not PurePosixPath(path).suffix:
        path = f"{path.rstrip('/')}/**/*.{suffixes[0]}"
    return Statement(path, mention.line)


def _unclear(message: str, line: int) -> ProgramError:
    return ProgramError(
        f"{message}; list the files to edit under `## Asset` and the others under `## Protected`, "
        "or give --asset",
        line=line,
        code="unclear-asset",
    )


def _in_prose(allowed: Sequence[Mention], *, is_loose: bool) -> list[Mention]:
    """Return the one list of paths that the sentences name; raise ProgramError if unclear.

    Under a loose heading it is the object of a command, or a name alone: `The script a.py`.
    """
    if len({each.group for each in allowed}) > 1:
        both = f"`{allowed[0].path}` and `{allowed[-1].path}` are both named here in prose"
        raise _unclear(both, allowed[0].line)
    for each in allowed:
        is_named = not is_loose or re.search("c[ocfvp:jd]*$|^f[fw,(]*p?f*$", each.before)
        words = each.before + re.sub("[,jE]?[nbkK]f*P$", "", each.after)
        if re.search("[qJnbkKz]", words) or not is_named:
            raise _unclear(f"it is not clear if `{each.path}` may be edited", each.line)
    return [*allowed]


def _check(found: Sequence[Mention], said: Sequence[Mention], *, is_all: bool) -> None:
    """Raise ProgramError if a label or words may forbid to edit one of several files."""
    words = {each.path: re.sub("[^a-zA-Z]|P", "", each.after) for each in found}
    plain = {path for path, after in words.items() if re.fullmatch("[jafoymdcY]{0,3}", after)}
    for each in found:
        if each.sign == 0 and _is_unclear_label(each, found, said, is_all=is_all):
            label = f"`{each.label.strip(' *:#')}`" if each.label else "no label"
            raise _unclear(
                f"`{each.path}` stands under {label}, which does not tell if it may be edited",
                each.line,
            )
        strict = "" if each.sign or is_all else "|." if plain else "|[qJ]|lh"
        doubts = f"n[aldhmow]*c|o[pti]|[kKbz]{strict}"
        if len(words) > 1 and each.path not in plain and re.search(doubts, each.after):
            raise _unclear(
                f"the words after `{each.path}` do not tell if it may be edited", each.line
            )


def _is_unclear_label(
    mention: Mention, found: Sequence[Mention], said: Sequence[Mention], *, is_all: bool
) -> bool:
    """Return True for a label on reading, and one beside others that allow or deny."""
    if not is_all and re.search("[qJ]", shape_of(mention.label)):
        return True
    if not (mention.label or any(each.sign > 0 for each in found)):
        return False
    others = [each for each in said if each.label != mention.label]
    verdicts = {each.may_be_edited(section=True) for each in others}
    return bool(verdicts - {None} if is_all else verdicts)


def _check_all_read(found: Sequence[Mention], allowed: Sequence[Mention]) -> None:
    """Raise ProgramError for a folder that stays out, or an exception that names no path."""
    taken = {each.path for each in found}
    texts = {text for each in found for text in (each.block.text, each.label)}
    for each in allowed:
        is_wide = is_pattern(each.path) or each.path.endswith("/")
        if is_wide and each.path in taken and re.search("[eE][^P]*$|n[^cP]*$", each.after):
            raise _unclear(f"what is excepted from `{each.path}` is not named by a path", each.line)
        is_beside = each.block.text in texts or (each.sign > 1 and each.label in texts)
        is_out = is_beside and each.stance is None and each.path not in taken
        if is_wide and is_out and not re.search("[qJac]", each.before):
            raise _unclear(f"`{each.path}` is named here beside `{found[0].path}`", each.line)


def _check_not_alone(document: Document, place: Place, named: Sequence[Named]) -> None:
    """Raise ProgramError if one of several files is called the only one; it may be of a folder."""
    for only in _mentions(document, place):
        if not only.alone or not any(said.value == only.path for said in named):
            continue
        others = [said for said in named if said.line != only.line and said.value != only.path]
        if others:
            raise contradiction(
                f"`{only.path}` is the only file to edit here, but so is `{others[0]}` on line "
                f"{others[0].line}; keep one of them, or remove the word `only`",
                only.line,
            )


# Begins a sentence that allows one file alone: `Only a.py may be edited`, `Edit nothing but a.py`.
_ONLY = re.compile(
    r"(?:^|[.;:!?\n]\W+)(?:(?:edit|modify|change|touch)\s+)?(?:only|just|nothing\s+(?:but|except))\s+"
    r"(?:(?:edit|modify|change|touch)\s+)?`(?P<path>[^`]+)`",
    re.IGNORECASE,
)


def _check_not_wider(document: Document, place: Place, names: Sequence[str], line: int) -> None:
    """Raise ProgramError if a sentence allows one file alone, and a pattern holds others, too."""
    patterns = [name for name in names if is_pattern(name)]
    for block in document.blocks if patterns else ():
        found = _ONLY.search(place.spanned(block).text) if block.kind != "code" else None
        wider = [each for each in patterns if found and matches(each, normal(found["path"]))]
        if found and wider:
            raise contradiction(
                f"`{found['path']}` alone is named here, but the asset `{wider[0]}` on line {line} "
                "holds other files; keep one of them",
                block.line_at(found.start()),
            )


def _picked(named: Sequence[Named], asset: str, supplied: str) -> Named:
    folder = asset.removesuffix("/**")
    for statement in named:
        if normal(statement.value) in (asset, folder):
            return Statement(asset, statement.line)
    if not named or any(covers(normal(statement.value), folder) for statement in named):
        return Statement(asset, None)
    lines = {said.value: f"`{said}` (line {said.line})" for said in reversed(named)}
    noun = "file to edit is" if len(lines) == 1 else "files to edit are"
    more = f" and {len(lines) - 3} more" if len(lines) > 3 else ""
    shown = ", ".join([*reversed(lines.values())][:3])
    raise contradiction(
        f"the {noun} {shown}{more}, but --asset is `{supplied}`; drop one of them", named[0].line
    )


def _protected(document: Document, place: Place, own: Iterable[str]) -> Iterator[Named]:
    """Yield the paths under front matter or a heading, which must exist; no parts of the asset."""
    if entry := document.front.get("protected"):
        yield from entry.statements()
        return
    for section in document.proper("protected"):
        said = mentions(section.blocks, place, section=True, sign=-2)
        opened = {each.block.line for each in said if each.leads}
        for each in said:
            is_aside = not each.leads and each.block.line in opened and each.stance is None
            is_part = each.path in own and _is_on_a_part(each)
            is_allowed = is_aside or is_part or each.may_be_edited(section=True)
            if not (is_allowed or place.is_elsewhere(each.path)):
                yield Statement(each.path, each.line)
        if not (said or section.label or re.search("[nvR]", shape_of(section.blocks[-1].text))):
            _check_prose(section)


def _is_on_a_part(mention: Mention) -> bool:
    """Return True for `the imports of a.py` and `a.py's imports`."""
    return mention.after.startswith("S") or bool(re.search("pf*$", mention.before))


def _check_prose(section: Section) -> None:
    """Raise ProgramError if a heading that must protect something names no path."""
    if re.match(r"\W*(?:protected|read[- ]only)\b", section.title, re.I):
        raise ProgramError(
            f"`{section.title.strip()}` names no file; write each in backticks, or "
            "remove the heading",
            line=section.line,
        )


def _doubted(
    document: Document,
    place: Place,
    said: Sequence[Mention],
    names: Iterable[str],
    marking: Iterable[Named],
) -> Iterator[Named]:
    """Yield the files of a pattern that words may deny or a marking command names."""
    doubts = Doubts(place, tuple(filter(is_pattern, names)))
    if not doubts.files:
        return
    plain = {*names, *(normal(each.path) for each in said if each.stance)}
    for block, label, *_ in walk(document.blocks, place):
        yield from (each for each in doubts.said(block, label) if each.value not in plain)
    for command in marking:
        yield from (each for each in doubts.run(command) if each.value not in names)


_WORD = re.compile(r"`([^`]+)`|(?<![\w`])((?:[.~]?[/\\])?\w[\w./\\-]*[./\\][\w./\\-]*)")
_COMMAND = re.compile(r"[\s;&|<>()'\"`,=:$]+")
_LARGEST = 20_000  # files that are looked at; a project with more has its data in it


@dataclass(frozen=True, eq=False)
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

    def said(self, block: Block, label: str) -> Iterator[Named]:
        """Yield the files of doubtful sentences, and of those that they go on with."""
        is_denied = _is_doubtful(shape_of(label))
        if block.kind == "code":
            for at, text in enumerate(block.text.split("\n") if is_denied else (), block.line):
                if " " not in text.strip():
                    yield from (Statement(path, at) for path in self.named(text))
            return
        before: tuple[str, ...] = ()
        for sentence in read_text(block.text):
            goes_on = re.match("[,(-]*[hanlkKbm]", sentence.shape)
            before = self._in_sentence(sentence.said) or (before if goes_on else ())
            if is_denied or _is_doubtful(sentence.shape):
                is_topic = not (is_denied or _is_doubtful(sentence.shape.replace("J", "")))
                line = block.line + sentence.text.count("\n", 0, sentence.places[0])
                for path in before:
                    if not (is_topic and f"{path}/" in self.folders):
                        yield Statement(path, line)

    @cached_property
    def folders(self) -> set[str]:
        """The folders that the asset names as a whole: a sentence on the score denies none."""
        return {each.rstrip("*") for each in self.patterns if re.search(r"\w/\*+$", each)}

    @cache  # noqa: B019
    def _in_sentence(self, sentence: str) -> tuple[str, ...]:
        """Return the files that a sentence names, also below a folder that it names."""
        words = [span or word for span, word in _WORD.findall(sentence)]
        folders = [word for word in words if self.place.is_wide(normal(word))]
        words += [f"{folder}/{word}" for folder in folders for word in words]
        return tuple(path for word in words for path in sorted(self.named(word)))

    def run(self, command: Named) -> Iterator[Named]:
        """Yield the files that any word of a command names."""
        wide = [each for word in command.value.split() for each in braced(word)]
        words = {part.removeprefix("-m") for word in wide for part in _COMMAND.split(word)}
        words |= {each.replace(".", "/") for each in words if not each.endswith(".")}
        words |= set(re.findall(r"\bimport\s+(\w+)", command.value))
        stems = {word for word in words if "/" in word or f"import {word}" in command.value}
        for word in sorted(words):
            for path in sorted(self.named(word.lstrip("/"), stem=word in stems, everywhere=True)):
                yield Statement(path, command.line)

    @cache  # noqa: B019, these few objects live as long as one reading
    def named(self, word: str, *, stem: bool = True, everywhere: bool = False) -> set[str]:
        """Return the files of the patterns that a word names, in any spelling."""
        text = word.strip().rstrip(".,;:").replace("\\", "/")
        text = text.removeprefix(f"{self.place.project}/")
        if not text or "\0" in text:
            return set()
        found = {path for each in braced(text) for path in self._files(each, stem, everywhere)}
        return found | {path for path in map(self.place.target, found) if path}

    def _files(self, text: str, stem: bool, everywhere: bool) -> set[str]:
        """Return a file, those of a pattern, folders of that name, else files with that name.

        With `stem`, a name may lack its suffix; with `everywhere`, it is looked for in all folders.
        """
        low = normal(text).casefold()
        if is_pattern(low):
            is_own = low in map(str.casefold, self.patterns)
            return {path for file, path in self.files.items() if matches(low, file) and not is_own}
        if low in self.files and not everywhere:
            return {self.files[low]}
        if folders := self._folders((self.place.target(text) or normal(text)).casefold()):
            return folders
        if self.place.exists(normal(text)) and not everywhere:
            return set()
        names = [low, f"{low}.*"] if stem else [low]
        return {
            path
            for file, path in self.files.items()
            for name in names
            if fnmatchcase(f"/{file}", f"*/{name}")
        }

    def _folders(self, low: str) -> set[str]:
        """Return the folders that a word names, except one that holds all matching files."""
        paths = self.files.values()
        above = {each.as_posix() for path in paths for each in PurePosixPath(path).parents}
        named = {each for each in above if f"/{each}".casefold().endswith(f"/{low}")}
        exact = {each for each in named if each.casefold() == low}
        return {
            folder
            for folder in exact or named
            if not all(path.startswith(f"{folder}/") for path in paths)
        }


def _is_doubtful(shape: str) -> bool:
    return bool(re.search("[nbkKulezgoErJ]", shape))

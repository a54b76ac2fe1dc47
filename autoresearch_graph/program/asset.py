"""Which file is the asset, and which files are protected."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from autoresearch_graph.asset.files import Asset, matches
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.claims import PATHS, claims
from autoresearch_graph.program.document import Document
from autoresearch_graph.program.doubts import Doubts
from autoresearch_graph.program.evaluators import evaluators
from autoresearch_graph.program.headings import Section
from autoresearch_graph.program.listed import listed, to_edit
from autoresearch_graph.program.markdown import Block
from autoresearch_graph.program.paths import Place, braced, covers, is_inside, is_pattern, normal
from autoresearch_graph.program.statements import Statement

Named = Statement[str]

_PART = re.compile(
    r"(?:\b(?:in|of|within|inside|from|for|runs|scores|imports|except|but|besides|other than)"
    r"(?:\s+the)?)\s+`(?P<path>[^`]+)`",
    re.I,
)

_ALL_ELSE = re.compile(r"\b(?:none|nothing|everything|any|all|rest|others?)\b", re.I)


def read_asset(document: Document, place: Place, supplied: str | None) -> Named | None:
    """The asset, checked: one file, or all that are named; a flag may pick one of them."""
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
    """The asset, where patterns name it, without the protected files and program.md itself."""
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
    """Whether a pattern may take in a protected path, or files of a protected folder or pattern."""
    if matches(pattern, path):
        return True
    fixed = [re.split(r"[*?]", each, maxsplit=1)[0] for each in (pattern, f"{path}/")]
    return any(one.startswith(other) for one, other in (fixed, reversed(fixed)))


def _braced(said: Named) -> Iterator[Named]:
    return (replace(said, value=path) for path in braced(said.value))


def read_protected(
    document: Document, place: Place, asset: Named, marking: Iterable[Named]
) -> tuple[Named, ...]:
    """The protected paths, normal and each once: all that is denied anywhere in the text.

    Those are the files that a heading, a label or a sentence denies, and those that a command runs
    which marks the work. ProgramError, with both lines, where the asset is among them.
    """
    names = Asset.parse(asset.value).names
    found: dict[str, Named] = {}
    for said in _protected(document, place, names):
        for one in _braced(said):
            found.setdefault(place.protected(one.value, one.line or 0), one)
    for said in _denied(document, place):
        found |= {normal(o.value): o for o in _braced(said) if normal(o.value) not in found}
    links = {place.target(path): said for path, said in found.items()}
    found |= {path: said for path, said in links.items() if path and path not in found}
    marks = {
        path: Statement(path, command.line)
        for command in marking
        for path in evaluators(command.value, place.project)
        if any(_runs(path, name) for name in names) or not any(covers(path, n) for n in names)
    }
    all_denied = found | {path: mark for path, mark in marks.items() if path not in found}
    for path, denied in all_denied.items():
        takes = _takes if path in found else _runs
        if edited := next((name for name in names if takes(path, name)), None):
            named = reversed([*_named(document, place)])  # so that the first of each stays
            lines = {normal(said.value): said.line for said in named}
            why = "is protected here" if path in found else "is run here to mark the work"
            where = f"line {lines[edited]}" if lines.get(edited) else "--asset"
            raise ProgramError(
                f"`{denied}` {why}, but the asset `{edited}` "
                f"({where}) is the file to edit; take one of them out",
                line=denied.line,
            )
    for said in _doubted(document, place, names, marking):
        all_denied.setdefault(said.value, said)
    return tuple(Statement(path, denied.line) for path, denied in all_denied.items())


def _doubted(
    document: Document, place: Place, names: Iterable[str], marking: Iterable[Named]
) -> Iterator[Named]:
    """The files of a pattern that some words may deny, or that a command which marks names."""
    doubts = Doubts(place, tuple(filter(is_pattern, names)))
    said = [*claims(map(place.spanned, document.blocks))]
    plain = {*names, *(normal(claim.path) for claim in said if claim.editable)}
    for each in doubts.said(document.blocks):
        if each.value not in plain:
            yield each
    for command in marking:
        yield from (each for each in doubts.run(command) if each.value not in names)


def _takes(denied: str, name: str) -> bool:
    """True if a denied path takes in what the asset names: a file, or all of a pattern."""
    if is_pattern(name):
        return denied == name or name.startswith(f"{denied}/")
    return covers(denied, name)


def _runs(path: str, name: str) -> bool:
    """True if to run a path runs a file that the asset names; tests in a folder may vary."""
    return name in (path, f"{path}/__main__.py") or (is_pattern(name) and _takes(path, name))


def _named(document: Document, place: Place) -> Iterable[Named]:
    if entry := document.front.get("asset"):
        return [item.statement() for item in entry.items()]
    return (
        [s for section in document.proper("asset") for s in _in_section(section, place, document)]
        or [s for section in document.loose("asset") for s in _in_section(section, place, document)]
        or [
            Statement(claim.path, claim.line)
            for claim in claims(map(place.spanned, document.blocks))
            if claim.editable and place.looks_like_path(claim.path)
        ]
    )


def _in_section(section: Section, place: Place, document: Document) -> list[Named]:
    """The files of a section: those said to be edited, else its title's, else all of them."""
    section = replace(section, blocks=tuple(map(place.spanned, section.blocks)))
    said = [c for c in claims(section.blocks) if place.looks_like_path(c.path)]
    if edited := [Statement(claim.path, claim.line) for claim in said if claim.editable]:
        return edited
    fixed = {claim.path for claim in said if not claim.editable}
    is_all = "protected" in document.front or bool(document.proper("protected"))
    for blocks in (section.blocks[:1], section.blocks):
        found = [f for f in listed(blocks, place) if f.path.value not in fixed]
        if named := to_edit(found, is_all=is_all):
            return named
    if found or fixed or section.loose:
        return []
    spans = [span for block in section.body for span in block.spans]
    return [Statement(span.text, span.line) for span in spans] if len(spans) == 1 else []


def _paths(block: Block, place: Place) -> list[Named]:
    """The paths that a block begins with, else all that it names; in code, each line is one."""
    if block.kind == "code":
        lines = enumerate(map(str.strip, block.text.split("\n")), block.line)
        return [Statement(text, line) for line, text in lines if place.looks_like_path(text)]
    lead = re.match(rf"^\W*({PATHS})", block.text)
    return [
        Statement(span.text, span.line)
        for span in block.spans
        if f"`{span.text}`" in (lead[1] if lead else block.text)
        and place.looks_like_path(span.text)
    ]


def _check_not_alone(document: Document, place: Place, named: tuple[Named, ...]) -> None:
    """ProgramError where one of several files is said to be the only one."""
    for only in (claim for claim in claims(map(place.spanned, document.blocks)) if claim.alone):
        others = [said for said in named if said.line != only.line and said.value != only.path]
        if others and any(said.value == only.path for said in named):
            raise ProgramError(
                f"`{only.path}` is the only file to edit here, but so is `{others[0]}` on line "
                f"{others[0].line}; keep one of them, or take out that it is the only one",
                line=only.line,
            )


def _picked(named: tuple[Named, ...], asset: str, supplied: str) -> Named:
    for statement in named:
        if normal(statement.value) == asset:
            return Statement(asset, statement.line)
    if not named or any(covers(normal(statement.value), asset) for statement in named):
        return Statement(asset, None)
    raise ProgramError(
        f"{_several(named)}, but --asset is `{supplied}`; drop one of them", line=named[0].line
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
    """Yield what front matter or a heading protects, and must exist; no parts of the asset."""
    if entry := document.front.get("protected"):
        yield from (item.statement() for item in entry.items())
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
    """ProgramError where a heading must protect something, and names no path."""
    if re.match(r"\W*(?:protected|read[- ]only)\b", section.title, re.I):
        raise ProgramError(
            f"`{section.title.strip()}` names no file; write each in backticks, or take the "
            "heading out",
            line=section.line,
        )


def _denied(document: Document, place: Place) -> Iterator[Named]:
    """Yield what prose or a label says not to edit; it may mention files that are not there."""
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

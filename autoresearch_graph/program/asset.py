"""Which file is the asset, and which files are protected."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.claims import PATHS, Claim, claims
from autoresearch_graph.program.document import Document
from autoresearch_graph.program.headings import Section
from autoresearch_graph.program.markdown import Block
from autoresearch_graph.program.paths import Place, covers, is_inside, is_pattern, normal
from autoresearch_graph.program.statements import Statement

Named = Statement[str]

_EXCEPT = r"(?i:\b(?:except|but|besides|other than|apart from)\b(?: for)?)"


def read_asset(document: Document, place: Place, supplied: str | None) -> Named | None:
    """The asset, checked; a flag may pick one of several files, or one of a folder."""
    named = tuple(_named(document, place))
    if supplied is not None:
        return _picked(named, place.asset(supplied, None), supplied)
    if not named:
        return None
    paths = {normal(statement.value) for statement in named}
    if len(paths) > 1:
        raise ProgramError(
            f"{_several(named)}, but the loop edits one file; name it alone under a heading "
            "`## Asset`, or pick it with --asset",
            line=named[0].line,
        )
    return Statement(place.asset(named[0].value, named[0].line), named[0].line)


def read_protected(document: Document, place: Place, asset: Named) -> tuple[Named, ...]:
    """The protected paths, normal and each once; the asset cannot be among them."""
    found: dict[str, Named] = {}
    for statement in _protected(document, place):
        path = place.protected(statement.value, statement.line or 0)
        if covers(path, asset.value):
            where = f"line {asset.line}" if asset.line else "--asset"
            raise ProgramError(
                f"`{statement.value}` is protected here, but the asset `{asset.value}` "
                f"({where}) is the file to edit; take one of them out",
                line=statement.line,
            )
        found.setdefault(path, Statement(path, statement.line))
    return tuple(found.values())


def _named(document: Document, place: Place) -> Iterable[Named]:
    if entry := document.front.get("asset"):
        return (entry.statement(),)
    return (
        [s for section in document.proper("asset") for s in _in_section(section, place)]
        or [s for section in document.loose("asset") for s in _in_section(section, place)]
        or [
            Statement(claim.path, claim.line)
            for claim in claims(map(place.spanned, document.blocks))
            if claim.editable and place.looks_like_path(claim.path)
        ]
    )


def _in_section(section: Section, place: Place) -> list[Named]:
    """The files of a section: those said to be edited, else the heading's, else all of them."""
    section = replace(section, blocks=tuple(map(place.spanned, section.blocks)))
    said = [c for c in claims(section.blocks) if place.looks_like_path(c.path)]
    edited = [Statement(claim.path, claim.line) for claim in said if claim.editable]
    fixed = {claim.path for claim in said if not claim.editable}
    return (
        edited
        or _paths(section.blocks[0], place)
        or [s for s in _all_paths(section, place) if s.value not in fixed]
    )


def _all_paths(section: Section, place: Place) -> list[Named]:
    found = [span for block in section.body for span in _paths(block, place)]
    if found or section.loose:
        return found
    spans = [span for block in section.body for span in block.spans]
    return [Statement(span.text, span.line) for span in spans] if len(spans) == 1 else []


def _paths(block: Block, place: Place) -> list[Named]:
    """The paths that a block begins with, else all that it names, but for `all except x.py`."""
    lead = re.match(rf"^\W*({PATHS})", block.text)
    text = lead[1] if lead else re.sub(rf"{_EXCEPT}\W*{PATHS}", "", block.text)
    return [
        Statement(span.text, span.line)
        for span in block.spans
        if f"`{span.text}`" in text and place.looks_like_path(span.text)
    ]


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


def _protected(document: Document, place: Place) -> Iterator[Named]:
    """Prose may mention files that are not there; under a heading they must exist."""
    if entry := document.front.get("protected"):
        yield from (item.statement() for item in entry.items())
    elif sections := document.proper("protected"):
        for section in sections:
            for block in map(place.spanned, section.blocks):
                yield from (
                    path for path in _paths(block, place) if not place.is_elsewhere(path.value)
                )
    else:
        yield from _said_protected(claims(map(place.spanned, document.blocks)), place)


def _said_protected(said: Iterable[Claim], place: Place) -> Iterator[Named]:
    for claim in said:
        known = is_inside(claim.path) and (is_pattern(claim.path) or place.exists(claim.path))
        if not claim.editable and known and place.looks_like_path(claim.path):
            yield Statement(claim.path, claim.line)

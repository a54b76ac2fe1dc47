"""What a run hands over to its evaluation, and what is hidden from the run.

An evaluation works in a checkout of its own. Of the run it gets the files that are named here and
nothing else; where none is named, the text of the asset, for evaluations that import it.
"""

import re
from collections.abc import Iterable, Iterator

from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.claims import PATHS
from autoresearch_graph.program.document import Document, sentences
from autoresearch_graph.program.headings import Section
from autoresearch_graph.program.markdown import Block
from autoresearch_graph.program.paths import Place, covers, normal
from autoresearch_graph.program.statements import Statement

Named = Statement[str]

_LABELLED = re.compile(rf"\bartifacts?\s*[:|]\s*(?P<paths>{PATHS})", re.IGNORECASE)
_READ = re.compile(
    rf"\b(?:reads?|loads?|scores?)\s+(?:(?:the|only|file|files|its)\s+)*(?P<paths>{PATHS})",
    re.IGNORECASE,
)
_ALONE = re.compile(rf"(?P<paths>{PATHS})[.,;]?")


def read_artifacts(
    document: Document, place: Place, protected: Iterable[Named]
) -> tuple[Named, ...]:
    """The files named under Evaluation or Holdout, each once; protected ones are there anyway.

    ProgramError for a file that is mentioned there while none is named: it may be one.
    """
    fixed = tuple(path.value for path in protected)
    if entry := document.front.get("artifacts"):
        named = [item.statement() for item in entry.items()]
    else:
        sections = document.proper("evaluation") + document.proper("holdout")
        named = [said for section in sections for said in _in_section(section, place)]
    found: dict[str, Named] = {}
    for said in named:
        path = place.artifact(said.value, said.line)
        if not any(covers(other, path) for other in fixed):
            found.setdefault(path, Statement(path, said.line))
    if not found and "artifacts" not in document.front:
        _check_none_is_meant(document, place)
    return tuple(found.values())


def read_hidden(document: Document, asset: Named) -> tuple[Named, ...]:
    """The paths that a run must not read, as they are written: they may hold variables."""
    if entry := document.front.get("hidden"):
        named = [item.statement() for item in entry.items()]
    else:
        blocks = [block for section in document.proper("hidden") for block in section.body]
        named = [Statement(span.text, span.line) for block in blocks for span in block.spans]
        if not named and (sections := document.proper("hidden")):
            raise ProgramError(
                f"`{sections[0].title}` names no path; write each in backticks, "
                "or change the heading if this is prose",
                line=sections[0].line,
            )
    for said in named:
        if covers(normal(said.value), asset.value):
            raise ProgramError(
                f"`{said}` hides the asset `{asset}` from its own run; take it out", line=said.line
            )
    return tuple({said.value: said for said in named}.values())


def _in_section(section: Section, place: Place) -> Iterator[Named]:
    for block in section.body:
        if block.kind != "code":
            yield from _in_block(block, place)


def _in_block(block: Block, place: Place) -> Iterator[Named]:
    """`Artifacts: x`, `it reads x and y`, or a list item that is a path and nothing else."""
    if block.kind == "item" and (alone := _ALONE.fullmatch(block.text.strip())):
        yield from _each(alone["paths"], block.line, place)
        return
    for sentence, line in sentences(block):
        if labelled := _LABELLED.search(sentence):
            spans = re.findall(r"`([^`]+)`", labelled["paths"])
            yield from (Statement(span, line) for span in spans)
        else:
            for match in _READ.finditer(sentence):
                yield from _each(match["paths"], line, place)


def _each(paths: str, line: int, place: Place) -> Iterator[Named]:
    spans = re.findall(r"`([^`]+)`", paths)
    return (Statement(span, line) for span in spans if place.looks_like_path(span))


def _check_none_is_meant(document: Document, place: Place) -> None:
    for section in document.proper("evaluation") + document.proper("holdout"):
        for block in (block for block in section.body if block.kind != "code"):
            for span in block.spans:
                if place.looks_like_path(span.text) and not place.exists(span.text):
                    raise ProgramError(
                        f"is `{span.text}` what a run leaves for its evaluation? "
                        f"Write `Artifacts: {span.text}` with the path in backticks, "
                        "or take it out of this section",
                        line=span.line,
                    )

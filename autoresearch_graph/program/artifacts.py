"""What a run hands over to its evaluation, and what is hidden from the run.

An evaluation works in a checkout of its own. Of the run it gets the files that are named here and
nothing else; where none is named, the text of the asset, for evaluations that import it.
"""

import re
from collections.abc import Iterable, Iterator

from autoresearch_graph.asset.files import Asset
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.claims import PATHS
from autoresearch_graph.program.document import Document, sentences
from autoresearch_graph.program.headings import Section
from autoresearch_graph.program.markdown import Block
from autoresearch_graph.program.paths import Place, covers, normal
from autoresearch_graph.program.statements import Statement

Named = Statement[str]

_LABELLED = re.compile(rf"\bartifacts?\s*[:|]\s*(?P<paths>{PATHS})", re.IGNORECASE)
_LABEL = "Artifacts"
_READ = re.compile(
    rf"\b(?:reads?|loads?|scores?)\s+(?:(?:the|only|file|files|its)\s+)*(?P<paths>{PATHS})",
    re.IGNORECASE,
)
_ALONE = re.compile(rf"(?P<paths>{PATHS})[.,;]?")


def read_artifacts(
    document: Document, place: Place, protected: Iterable[Named], metric: str
) -> tuple[Named, ...]:
    """The files named under Evaluation or Holdout, each once; protected ones are there anyway.

    ProgramError for a file that is mentioned there while none is named: it may be one.
    """
    fixed = tuple(path.value for path in protected)
    if entry := document.front.get("artifacts"):
        named = [item.statement() for item in entry.items()]
    else:
        sections = document.proper("evaluation") + document.proper("holdout")
        named = [said for section in sections for said in _in_section(section)]
        named = [said for said in named if _is_file(said, place, metric)]
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
        own = (name for name in Asset.parse(asset.value).names if covers(normal(said.value), name))
        if hidden := next(own, None):
            raise ProgramError(
                f"`{said}` hides the asset `{hidden}` from its own run; take it out", line=said.line
            )
    return tuple({said.value: said for said in named}.values())


def _in_section(section: Section) -> Iterator[Named]:
    for block in section.body:
        if block.kind != "code":
            yield from _in_block(block)


def _in_block(block: Block) -> Iterator[Named]:
    """`Artifacts: x`, `it reads x and y`, or a list item that is a path and nothing else."""
    if block.kind == "item" and (alone := _ALONE.fullmatch(block.text.strip())):
        yield from _each(alone["paths"], block.line)
        return
    for sentence, line in sentences(block):
        if labelled := _LABELLED.search(sentence):
            yield from _each(labelled["paths"], line, said=_LABEL)
        else:
            for match in _READ.finditer(sentence):
                yield from _each(match["paths"], line)


def _each(paths: str, line: int, said: str = "") -> Iterator[Named]:
    return (Statement(span, line, said) for span in re.findall(r"`([^`]+)`", paths))


def _is_file(named: Named, place: Place, metric: str) -> bool:
    """Whether what is read is a file; ProgramError where that cannot be told.

    What stands after `Artifacts:` is one whatever its name; words of code are none.
    """
    if named.said == _LABEL or place.looks_like_path(named.value):
        return True
    if re.fullmatch(r"[\w.@+-]+", named.value) and named.value != metric:
        raise _may_be_meant(named.value, named.line)
    return False


def _check_none_is_meant(document: Document, place: Place) -> None:
    for section in document.proper("evaluation") + document.proper("holdout"):
        for block in (block for block in section.body if block.kind != "code"):
            for span in block.spans:
                if place.looks_like_path(span.text) and not place.exists(span.text):
                    raise _may_be_meant(span.text, span.line)


def _may_be_meant(path: str, line: int | None) -> ProgramError:
    return ProgramError(
        f"is `{path}` what a run leaves for its evaluation? Write `Artifacts: {path}` with the "
        "path in backticks, or take it out of this section",
        line=line,
    )

"""Commands that a program.md names, and the paths that it hands over or hides.

An evaluation works in a checkout of its own. It gets the named artifacts of the run and nothing
else; if none is named, it gets the text of the asset, for evaluations that import it.
"""

import re
from collections.abc import Iterable, Iterator

from autoresearch_graph.asset.files import Asset
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.claims import PATHS
from autoresearch_graph.program.document import Document, Section, sentences
from autoresearch_graph.program.markdown import Block, Span
from autoresearch_graph.program.paths import Place, covers, normal
from autoresearch_graph.program.prose import scattered_commands
from autoresearch_graph.program.quantities import Statement, agree, with_flag
from autoresearch_graph.program.shell import is_no_output, looks_like_command, script

_SHELLS = ("", "bash", "console", "sh", "shell", "shell-session", "terminal", "zsh")


def read_experiment(document: Document, supplied: str | None) -> Statement[str] | None:
    """Return the experiment command, without a redirection to a log."""
    stated = _stated(document, "experiment")
    if stated is None and "experiment" not in document.front:
        stated = agree("experiment command", scattered_commands(document.blocks))
    from_flag = None if supplied is None else Statement(script(supplied), None)
    return with_flag("experiment command", "--command", from_flag, stated)


def read_optional(document: Document, field: str) -> Statement[str] | None:
    """Return an evaluation, holdout or check command; its heading must hold one.

    Without this error a metric that was meant to be evaluated would be self-reported.
    """
    stated = _stated(document, field)
    if stated is None and (sections := document.proper(field)):
        raise ProgramError(
            f"`{sections[0].title}` holds no command; put one in a code block, "
            "or change the heading if this is prose",
            line=sections[0].line,
        )
    return stated


def _stated(document: Document, field: str) -> Statement[str] | None:
    if entry := document.front.get(field):
        return _cleaned(entry.command())
    commands = (_in_section(section) for section in document.proper(field))
    return agree(f"{field} command", (command for command in commands if command))


def _in_section(section: Section) -> Statement[str] | None:
    """Return the first code block, else the leading code span, else the only span.

    In prose about the experiment, a single span that looks like a command is enough.
    """
    for block in section.body:
        if block.kind == "code" and block.language in _SHELLS and block.text.strip():
            return _cleaned(Statement(block.text, block.line))
    code_span = _command_span(section)
    return _cleaned(Statement(code_span.text, code_span.line)) if code_span else None


def _command_span(section: Section) -> Span | None:
    for block in section.body:
        if _leads_with_command(block):
            return block.spans[0]
    spans = [span for block in section.blocks for span in block.spans if is_no_output(span.text)]
    likely = [span for span in spans if looks_like_command(span.text)]
    if section.field == "experiment" and len({span.text for span in likely}) == 1:
        return likely[0]
    return spans[0] if len(spans) == 1 else None


def _leads_with_command(block: Block) -> bool:
    begins = block.kind != "code" and block.spans and re.match(r"\W*`", block.text)
    return bool(begins) and looks_like_command(block.spans[0].text)


def _cleaned(statement: Statement[str]) -> Statement[str] | None:
    command = script(statement.value)
    return Statement(command, statement.line) if command else None


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
    """Return the files named under Evaluation or Holdout, each once, without protected ones.

    Raise ProgramError if none is named but a missing file is mentioned: it may be one.
    """
    fixed = [path.value for path in protected]
    found: dict[str, Named] = {}
    for named in _named_artifacts(document, place, metric):
        path = place.artifact(named.value, named.line)
        if not any(covers(other, path) for other in fixed):
            found.setdefault(path, Statement(path, named.line))
    if not found and "artifacts" not in document.front:
        _check_none_is_meant(document, place)
    return tuple(found.values())


def _named_artifacts(document: Document, place: Place, metric: str) -> list[Named]:
    if entry := document.front.get("artifacts"):
        return entry.statements()
    sections = document.proper("evaluation") + document.proper("holdout")
    named = [said for section in sections for said in _artifacts_in(section)]
    return [said for said in named if _is_file(said, place, metric)]


def read_hidden(document: Document, asset: Named) -> tuple[Named, ...]:
    """Return the hidden paths as they are written: they may hold variables."""
    named = _named_hidden(document)
    for said in named:
        for name in Asset.parse(asset.value).names:
            if covers(normal(said.value), name):
                raise ProgramError(
                    f"`{said}` hides the asset `{name}` from its own run; remove it",
                    line=said.line,
                    code="asset-protected",
                )
    return tuple({said.value: said for said in named}.values())


def _named_hidden(document: Document) -> list[Named]:
    if entry := document.front.get("hidden"):
        return entry.statements()
    sections = document.proper("hidden")
    blocks = [block for section in sections for block in section.body]
    named = [Statement(span.text, span.line) for block in blocks for span in block.spans]
    if sections and not named:
        raise ProgramError(
            f"`{sections[0].title}` names no path; write each in backticks, "
            "or change the heading if this is prose",
            line=sections[0].line,
        )
    return named


def _artifacts_in(section: Section) -> Iterator[Named]:
    for block in section.body:
        if block.kind != "code":
            yield from _in_block(block)


def _in_block(block: Block) -> Iterator[Named]:
    """Yield `Artifacts: x`, `it reads x and y`, or a list item that is only a path."""
    if block.kind == "item" and (alone := _ALONE.fullmatch(block.text.strip())):
        yield from _each(alone["paths"], block.line)
        return
    for sentence, line_number in sentences(block):
        if labelled := _LABELLED.search(sentence):
            yield from _each(labelled["paths"], line_number, said=_LABEL)
        else:
            for match in _READ.finditer(sentence):
                yield from _each(match["paths"], line_number)


def _each(paths: str, line: int, said: str = "") -> Iterator[Named]:
    return (Statement(span, line, said) for span in re.findall(r"`([^`]+)`", paths))


def _is_file(named: Named, place: Place, metric: str) -> bool:
    """Return True if a named thing is a file; raise ProgramError if that is ambiguous.

    Any name after `Artifacts:` is a file; words of code are not.
    """
    if named.said == _LABEL or place.looks_like_path(named.value):
        return True
    if re.fullmatch(r"[\w.@+-]+", named.value) and named.value != metric:
        raise _may_be_meant(named.value, named.line)
    return False


def _check_none_is_meant(document: Document, place: Place) -> None:
    for section in document.proper("evaluation") + document.proper("holdout"):
        for block in (block for block in section.body if block.kind != "code"):
            for code_span in block.spans:
                if place.looks_like_path(code_span.text) and not place.exists(code_span.text):
                    raise _may_be_meant(code_span.text, code_span.line)


def _may_be_meant(path: str, line: int | None) -> ProgramError:
    return ProgramError(
        f"`{path}` may be a file that a run leaves for its evaluation; write `Artifacts: {path}` "
        "with the path in backticks, or remove it from this section",
        line=line,
    )

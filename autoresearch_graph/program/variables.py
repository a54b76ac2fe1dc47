"""The variables that a run gets, as they are listed under Environment."""

import re
from collections.abc import Iterator

from autoresearch_graph.core.text import is_credential
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.document import sentences
from autoresearch_graph.program.markdown import Block
from autoresearch_graph.program.statements import Statement

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_WITHHELD = re.compile(
    r"\b(?:not|never|cannot|don't)\s+(?:be\s+)?(?:pass|get|see|forward|give|need)", re.IGNORECASE
)
_LABELLED = re.compile(
    rf"\bvariables?\s*[:|]\s*(?:(?P<names>{_NAME}(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+){_NAME})*)(?=\s*(?:$|[^\w\s=/]))|\S)",
    re.IGNORECASE,
)
_VARIABLE = re.compile(
    r"(?<![\w./~$-])(?P<name>[A-Z][A-Z0-9]*_[A-Z0-9_]*|[a-z]+_proxy)(?P<value>=\S*)?(?![\w./-])"
)
_SPANNED = re.compile(r"(?P<name>[A-Z][A-Z0-9_]+|[a-z]+_proxy)(?P<value>=.*)?")


def said_variables(block: Block) -> Iterator[Statement[str]]:
    """The names in code spans or with an underscore, all after `Variables:`, all in a code block.

    ProgramError where one has a value, or a list item is a name that may be something else.
    """
    if block.kind == "code":
        yield from _in_code(block)
        return
    for sentence, line in sentences(block):
        if not _WITHHELD.search(sentence):
            yield from _in_sentence(sentence, line)
    lone = re.fullmatch(rf"`(?P<span>{_NAME})`|(?P<bare>[A-Z][A-Z0-9]+)", block.text.rstrip(" .,;"))
    if lone and block.kind == "item" and not _SPANNED.fullmatch(lone["span"] or ""):
        raise ProgramError(
            f"is {lone[0]} a variable? Write `Variables: {lone[0].strip('`')}`, or a sentence",
            line=block.line,
        )


def check_variable(said: Statement[str]) -> None:
    """ProgramError where it is no name, or that of a credential."""
    if not re.fullmatch(_NAME, said.value):
        raise ProgramError(f"`{said}` is no name of a variable", line=said.line)
    if is_credential(said.value):
        raise ProgramError(
            f"`{said}` looks like a credential, and a run never gets one; take it out, "
            "and load what it opens before the research",
            line=said.line,
        )


def _in_code(block: Block) -> Iterator[Statement[str]]:
    for number, text in enumerate(block.text.splitlines()):
        words = text.partition("#")[0].strip().removeprefix("export ").strip()
        if not words:
            continue
        match = re.fullmatch(rf"(?P<name>{_NAME})(?P<value>=.*)?", words)
        if match is None:
            raise ProgramError(
                f"`{words[:80]}` is no name of a variable; a code block lists variables, one a "
                "line, and anything else belongs under another heading",
                line=block.line + number,
            )
        yield _named(match, block.line + number)


def _in_sentence(sentence: str, line: int) -> Iterator[Statement[str]]:
    plain = sentence.replace("`", "")
    if (listed := _LABELLED.search(plain)) and listed["names"]:
        for name in re.findall(rf"\b(?!(?:and|none)\b){_NAME}", listed["names"]):
            yield Statement(name, line)
        return
    found = tuple(_marked(sentence, line))
    if listed and not found:
        raise ProgramError(
            f"`{' '.join(plain.split())[:80]}` names no variable; write `Variables: HF_HOME, LANG`",
            line=line,
        )
    yield from found


def _marked(sentence: str, line: int) -> Iterator[Statement[str]]:
    for piece in re.finditer(r"`(?P<span>[^`]+)`|[^`]+", sentence):
        where = line + sentence.count("\n", 0, piece.start())
        spanned = _SPANNED.fullmatch(piece["span"]) if piece["span"] else None
        for match in _VARIABLE.finditer(piece[0]) if not piece["span"] else (spanned,):
            if match:
                yield _named(match, where)


def _named(match: re.Match[str], line: int) -> Statement[str]:
    if match["value"] is None:
        return Statement(match["name"], line)
    raise ProgramError(
        f"`{match[0]}` gives a value, but a variable is passed on as it is; write "
        f"`{match['name']}` and set it where the research is started",
        line=line,
    )

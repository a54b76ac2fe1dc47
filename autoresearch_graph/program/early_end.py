"""Whether hopeless runs may be ended early."""

import re
from collections.abc import Iterator

from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.document import Document
from autoresearch_graph.program.statements import Statement, agree

_NO = re.compile(r"\b(?:no|not|never|none|off|false)\b", re.IGNORECASE)
_YES = re.compile(r"\b(?:may|can|are|on|yes|true)\b", re.IGNORECASE)


def read_early_end(document: Document) -> Statement[bool] | None:
    """What is said about it, if anything; ProgramError where the heading says neither."""
    return agree("early end of hopeless runs", _stated(document))


def _stated(document: Document) -> Iterator[Statement[bool]]:
    if entry := document.front.get("early_end"):
        yield _read(entry.text(), entry.line)
        return
    for section in document.proper("early_end"):
        words = " ".join(block.text for block in section.body)
        yield _read(words, section.line)


def _read(words: str, line: int) -> Statement[bool]:
    if _NO.search(words):
        return Statement(False, line)
    if _YES.search(words):
        return Statement(True, line)
    raise ProgramError(
        "whether hopeless runs may be ended early is not said; write: they may, or: never",
        line=line,
    )

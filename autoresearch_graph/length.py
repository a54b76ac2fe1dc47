"""How long a text is, for the rule that a simpler one may win without being better."""

import ast
from contextlib import suppress
from pathlib import PurePath

from autoresearch_graph import sheaf
from autoresearch_graph.line_ends import plain
from autoresearch_graph.meaning import BROKEN

_FEWEST = 3
_SHARE = 0.01


def code_lines(text: str, path: str) -> int:
    """Lines that do something: of Python without comments, docstrings counted, layout aside."""
    text = plain(text)
    if PurePath(path).suffix == ".py":
        with suppress(*BROKEN):  # as long as it looks, then
            text = ast.unparse(ast.parse(text))
    return sum(bool(line.strip()) for line in text.splitlines())


def saved_lines(new: str, old: str, path: str) -> int:
    """By how many lines an asset's text is clearly shorter: by three and one in a hundred, or 0."""
    before = sum(code_lines(text, name) for name, text in sheaf.files(old, path).items())
    saved = before - sum(code_lines(text, name) for name, text in sheaf.files(new, path).items())
    return saved if saved >= max(_FEWEST, _SHARE * before) else 0

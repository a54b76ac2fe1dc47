"""Syntax checks and comment-insensitive fingerprints of asset files."""

import ast
import json
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import PurePath

import yaml

from autoresearch_graph.asset.files import files_of
from autoresearch_graph.asset.line_ends import BOM, plain

# Errors of a parser for a text that is broken, or too deep.
BROKEN = (SyntaxError, ValueError, RecursionError, MemoryError)
_PARSERS: Mapping[str, Callable[[str], object]] = {
    ".py": ast.parse,
    ".json": json.loads,
    ".toml": tomllib.loads,
    ".yaml": lambda text: list(yaml.compose_all(text, yaml.SafeLoader)),  # with any tag
    ".yml": lambda text: list(yaml.compose_all(text, yaml.SafeLoader)),
}


def unparsable(text: str, path: str) -> str:
    """Say why a file of this name cannot be parsed; empty if it can, or has no known format."""
    try:
        _PARSERS.get(_suffix(path), str)(text.removeprefix(BOM))
    except (*BROKEN, yaml.YAMLError) as error:
        return " ".join(str(error).split()) or type(error).__name__
    return ""


def broken(text: str, before: str, asset: str) -> str:
    """Name a changed file that does not parse, with the reason; empty if there is none.

    A file that the lab could not parse before may be changed: its runs have another parser. So
    may a new one beside such a file of the same format.
    """
    old = files_of(before, asset)
    for path, body in files_of(text, asset).items():
        if body != old.get(path) and (why := unparsable(body, path)):
            alike = [path] if path in old else [p for p in old if _suffix(p) == _suffix(path)]
            if not any(unparsable(old[name], name) for name in alike):
                return f"{path} does not parse: {why}"
    return ""


def _suffix(path: str) -> str:
    return PurePath(path).suffix.lower()


def fingerprint(text: str, asset: str) -> str:
    """Return the meaning of an asset's text: equal for texts that differ in comments or spacing."""
    parts = files_of(text, asset)
    return "\n".join(f"{name}\0{file_fingerprint(body, name)}" for name, body in parts.items())


def file_fingerprint(text: str, path: str) -> str:
    """Return the fingerprint of one file: its syntax tree for Python, or its lines."""
    text = plain(text)
    if _suffix(path) == ".py":
        try:
            return ast.dump(ast.parse(text))
        except BROKEN:
            return text
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def without_seeds(text: str, asset: str) -> str:
    """Return the fingerprint of an asset's text without the value of any seed."""
    parts = files_of(text, asset)
    return "\n".join(f"{name}\0{seedless_file(body, name)}" for name, body in parts.items())


def seedless_file(text: str, path: str) -> str:
    """Return the fingerprint of one file without the value of any seed."""
    if _suffix(path) != ".py" or unparsable(text, path):
        lines = (line for line in text.splitlines() if "seed" not in line.lower())
        return file_fingerprint("\n".join(lines), path)
    return ast.dump(_Seedless().visit(ast.parse(plain(text))))


class _Seedless(ast.NodeTransformer):
    """Drops the values and arguments of names with `seed` in them."""

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if any("seed" in ast.unparse(target).lower() for target in node.targets):
            node.value = ast.Constant(None)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if "seed" in ast.unparse(node.func).lower():
            node.args, node.keywords = [], []
        return self.generic_visit(node)


_FEWEST = 3  # lines by which a text is clearly shorter; chosen
_SHARE = 0.01  # of the lines of before, at least; chosen


def code_lines(text: str, path: str) -> int:
    """Count the lines of code, of Python without comments and in one layout."""
    text = plain(text)
    if _suffix(path) == ".py":
        with suppress(*BROKEN):  # then its lines count as they are
            text = ast.unparse(ast.parse(text))
    return sum(bool(line.strip()) for line in text.splitlines())


def saved_lines(new: str, old: str, asset: str) -> int:
    """Return the number of lines by which an asset's text is clearly shorter, else 0."""
    before, after = (
        sum(code_lines(body, path) for path, body in files_of(text, asset).items())
        for text in (old, new)
    )
    saved = before - after
    return saved if saved >= max(_FEWEST, _SHARE * before) else 0


class SeenFingerprints:
    """The fingerprints of the texts of experiments; each commit is read once."""

    def __init__(self) -> None:
        self._marks: dict[str, str] = {}

    def numbers(
        self, commits: Mapping[int, str], text_of: Callable[[int], str], *, path: str
    ) -> dict[str, int]:
        """Return for each fingerprint the number of the last experiment that had it.

        `commits` has the commit of each experiment, by its number.
        """
        found = {}
        for number, commit in commits.items():
            if commit not in self._marks:
                self._marks[commit] = fingerprint(text_of(number), path)
            found[self._marks[commit]] = number
        return found

"""Meaning of a text: if it can be parsed, and if two texts say the same."""

import ast
import json
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import PurePath

import yaml

from autoresearch_graph.asset.files import files_of
from autoresearch_graph.asset.line_ends import BOM, plain

# What a parser says of a text that is none, or that it cannot get through.
BROKEN = (SyntaxError, ValueError, RecursionError, MemoryError)
_PARSERS: Mapping[str, Callable[[str], object]] = {
    ".py": ast.parse,
    ".json": json.loads,
    ".toml": tomllib.loads,
    ".yaml": lambda text: list(yaml.compose_all(text, yaml.SafeLoader)),  # with any tag
    ".yml": lambda text: list(yaml.compose_all(text, yaml.SafeLoader)),
}


def unparsable(text: str, path: str) -> str:
    """Say why a file of this name cannot be parsed; empty where it can, or none looks."""
    try:
        _PARSERS.get(_suffix(path), str)(text.removeprefix(BOM))
    except (*BROKEN, yaml.YAMLError) as error:
        return " ".join(str(error).split()) or type(error).__name__
    return ""


def broken(text: str, before: str, asset: str) -> str:
    """Say which file of an asset's new text does not parse; empty where there is none.

    A file that the lab could not parse before may be changed unparsed: its runs have another
    parser. So may a new one beside such a file of the same format.
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
    """Drops what is assigned to, or passed to, a name with `seed` in it."""

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if any("seed" in ast.unparse(target).lower() for target in node.targets):
            node.value = ast.Constant(None)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if "seed" in ast.unparse(node.func).lower():
            node.args, node.keywords = [], []
        return self.generic_visit(node)


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
    before = sum(code_lines(text, name) for name, text in files_of(old, path).items())
    saved = before - sum(code_lines(text, name) for name, text in files_of(new, path).items())
    return saved if saved >= max(_FEWEST, _SHARE * before) else 0


class SeenFingerprints:
    """The fingerprints of texts by their experiments' numbers; each commit is read once."""

    def __init__(self) -> None:
        self._marks: dict[str, str] = {}

    def numbers(
        self, commits: Mapping[int, str], text_of: Callable[[int], str], *, path: str
    ) -> dict[str, int]:
        """For the fingerprint of each text the number of the last experiment that had it.

        `commits` has the commit of each experiment, by its number.
        """
        found = {}
        for number, commit in commits.items():
            if commit not in self._marks:
                self._marks[commit] = fingerprint(text_of(number), path)
            found[self._marks[commit]] = number
        return found

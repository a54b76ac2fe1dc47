"""What a text says: whether it can be parsed, and whether two say the same."""

import ast
import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import PurePath

import yaml

from autoresearch_graph import sheaf

# What a parser says of a text that is none, or that it cannot get through.
BROKEN = (SyntaxError, ValueError, RecursionError, MemoryError)
_PARSERS: Mapping[str, Callable[[str], object]] = {
    ".py": ast.parse,
    ".json": json.loads,
    ".toml": tomllib.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
}


def unparsable(text: str, path: str) -> str:
    """Why a text is none that a file of this name can have; empty where it may be one."""
    try:
        text.encode()  # half a surrogate pair cannot be written to a file
        _PARSERS.get(PurePath(path).suffix, str)(text)
    except (*BROKEN, yaml.YAMLError) as error:
        return str(error) or type(error).__name__
    return ""


def fingerprint(text: str, path: str) -> str:
    """What a text says, comments and spacing aside; the text itself where it cannot be parsed."""
    if sheaf.is_several(path):
        parts = sheaf.files(text, path)
        return "\n".join(f"{name}\0{fingerprint(body, name)}" for name, body in parts.items())
    if PurePath(path).suffix == ".py":
        try:
            return ast.dump(ast.parse(text))
        except BROKEN:
            return text
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def without_seeds(text: str, path: str) -> str:
    """The fingerprint, with the value of every seed left out."""
    if sheaf.is_several(path):
        parts = sheaf.files(text, path)
        return "\n".join(f"{name}\0{without_seeds(body, name)}" for name, body in parts.items())
    if PurePath(path).suffix != ".py" or unparsable(text, path):
        lines = (line for line in text.splitlines() if "seed" not in line.lower())
        return fingerprint("\n".join(lines), path)
    return ast.dump(_Seedless().visit(ast.parse(text)))


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

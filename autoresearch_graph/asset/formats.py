"""Literals that a name stands for, in Python, JSON, TOML and YAML.

In Python these are UPPER_CASE names that are assigned a literal at module level, elsewhere keys.
"""

import ast
import json
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import tomlkit
import yaml
from tomlkit.items import Float, Integer, String

from autoresearch_graph.asset.literals import Leaf

_CONSTANT_NAME = re.compile(r"_?[A-Z][A-Z0-9_]*")
_LINE_END = re.compile(rb"\r\n|\r|\n")


def python_leaves(text: str) -> Iterator[Leaf]:
    """Yield the literal of every constant, in order; SyntaxError or ValueError on broken text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the asset's own string escapes
        tree = ast.parse(text)
    data = text.encode()
    lines = [0, *(match.end() for match in _LINE_END.finditer(data))]
    for name, value in _assignments(tree):
        yield Leaf(
            name,
            len(data[: lines[value.lineno - 1] + value.col_offset].decode()),
            len(data[: lines[(value.end_lineno or 1) - 1] + (value.end_col_offset or 0)].decode()),
        )


def _assignments(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield the literals under a constant's name; a name that is assigned twice is none."""
    assigned = [pair for statement in tree.body for pair in _targets(statement)]
    times = Counter(name for name, _ in assigned)
    for name, value in assigned:
        if _CONSTANT_NAME.fullmatch(name) and times[name] == 1 and value and _is_literal(value):
            yield name, value


def _targets(statement: ast.stmt) -> Iterator[tuple[str, ast.expr | None]]:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            yield name, value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
        case ast.Assign() | ast.AugAssign():
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id, None


def _is_literal(value: ast.expr) -> bool:
    match value:
        case ast.Constant(value=bool() | int() | float() | str()):
            return True
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=ast.Constant(value=int() | float())):
            return True
        case ast.BinOp(op=ast.Pow(), left=ast.Constant(), right=ast.Constant()):
            return True
    return False


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')
_Tokens = Iterator[re.Match[str]]
_Keys = tuple[str, ...]  # the keys that lead to a value


def json_leaves(text: str) -> Iterator[Leaf]:
    """Yield every scalar under a key, in order; ValueError on broken text."""
    json.loads(text)
    tokens = _TOKEN.finditer(text)
    yield from _value(next(tokens), tokens, ())


def _value(token: re.Match[str], tokens: _Tokens, path: _Keys) -> Iterator[Leaf]:
    match token.group():
        case "{":
            yield from _members(tokens, path)
        case "[":
            yield from _items(tokens, path)
        case word if path and word != "null":
            yield Leaf(".".join(path), *token.span())


def _members(tokens: _Tokens, path: _Keys) -> Iterator[Leaf]:
    while (token := next(tokens)).group() != "}":
        if token.group() == ",":
            continue
        key = json.loads(token.group())
        next(tokens)
        yield from _value(next(tokens), tokens, (*path, key))


def _items(tokens: _Tokens, path: _Keys) -> Iterator[Leaf]:
    index = 0
    while (token := next(tokens)).group() != "]":
        match token.group():
            case ",":
                index += 1
            case "{" | "[":
                yield from _value(token, tokens, (*path, str(index)))


_MARK = "\ue000{}\ue000"
_MARKED = re.compile('"\ue000(\\d+)\ue000"')


def toml_leaves(text: str) -> Iterator[Leaf]:
    """Yield every scalar under a key, in order; ValueError on broken text."""
    document = tomlkit.parse(text)
    found: list[tuple[str, str]] = []
    _mark(document, (), found)
    pieces = _MARKED.split(tomlkit.dumps(document))
    end = 0
    for before, number in zip(pieces[::2], pieces[1::2], strict=False):
        name, raw = found[int(number)]
        start = end + len(before)
        end = start + len(raw)
        if text[start:end] == raw:
            yield Leaf(name, start, end)


def _mark(node: Any, path: _Keys, found: list[tuple[str, str]]) -> None:
    """Replace each scalar below `node` by its mark; `found` collects their names and literals."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in list(items):
        match value:
            case dict() | list():
                _mark(value, (*path, str(key)), found)
            case bool() | Integer() | Float() | String() if isinstance(node, dict):
                raw = str(value).lower() if isinstance(value, bool) else value.as_string()
                node[key] = _MARK.format(len(found))
                found.append((".".join((*path, str(key))), raw))


_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")  # an anchor and a tag, before their literal
_STRING = re.compile(r"(?:^|\s)!\S*str\s")
_SCALARS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "bool", "str"))


def yaml_leaves(text: str) -> Iterator[Leaf]:
    """Yield every scalar under a key, in order, an anchored one once; yaml.YAMLError if broken."""
    roots = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    seen: set[int] = set()
    for index, root in enumerate(roots):
        for leaf in _leaves(root, (str(index),) if len(roots) > 1 else (), seen):
            before = _PROPERTIES.match(text, leaf.start)
            if before and not _STRING.search(before[0]):
                yield replace(leaf, start=before.end())


def _leaves(node: yaml.Node, path: _Keys, seen: set[int]) -> Iterator[Leaf]:
    if id(node) in seen:
        return
    seen.add(id(node))
    match node:
        case yaml.MappingNode():
            for key, value in node.value:
                yield from _leaves(value, (*path, str(key.value)), seen)
        case yaml.SequenceNode():
            for index, item in enumerate(node.value):
                if not isinstance(item, yaml.ScalarNode):
                    yield from _leaves(item, (*path, str(index)), seen)
        case yaml.ScalarNode(tag=tag) if path and tag in _SCALARS:
            yield Leaf(".".join(path), node.start_mark.index, node.end_mark.index)

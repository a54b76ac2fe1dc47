"""Parts of the asset that an experiment changed.

The parts of Python are its top-level names (`MATRIX_LR`, `class Block`, `train()`), those of JSON,
TOML and YAML their constants; any other text is one part. A change of more than a few parts has a
name of its own.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import PurePath

from autoresearch_graph.asset.constants import find, find_in_file, skeleton
from autoresearch_graph.asset.files import Asset
from autoresearch_graph.asset.syntax import BROKEN
from autoresearch_graph.core.experiment import Crashed, Experiment, TimedOut
from autoresearch_graph.core.pruning import bends
from autoresearch_graph.core.text import one_line
from autoresearch_graph.errors import InputError

_FEW = 4  # parts: with more, every part would seem to have been tried by the experiment
_NAME = 60  # characters
WHOLE = "the text"
_REST = frozenset({"imports", "statements", "structure", WHOLE})
Parts = Mapping[str, int]


def changed_parts(old: str, new: str, path: str) -> tuple[str, ...]:
    """Return the parts that differ between two texts of an asset, at least one."""
    return changed(parts(old, path), parts(new, path))


def changed(old: Parts, new: Parts) -> tuple[str, ...]:
    """Return the names that differ between two mappings of parts, at least one.

    Of several files, one that was added is a single part, named by its path.
    """
    if WHOLE in old or WHOLE in new:
        return (WHOLE,)
    known = {_file(name) for name in old}
    found: dict[str, None] = {}
    for name in {**old, **new}:
        if old.get(name) != new.get(name):
            path = _file(name)
            found[path if path and path not in known else name] = None
    return few(list(found))


def few(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the parts that changed, or one name for many."""
    if len(names) <= _FEW:
        return tuple(names) or ("words only",)
    return ("many constants at once" if all(map(_is_value, names)) else "many parts at once",)


def named_parts(text: str, path: str) -> list[str]:
    """Return the parts of a text that have a name of their own, in its order."""
    return [part for part in parts(text, path) if _bare(part) not in _REST]


@lru_cache(maxsize=8)  # texts: an incumbent is compared with one proposal after another
def parts(text: str, path: str) -> Parts:
    """Return the parts of a text of an asset, each with a hash of its syntax.

    Of several files they bear the file's name, too.
    """
    asset = Asset.parse(path)
    if not asset.is_several:
        return _of_file(text, path)
    found: dict[str, int] = {}
    for name, body in Asset.parse(path).files(text).items():
        for part, mark in _of_file(body, name).items():
            found[f"{name}: {part}" if part != WHOLE else name] = mark
    return found


def _of_file(text: str, path: str) -> Parts:
    if PurePath(path).suffix == ".py":
        try:
            return _of_python(ast.parse(text))
        except BROKEN:
            return {WHOLE: hash(text)}
    try:
        constants = find_in_file(text, path)
    except InputError:
        return {WHOLE: hash(text)}
    values = {_line(constant.name): hash(constant.raw) for constant in constants}
    return {**values, "structure": hash(skeleton(text, constants))}


def _of_python(tree: ast.Module) -> Parts:
    marks: dict[str, int] = {}
    for statement in tree.body:
        mark = ast.dump(statement)
        for name in names_of(statement):
            marks[name] = hash((marks.get(name), mark))
    return marks


def names_of(statement: ast.stmt) -> Iterator[str]:
    """Yield the parts of Python that a top-level statement belongs to."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield f"{name[:_NAME]}()"
        case ast.ClassDef(name=name):
            yield f"class {name[:_NAME]}"
        case ast.Import() | ast.ImportFrom():
            yield "imports"
        case ast.Expr(value=ast.Constant()):
            return
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            yield from _stored(statement) or ["statements"]
        case _:
            yield "statements"


def _stored(statement: ast.stmt) -> list[str]:
    """Return the names that an assignment sets."""
    found = []
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.append(node.id[:_NAME])
    return found


def _bare(part: str) -> str:
    """Return a part without the file that it is of."""
    return part.rpartition(": ")[2]


def _file(part: str) -> str:
    """Return the file that a part is of; empty where the asset is one file."""
    return part.rpartition(": ")[0]


def _is_value(part: str) -> bool:
    name = _bare(part)
    return not (name in _REST or name.startswith("class ") or name.endswith("()"))


def _line(name: str) -> str:
    return one_line(name)[:_NAME]


def cause(experiment: Experiment) -> str:
    """Return the kind of a crash."""
    match experiment.trials[-1:]:
        case [Crashed(cause=cause)]:
            return cause
        case [TimedOut()]:
            return "time limit"
    return "other"


def is_small(old: str, new: str, path: str) -> bool:
    """Return True if only a few constants differ, and none of them bends a run's learning curve."""
    try:
        before, after = find(old, path), find(new, path)
    except InputError:
        return False
    if skeleton(old, before) != skeleton(new, after):
        return False
    values = {constant.name: constant.value for constant in before}
    return not bends([each.name for each in after if values.get(each.name) != each.value])

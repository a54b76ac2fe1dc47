"""What kinds of idea were tried: which parts of the asset an experiment changed.

The parts of Python are its top-level names (`MATRIX_LR`, `class Block`, `train()`), those of JSON,
TOML and YAML their constants; any other text is one part. An experiment that changed more than a
few is of a kind of its own, or every part would seem to have been tried by it.
"""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from autoresearch_graph.asset import files as sheaf
from autoresearch_graph.asset.constants import find, skeleton
from autoresearch_graph.asset.syntax import BROKEN
from autoresearch_graph.core.brief import Brief
from autoresearch_graph.core.experiment import Crashed, Experiment, TimedOut
from autoresearch_graph.core.pruning import bends
from autoresearch_graph.core.text import one_line
from autoresearch_graph.errors import InputError

_FEW = 4
_NAME = 60
WHOLE = "the text"
_REST = frozenset({"imports", "statements", "structure", WHOLE})
Parts = Mapping[str, int]


@dataclass(frozen=True)
class Group:
    """The experiments that changed one part."""

    kind: str
    experiments: Sequence[Experiment]


def gains(brief: Brief) -> dict[int, float]:
    """By how much each measured experiment is better than what it was written against."""
    by_commit = {e.commit: e.metric for e in brief.ledger if e.metric is not None}
    return {
        e.number: brief.program.metric.improvement(e.metric, by_commit[e.parent])
        for e in brief.ledger
        if e.metric is not None and e.parent in by_commit
    }


class Kinds:
    """Tells what each experiment changed; a commit's text is read and parsed once."""

    def __init__(self) -> None:
        self._parts: dict[str, Parts] = {}
        self._changed: dict[str, tuple[str, ...]] = {}

    def of(self, experiment: Experiment, brief: Brief) -> tuple[str, ...]:
        """The parts that an experiment changed in the text that it was written against."""
        if experiment.commit not in self._changed:
            self._changed[experiment.commit] = self._compared(experiment, brief)
        return self._changed[experiment.commit]

    def _compared(self, experiment: Experiment, brief: Brief) -> tuple[str, ...]:
        parents = [e.number for e in brief.ledger if e.commit == experiment.parent]
        if not parents:
            return (WHOLE,)
        old = self._read(experiment.parent, parents[0], brief)
        return changed(old, self._read(experiment.commit, experiment.number, brief))

    def groups(self, experiments: Sequence[Experiment], brief: Brief) -> list[Group]:
        """One group a part, the most tried first; an experiment is in that of each of its parts."""
        found: dict[str, list[Experiment]] = {}
        for experiment in experiments:
            for kind in self.of(experiment, brief):
                found.setdefault(kind, []).append(experiment)
        by_size = sorted(found.items(), key=lambda item: -len(item[1]))
        return [Group(kind, members) for kind, members in by_size]

    def untouched(self, brief: Brief) -> list[str]:
        """The named parts of the incumbent that no experiment changed, in the order of its text."""
        tried = {kind for e in brief.ledger if e.number for kind in self.of(e, brief)}
        known = parts(brief.text, brief.program.asset)
        return [part for part in known if part not in tried and _bare(part) not in _REST]

    def _read(self, commit: str, number: int, brief: Brief) -> Parts:
        if commit not in self._parts:
            self._parts[commit] = parts(brief.text_of(number), brief.program.asset)
        return self._parts[commit]


def changed(old: Parts, new: Parts) -> tuple[str, ...]:
    """The parts that differ between two texts, at least one."""
    if WHOLE in old or WHOLE in new:
        return (WHOLE,)
    return few([name for name in {**old, **new} if old.get(name) != new.get(name)])


def few(names: Sequence[str]) -> tuple[str, ...]:
    """The names of the parts that changed, or one name for many."""
    if len(names) <= _FEW:
        return tuple(names) or ("words only",)
    return ("many constants at once" if all(map(_is_value, names)) else "many parts at once",)


def parts(text: str, path: str) -> Parts:
    """The parts of a text of an asset, each with a mark that changes where the part does.

    Of several files they bear the file's name, too.
    """
    if not sheaf.is_several(path):
        return _of_file(text, path)
    return {
        f"{name}: {part}" if part != WHOLE else name: mark
        for name, body in sheaf.files(text, path).items()
        for part, mark in _of_file(body, name).items()
    }


def _of_file(text: str, path: str) -> Parts:
    if PurePath(path).suffix == ".py":
        try:
            return _of_python(ast.parse(text))
        except BROKEN:
            return {WHOLE: hash(text)}
    try:
        constants = find(text, path)
    except InputError:
        return {WHOLE: hash(text)}
    values = {_line(constant.name): hash(constant.raw) for constant in constants}
    return {**values, "structure": hash(skeleton(text, constants))}


def causes(experiments: Sequence[Experiment]) -> Counter[str]:
    """Why the crashed ones crashed."""
    return Counter(cause(e) for e in experiments if e.status == "crash")


def cause(experiment: Experiment) -> str:
    """The kind of a crash."""
    match experiment.trials[-1:]:
        case [Crashed(cause=cause)]:
            return cause
        case [TimedOut()]:
            return "time limit"
    return "other"


def _of_python(tree: ast.Module) -> Parts:
    marks: dict[str, int] = {}
    for statement in tree.body:
        mark = ast.dump(statement)
        for name in names_of(statement):
            marks[name] = hash((marks.get(name), mark))
    return marks


def names_of(statement: ast.stmt) -> Iterator[str]:
    """The parts of Python that a top-level statement belongs to."""
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
            nodes = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
            stored = [n.id[:_NAME] for n in nodes if isinstance(n.ctx, ast.Store)]
            yield from stored or ["statements"]
        case _:
            yield "statements"


def _bare(part: str) -> str:
    """A part without the file that it is of."""
    return part.rpartition(": ")[2]


def _is_value(part: str) -> bool:
    name = _bare(part)
    return not (name in _REST or name.startswith("class ") or name.endswith("()"))


def _line(name: str) -> str:
    return one_line(name)[:_NAME]


def is_small(old: str, new: str, path: str) -> bool:
    """Whether only a few constants differ, of which none bends the learning curve of a run."""
    try:
        before, after = find(old, path), find(new, path)
    except InputError:
        return False
    if skeleton(old, before) != skeleton(new, after):
        return False
    values = {constant.name: constant.value for constant in before}
    return not bends([c.name for c in after if values.get(c.name) != c.value])

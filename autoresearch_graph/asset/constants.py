"""The one door to every format: find the constants of a text, and write other values."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath

from yaml import YAMLError

from autoresearch_graph.asset import formats
from autoresearch_graph.asset.files import is_several, located
from autoresearch_graph.asset.line_ends import BOM
from autoresearch_graph.asset.literals import Constant, Leaf, Scalar, choices, read, write
from autoresearch_graph.asset.syntax import BROKEN
from autoresearch_graph.errors import InputError

FORMATS: dict[str, Callable[[str], Iterator[Leaf]]] = {
    ".py": formats.python_leaves,
    ".json": formats.json_leaves,
    ".toml": formats.toml_leaves,
    ".yaml": formats.yaml_leaves,
    ".yml": formats.yaml_leaves,
}
_BROKEN = (*BROKEN, YAMLError)
HIDDEN = "\x00"


def find(text: str, path: str) -> tuple[Constant, ...]:
    """The constants of an asset, in the order of its text.

    Of several files those count whose format is known; a name that two of them have is told apart
    by the file's. Raises InputError where a text cannot be parsed or no format is known.
    """
    if not is_several(path):
        return _in_file(text, path)
    known = [part for part in located(text, path) if PurePath(part[0]).suffix.lower() in FORMATS]
    if not known:
        raise InputError(
            f"{path}: constants are found in {', '.join(FORMATS)} files only; "
            "choose a model with --model.",
            code="no-constants",
        )
    found = list(_in_files(known))
    times = Counter(constant.name for _, _, constant in found)
    return tuple(
        replace(
            one,
            name=one.name if times[one.name] == 1 else f"{name}:{one.name}",
            start=one.start + start,
            end=one.end + start,
        )
        for name, start, one in found
    )


def _in_files(parts: list[tuple[str, int, str]]) -> Iterator[tuple[str, int, Constant]]:
    """Yield the constants of all files that can be parsed; InputError where none can."""
    failed: list[InputError] = []
    for name, start, body in parts:
        try:
            yield from ((name, start, one) for one in _in_file(body, name))
        except InputError as error:
            failed.append(error)
    if len(failed) == len(parts):
        raise failed[0]


def _in_file(text: str, path: str) -> tuple[Constant, ...]:
    leaves = FORMATS.get(PurePath(path).suffix.lower())
    if leaves is None:
        raise InputError(
            f"{path}: constants are found in {', '.join(FORMATS)} files only; "
            "choose a model with --model.",
            code="no-constants",
        )
    bare = text.removeprefix(BOM)
    mark = len(text) - len(bare)
    try:
        found = sorted(leaves(bare), key=lambda leaf: leaf.start)
    except _BROKEN as error:
        told = " ".join(str(error).split())
        raise InputError(
            f"{path} cannot be parsed by the lab: {told}. The search cannot tune it; a model can "
            "edit it, without a check of its syntax: --model."
        ) from error
    names = Counter(leaf.name for leaf in found)
    placed = (Leaf(leaf.name, leaf.start + mark, leaf.end + mark) for leaf in found)
    constants = (_constant(text, leaf) for leaf in placed if names[leaf.name] == 1)
    return tuple(constant for constant in constants if constant)


def _constant(text: str, leaf: Leaf) -> Constant | None:
    raw = text[leaf.start : leaf.end]
    value = read(raw)
    if value is None or "seed" in leaf.name.lower():
        return None
    allowed = choices(re.split(r"[\r\n]", text[leaf.end :], maxsplit=1)[0], value)
    if allowed is None or len(allowed) == 1 or (isinstance(value, str) and not allowed):
        return None
    return Constant(leaf.name, value, raw, leaf.start, leaf.end, allowed)


def rewrite(text: str, path: str, values: Mapping[str, Scalar]) -> str:
    """The text with the constants in `values` set anew; every other character stays.

    A literal whose value does not change stays as it is written. An unknown name is a KeyError.
    """
    constants = find(text, path)
    if unknown := values.keys() - {constant.name for constant in constants}:
        raise KeyError(", ".join(sorted(unknown)))
    wanted = [(c, values.get(c.name, c.value)) for c in constants]
    literals = [c.raw if value == c.value else write(c.raw, value) for c, value in wanted]
    return _splice(text, constants, literals)


def respell(text: str, path: str, literals: Mapping[str, str]) -> str:
    """The text with the constants of these names spelt so; names that it has not are left out."""
    constants = find(text, path)
    return _splice(text, constants, [literals.get(c.name, c.raw) for c in constants])


def _splice(text: str, constants: Sequence[Constant], literals: Sequence[str]) -> str:
    pieces, end = [], 0
    for constant, literal in zip(constants, literals, strict=True):
        pieces += [text[end : constant.start], literal]
        end = constant.end
    return "".join([*pieces, text[end:]])


def skeleton(text: str, constants: Sequence[Constant]) -> str:
    """The text without its constants' values, blank lines and lines of comment.

    Two texts with one skeleton and one set of values do the same.
    """
    bare = _splice(text, constants, [HIDDEN] * len(constants))
    lines = (line.rstrip() for line in bare.splitlines())
    return "\n".join(line for line in lines if line and not line.lstrip().startswith("#"))


def describe(text: str, path: str) -> str:
    """What a search would tune, in one line; raises InputError where that is nothing."""
    constants = find_some(text, path)
    noun = "constant" if len(constants) == 1 else "constants"
    return f"{len(constants)} {noun}: {', '.join(constant.name for constant in constants)}"


def find_some(text: str, path: str) -> tuple[Constant, ...]:
    """Like `find`, but an asset without constants is an InputError that says how to mend it."""
    if constants := find(text, path):
        return constants
    raise InputError(
        f"{path} has no constants to tune: assign numbers to UPPER_CASE names at module "
        "level (in JSON, TOML or YAML: to keys), or choose a model with --model.",
        code="no-constants",
    )


__all__ = [
    "Constant",
    "Scalar",
    "describe",
    "find",
    "find_some",
    "respell",
    "rewrite",
    "skeleton",
    "write",
]

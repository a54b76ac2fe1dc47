"""Constants of an asset's text in any format: finding them, and writing other values."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath

from yaml import YAMLError

from autoresearch_graph.asset import formats
from autoresearch_graph.asset.files import Asset
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
_HIDDEN = "\x00"


def find(text: str, asset: str) -> tuple[Constant, ...]:
    """Return the constants of an asset, in the order of its text.

    Files of an unknown format do not count. A name that two files have gets the file's path.
    InputError if no text can be parsed or no format is known.
    """
    parts = [part for part in Asset.parse(asset).located(text) if _leaves_of(part[0])]
    if not parts:
        raise _unknown_format(asset)
    found = list(_in_files(parts))
    times = Counter(constant.name for _, _, constant in found)
    constants = []
    for path, start, constant in found:
        name = constant.name if times[constant.name] == 1 else f"{path}:{constant.name}"
        placed = _moved(constant, start)
        constants.append(replace(placed, name=name))
    return tuple(constants)


def _moved(constant: Constant, by: int) -> Constant:
    return replace(constant, start=constant.start + by, end=constant.end + by)


def _in_files(parts: list[tuple[str, int, str]]) -> Iterator[tuple[str, int, Constant]]:
    """Yield the constants of all files that can be parsed; InputError if none can."""
    failed: list[InputError] = []
    for path, start, body in parts:
        try:
            yield from ((path, start, constant) for constant in find_in_file(body, path))
        except InputError as error:
            failed.append(error)
    if len(failed) == len(parts):
        raise failed[0]


def find_in_file(text: str, path: str) -> tuple[Constant, ...]:
    """Return the constants of one file; InputError as in `find`."""
    leaves = _leaves_of(path)
    if leaves is None:
        raise _unknown_format(path)
    bare = text.removeprefix(BOM)
    mark = len(text) - len(bare)
    try:
        found = sorted(leaves(bare), key=lambda leaf: leaf.start)
    except _BROKEN as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path} cannot be parsed by the lab: {reason}. The search cannot tune it; a model can "
            "edit it, without a check of its syntax: --model."
        ) from error
    times = Counter(leaf.name for leaf in found)
    constants = (_constant(bare, leaf) for leaf in found if times[leaf.name] == 1)
    return tuple(_moved(constant, mark) for constant in constants if constant)


def _leaves_of(path: str) -> Callable[[str], Iterator[Leaf]] | None:
    return FORMATS.get(PurePath(path).suffix.lower())


def _unknown_format(name: str) -> InputError:
    return InputError(
        f"{name}: constants are found in {', '.join(FORMATS)} files only; "
        "choose a model with --model.",
        code="no-constants",
    )


def _constant(text: str, leaf: Leaf) -> Constant | None:
    raw = text[leaf.start : leaf.end]
    value = read(raw)
    if value is None or "seed" in leaf.name.lower():
        return None
    allowed = choices(re.split(r"[\r\n]", text[leaf.end :], maxsplit=1)[0], value)
    if allowed is None or len(allowed) == 1 or (isinstance(value, str) and not allowed):
        return None
    return Constant(leaf.name, value, raw, leaf.start, leaf.end, allowed)


def rewrite(text: str, asset: str, values: Mapping[str, Scalar]) -> str:
    """Return the text with other values for these constants; every other character stays.

    A literal whose value does not change stays as it is written. An unknown name is a KeyError.
    """
    constants = find(text, asset)
    if unknown := values.keys() - {constant.name for constant in constants}:
        raise KeyError(", ".join(sorted(unknown)))
    literals = []
    for constant in constants:
        value = values.get(constant.name, constant.value)
        is_same = value == constant.value
        literals.append(constant.raw if is_same else write(constant.raw, value))
    return _splice(text, constants, literals)


def respell(text: str, path: str, literals: Mapping[str, str]) -> str:
    """Return one file's text with these literals for its constants; other names are ignored."""
    constants = find_in_file(text, path)
    return _splice(text, constants, [literals.get(c.name, c.raw) for c in constants])


def _splice(text: str, constants: Sequence[Constant], literals: Sequence[str]) -> str:
    pieces, end = [], 0
    for constant, literal in zip(constants, literals, strict=True):
        pieces += [text[end : constant.start], literal]
        end = constant.end
    return "".join([*pieces, text[end:]])


def skeleton(text: str, constants: Sequence[Constant]) -> str:
    """Return the text without its constants' values, blank lines and lines of comment.

    Two texts with one skeleton and one set of values do the same.
    """
    bare = _splice(text, constants, [_HIDDEN] * len(constants))
    lines = (line.rstrip() for line in bare.splitlines())
    return "\n".join(line for line in lines if line and not line.lstrip().startswith("#"))


def describe(text: str, asset: str) -> str:
    """Name in one line the constants that a search would tune; InputError as in `find_some`."""
    constants = find_some(text, asset)
    noun = "constant" if len(constants) == 1 else "constants"
    return f"{len(constants)} {noun}: {', '.join(constant.name for constant in constants)}"


def find_some(text: str, asset: str) -> tuple[Constant, ...]:
    """Return the constants as `find` does; InputError also if there are none."""
    if constants := find(text, asset):
        return constants
    raise InputError(
        f"{asset} has no constants to tune: assign numbers to UPPER_CASE names at module "
        "level (in JSON, TOML or YAML: to keys), or choose a model with --model.",
        code="no-constants",
    )

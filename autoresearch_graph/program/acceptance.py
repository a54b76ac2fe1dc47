"""Acceptance of inferred values: a person says yes once, and the project remembers it.

The lock has the hash of each program file, and the accepted values with the lines that they come
from. They hold as long as every such line is still in the text, and the rules do not read another
value from it. Protection is not part of it: that is read anew each time.
"""

import hashlib
import os
import tomllib
from collections.abc import Iterable
from pathlib import Path

import tomlkit
from pydantic import TypeAdapter

from autoresearch_graph.core.values import Value
from autoresearch_graph.errors import InputError
from autoresearch_graph.program.reading import By, Passage, Reading
from autoresearch_graph.storage.files import make_folder, replace

LOCK = Path(".autoresearch", "program.lock.toml")


class _Accepted(Value):
    field: str
    text: str
    line: int | None = None
    quote: str = ""
    by: By = "rule"


class _Locked(Value):
    sha256: str
    values: tuple[_Accepted, ...]


_LOCKED = TypeAdapter(dict[str, _Locked])


def accept(reading: Reading, project: Path) -> None:
    """Write the inferred values of a reading into the lock of its project. Idempotent.

    A value without a line is the person's own; the others were inferred by rules or by a model.
    InputError if the lock cannot be written.
    """
    locked, name = _read(project), _name(reading.path, project)
    earlier = locked[name].values if name in locked else ()
    before = {(value.field, value.text): value.by for value in earlier}
    values = tuple(
        _Accepted(
            field=passage.field,
            text=passage.text,
            line=passage.line,
            quote=passage.quote,
            by=before.get((passage.field, passage.text), passage.by) if passage.line else "person",
        )
        for passage in reading.passages
        if passage.grade in ("inferred", "accepted") and passage.is_asked
    )
    locked[name] = _Locked(sha256=_hash(reading.text), values=values)
    text = tomlkit.dumps(
        {name: each.model_dump(mode="json", exclude_none=True) for name, each in locked.items()}
    )
    path = project / LOCK
    try:
        make_folder(path.parent)
        ignored = path.with_name(".gitignore")
        if not ignored.exists():
            replace(ignored, "*\n")
        replace(path, text)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror}. Write the values into {name} as front "
            "matter, or make the folder writable.",
            code="disk",
        ) from None


def accepted(path: Path, text: str, project: Path, now: Iterable[Passage]) -> tuple[Passage, ...]:
    """Return the accepted values of a program file, each with its line in `text`.

    None hold if a line that was quoted is gone, or if rules read another value from the text `now`.
    A damaged lock counts as none.
    """
    locked = _read(project).get(_name(path, project))
    if locked is None:
        return ()
    is_same = locked.sha256 == _hash(text)
    if not is_same and _reads_otherwise(locked, now):
        return ()
    lines = text.splitlines()
    found: list[Passage] = []
    for value in locked.values:
        line = value.line
        if line is not None and not is_same:
            line = _nearest(lines, value.quote, line)
            if line is None:
                return ()
        found.append(Passage(value.field, value.text, line, "accepted", value.quote, value.by))
    return tuple(found)


def _reads_otherwise(locked: _Locked, now: Iterable[Passage]) -> bool:
    """Return True if the rules infer another value than the one of theirs that was accepted."""
    before: dict[str, set[str]] = {}
    for value in locked.values:
        if value.by == "rule":
            before.setdefault(value.field, set()).add(value.text)
    after: dict[str, set[str]] = {}
    for passage in now:
        if passage.grade == "inferred" and passage.field in before:
            after.setdefault(passage.field, set()).add(passage.text)
    return any(texts != before[field] for field, texts in after.items())


def _nearest(lines: list[str], quote: str, line: int) -> int | None:
    """Return the number of the equal line that is nearest to where it was."""
    equal = (number for number, each in enumerate(lines, start=1) if each == quote)
    return min(equal, key=lambda number: abs(number - line), default=None)


def _read(project: Path) -> dict[str, _Locked]:
    try:
        return _LOCKED.validate_python(tomllib.loads((project / LOCK).read_text("utf-8")))
    except (OSError, ValueError):  # none, or damaged, or written by another version
        return {}


def _name(path: Path, project: Path) -> str:
    """Return the path of a program file relative to its project, with slashes."""
    return Path(os.path.relpath(path.absolute(), project.absolute())).as_posix()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

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
from typing import Literal

import tomlkit
from pydantic import TypeAdapter

from autoresearch_graph.core.text import one_line
from autoresearch_graph.core.values import Value
from autoresearch_graph.errors import InputError, ProgramError
from autoresearch_graph.program.reading import ASKED, Passage, Reading, front_matter
from autoresearch_graph.storage.files import make_folder, replace

LOCK = Path(".autoresearch", "program.lock.toml")
By = Literal["rule", "model", "person"]
_OPTIONS = {"experiment": "--command", "check": "--check-command", "stopping": "--stop"}


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


def accept(reading: Reading, project: Path, *, by: By = "rule") -> None:
    """Write the inferred values of a reading into the lock of its project. Idempotent.

    A value without a line is the person's own; the others were inferred `by` rules or by a model.
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
            by=before.get((passage.field, passage.text), by) if passage.line else "person",
        )
        for passage in reading.passages
        if passage.grade in ("inferred", "accepted") and passage.field in ASKED
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


def accepted(
    path: Path, text: str, project: Path, inferred: Iterable[Passage] = ()
) -> tuple[Passage, ...] | None:
    """Return the accepted values of a program file, each with its line in `text`.

    None if there are none, or if they no longer hold: a line that was quoted is gone, or one of the
    values that rules `inferred` now is another. A damaged lock counts as none.
    """
    locked = _read(project).get(_name(path, project))
    if locked is None:
        return None
    is_same = locked.sha256 == _hash(text)
    if not is_same and _reads_otherwise(locked, tuple(inferred)):
        return None
    lines = text.splitlines()
    found: list[Passage] = []
    for value in locked.values:
        line = value.line
        if line is not None and not is_same:
            line = _nearest(lines, value.quote, line)
            if line is None:
                return None
        found.append(Passage(value.field, value.text, line, "accepted", value.quote))
    return tuple(found)


def unaccepted(reading: Reading) -> ProgramError:
    """Return the error of a reading that nobody accepted: its values, and what to do."""
    rows = "\n".join(
        f"  {passage.field.replace('_', ' '):12} {one_line(passage.text)}"
        + (f"  (line {passage.line}: {one_line(passage.quote)})" if passage.line else "")
        for passage in reading.inferred
    )
    fields = dict.fromkeys(passage.field for passage in reading.inferred)
    options = " ".join(_OPTIONS.get(field, f"--{field.replace('_', '-')}") for field in fields)
    place = "in its front matter" if reading.text.startswith("---") else "at the top of the file"
    return ProgramError(
        "these values are not stated but inferred, and nobody has accepted them:\n"
        f"{rows}\n"
        f"If they are right, give --accept-reading. If not, correct this and put it {place}, or "
        f"give {options}:\n{front_matter(reading.inferred).rstrip()}",
        path=reading.path,
        code="unaccepted-reading",
    )


def _reads_otherwise(locked: _Locked, inferred: tuple[Passage, ...]) -> bool:
    """Return True if the rules infer another value than the one of theirs that was accepted."""
    for field in {value.field for value in locked.values if value.by == "rule"}:
        now = {passage.text for passage in inferred if passage.field == field}
        if now and now != {value.text for value in locked.values if value.field == field}:
            return True
    return False


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

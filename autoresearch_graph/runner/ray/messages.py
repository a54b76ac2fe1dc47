"""What a lab and the nodes of a cluster tell each other, as plain data."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autoresearch_graph.core.experiment import Outcome
from autoresearch_graph.core.program import Program
from autoresearch_graph.core.pruning import PruningRule
from autoresearch_graph.core.values import Value
from autoresearch_graph.settings import Choice
from autoresearch_graph.storage import files

LOG = ""  # what a piece of the log has for its path
_PIECE = 8 * 2**20


class SourceSnapshot(Value):
    """What a research starts from: the commit `base`, and where things are on the lab's machine.

    `project` is the project's folder and `below` where that is in the repository, `git` is where
    git keeps its own files.
    """

    base: str
    asset: str
    below: str
    project: str
    git: str


class TaskRequest(Value):
    """All that a node needs for one trial, or to ask the holdout, but the committed files.

    `variables` are those that program.md names, as far as they are no credentials. `version` is the
    lab's: a node that has another would measure something else.
    """

    wish: Literal["conduct", "hold out"]
    version: str
    ground: SourceSnapshot
    program: Program
    text: str
    seed: int = 0
    sandbox: Choice
    variables: dict[str, str]
    bar: PruningRule | None = None
    hands_over: bool = False


class Result(Value):
    """The last that a node says: an outcome, or why there can be none."""

    outcome: Outcome | None = None
    failed: str = ""


@dataclass(frozen=True)
class Piece:
    """A part of a file: what it has from `at` on, and as far as is known, to its end."""

    path: str
    at: int
    data: bytes


@dataclass(frozen=True)
class Begun:
    """The node on which it begins."""

    node: str


Event = Begun | Piece | Result


def pieces(folder: Path) -> Iterator[Piece]:
    """Every file below a folder, part by part; an empty one, too."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        with path.open("rb") as file:
            yield Piece(name, 0, file.read(_PIECE))
            while data := file.read(_PIECE):
                yield Piece(name, file.tell() - len(data), data)


def put(path: Path, piece: Piece) -> None:
    """Write a piece into the file at `path`, which ends with it; the same if it runs twice."""
    files.make_folder(path.parent)
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.seek(piece.at)
        file.write(piece.data)
        file.truncate()

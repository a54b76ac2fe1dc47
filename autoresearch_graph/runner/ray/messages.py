"""Messages between a lab and the nodes of a cluster, as plain data, and the committed files.

The files are one commit as a pack of git's objects. A commit's name is a digest of all that it
holds, so a repository copy that is on a node need not be brought again. It has no history, no
branches and no remote. Not covered: filters, such as those of Git LFS, that are set up in the lab's
own repository; files that are not committed.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from git import Repo

from autoresearch_graph.core.experiment import Outcome
from autoresearch_graph.core.program import Program
from autoresearch_graph.core.pruning import PruningRule
from autoresearch_graph.core.values import Value
from autoresearch_graph.errors import LabError
from autoresearch_graph.runner.process import Pace
from autoresearch_graph.settings import Choice
from autoresearch_graph.storage import files
from autoresearch_graph.workspace.worktree import GIT

LOG = ""  # the path of a piece of the log
_PIECE = 8 * 2**20  # bytes


class SourceSnapshot(Value):
    """The commit `base` with which a research starts, and its folders on the lab's machine.

    `project` is the project's folder, `below` its path in the repository, `git` the folder of git's
    own files.
    """

    base: str
    asset: str
    below: str
    project: str
    git: str


class TaskRequest(Value):
    """All that a node needs for a trial or a holdout, but the committed files.

    `variables` are those that program.md names, without credentials. `version` is the lab's: a node
    with another one would measure something else. `lost` are nodes that went away during the trial.
    """

    task: Literal["trial", "holdout"]
    version: str
    source: SourceSnapshot
    program: Program
    text: str
    seed: int = 0
    sandbox: Choice
    variables: dict[str, str]
    rule: PruningRule | None = None
    pace: Pace | None = None
    hands_over: bool = False
    node: str = ""
    lost: tuple[str, ...] = ()


class Result(Value):
    """The last message of a node: an outcome, or the reason why there can be none."""

    outcome: Outcome | None = None
    failed: str = ""


@dataclass(frozen=True)
class Piece:
    """A part of a file from an offset on and, as far as is known, to its end."""

    path: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class Begun:
    """The node on which the task begins."""

    node: str


Event = Begun | Piece | Result


def pieces(folder: Path) -> Iterator[Piece]:
    """Yield every file below a folder, part by part; an empty one, too."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        with path.open("rb") as file:
            yield Piece(name, 0, file.read(_PIECE))
            while data := file.read(_PIECE):
                yield Piece(name, file.tell() - len(data), data)


def put(path: Path, piece: Piece) -> None:
    """Write a piece into the file at `path`, which ends with it. Idempotent."""
    files.make_folder(path.parent)
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.seek(piece.offset)
        file.write(piece.data)
        file.truncate()


def packed(repo: Repo, commit: str) -> bytes:
    """Return the objects of one commit, without its parents."""
    folder = Path(repo.working_dir)
    listed = _git(folder, ["rev-list", "--objects", "--no-walk", commit])
    names = b"".join(line.split(b" ", 1)[0] + b"\n" for line in listed.splitlines())
    return _git(folder, ["pack-objects", "--quiet", "--stdout"], names)


def unpacked(folder: Path, commit: str, fetch: Callable[[], bytes]) -> Path:
    """Return the repository in `folder` with that commit checked out; fetch it if it is missing.

    The caller holds a lock. A kill leaves it whole or not there.
    """
    if not folder.exists():
        new = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        _git(new, ["init", "--quiet", "--template="])
        _git(new, ["index-pack", "--stdin"], fetch())
        (new / ".git" / "shallow").write_text(f"{commit}\n")
        _git(new, ["checkout", "--quiet", "--detach", commit])
        new.rename(folder)
    return folder


def _git(folder: Path, command: Sequence[str], given: bytes = b"") -> bytes:
    done = subprocess.run(
        [*GIT, *command], cwd=folder, input=given, capture_output=True, check=False
    )
    if done.returncode:
        message = " ".join(os.fsdecode(done.stderr).split())
        raise LabError(f"git {command[0]} failed in {folder}: {message}")
    return done.stdout

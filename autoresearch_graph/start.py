"""How a research starts: what a person chose, what is checked, and what is fixed from then on.

Git and the runner are imported when they are needed: whoever only looks need not wait for them.
"""

import fcntl
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal, TextIO

from autoresearch_graph import sheaf
from autoresearch_graph.errors import InputError, WorkspaceError
from autoresearch_graph.files import append, make_folder, read, replace
from autoresearch_graph.program import Flags
from autoresearch_graph.program.model import Program
from autoresearch_graph.value import Value

if TYPE_CHECKING:
    from git import Repo

    from autoresearch_graph.runner import Choice

_LOOKS, _LOOK = 5, 0.02
_FEW = 2
_MOST = 300
_OPENED = ".opened"  # no research can have this name


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a person chose on the command line or in Studio.

    `on` is empty for this machine; `gpus` and `cpus` are what a trial asks a cluster for.
    """

    project: Path = Path()
    program: Path = Path("program.md")
    tag: str = ""
    model: str = "search"
    base_url: str | None = None
    prices: Path | None = None
    search_share: float = 0.0
    review: bool = False
    workers: int | Literal["auto"] = 1
    look_ahead: bool | None = None
    on: str = ""
    gpus: float | None = None
    cpus: float | None = None
    sandbox: "Choice" = "auto"
    checkpoints: str = field(default="", repr=False)
    flags: Flags = field(default_factory=Flags)

    @property
    def name(self) -> str:
        """The tag, which is the date (`nov23`) unless one was chosen; InputError for a bad one.

        Below the top of a repository the folder's name goes with it (`nov23-rag`): two projects of
        one repository may be researched on one day.
        """
        if self.tag and not re.fullmatch(r"\w[\w.-]*", self.tag):
            raise InputError(
                f"{self.tag!r} cannot name a research; use letters, digits, '-' and '_': --tag NAME"
            )
        return self.tag or f"{date.today():%b%d}".lower() + self._below

    @property
    def _below(self) -> str:
        if not self.project.is_dir() or (self.root / ".git").exists():
            return ""
        return "-" + (re.sub(r"[^\w-]+", "-", self.root.name).strip("-") or "project")

    def workers_of(self, environ: Mapping[str, str]) -> int:
        """How many runs go on at once: `auto` is one for each GPU."""
        from autoresearch_graph.runner import gpus

        return len(gpus(environ)) or 1 if self.workers == "auto" else self.workers

    def ahead_of(self, workers: int) -> int:
        """How many proposals may wait for one of so many workers.

        One where a model thinks while few workers work, unless a person is asked about each: the
        search learns from every result, and with many workers a change is older when it runs.
        """
        apt = self.model != "search" and workers <= _FEW
        chosen = apt if self.look_ahead is None else self.look_ahead
        return int(chosen and not self.review)

    @property
    def folder(self) -> Path:
        """Where the research keeps its files."""
        return self.root / ".autoresearch" / self.name

    @property
    def root(self) -> Path:
        """The project's folder, resolved; InputError where there is none."""
        project = self.project.resolve()
        if not project.is_dir():
            raise InputError(f"{self.project} is not a folder; name the one with program.md")
        return project


class Start(Value):
    """What is fixed when a research starts: its base commit and the program as it was.

    `id` tells it from another one of that tag elsewhere; older ones have none.
    """

    tag: str
    base: str
    program: Program
    id: str = ""

    @property
    def thread(self) -> str:
        """Its thread in a database that has those of other researches, too."""
        return f"{self.tag}-{self.id or self.base}"


def researches(root: Path) -> list[Path]:
    """List the folders of a project's researches, the one that was opened last first.

    No clock says so, but a list that every lab adds its tag to. Older researches are not on it:
    they come last, by the time at which their ledger was written.
    """
    folders = [path.parent for path in (root / ".autoresearch").glob("*/research.json")]
    opened = read(root / ".autoresearch" / _OPENED).split()
    place = {tag: number for number, tag in enumerate(opened)}

    def age(folder: Path) -> tuple[int, int]:
        ledger = folder / "experiments.jsonl"
        at = ledger if ledger.exists() else folder
        return place.get(folder.name, -1), at.stat().st_mtime_ns

    return sorted(folders, key=age, reverse=True)


def begin(settings: Settings, repo: "Repo", program: Program) -> Start:
    """Read how a research started, or check that it can start now.

    Another lab may begin it at the same moment: then its start counts.
    """
    known = read_start(settings.folder)
    try:
        return known or check_start(settings, repo, program)
    except WorkspaceError:
        if known := read_start(settings.folder):
            return known
        raise


def check_start(settings: Settings, repo: "Repo", program: Program) -> Start:
    """Check that a new research can start from the checked-out commit."""
    from autoresearch_graph.repository import check_refs

    if repo.head.is_detached:
        raise WorkspaceError(
            "HEAD is detached, so there is no branch that the result could be merged into; "
            "switch to one with: git switch -c NAME"
        )
    check_refs(repo, settings.name)
    base = repo.head.commit
    below = settings.root.relative_to(Path(repo.working_dir).resolve())
    _check_committed(repo, base.hexsha, PurePosixPath(below), program.asset)
    return Start(tag=settings.name, base=base.hexsha, program=program, id=secrets.token_hex(8))


def _check_committed(repo: "Repo", base: str, below: PurePosixPath, asset: str) -> None:
    """WorkspaceError where a file of the asset is not in the commit, or they are too many."""
    from autoresearch_graph.tracked import converted, tracked, uncommitted

    found = dict(tracked(repo, base, below, asset))
    for name in sheaf.names(asset):
        if sheaf.is_pattern(name) and not any(sheaf.matches(name, path) for path in found):
            raise WorkspaceError(uncommitted(repo, base, below, name))
        if not sheaf.is_pattern(name) and (why := sheaf.malformed(name)):
            raise WorkspaceError(f"the asset cannot be used: {why}")
        if not sheaf.is_pattern(name) and name not in found:
            raise WorkspaceError(uncommitted(repo, base, below, name))
    if len(found) > _MOST:
        raise WorkspaceError(
            f"{asset} are {len(found)} files, more than {_MOST}; name those that matter"
        )
    if why := converted(repo, base, [(below / path).as_posix() for path in found]):
        raise WorkspaceError(why)


def read_start(folder: Path) -> Start | None:
    """What was fixed when the research in `folder` started, or None if it has not."""
    path = folder / "research.json"
    return Start.from_json(path.read_bytes(), place=path) if path.exists() else None


def write_start(folder: Path, repo: "Repo", start: Start) -> None:
    """Write research.json and keep .autoresearch out of git; a no-op when that was done.

    The caller holds the lock of the research. WorkspaceError where another lab began and left it
    since `start` was made.
    """
    exclude = Path(repo.common_dir) / "info" / "exclude"
    text = read(exclude)
    if ".autoresearch" not in text.split():
        exclude.parent.mkdir(exist_ok=True)
        append(exclude, "\n" * (not f"\n{text}".endswith("\n")) + ".autoresearch\n")
    path = folder / "research.json"
    if read_start(folder) not in (None, start):
        raise WorkspaceError(f"another process began {start.tag} at this moment; run again")
    if not path.exists():
        replace(path, start.model_dump_json(indent=2))
    opened = folder.parent / _OPENED
    if read(opened).split()[-1:] != [start.tag]:
        append(opened, f"{start.tag}\n")


def is_running(folder: Path) -> bool:
    """Whether somebody holds the lock of a research; only looks, and changes nothing."""
    if not (folder / "lock").exists():
        return False
    with (folder / "lock").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def lock(folder: Path) -> TextIO:
    """Take the lock of a research, which the system releases when the process ends."""
    try:
        make_folder(folder)
    except (FileExistsError, NotADirectoryError):
        raise WorkspaceError(f"{folder} has to be a folder; move the file that is there") from None
    file = (folder / "lock").open("a")
    for _ in range(_LOOKS):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except OSError:
            time.sleep(_LOOK)  # it may be `is_running` that holds it for a moment
    file.close()
    raise WorkspaceError(
        f"the research {folder.name} is running in another process; "
        "wait for it, or choose another name with --tag"
    )

"""The start of a research in research.json, its lock, and the list of researches.

Git is not imported here: a reader need not wait for it.
"""

import fcntl
import time
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from autoresearch_graph.core.program import Program
from autoresearch_graph.core.values import Value
from autoresearch_graph.errors import WorkspaceError
from autoresearch_graph.storage.files import append, make_folder, read, replace

if TYPE_CHECKING:
    from git import Repo


_LOOKS, _LOOK = 5, 0.02  # attempts, and seconds between them; `is_running` holds it for less
_OPENED = ".opened"  # no research can have this name


class Start(Value):
    """The fixed part of a research: its base commit, and the program at its start.

    `id` distinguishes it from a research with that tag elsewhere; older ones have none.
    """

    tag: str
    base: str
    program: Program
    id: str = ""

    @property
    def thread(self) -> str:
        """Name of its thread in a database shared with other researches."""
        return f"{self.tag}-{self.id or self.base}"


def researches(root: Path) -> list[Path]:
    """List the folders of a project's researches, the one that was opened last first.

    The order comes from a list to which every lab adds its tag, not from a clock. Researches of
    before that list come last, by the time at which their ledger was written.
    """
    folders = [path.parent for path in (root / ".autoresearch").glob("*/research.json")]
    opened = read(root / ".autoresearch" / _OPENED).split()
    place = {tag: number for number, tag in enumerate(opened)}

    def age(folder: Path) -> tuple[int, int]:
        ledger = folder / "experiments.jsonl"
        written = ledger if ledger.exists() else folder
        return place.get(folder.name, -1), written.stat().st_mtime_ns

    return sorted(folders, key=age, reverse=True)


def read_start(folder: Path) -> Start | None:
    """Read the start of the research in `folder`; None if it has not started."""
    path = folder / "research.json"
    return Start.from_json(path.read_bytes(), place=path) if path.exists() else None


def write_start(folder: Path, repo: "Repo", start: Start) -> None:
    """Write research.json and keep .autoresearch out of git; a no-op when that was done.

    The caller holds the lock of the research. WorkspaceError if another lab began it since `start`
    was made.
    """
    exclude = Path(repo.common_dir) / "info" / "exclude"
    text = read(exclude)
    if ".autoresearch" not in text.split():
        exclude.parent.mkdir(exist_ok=True)
        append(exclude, "\n" * (not f"\n{text}".endswith("\n")) + ".autoresearch\n")
    path = folder / "research.json"
    if read_start(folder) not in (None, start):
        raise WorkspaceError(
            f"another process began {start.tag} at this moment; run again", code="still-running"
        )
    if not path.exists():
        replace(path, start.model_dump_json(indent=2))
    opened = folder.parent / _OPENED
    if read(opened).split()[-1:] != [start.tag]:
        append(opened, f"{start.tag}\n")


def is_running(folder: Path) -> bool:
    """Return True if a process holds the lock of a research; changes nothing."""
    if not (folder / "lock").exists():
        return False
    with (folder / "lock").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def lock(folder: Path) -> TextIO:
    """Take the lock of a research; the system releases it when the process ends."""
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
        "wait for it, or choose another name with --tag",
        code="still-running",
    )

"""Move a ref of our own, so that a loss of power leaves its old value or its new one.

GitPython renames what it has not synced, which may leave an empty file, and then even reading it
fails; `git update-ref` would cost a process for each.
"""

import os
from pathlib import Path

from git import Repo

from autoresearch_graph import files
from autoresearch_graph.errors import LabError


def move(repo: Repo, name: str, commit: str) -> None:
    """Let the ref `name` say `commit`; LabError where another process holds git's lock on it."""
    path = Path(repo.common_dir) / name
    lock = path.with_name(path.name + ".lock")
    files.make_folder(path.parent)
    try:
        os.close(os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
    except FileExistsError:
        told = f"git cannot move {name}; if no other git command is running: rm {lock}"
        raise LabError(told) from None
    files.put(path, f"{commit}\n".encode(), beside=lock)
    files.sync(path.parent)


def settle(repo: Repo, name: str) -> None:
    """Wait until a ref that git has moved is on the disk, which an older git does not do."""
    path = Path(repo.common_dir) / name
    if path.exists():
        files.sync(path)
        files.sync(path.parent)


def remove_locks(repo: Repo, tag: str) -> None:
    """Remove the locks on a research's own refs that a lab leaves when it is killed moving one.

    The caller holds the lock of the research, so nobody else can be moving them.
    """
    refs = Path(repo.common_dir) / "refs"
    (refs / f"heads/autoresearch/{tag}.lock").unlink(missing_ok=True)
    for lock in (refs / "autoresearch" / tag).glob("*.lock"):
        lock.unlink(missing_ok=True)

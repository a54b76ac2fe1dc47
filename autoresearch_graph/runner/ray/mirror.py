"""The committed files of a research on another machine: one commit as a pack of git's objects.

A commit's name is a digest of all that it holds, so a mirror that is there need not be brought
again. It has no history, no branches and no remote. Not covered: filters, such as those of Git LFS,
that are set up in the lab's own repository; what is not committed.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from git import Repo

from autoresearch_graph.errors import LabError
from autoresearch_graph.workspace.worktree import SAFE


def packed(repo: Repo, commit: str) -> bytes:
    """The objects of one commit, without its parents."""
    folder = Path(repo.working_dir)
    listed = _git(folder, ["rev-list", "--objects", "--no-walk", commit])
    names = b"".join(line.split(b" ", 1)[0] + b"\n" for line in listed.splitlines())
    return _git(folder, ["pack-objects", "--quiet", "--stdout"], names)


def unpacked(folder: Path, commit: str, fetch: Callable[[], bytes]) -> Path:
    """The repository in `folder` with that commit checked out; `fetch` is asked if it is not there.

    The caller sees to it that nobody does the same at once. A kill leaves it whole or not there.
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
    argv = [*_OUTSIDE, "git", *SAFE, *command]
    done = subprocess.run(argv, cwd=folder, input=given, capture_output=True, check=False)
    if done.returncode:
        said = " ".join(os.fsdecode(done.stderr).split())
        raise LabError(f"git {command[0]} failed in {folder}: {said}")
    return done.stdout


_OUTSIDE = ("env", "-u", "GIT_DIR", "-u", "GIT_WORK_TREE", "-u", "GIT_INDEX_FILE")

"""Kill `adopt` and `clean` at every effect, and their git too, and see that the next call mends it.

python -m tests.support.finish_points FOLDER [EVERY]

A life is a fork that is killed before effect k, for every EVERY-th k; its git lives on. Or hooks
and filters of git kill all of it: git, themselves and the lab. Then the command is given again.
"""

import gc
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from autoresearch_graph.errors import WorkspaceError
from autoresearch_graph.results.adopt import adopt
from autoresearch_graph.results.clean import leftovers
from autoresearch_graph.settings import Settings
from tests.support import effects
from tests.support.kill_points import killed_at
from tests.support.projects import ASSET, asset, git, make_project, run

ALL = "kill -9 $(cat {pid}) 0"  # git has a session of its own, and is the first of its group
WHEN = {"checked out": "", "prepared": "[ $1 = prepared ] &&", "committed": "[ $1 = committed ] &&"}
_EDIT = "# edited, and not committed\n"


def adopted(project: Path) -> None:
    """Take the best."""
    adopt(Settings(project=project, tag="t"))


def squashed(project: Path) -> None:
    """Take the best as one commit."""
    adopt(Settings(project=project, tag="t"), squash=True)


def cleaned(project: Path) -> None:
    """Remove the worktrees and refs of the research."""
    with leftovers(Settings(project=project, tag="t")) as left:
        left.remove_worktrees()
        if left.refs:
            left.remove_refs()


def check(project: Path, command: Callable[[Path], None]) -> None:
    """Assert that all is done, that no lock is left, and that the person's edit is there."""
    assert git(project, "status", "--porcelain") == "M other.py"
    assert (project / "other.py").read_text() == _EDIT
    assert not [*(project / ".git").rglob("*.lock"), *(project / ".git").glob("autoresearch*")]
    if command is cleaned:
        places = ("refs/heads/autoresearch", "refs/autoresearch")
        assert git(project, "for-each-ref", *places) == ""
        assert len(git(project, "worktree", "list").splitlines()) == 1
        git(project, "branch", "--delete", "of-a-person")  # takes the lock of packed-refs
    else:
        assert git(project, "show", "main:asset.py") + "\n" == asset(1.5)
    git(project, "fsck", "--strict")


def live(project: Path, command: Callable[[Path], None], kill_at: int = 0) -> int | None:
    """Give a command in a fork; returns its effects, or None where it was killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        (project.parent / "pid").write_text(str(os.getpid()))
        write, counted = os.write, effects.watch(killed_at(kill_at, 0.0))
        try:
            command(project)
            write(writer, str(counted()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status)
    assert killed or told, "the command failed"
    return None if killed else int(told)


def again(project: Path, command: Callable[[Path], None]) -> None:
    """Give the command again, as soon as the git of the one that was killed has ended."""
    for _ in range(200):
        try:
            return command(project)
        except WorkspaceError as error:
            assert "still at work" in str(error) or "running in another" in str(error), error
            time.sleep(0.05)


def arm(project: Path, when: str) -> None:
    """Have git kill everything at a moment of its work, once."""
    flag, script = project.parent / "flag", project / ".git/hooks/reference-transaction"
    flag.touch()
    kill = ALL.format(pid=project.parent / "pid")
    body = f"[ -e {flag} ] && {WHEN[when]} rm {flag} && {kill}\n"
    if when == "checked out":
        script = project.parent / "smudge"
        git(project, "config", "filter.killer.smudge", f"sh {script}")
        git(project, "config", "filter.killer.clean", "cat")
        (project / ".git/info/attributes").write_text("asset.py filter=killer\n")
        body += "cat\n"
    script.parent.mkdir(exist_ok=True)
    script.write_text(f"#!/bin/sh\n{body}exit 0\n")
    script.chmod(0o755)


def tried(folder: Path, every: int) -> int:
    """Try every point of every command; returns how many were tried."""
    aside, project = folder / "aside", folder / "project"
    make_project(project, text=ASSET)
    run(project, [asset(2.0), asset(1.5)])
    git(project, "branch", "of-a-person")
    git(project, "pack-refs", "--all")
    (project / "other.py").write_text(_EDIT)
    shutil.copytree(project, aside, symlinks=True)
    gc.freeze()  # or each fork would copy the packages to look through them
    count = 0

    def fresh() -> None:
        shutil.rmtree(project, ignore_errors=True)
        shutil.copytree(aside, project, symlinks=True)

    for command in (adopted, squashed, cleaned):
        fresh()
        last = live(project, command)
        assert last
        check(project, command)
        moments = [when for when in WHEN if command is not cleaned or when != "checked out"]
        for point in (*range(1, last + 1, every), *moments):
            fresh()
            if isinstance(point, str):
                arm(project, point)
            killed = live(project, command, point if isinstance(point, int) else 0) is None
            assert killed or point not in WHEN, f"{command.__name__}: not killed at {point}"
            try:
                again(project, command)
                check(project, command)
            except (AssertionError, OSError, WorkspaceError, subprocess.SubprocessError) as error:
                raise AssertionError(f"{command.__name__}, killed at {point}") from error
            count += 1
    return count


if __name__ == "__main__":
    os.environ |= dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "Ada")
    os.environ |= dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "ada@example.org")
    where, *rest = sys.argv[1:]
    points = tried(Path(where).resolve(), int(*rest or ("1",)))
    sys.stdout.write(f"{points} points tried: each was mended by the next call\n")

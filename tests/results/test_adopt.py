"""Taking the result of a research, and clearing up after it: real processes on real git."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.agreement import assert_agreement
from tests.support.cli import CLI, autoresearch, snapshot
from tests.support.projects import git, make_project, opened, run

BASE = "X = 3.0\nY = 0.0\n\n\nZ = 0.0\nprint(f'loss: {(X - 1.0) ** 2 + Y + Z:.6f}')\n"
NAMED = {
    "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org",
}  # fmt: skip


def of(x: float, *, z: float = 0.0) -> str:
    return BASE.replace("3.0", str(x)).replace("Z = 0.0", f"Z = {z}")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose research has kept two of three experiments."""
    for name, value in NAMED.items():
        monkeypatch.setenv(name, value)
    project = make_project(tmp_path / "project", text=BASE)
    run(project, [of(2.0), of(2.5), of(1.5)])
    return project


def commit(project: Path, text: str) -> None:
    (project / "asset.py").write_text(text)
    git(project, "commit", "--quiet", "--all", "--message=mine")


def test_what_was_kept_is_fast_forwarded_and_twice_is_as_once(kept: Path):
    done = autoresearch("adopt", kept)
    assert done.returncode == 0, done.stderr
    assert "main is at" in done.stdout and "loss 4.00 → 0.25, 2 kept of 3" in done.stdout
    assert git(kept, "rev-parse", "main") == git(kept, "rev-parse", "autoresearch/t")
    assert (kept / "asset.py").read_text() == of(1.5)
    assert git(kept, "status", "--porcelain") == ""
    assert "already" in autoresearch("adopt", kept).stdout
    assert_agreement(kept, "t")


def test_a_branch_that_went_on_is_merged_and_a_squash_is_one_commit(kept: Path):
    commit(kept, of(3.0, z=0.5))
    (kept / "other.py").write_text("# edited, and not committed\n")
    git(kept, "switch", "--quiet", "--create", "squashed")
    assert "one commit" in autoresearch("adopt", kept, "--squash").stdout
    told = git(kept, "log", "-1", "--format=%an%n%p%n%B").splitlines()
    assert told[0] == "Ada" and len(told[1].split()) == 1
    assert told[2] == "Adopt autoresearch/t" and "- 3: line 3 of the script (0.25)" in told
    squashed = git(kept, "rev-parse", "HEAD^{tree}")
    assert "already" in autoresearch("adopt", kept, "--squash").stdout
    git(kept, "switch", "--quiet", "main")
    assert "merged" in autoresearch("adopt", kept).stdout
    assert len(git(kept, "log", "-1", "--format=%p").split()) == 2
    assert git(kept, "rev-parse", "HEAD^{tree}") == squashed
    assert (kept / "asset.py").read_text() == of(1.5, z=0.5)
    assert git(kept, "status", "--porcelain") == "M other.py"
    git(kept, "fsck", "--strict")


def test_what_is_kept_after_a_squash_can_be_adopted_too(kept: Path):
    autoresearch("adopt", kept, "--squash")
    commit(kept, of(1.5, z=0.5))
    run(kept, [of(2.0), of(2.5), of(1.5), of(1.25)])
    done = autoresearch("adopt", kept, "--squash")
    assert done.returncode == 0, done.stderr
    assert (kept / "asset.py").read_text() == of(1.25, z=0.5)
    assert "line 1 of" not in git(kept, "log", "-1", "--format=%B")


def detach(project: Path) -> None:
    git(project, "checkout", "--quiet", "--detach")


def stage(project: Path) -> None:
    (project / "other.py").write_text("# staged\n")
    git(project, "add", "other.py")


def begin_a_merge(project: Path) -> None:
    git(project, "switch", "--quiet", "--create", "beside")
    commit(project, of(7.0))
    git(project, "switch", "--quiet", "main")
    commit(project, of(8.0))
    with contextlib.suppress(subprocess.CalledProcessError):
        git(project, "merge", "beside")


IN_THE_WAY = {
    "the same lines": (lambda p: commit(p, of(7.0)), "git merge"),
    "an asset that is not committed": (lambda p: (p / "asset.py").write_text("# mine\n"), "stash"),
    "something staged": (stage, "other.py"),
    "a merge under way": (begin_a_merge, "a merge is under way"),
    "a detached head": (detach, "git switch"),
    "the research's own branch": (
        lambda p: git(p, "switch", "--quiet", "autoresearch/t"),
        "git switch -",
    ),
    "an asset that was removed": (
        lambda p: git(p, "rm", "--quiet", "asset.py") + git(p, "commit", "--quiet", "-m", "x"),
        "asset.py is not on main",
    ),
}


@pytest.mark.parametrize("what", IN_THE_WAY)
@pytest.mark.parametrize("options", [[], ["--squash"]])
def test_where_something_is_in_the_way_nothing_is_touched(
    kept: Path, what: str, options: list[str]
):
    spoil, told = IN_THE_WAY[what]
    spoil(kept)
    before = snapshot(kept)
    done = autoresearch("adopt", kept, *options)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert told in done.stderr
    assert snapshot(kept) == before


def test_nothing_kept_is_nothing_to_adopt(project: Path):
    run(project, [])
    done = autoresearch("adopt", project)
    assert done.returncode == 2 and "nothing that could be adopted" in done.stderr


def test_clean_removes_worktrees_and_the_research_can_go_on(kept: Path):
    done = autoresearch("clean", kept)
    assert done.returncode == 0 and "5 refs stay" in done.stdout
    assert len(git(kept, "worktree", "list").splitlines()) == 1
    assert not (kept / ".autoresearch/t/worktree").exists()
    run(kept, [of(2.0), of(2.5), of(1.5), of(1.25)])
    assert len(assert_agreement(kept, "t")) == 5


def test_refs_are_removed_when_that_is_said_twice(kept: Path):
    before = git(kept, "for-each-ref")
    done = autoresearch("clean", kept, "--refs")
    assert done.returncode == 2 and "--yes" in done.stderr and "not on your branch" in done.stderr
    assert git(kept, "for-each-ref") == before
    assert autoresearch("clean", kept, "--refs", "--yes").returncode == 0
    assert git(kept, "for-each-ref", "refs/heads", "refs/autoresearch").count("\n") == 0
    assert "t: loss 4.00 → 0.25" in autoresearch("status", kept).stdout
    for command in (["run", kept, "--tag", "t"], ["replay", 1, kept]):
        done = autoresearch(*command)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
        assert "another --tag" in done.stderr


@pytest.mark.parametrize(("answer", "left"), [(b"n\n", 5), (b"y\n", 0)])
def test_in_a_terminal_the_second_time_is_a_question(kept: Path, answer: bytes, left: int):
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        [*CLI, "clean", str(kept), "--refs"], stdin=inside, stdout=inside, stderr=inside
    )
    os.close(inside)
    os.write(terminal, answer)
    with contextlib.suppress(OSError):  # a terminal whose last writer has gone is an error
        while os.read(terminal, 65536):
            pass
    os.close(terminal)
    assert process.wait() == 0
    refs = git(kept, "for-each-ref", "refs/heads/autoresearch", "refs/autoresearch").splitlines()
    assert len(refs) == left


def test_a_research_that_runs_or_is_checked_out_is_not_cleaned(kept: Path):
    with opened(kept):
        done = autoresearch("clean", kept)
        assert done.returncode == 2 and "running" in done.stderr
    git(kept, "switch", "--quiet", "autoresearch/t")
    done = autoresearch("clean", kept, "--refs", "--yes")
    assert done.returncode == 2 and "git switch -" in done.stderr
    assert len(git(kept, "for-each-ref", "refs/autoresearch").splitlines()) == 4


def test_a_branch_that_another_worktree_is_on_is_not_moved(kept: Path, tmp_path: Path):
    git(kept, "worktree", "add", "--quiet", str(tmp_path / "look"), "autoresearch/t")
    done = autoresearch("run", kept, "--tag", "t", "--experiments", 9)
    assert done.returncode == 2
    assert f"autoresearch/t, which the research moves, is checked out in {tmp_path}" in done.stderr
    line = done.stderr.rpartition("there: ")[2].strip()
    subprocess.run(["bash", "-c", line], check=True, capture_output=True)
    assert autoresearch("run", kept, "--tag", "t", "--experiments", 4).returncode == 0


def hook(project: Path, name: str, text: str) -> None:
    place = project / ".git/hooks" / name
    place.parent.mkdir(exist_ok=True)
    place.write_text(f"#!/bin/sh\n{text}")
    place.chmod(0o755)


PREPARED = "[ $1 = prepared ] && grep -q refs/heads/main || exit 0\n"


def test_adopt_and_clean_that_were_killed_are_mended_by_the_next_call(tmp_path: Path):
    command = [sys.executable, "-m", "tests.support.finish_points", str(tmp_path), "29"]
    root = Path(__file__).parent.parent.parent
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "each was mended" in done.stdout


def test_ctrl_c_waits_for_git_and_what_a_person_changed_after_a_kill_is_theirs(kept: Path):
    there = kept / ".git/there"
    hook(kept, "reference-transaction", f"{PREPARED}touch {there}; sleep 1\n")
    process = subprocess.Popen([*CLI, "adopt", str(kept)], stderr=-1, text=True)
    for _ in range(400):
        if there.exists():
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert "git ends what it began" in process.communicate()[1] and process.returncode == 0
    assert git(kept, "rev-parse", "main") == git(kept, "rev-parse", "autoresearch/t")

    git(kept, "reset", "--quiet", "--hard", "HEAD~2")
    hook(kept, "reference-transaction", f"{PREPARED}kill -9 $(ps -o ppid= $PPID) 0\n")
    assert autoresearch("adopt", kept).returncode == -signal.SIGKILL
    hook(kept, "reference-transaction", "")
    assert (kept / ".git/HEAD.lock").exists()
    (kept / "asset.py").write_text("# mine\n")
    done = autoresearch("adopt", kept)
    assert done.returncode == 2 and "commit" not in done.stderr, done.stderr
    assert (kept / "asset.py").read_text() == "# mine\n"
    line = done.stderr.rpartition("again: ")[2]
    subprocess.run(["bash", "-c", line], cwd=kept, check=True, capture_output=True)
    assert autoresearch("adopt", kept).returncode == 0
    assert (kept / "asset.py").read_text() == of(1.5)
    assert "# mine" in git(kept, "show", "stash@{0}:asset.py")


def test_a_lock_of_somebody_else_stays_and_a_hook_that_fails_leaves_nothing_half_done(kept: Path):
    lock = kept / ".git/index.lock"
    lock.touch()
    done = autoresearch("adopt", kept)
    assert done.returncode == 2 and done.stderr.endswith(f"rm {lock}\n") and lock.exists()
    lock.unlink()
    hook(kept, "reference-transaction", f"{PREPARED}echo not today >&2; exit 1\n")
    done = autoresearch("adopt", kept)
    assert done.returncode == 2 and "not today" in done.stderr
    assert git(kept, "status", "--porcelain") == ""


GPG = "cat >/dev/null; echo '[GNUPG:] SIG_CREATED ' >&2; echo '-----BEGIN PGP SIGNATURE-----'\n"


def test_where_commits_are_to_be_signed_it_is_told_and_a_squash_is_signed(kept: Path):
    git(kept, "config", "commit.gpgsign", "true")
    git(kept, "config", "gpg.program", str(kept / ".git/hooks/gpg"))
    hook(kept, "gpg", GPG)
    assert "commit.gpgsign is on" in autoresearch("check", kept).stdout
    done = autoresearch("adopt", kept)
    assert "not signed" in done.stdout
    back = done.stdout.partition("instead: ")[2].partition(" && ")[0]
    subprocess.run(back.split(), cwd=kept, check=True)
    assert "not signed" not in autoresearch("adopt", kept, "--squash").stdout
    assert "gpgsig" in git(kept, "cat-file", "-p", "HEAD")

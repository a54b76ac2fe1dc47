"""Damage to the worktree by a run or a person, after which the research goes on."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autoresearch_graph.errors import LabError
from autoresearch_graph.workspace.repository import find_repository
from autoresearch_graph.workspace.workspace import Workspace
from autoresearch_graph.workspace.worktree import Checkout
from tests.support.checkouts import (
    BETTER,
    COMMITTED,
    DESTROYED,
    GIT_DIR,
    HARMLESS,
    WORSE,
    committed,
)
from tests.support.projects import git, make_project

ITSELF = ("the checkout itself",)
TAMPERED = {
    "a file": "echo evil > sub/data.txt",
    "a file that the index hides": (
        "git update-index --skip-worktree sub/data.txt; echo evil > sub/data.txt"
    ),
    "a file that is assumed unchanged": (
        "git update-index --assume-unchanged sub/data.txt; echo evil > sub/data.txt"
    ),
    "a file under other attributes": (
        "echo '* text eol=crlf' > sub/.gitattributes; echo evil > sub/data.txt"
    ),
    "a file that became a pipe": "rm sub/data.txt; mkfifo sub/data.txt",
    "a file that became a link": "mv sub/data.txt ../own; ln -s ../../own sub/data.txt",
    "a file that is another's": "cp sub/data.txt ../own; ln -f ../own sub/data.txt",
}


def made(project: Path, name: str = "asset.py") -> Checkout:
    with find_repository(project) as repo:
        base = repo.head.commit.hexsha
        space = Workspace(repo, project=project, tag="t", base=base, asset=name)
        return space.checkout(project / ".autoresearch" / "t" / "worktree")


def damage(place: Checkout, command: str) -> None:
    place.lay_out(BETTER)
    subprocess.run(command, shell=True, cwd=place.folder, check=True)


def assert_clean(place: Checkout) -> None:
    """The next run finds what is committed, and a git that works."""
    place.lay_out(WORSE)
    tracked = git(place.folder, "ls-files").splitlines()
    found = [path for path in place.folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    assert {path.relative_to(place.folder).as_posix() for path in found} == {".git", *tracked}
    git(place.folder, "add", "--all")
    assert git(place.folder, "status", "--porcelain") == "M  asset.py"
    git(place.folder, "fsck", "--strict")
    for name, text in COMMITTED.items():
        assert (place.folder / name).read_text() == text
        assert (place.folder / name).lstat().st_mode & 0o777 == 0o644
    assert place.folder.stat().st_mode & 0o777 == 0o755
    assert not any(map(os.listxattr, (place.folder, place.folder / "sub/data.txt")))
    assert place.restore() == ()


@pytest.mark.parametrize("command", DESTROYED.values(), ids=DESTROYED)
def test_a_destroyed_checkout_is_told_and_made_anew(tmp_path: Path, command: str):
    place = made(committed(tmp_path / "p"))
    damage(place, command)
    assert place.restore() == ITSELF
    assert_clean(place)
    damage(place, command)
    assert_clean(place)


@pytest.mark.parametrize("command", TAMPERED.values(), ids=TAMPERED)
def test_a_changed_file_is_told_and_put_back_however_it_was_hidden(tmp_path: Path, command: str):
    place = made(committed(tmp_path / "p"))
    damage(place, command)
    assert place.restore() == ("sub/data.txt",)
    assert_clean(place)


def harmless(folder: str) -> None:
    """Do what the test below does, without privileges."""
    place = made(Path(folder))
    for name, command in HARMLESS.items():
        damage(place, command)
        assert place.restore() == (), name
        assert_clean(place)


def test_what_changes_no_content_is_put_back_and_not_told(tmp_path: Path):
    unprivileged("harmless", str(committed(tmp_path / "p")))


def unremovable(folder: str) -> None:
    """Do what the test below does, without privileges."""
    place = made(Path(folder))
    place.lay_out(BETTER)
    (place.folder / "other.py").write_text("evil")
    place.folder.parent.chmod(0o500)
    try:
        with pytest.raises(LabError, match=r"worktree.* cannot be made: .*denied"):
            place.restore()
    finally:
        place.folder.parent.chmod(0o700)


def test_a_checkout_that_cannot_be_made_anew_is_told_in_a_sentence(tmp_path: Path):
    unprivileged("unremovable", str(committed(tmp_path / "p")))


def test_git_that_cannot_make_the_checkout_is_told_in_a_sentence(tmp_path: Path):
    place = made(committed(tmp_path / "p"))
    damage(place, 'rm -rf "$(git rev-parse --git-common-dir)/objects" .git')
    with pytest.raises(
        LabError, match=r"git cannot make the worktree .*worktree: not a git [^\n]+$"
    ):
        place.restore()


def unprivileged(name: str, *arguments: str) -> None:
    """Call a function of this file as somebody whom modes stop; root is not."""
    prefix = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.getuid() == 0 else []
    if prefix and not shutil.which("setpriv"):
        pytest.skip("root cannot give up its privileges here")
    call = f"import sys; from tests.workspace.test_worktree import {name}; {name}(*sys.argv[1:])"
    done = subprocess.run(
        [*prefix, sys.executable, "-c", call, *arguments],
        cwd=Path(__file__).parent.parent.parent, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_files_whose_names_mean_something_to_git_are_put_back(tmp_path: Path):
    project = make_project(tmp_path / "p")
    names = (":(top)x", ":!y", "*", "-f", "new\nline", "é")
    for name in names:
        (project / name).write_text("x")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=names")
    place = made(project)
    place.lay_out(BETTER)
    for name in names:
        (place.folder / name).write_text("evil")
    assert sorted(place.restore()) == sorted(names)
    assert {(place.folder / name).read_text() for name in names} == {"x"}


def test_a_committed_link_is_put_back_and_what_it_led_to_is_left_alone(tmp_path: Path):
    project = make_project(tmp_path / "p")
    (project / "link").symlink_to("other.py")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=link")
    precious = tmp_path / "precious"
    precious.write_text("x")
    precious.chmod(0o600)
    place = made(project)
    damage(place, f"ln -sfn {precious} link; ln -f {precious} program.md")
    assert sorted(place.restore()) == ["link", "program.md"]
    assert (place.folder / "link").readlink() == Path("other.py")
    assert (precious.read_text(), precious.stat().st_mode & 0o777) == ("x", 0o600)


@pytest.mark.parametrize(
    "left", ["", "git worktree lock .", 'git worktree lock .; d=$PWD; cd /; rm -rf "$d"',
             f"chmod -R a-w {GIT_DIR}", f"echo junk > {GIT_DIR}/HEAD"],
)  # fmt: skip
def test_a_lab_starts_over_whatever_the_one_before_left(tmp_path: Path, left: str):
    project = committed(tmp_path / "p")
    damage(made(project), left)
    assert_clean(made(project))


def test_the_worktrees_of_the_person_are_left_alone(tmp_path: Path):
    project = committed(tmp_path / "p")
    git(project, "worktree", "add", "--quiet", "--detach", str(tmp_path / "worktree"))
    (tmp_path / "worktree").rename(tmp_path / "unplugged")
    place = made(project)
    damage(place, DESTROYED["the folder is removed by its run"])
    assert place.restore() == ITSELF
    (tmp_path / "unplugged").rename(tmp_path / "worktree")
    assert git(tmp_path / "worktree", "status", "--porcelain") == ""


def test_a_lab_within_a_hook_leaves_the_index_of_the_person_alone(tmp_path: Path):
    project = committed(tmp_path / "p")
    code = (
        "from pathlib import Path; from tests.workspace.test_worktree import made; made(Path.cwd())"
    )
    hook = project / ".git/hooks/pre-commit"
    source = Path(__file__).parent.parent.parent
    hook.write_text(f"#!/bin/sh\nPYTHONPATH={source} exec {sys.executable} -c '{code}'\n")
    hook.chmod(0o755)
    (project / "new.txt").write_text("new")
    git(project, "add", "new.txt")
    git(project, "commit", "--quiet", "--message=new")
    assert git(project, "status", "--porcelain", "--untracked-files=no") == ""
    assert git(project, "show", "--name-only", "--format=") == "new.txt"

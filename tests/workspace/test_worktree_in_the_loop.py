"""A worktree that is destroyed while the loop runs costs one run, and the loop goes on.

Without walls: within them a run cannot reach most of what is destroyed here.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from autoresearch_graph import research
from tests.support.agreement import assert_agreement
from tests.support.checkouts import BETTER, DESTROYED, HARMLESS, WORSE, committed
from tests.support.projects import PROGRAM, asset, git, opened, run


def research_with(folder: Path, command: str) -> Path:
    """A project whose experiment command does some harm after a worse asset."""
    harm = f"python asset.py; if grep -q 9.0 asset.py; then {command}; fi"
    return committed(folder, program=PROGRAM.replace("python asset.py", harm))


@pytest.mark.parametrize("command", DESTROYED.values(), ids=DESTROYED)
def test_a_run_that_destroys_its_checkout_is_a_crash_and_the_loop_goes_on(
    tmp_path: Path, command: str
):
    project = research_with(tmp_path / "p", command)
    _, experiments = run(project, [WORSE, BETTER], sandbox="off")
    assert [experiment.status for experiment in experiments] == ["keep", "crash", "keep"]
    assert experiments[1].trials[0].cause == "checkout"
    assert "the checkout itself, which is protected" in experiments[1].reason
    assert_agreement(project, "t")
    run(project, [WORSE, BETTER, WORSE + "#\n", asset(1.5)], sandbox="off")
    rows = assert_agreement(project, "t")
    assert [row["status"] for row in rows] == ["keep", "crash", "keep", "crash", "keep"]


def test_a_run_that_locks_the_index_is_judged_by_its_number(tmp_path: Path):
    project = research_with(tmp_path / "p", HARMLESS["a lock on the index"])
    _, experiments = run(project, [WORSE, BETTER], sandbox="off")
    assert [experiment.status for experiment in experiments] == ["keep", "discard", "keep"]
    assert_agreement(project, "t")


def test_a_worktree_that_was_locked_and_moved_does_not_stop_a_restart(tmp_path: Path):
    project = research_with(tmp_path / "p", "git worktree lock .")
    run(project, [WORSE], sandbox="off")
    moved = project.rename(tmp_path / "moved")
    _, experiments = run(moved, [WORSE, BETTER], sandbox="off")
    assert [experiment.status for experiment in experiments] == ["keep", "discard", "keep"]
    assert "prunable" not in git(moved, "worktree", "list")


def removed(project: Path, worktree: Path) -> None:
    shutil.rmtree(worktree)


def forgotten(project: Path, worktree: Path) -> None:
    git(project, "worktree", "remove", "--force", str(worktree))


def cleaned(project: Path, worktree: Path) -> None:
    git(project, "clean", "-ffdx", ".autoresearch/t/worktree")


@pytest.mark.parametrize("harm", [removed, forgotten, cleaned])
def test_a_person_who_removes_the_worktree_during_a_run_costs_one_run(
    tmp_path: Path, harm: Callable[[Path, Path], None]
):
    project = research_with(tmp_path / "p", "touch ../running; sleep 1")
    worktree = project / ".autoresearch/t/worktree"
    with opened(project, [WORSE, BETTER], sandbox="off") as lab:

        def meanwhile(progress: object) -> None:
            if (worktree.parent / "running").exists():
                (worktree.parent / "running").unlink()
                harm(project, worktree)

        lab.host.show = meanwhile
        research.run(lab)
        statuses = [experiment.status for experiment in lab.ledger.experiments]
    assert statuses == ["keep", "crash", "keep"]
    assert_agreement(project, "t")

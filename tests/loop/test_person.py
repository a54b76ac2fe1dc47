"""What a person does beside a research, and what it must not do to them."""

import os
from pathlib import Path

import pytest

from autoresearch_graph import research
from autoresearch_graph.errors import InputError, LabError, WorkspaceError
from tests.support.agreement import assert_agreement
from tests.support.projects import asset, git, make_project, opened, run
from tests.support.texts import BEST, BETTER, WORSE


def test_inside_a_git_hook_the_persons_index_is_left_alone(
    project: Path, monkeypatch: pytest.MonkeyPatch
):
    (project / "asset.py").write_text("# staged\n")
    git(project, "add", "asset.py")
    before = git(project, "status", "--porcelain")
    with monkeypatch.context() as hook:
        hook.setenv("GIT_INDEX_FILE", str(project / ".git/index"))
        hook.setenv("GIT_DIR", str(project / ".git"))
        run(project, [BETTER])
        assert "GIT_INDEX_FILE" not in os.environ
    assert git(project, "status", "--porcelain") == before


def test_a_research_does_not_start_where_the_person_is_on_its_branch(project: Path):
    run(project, [BETTER])
    git(project, "switch", "--quiet", "autoresearch/t")
    with pytest.raises(WorkspaceError, match="git switch"):
        run(project, [BETTER, BEST])


def test_the_branch_is_not_moved_while_the_person_is_on_it(project: Path):
    notices: list[str] = []

    def watch(node: str, update: dict) -> None:
        if node == "train" and update["running"][-1]["number"] == 1:
            git(project, "switch", "--quiet", "autoresearch/t")
        if node == "train" and update["running"][-1]["number"] == 2:
            assert git(project, "status", "--porcelain") == ""
            git(project, "switch", "--quiet", "main")

    with opened(project, [BETTER, WORSE]) as lab:
        lab.host.tell = notices.append
        research.run(lab, watch)
    assert len(notices) == 1 and "not moved" in notices[0]
    assert_agreement(project, "t")


def test_a_branch_that_was_deleted_comes_back_at_the_incumbent(project: Path):
    run(project, [BETTER, WORSE], experiments=1)
    git(project, "branch", "--delete", "--force", "autoresearch/t")
    run(project, [BETTER, WORSE])
    assert_agreement(project, "t")


@pytest.mark.parametrize(
    "refs",
    [
        ["refs/autoresearch/t/0001"],
        ["refs/autoresearch/t"],
        ["refs/heads/autoresearch"],
        ["refs/heads/autoresearch/t/x"],
        ["refs/heads/autoresearch/t"],
    ],
)
def test_refs_that_are_in_the_way_are_told_before_anything_is_written(
    project: Path, refs: list[str]
):
    for ref in refs:
        git(project, "update-ref", ref, "HEAD")
    with pytest.raises(WorkspaceError, match=r"in the way|exists"):
        run(project, [BETTER])
    assert not (project / ".autoresearch").exists()


def test_what_is_left_of_an_old_research_is_removed_by_the_command_that_is_told(project: Path):
    import shutil
    import subprocess

    run(project, [BETTER])
    shutil.rmtree(project / ".autoresearch")
    with pytest.raises(WorkspaceError) as told:
        run(project, [BETTER])
    command = str(told.value).partition("remove what is left of it: ")[2]
    subprocess.run(command, shell=True, cwd=project, check=True)
    _, experiments = run(project, [BEST])
    listed = git(project, "for-each-ref", "--format=%(objectname)", "refs/autoresearch/t")
    assert listed.split() == [experiment.commit for experiment in experiments]


def test_a_ledger_that_vanishes_ends_the_research_and_is_not_begun_anew(project: Path):
    ledger = project / ".autoresearch/t/experiments.jsonl"

    def watch(node: str, update: dict) -> None:
        if node == "keep":
            ledger.unlink()

    with opened(project, [BETTER]) as lab, pytest.raises(LabError, match="changed by somebody"):
        research.run(lab, watch)
    assert not ledger.exists()


def test_a_changed_metric_is_told_when_a_research_is_resumed(project: Path):
    run(project, [BETTER], experiments=1)
    path = project / "program.md"
    path.write_text(path.read_text().replace("lower", "higher"))
    notices: list[str] = []
    with opened(project, [BETTER, WORSE], experiments=2) as lab:
        lab.host.tell = notices.append
        research.run(lab)
        assert lab.ledger.experiments[-1].status == "discard"
    assert len(notices) == 1 and "metric is fixed" in notices[0]


def test_a_patch_of_a_file_without_a_final_newline_can_be_applied(tmp_path: Path):
    project = make_project(tmp_path / "p", text=asset(3.0).rstrip("\n"))
    run(project, [BETTER.rstrip("\n")])
    patch = project / ".autoresearch/t/experiments/0001/diff.patch"
    git(project, "apply", str(patch))
    assert (project / "asset.py").read_text() == BETTER.rstrip("\n")


def test_an_asset_that_is_no_text_is_told(project: Path):
    (project / "asset.py").write_bytes(b"# -*- coding: latin-1 -*-\nX = 3.0  # \xe9\n")
    git(project, "commit", "--quiet", "--all", "--message=latin")
    with pytest.raises(InputError, match="not UTF-8"), opened(project):
        pass


def test_a_file_whose_name_is_not_utf_8_does_no_harm(project: Path):
    (Path(os.fsdecode(os.fsencode(project) + b"/caf\xe9"))).write_text("x")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=name")
    run(project, [BETTER])
    assert git(project, "diff", "--name-only", "main", "autoresearch/t") == "asset.py"
    git(project, "fsck", "--strict")

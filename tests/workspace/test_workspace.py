from pathlib import Path

import pytest
from git import Repo

from autoresearch_graph.core.experiment import Draft, Verdict
from autoresearch_graph.core.values import Usage
from autoresearch_graph.errors import LabError
from autoresearch_graph.workspace.repository import find_repository
from autoresearch_graph.workspace.workspace import Workspace
from autoresearch_graph.workspace.worktree import Checkout
from tests.support.projects import asset, git

DRAFT = Draft(
    author="model",
    description="a smaller X",
    hypothesis="The loss is a parabola.\n\nIts foot is at 1.",
    lesson="Larger was worse.",
    tokens=1200,
    dollars=0.0023,
    usage=Usage(model="gpt-4o", prompt=1000, cached=400, completion=200, reasoning=50),
    text=asset(2.0),
)


@pytest.fixture
def repo(project: Path):
    with find_repository(project) as repo:
        yield repo


def workspace(repo: Repo, project: Path) -> Workspace:
    base = repo.head.commit.hexsha
    return Workspace(repo, project=project, tag="t", base=base, asset="asset.py")


def checkout(space: Workspace, project: Path) -> Checkout:
    return space.checkout(project / ".autoresearch" / "t" / "worktree")


def test_a_proposal_is_one_commit_that_changes_only_the_asset(repo: Repo, project: Path):
    space = workspace(repo, project)
    proposal = space.commit_proposal(DRAFT, number=1, parent=space.base)
    changed = git(project, "diff", "--name-only", space.base, proposal.commit)
    assert changed == "asset.py"
    assert git(project, "show", f"{proposal.commit}:asset.py") == asset(2.0).strip()
    assert git(project, "rev-parse", "refs/autoresearch/t/0001") == proposal.commit
    assert "Its foot is at 1." in git(project, "log", "-1", "--format=%B", proposal.commit)


def test_a_proposal_can_be_read_back_from_its_commit(repo: Repo, project: Path):
    space = workspace(repo, project)
    proposal = space.commit_proposal(DRAFT, number=1, parent=space.base)
    assert workspace(repo, project).proposal(1) == proposal
    assert proposal.hypothesis == DRAFT.hypothesis
    assert proposal.lesson == DRAFT.lesson
    assert proposal.cost == DRAFT.cost
    assert space.proposal(2) is None


@pytest.mark.parametrize("dollars", [None, 0.0, 1.0 / 3.0, 1e-9])
def test_what_an_idea_cost_is_read_back_to_the_last_digit(
    repo: Repo, project: Path, dollars: float | None
):
    usage = Usage(model="odd: name\n\nof two", prompt=3, completion=4)
    draft = DRAFT.model_copy(update={"tokens": 7, "dollars": dollars, "usage": usage})
    proposal = workspace(repo, project).commit_proposal(
        draft, number=1, parent=repo.head.commit.hexsha
    )
    assert proposal.cost == draft.cost


def test_nothing_of_the_persons_checkout_index_or_branch_is_touched(repo: Repo, project: Path):
    (project / "asset.py").write_text("# being worked on\n")
    (project / "staged.txt").write_text("staged")
    git(project, "add", "staged.txt")
    before = git(project, "status", "--porcelain"), git(project, "rev-parse", "HEAD")
    space = workspace(repo, project)
    space.open(space.base)
    proposal = space.commit_proposal(DRAFT, number=1, parent=space.base)
    space.keep(proposal.commit)
    space.annotate(proposal, Verdict(status="keep", reason="better", metric=1.0))
    assert (git(project, "status", "--porcelain"), git(project, "rev-parse", "HEAD")) == before
    assert git(project, "symbolic-ref", "HEAD") == "refs/heads/main"


def test_an_asset_in_a_folder_of_a_folder_is_committed_there(tmp_path: Path):
    project = tmp_path / "repo" / "examples" / "small"
    (project / "src").mkdir(parents=True)
    (project / "src" / "asset.py").write_text("X = 1\n")
    (tmp_path / "repo" / "z.txt").write_text("z")
    git(tmp_path / "repo", "init", "--quiet", "--initial-branch=main")
    git(tmp_path / "repo", "add", "--all")
    git(tmp_path / "repo", "commit", "--quiet", "--message=start")
    with find_repository(project) as repo:
        base = repo.head.commit.hexsha
        space = Workspace(repo, project=project, tag="t", base=base, asset="src/asset.py")
        proposal = space.commit_proposal(DRAFT, number=1, parent=base)
        assert space.text(proposal.commit) == DRAFT.text
        place = space.checkout(tmp_path / "worktree")
        place.lay_out(DRAFT.text)
        assert (space.project_in(place) / "src" / "asset.py").read_text() == DRAFT.text
    git(tmp_path / "repo", "fsck", "--strict")


def test_a_verdict_is_noted_once_and_notes_of_the_person_are_kept(repo: Repo, project: Path):
    git(project, "notes", "add", "--message=mine", "HEAD")
    space = workspace(repo, project)
    baseline = space.commit_baseline()
    verdict = Verdict(status="keep", reason="the baseline", metric=4.0)
    space.annotate(baseline, verdict)
    space.annotate(baseline, verdict)
    note = git(project, "notes", "show", "HEAD")
    assert note.startswith("mine")
    assert note.count("autoresearch/t 0000: keep 4.000000: the baseline") == 1
    git(project, "fsck", "--strict")


def test_many_notes_are_read_by_git(repo: Repo, project: Path):
    space = workspace(repo, project)
    for number in range(1, 40):
        draft = DRAFT.model_copy(update={"text": asset(float(number))})
        proposal = space.commit_proposal(draft, number=number, parent=space.base)
        space.annotate(proposal, Verdict(status="discard", reason=f"reason {number}"))
    assert len(git(project, "notes", "list").splitlines()) == 39
    git(project, "notes", "add", "--message=after", "HEAD")
    assert len(git(project, "notes", "list").splitlines()) == 40


def test_a_lock_that_a_killed_lab_left_on_its_own_ref_is_removed(repo: Repo, project: Path):
    space = workspace(repo, project)
    space.open(space.base)
    lock = project / ".git/refs/heads/autoresearch/t.lock"
    lock.touch()
    fresh = workspace(repo, project)
    fresh.open(fresh.base)
    fresh.keep(fresh.commit_proposal(DRAFT, number=1, parent=fresh.base).commit)
    assert not lock.exists()


def test_a_lock_on_a_shared_ref_is_named_with_its_mend(repo: Repo, project: Path):
    space = workspace(repo, project)
    lock = project / ".git/refs/notes/commits.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    with pytest.raises(LabError, match=r"cannot move refs/notes/commits.*rm .*commits\.lock"):
        space.annotate(space.commit_baseline(), Verdict(status="keep", reason="r", metric=1.0))


def test_a_run_finds_a_clean_checkout_whatever_the_run_before_it_did(repo: Repo, project: Path):
    place = checkout(workspace(repo, project), project)
    place.lay_out(asset(2.0))
    (place.folder / "other.py").write_text("print('tampered')\n")
    (place.folder / "left").mkdir()
    (place.folder / "left" / "behind.txt").write_text("x")
    (place.folder / ".git").write_text("gitdir: /nowhere\n")
    place.lay_out(asset(1.5))
    files = sorted(path.name for path in place.folder.iterdir())
    assert files == [".git", "asset.py", "other.py", "program.md"]
    assert (place.folder / "other.py").read_text() == "# nobody edits this\n"
    assert (place.folder / "asset.py").read_text() == asset(1.5)
    assert git(place.folder, "status", "--porcelain") == "M asset.py"


def test_a_changed_protected_file_is_told_and_put_back(repo: Repo, project: Path):
    place = checkout(workspace(repo, project), project)
    place.lay_out(asset(2.0))
    assert place.restore() == ()
    (place.folder / "other.py").unlink()
    (place.folder / "program.md").touch()
    assert place.restore() == ("other.py",)
    assert (place.folder / "other.py").read_text() == "# nobody edits this\n"


def test_a_change_that_keeps_size_and_time_is_found(repo: Repo, project: Path):
    import os

    place = checkout(workspace(repo, project), project)
    path = place.folder / "other.py"
    stat = path.stat()
    path.write_text(path.read_text().replace("nobody", "anyone"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert place.restore() == ("other.py",)


def test_a_folder_that_became_a_link_does_not_lead_out_of_the_checkout(tmp_path: Path):
    folder = tmp_path / "repo"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "x.txt").write_text("x")
    (folder / "asset.py").write_text("X = 1\n")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=start")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.txt").write_text("precious")
    with find_repository(folder) as repo:
        place = checkout(workspace(repo, folder), folder)
        (place.folder / "data" / "x.txt").unlink()
        (place.folder / "data").rmdir()
        (place.folder / "data").symlink_to(outside)
        place.lay_out("X = 2\n")
        assert (outside / "x.txt").read_text() == "precious"
        assert not (place.folder / "data").is_symlink()
        assert (place.folder / "data" / "x.txt").read_text() == "x"


def test_a_note_that_the_person_writes_at_the_same_time_is_not_lost(repo: Repo, project: Path):
    space = workspace(repo, project)
    baseline = space.commit_baseline()
    stale = git(project, "rev-parse", "HEAD")
    git(project, "notes", "add", "--message=mine", "HEAD")
    assert not space._moved_notes(stale, before=None)
    space.annotate(baseline, Verdict(status="keep", reason="the baseline", metric=4.0))
    note = git(project, "notes", "show", "HEAD")
    assert "mine" in note and "the baseline" in note

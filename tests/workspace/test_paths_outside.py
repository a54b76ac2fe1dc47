"""No path leads out of the asset: not by a tool, a person's text, an edit in a review or a run."""

import json
from pathlib import Path
from typing import Any

import pytest

from autoresearch_graph import research
from autoresearch_graph.asset.files import Asset
from autoresearch_graph.core.experiment import Answer
from autoresearch_graph.core.program import Flags
from autoresearch_graph.errors import LabError, WorkspaceError
from autoresearch_graph.opening import open_lab
from autoresearch_graph.proposers.llm import editor, retry
from autoresearch_graph.settings import Settings
from autoresearch_graph.workspace.repository import find_repository
from autoresearch_graph.workspace.workspace import Workspace
from autoresearch_graph.workspace.worktree import Checkout
from tests.support.agreement import assert_agreement
from tests.support.cli import autoresearch
from tests.support.projects import PROGRAM, Scripted, git, make_project, opened

WHOLE = PROGRAM.replace("`asset.py`", "`**`").replace("30 exp", "90 exp")
WHOLE = WHOLE.replace("## Metric", "## Protected\n- `other.py`\n- `über.py`\n- `api/`\n\n## Metric")
ASSET = "**, !other.py, !über.py, !api, !program.md"
OUTSIDE = (
    "../x.py", "src/../../x.py", "src/../../../../../../tmp/x.py", "src/..", "..", ".", "/etc/x.py",
    "//etc/x.py", "src//x.py", "src/./x.py", "src/", "a/../other.py", "~/x.py", "C:/x.py", "c:x.py",
    "src\\..\\x.py", "..\\x.py", ".git/config", "src/.git", ".GIT/hooks/post-checkout",

    "git~1/config", "GIT~1/x", ".git /x", ".git./x", ".git::$INDEX_ALLOCATION/x", ".g\u200cit/x",
    ".gitattributes", "src/.GitAttributes", ".gitmodules", ".gitignore", ".autoresearch/t/lock",
    ".AutoResearch/x",
    "a\0b.py", "a\nb.py", "a\x1bb.py", "src/\u202ex.py", "x" * 256, "a/" * 520 + "x.py", "other.py",
    "Other.py", "OTHER.PY", "other.py ", "other.py.", "other.py (no newline at its end)",
    "OTHER~1.PY", "API/x.py", "U\u0308ber.py", "program.md", "PROGRAM.MD", "asset.py/x.py",
)  # fmt: skip
SOME = (
    "../x.py",
    "/etc/x.py",
    ".GIT/config",
    ".gitattributes",
    "x" * 256,
    "Other.py",
    "asset.py/x",
)
LATE = ("asset.py/x.py",)  # a path that only git refuses, for what the commit has in its place


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = make_project(tmp_path / "project", program=WHOLE)
    (project / "api").mkdir()
    for name in ("über.py", "api/x.py"):
        (project / name).write_text("# nobody edits this\n")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=more")
    return project


def assert_nothing_outside(project: Path) -> None:
    """Only the asset differs in what was kept, and nothing new lies beside the lab's own folder."""
    kept = git(project, "diff", "--name-only", "main", "autoresearch/t").splitlines()
    assert kept in ([], ["asset.py"])
    assert git(project, "status", "--porcelain", "--ignored") == "!! .autoresearch/"
    assert [path.name for path in project.parent.iterdir()] == ["project"]


def with_file(path: str, text: str = "X = 1\n") -> str:
    """The asset, better, with one more file whose headline is as given."""
    bar = "=" * 8
    better = 'X = 2.0\nprint(f"loss: {(X - 1.0) ** 2:.6f}")\n'
    return f"{bar} {path} {bar}\n{text}{bar} asset.py {bar}\n{better}"


def test_every_path_outside_the_asset_is_refused_in_a_sentence():
    asset = Asset.parse(ASSET)
    for path in OUTSIDE:
        why = asset.refusal(path)
        assert bool(why) != asset.contains(path) and bool(why) != (path in LATE), path
        assert path in LATE or (why.isprintable() and 20 < len(why) < 300), why
        assert not Asset.parse("asset.py").contains(path)


def test_an_honest_path_is_taken_in():
    asset = Asset.parse(ASSET)
    for path in ("a.py", "src/b c.py", "src/日本.py", ".github/a.yml", "a/v1.2~rc/x"):
        assert asset.contains(path) and not asset.refusal(path)


def test_tools_refuse_every_path_and_the_next_honest_proposal_is_kept(
    llmock: Any, project: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wire-0123456789")
    monkeypatch.setattr(retry, "_FIRST", 0.01)
    monkeypatch.setattr(editor, "_CALLS", 500)
    wired = [path for path in OUTSIDE if "\0" not in path]  # which the wire never brings
    for path in wired:
        if path not in LATE:
            llmock.call_tool("write_file", {"content": "X = 1", "path": path})
    for path in SOME[:6]:
        llmock.call_tool("edit_file", {"old_string": "# n", "new_string": "", "path": path})
        llmock.call_tool("read_file", {"path": path})
        llmock.call_tool("remove_file", {"path": path})
    for path in LATE:
        llmock.call_tool("write_file", {"content": "X = 1", "path": path})
        llmock.call_tool("propose", {"hypothesis": "h", "description": "cannot be committed"})
        llmock.call_tool("remove_file", {"path": path})
    llmock.call_tool("edit_file", {"old_string": "3.0", "new_string": "2.0", "path": "./asset.py"})
    llmock.call_tool("propose", {"hypothesis": "h", "description": "honest"})
    flags = Flags(experiments=1)
    lab = open_lab(Settings(project=project, tag="t", model="openai:gpt-4o", flags=flags))
    try:
        research.run(lab)
        rows = list(lab.ledger.experiments)
    finally:
        lab.close()
    assert [(row.status, row.description) for row in rows[1:]] == [("keep", "honest")]
    said = json.loads((project / ".autoresearch/t/experiments/0001/conversation.json").read_text())
    answers = [m["data"]["content"] for m in said if m["type"] == "tool"]
    refused = [answer for answer in answers if answer.startswith("Refused: ")]
    assert len(refused) == len(wired) + 3 * 6
    assert f"{LATE[0].partition('/')[0]} is a file" in refused[-1]
    assert_agreement(project, "t")
    assert_nothing_outside(project)


def test_a_draft_that_cannot_be_committed_is_not_run_and_the_next_is(project: Path):
    bad = [with_file(path) for path in SOME]
    bad += ["no headline at all", with_file("big.txt", "x" * 400_001), ""]
    with opened(project, [*bad, with_file("asset.py")], experiments=len(bad) + 1) as lab:
        research.run(lab)
        rows = list(lab.ledger.experiments)
    assert [row.status for row in rows[1:]] == ["discard"] * len(bad) + ["keep"]
    for row in rows[1:-1]:
        assert row.reason.startswith("not run: ") and row.reason.isprintable() and not row.trials
    assert_agreement(project, "t")
    assert_nothing_outside(project)


def test_an_edit_in_a_review_is_refused_and_asked_for_again(project: Path):
    texts = [with_file(path) for path in SOME]
    answers = [*(Answer(action="edit", text=text) for text in texts), Answer(action="approve")]
    asked: list[dict[str, Any]] = []

    def decide(question: dict[str, Any]) -> Answer:
        asked.append(question)
        return answers.pop(0)

    settings = Settings(project=project, tag="t", review=True, flags=Flags(experiments=1))
    lab = open_lab(settings, proposer=Scripted([with_file("asset.py")]))
    try:
        research.run(lab, decide=decide)
        rows = list(lab.ledger.experiments)
    finally:
        lab.close()
    assert [(row.status, row.review) for row in rows[1:]] == [("keep", "approved")]
    assert len(asked) == len(texts) + 1 and all(question["refused"] for question in asked[1:])
    assert_nothing_outside(project)


def test_a_text_of_a_persons_own_goes_into_no_other_file(project: Path, tmp_path: Path):
    with opened(project, [], experiments=1) as lab:
        research.run(lab)
    sheaves = tmp_path / "asset.py"
    sheaves.write_text(with_file("../x.py"))
    told = autoresearch("propose", sheaves, project)
    assert told.returncode == 2 and "does not parse" in told.stderr
    for name in ("Other.py", "other.py", ".gitattributes"):
        (tmp_path / name).write_text("X = 1\n")
        told = autoresearch("propose", tmp_path / name, project)
        assert told.returncode == 2 and "may be several or none of" in told.stderr
    sheaves.write_text("X = 1\n" + "# much\n" * 100_000)
    told = autoresearch("propose", sheaves, project)
    assert told.returncode == 2 and "400000 at most" in told.stderr
    sheaves.write_text("X = 2.0\nprint('loss: 0.5')\n")
    assert autoresearch("propose", sheaves, project).returncode == 0
    with opened(project, [], experiments=1) as lab:
        research.run(lab)
        assert lab.ledger.experiments[-1].status == "keep"


def test_nothing_is_written_through_a_link_that_is_committed(project: Path, tmp_path: Path):
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "x.py").write_text("# mine\n")
    (project / "link").symlink_to(victim)
    (project / "one.py").symlink_to(victim / "x.py")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=links")
    bad = [with_file("link/deep/x.py"), with_file("one.py"), with_file("link"), with_file("api")]
    with opened(project, [*bad, with_file("asset.py")], experiments=5) as lab:
        research.run(lab)
        rows = list(lab.ledger.experiments)
    assert [row.status for row in rows[1:]] == ["discard"] * 4 + ["keep"]
    assert "link is a link" in rows[1].reason
    assert [p.name for p in victim.iterdir()] == ["x.py"]
    assert (victim / "x.py").read_text() == "# mine\n"


def test_a_run_that_swaps_a_folder_for_a_link_leads_the_lab_nowhere(project: Path, tmp_path: Path):
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "one.py").write_text("# mine\n")
    swap = f"""
import os, shutil
shutil.rmtree("src", ignore_errors=True)
os.symlink({str(victim)!r}, "src")
print("loss: 3")
"""
    texts = [with_file("src/one.py").replace("X = 2.0\n", swap, 1), with_file("src/one.py")]
    texts[0] = texts[0].replace('print(f"loss: {(X - 1.0) ** 2:.6f}")\n', "")
    with opened(project, texts, experiments=2) as lab:
        research.run(lab)
        rows = list(lab.ledger.experiments)
        assert (lab.store.folder / "worktree/src/one.py").read_text() == "X = 1\n"
    assert [row.status for row in rows[1:]] == ["keep", "keep"]
    assert (victim / "one.py").read_text() == "# mine\n"


def test_a_checkout_writes_no_path_that_slipped_through(project: Path, tmp_path: Path):
    with find_repository(project) as repo:
        base = repo.head.commit.hexsha
        space = Workspace(repo, project=project, tag="t", base=base, asset=ASSET)
        checkout: Checkout = space.checkout(tmp_path / "worktree")
        for path in ("../x.py", "/x.py", "a/../../x.py", "other.py/x.py", "x" * 300):
            with pytest.raises(LabError, match="cannot be laid out"):
                checkout.lay_out(with_file(path))
        checkout.lay_out(with_file("new/x.py"))
        assert (tmp_path / "worktree/new/x.py").read_text() == "X = 1\n"


def test_an_asset_that_is_gits_own_file_is_refused_at_the_start(project: Path):
    text = WHOLE.replace("`**`", "`.gitattributes`")
    (project / "program.md").write_text(text)
    (project / ".gitattributes").write_text("*.py text\n")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=own")
    with pytest.raises(WorkspaceError, match="belongs to git"), opened(project, []):
        pass

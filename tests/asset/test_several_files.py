"""An asset of several files: one idea may change them together, and all else is protected."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autoresearch_graph import research
from autoresearch_graph.asset.constants import find, rewrite
from autoresearch_graph.asset.files import Asset, files_of, pack
from autoresearch_graph.asset.merge import merged
from autoresearch_graph.core.experiment import Experiment
from autoresearch_graph.core.program import Flags
from autoresearch_graph.errors import InputError, ProgramError, WorkspaceError
from autoresearch_graph.opening import open_lab
from autoresearch_graph.proposers.llm import retry
from autoresearch_graph.report.page import by_kind
from autoresearch_graph.results.records import Records
from autoresearch_graph.results.records import find as find_record
from autoresearch_graph.settings import Settings
from tests.support.agreement import assert_agreement
from tests.support.cli import autoresearch
from tests.support.programs import make_project, read_parts
from tests.support.projects import PROGRAM, git, opened
from tests.support.wild import FILES, NOTHING, read_wild, understood

FILES_IN_SCOPE = "- `src/*.py`\n- `rate.toml`"
SEVERAL = PROGRAM.replace("`asset.py`", FILES_IN_SCOPE).replace("python asset.py", "python main.py")
SEVERAL = SEVERAL.replace("## Metric", "## Protected\n- `src/fixed.py`\n\n## Metric")
MAIN = """\
import glob, tomllib
total = tomllib.load(open("rate.toml", "rb"))["rate"]
for path in sorted(glob.glob("src/*.py")):
    names = {}
    exec(open(path).read(), names)
    total += (names["X"] - 1.0) ** 2
print(f"loss: {total:.6f}")
"""
TEXTS = {"rate.toml": "rate = 4.0\n", "src/one.py": "X = 3.0\n", "src/two.py": "X = 2.0\n"}
ALL = "src/*.py, rate.toml, !src/fixed.py"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    rest = {"program.md": SEVERAL, "main.py": MAIN, "src/fixed.py": "X = 1.0\n"}
    for name, text in {**TEXTS, **rest}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=start")
    return folder


def texts(**changed: str) -> str:
    """The asset with other texts, by the names of the files."""
    named = {path.rpartition("/")[2].partition(".")[0]: path for path in TEXTS}
    return pack(TEXTS | {named.get(k, f"src/{k}.py"): v for k, v in changed.items()})


def find_records(project: Path) -> Records:
    return find_record(Settings(project=project, tag="t"))


def in_git(project: Path, commit: str, *paths: str) -> Mapping[str, str]:
    return {path: git(project, "show", f"{commit}:{path}") for path in paths}


def test_one_idea_changes_files_together_and_a_worse_one_none(project: Path) -> None:
    script = [
        texts(one="X = 2.0\n", rate="rate = 3.0\n"),
        texts(one="X = 9.0\n", rate="rate = 1.0\n"),
        texts(one="X = 2.0\n", rate="rate = 2.0\n", three="X = 1.0\n"),
    ]
    with opened(project, script, experiments=3) as lab:
        research.run(lab)
        rows = list(lab.ledger.experiments)
        worktree = lab.store.folder / "worktree"
        assert (worktree / "src/three.py").read_text() == "X = 1.0\n"
    assert [row.status for row in rows] == ["keep", "keep", "discard", "keep"]
    assert [row.metric for row in rows] == [9.0, 5.0, 66.0, 4.0]
    assert_agreement(project, "t")
    kept = in_git(project, "autoresearch/t", "src/one.py", "src/two.py", "rate.toml")
    assert kept == {"src/one.py": "X = 2.0", "src/two.py": "X = 2.0", "rate.toml": "rate = 2.0"}
    changed = git(project, "diff", "--name-only", "main", "autoresearch/t").splitlines()
    assert changed == ["rate.toml", "src/one.py", "src/three.py"]
    patch = (project / ".autoresearch/t/experiments/0003/diff.patch").read_text()
    assert "--- a/rate.toml" in patch and "--- /dev/null\n+++ b/src/three.py" in patch
    assert "src/two.py" not in patch
    assert git(project, "status", "--porcelain") == ""
    groups = {group.kind: len(group.members) for group in by_kind(find_records(project))}
    assert groups["src/one.py: X"] == 2 and groups["rate.toml: rate"] == 3
    assert groups["src/three.py"] == 1
    older = [row.model_copy(update={"changed": None}) for row in rows]
    compared = by_kind(replace(find_records(project), experiments=older))
    assert {group.kind: len(group.members) for group in compared} == groups


def test_a_run_that_changes_a_protected_file_beside_the_asset_is_found(project: Path) -> None:
    meddling = 'X = 1.0\nopen("src/fixed.py", "w").write("X = 1.0  # mine")\n'
    with opened(project, [texts(one=meddling)], experiments=1) as lab:
        research.run(lab)
        assert lab.ledger.experiments[-1].status == "crash"
        assert "src/fixed.py" in lab.ledger.experiments[-1].reason


def test_what_was_tried_is_known_by_the_whole_set(project: Path) -> None:
    from autoresearch_graph.asset.syntax import fingerprint, unparsable, without_seeds

    same = texts(one="X = 3.0  # as before\n")
    assert fingerprint(same, ALL) == fingerprint(texts(), ALL)
    assert fingerprint(texts(two="X = 3.0\n"), ALL) != fingerprint(texts(), ALL)
    seeds = without_seeds(texts(one="X = 3.0\nSEED = 1\n"), ALL)
    assert seeds == without_seeds(texts(one="X = 3.0\nSEED = 2\n"), ALL)
    assert unparsable("rate = ", "rate.toml")
    assert "surrogate" in Asset.parse("x.c").unfit("int x; // \ud800")
    assert unparsable("X = " + "-" * 20_000 + "1", "deep.py")


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wire-0123456789")
    monkeypatch.setattr(retry, "_FIRST", 0.01)


def asked_once(project: Path) -> list[Experiment]:
    """The rows after one experiment of the model."""
    flags = Flags(experiments=1)
    lab = open_lab(Settings(project=project, tag="t", model="openai:gpt-4o", flags=flags))
    try:
        research.run(lab)
        return list(lab.ledger.experiments)
    finally:
        lab.close()


def test_a_model_names_the_file_that_it_reads_and_edits(
    llmock: Any, project: Path, key: None
) -> None:
    for name, arguments in (
        ("read_file", {}),
        ("read_file", {"path": "src/one.py"}),
        ("edit_file", {"old_string": "X", "new_string": "Y", "path": "src/fixed.py"}),
        ("edit_file", {"old_string": "X = 3.0", "new_string": "X = ", "path": "src/one.py"}),
        ("propose", {"hypothesis": "h", "description": "broken"}),
        ("edit_file", {"old_string": "X = ", "new_string": "X = 1.5", "path": "src/one.py"}),
        ("write_file", {"content": "X = 1.0", "path": "src/new.py"}),
        ("propose", {"hypothesis": "h", "description": "two files"}),
    ):
        llmock.call_tool(name, arguments)
    rows = asked_once(project)
    assert [(row.status, row.description) for row in rows[1:]] == [("keep", "two files")]
    told = json.dumps([request.body for request in llmock.requests])
    for words in (
        "You improve these files, `src/*.py, rate.toml, !src/fixed.py`",
        "Refused: say which: rate.toml, src/one.py, src/two.py",
        "Refused: src/fixed.py is protected; you may edit src/*.py, rate.toml",
        "Refused: src/one.py does not parse",
    ):
        assert words in told, words
    kept = in_git(project, "autoresearch/t", "src/one.py", "src/new.py")
    assert kept == {"src/one.py": "X = 1.5", "src/new.py": "X = 1.0"}


def test_constants_are_those_of_all_files_and_told_apart_where_they_clash() -> None:
    text = texts(one="# no newline at the end\nX = 3.0\nDEPTH = 8", rate="rate = 4.0\n")
    found = {constant.name: constant.value for constant in find(text, ALL)}
    assert found == {"rate": 4.0, "src/one.py:X": 3.0, "DEPTH": 8, "src/two.py:X": 2.0}
    new = rewrite(text, ALL, {"src/two.py:X": 1.25, "DEPTH": 6})
    assert files_of(new, ALL) == {
        "rate.toml": "rate = 4.0\n",
        "src/one.py": "# no newline at the end\nX = 3.0\nDEPTH = 6",
        "src/two.py": "X = 1.25\n",
    }
    with pytest.raises(InputError, match="constants are found in"):
        find(pack({"a.c": "int x;\n"}), "*.c")


def test_the_search_tunes_all_files_and_the_result_is_adopted(project: Path) -> None:
    done = autoresearch("run", project, "--tag", "t", "--experiments", 6)
    assert done.returncode == 0, done.stderr
    rows = assert_agreement(project, "t")
    assert min(row["metric"] for row in rows) < rows[0]["metric"]
    (project / "main.py").write_text(f"# mine\n{MAIN}")
    git(project, "commit", "-aqm", "mine")
    adopted = autoresearch("adopt", project)
    assert adopted.returncode == 0, adopted.stderr
    best = min(rows, key=lambda row: row["metric"])
    for path in TEXTS:
        theirs = git(project, "show", f"{best['commit']}:{path}")
        assert (project / path).read_text().rstrip("\n") == theirs
    assert (project / "main.py").read_text().startswith("# mine")


def test_both_sides_may_change_different_files_and_not_the_same_lines(project: Path) -> None:
    with opened(project, [texts(one="X = 2.0\n", new="X = 1.0\n")], experiments=1) as lab:
        research.run(lab)
    (project / "rate.toml").write_text("rate = 5.0\n")
    git(project, "commit", "-aqm", "mine")
    assert autoresearch("adopt", project).returncode == 0
    assert (project / "src/one.py").read_text() == "X = 2.0\n"
    assert (project / "src/new.py").read_text() == "X = 1.0\n"
    assert (project / "rate.toml").read_text() == "rate = 5.0\n"
    git(project, "reset", "--hard", "--quiet", "HEAD^1")
    (project / "src/one.py").write_text("X = 7.0\n")
    git(project, "commit", "-aqm", "the same line")
    refused = autoresearch("adopt", project)
    assert refused.returncode == 2
    assert "changed the same lines of src/one.py" in refused.stderr


def test_a_person_proposes_one_of_the_files(project: Path, tmp_path: Path) -> None:
    with opened(project, [texts(one="X = 2.0\n")], experiments=1) as lab:
        research.run(lab)
    (tmp_path / "two.py").write_text("X = 1.0\n")
    (tmp_path / "other.py").write_text("X = 1.0\n")
    assert autoresearch("propose", tmp_path / "two.py", project, "--tag", "t").returncode == 0
    refused = autoresearch("propose", tmp_path / "other.py", project, "--tag", "t")
    assert refused.returncode == 2 and "may be several or none of" in refused.stderr
    with opened(project, experiments=2) as lab:
        research.run(lab)
        row = lab.ledger.experiments[-1]
    assert (row.author, row.status) == ("person", "keep")
    kept = in_git(project, "autoresearch/t", "src/one.py", "src/two.py")
    assert kept == {"src/one.py": "X = 2.0", "src/two.py": "X = 1.0"}


def renamed(body: str = "X = 2.0\n") -> str:
    """The asset whose second file has another name."""
    return pack({"src/zwei.py" if p == "src/two.py" else p: t for p, t in TEXTS.items()} | (
        {"src/zwei.py": body}))  # fmt: skip


def test_an_idea_may_remove_or_rename_a_file_that_a_pattern_takes_in(project: Path) -> None:
    without_one = {p: t for p, t in files_of(renamed("X = 1.0\n"), ALL).items() if "one" not in p}
    script = [renamed("X = 9.0\n"), renamed("X = 1.0\n"), pack(without_one)]
    with opened(project, script, experiments=3) as lab:
        research.run(lab)
        rows = list(lab.ledger.experiments)
        worktree = lab.store.folder / "worktree"
        assert not (worktree / "src/one.py").exists() and not (worktree / "src/two.py").exists()
        assert (worktree / "src/zwei.py").read_text() == "X = 1.0\n"
    assert [(row.status, row.metric) for row in rows] == [
        ("keep", 9.0),
        ("discard", 72.0),
        ("keep", 8.0),
        ("keep", 4.0),
    ]
    assert_agreement(project, "t")
    patch = (project / ".autoresearch/t/experiments/0002/diff.patch").read_text()
    assert "--- a/src/two.py\n+++ /dev/null" in patch
    assert "--- /dev/null\n+++ b/src/zwei.py" in patch and "one.py" not in patch
    told = autoresearch("show", 3, project)
    assert "--- a/src/one.py" in told.stdout and "+++ /dev/null" in told.stdout
    groups = {group.kind: len(group.members) for group in by_kind(find_records(project))}
    assert groups["src/two.py: X"] == 2 and groups["src/one.py: X"] == 1
    assert autoresearch("adopt", project).returncode == 0
    assert sorted(path.name for path in (project / "src").iterdir()) == ["fixed.py", "zwei.py"]
    assert git(project, "status", "--porcelain") == ""


def test_a_file_that_both_sides_left_alone_is_removed_and_one_that_was_edited_is_not(
    project: Path,
) -> None:
    with opened(
        project, [files_of(texts(), ALL).without("src/one.py").pack()], experiments=1
    ) as lab:
        research.run(lab)
    (project / "src/two.py").write_text("X = 7.0\n")
    (project / "src/mine.py").write_text("X = 1.0\n")
    git(project, "add", "--all")
    git(project, "commit", "-qm", "mine")
    assert autoresearch("adopt", project).returncode == 0
    names = sorted(path.name for path in (project / "src").iterdir())
    assert names == ["fixed.py", "mine.py", "two.py"]
    assert (project / "src/two.py").read_text() == "X = 7.0\n"
    git(project, "reset", "--hard", "--quiet", "HEAD^1")
    (project / "src/one.py").write_text("X = 7.0\n")
    git(project, "commit", "-aqm", "I need it")
    refused = autoresearch("adopt", project)
    assert (
        refused.returncode == 2
        and "changed src/one.py, which the research removed" in refused.stderr
    )
    assert (project / "src/one.py").read_text() == "X = 7.0\n"


def test_a_model_removes_files_but_none_that_the_program_names_nor_the_last(
    llmock: Any, project: Path, key: None
) -> None:
    for name, arguments in (
        ("remove_file", {"path": "rate.toml"}),
        ("remove_file", {"path": "src/fixed.py"}),
        ("remove_file", {"path": "src/three.py"}),
        ("write_file", {"content": "X = 1.0", "path": "src/uno.py"}),
        ("remove_file", {"path": "src/one.py"}),
        ("remove_file", {"path": "src/two.py"}),
        ("read_file", {"path": "src/two.py"}),
        ("propose", {"hypothesis": "h", "description": "one of another name"}),
    ):
        llmock.call_tool(name, arguments)
    rows = asked_once(project)
    assert [(row.status, row.metric) for row in rows[1:]] == [("keep", 4.0)]
    told = json.dumps([request.body for request in llmock.requests])
    for words in (
        "Refused: rate.toml stays, as program.md names it",
        "Refused: src/fixed.py is protected",
        "Refused: there is no src/three.py in your draft",
        "removed; there are rate.toml, src/two.py, src/uno.py now",
        "Refused: there is no src/two.py in your draft; there are rate.toml, src/uno.py",
    ):
        assert words in told, words
    tree = git(project, "ls-tree", "-r", "--name-only", "autoresearch/t", "src").splitlines()
    assert tree == ["src/fixed.py", "src/uno.py"]


def test_only_a_pattern_lets_files_be_removed() -> None:
    from autoresearch_graph.tools.toolbox import tools_for

    offered = {
        asset: [t.name for t in tools_for(Asset.parse(asset))]
        for asset in ("a.py", "a.py, b.py", ALL)
    }
    assert ["remove_file" in names for names in offered.values()] == [False, False, True]
    assert "the last of src/*.py" in Asset(("src/*.py",)).unremovable("src/a.py", left=())
    assert not Asset(("src/*.py",)).unremovable("src/a.py", left=("src/b.py",))


@pytest.mark.parametrize(
    ("ours", "theirs", "together"),
    [
        ({"a": "1\n", "b": "2\n"}, {"a": "1\n"}, {"a": "1\n"}),
        ({"a": "1\n"}, {"a": "7\n", "b": "2\n"}, {"a": "7\n"}),
        ({"a": "1\n"}, {"a": "1\n"}, {"a": "1\n"}),
        ({"a": "1\n", "b": "3\n"}, {"a": "1\n"}, None),
        ({"a": "1\n"}, {"a": "1\n", "b": "3\n"}, None),
        ({"a": "1\n", "c": "2\n"}, {"a": "1\n", "b": "2\n"}, {"a": "1\n", "c": "2\n"}),
    ],
)
def test_a_file_that_one_side_removed_is_gone_unless_the_other_changed_it(
    ours: dict[str, str], theirs: dict[str, str], together: dict[str, str] | None
) -> None:
    base = pack({"a": "1\n", "b": "2\n"})
    text = merged(base, pack(ours), pack(theirs), asset="*")
    assert (dict(files_of(text, "*")) if text else text) == together


def test_a_file_that_nobody_committed_starts_no_research(project: Path) -> None:
    program = project / "program.md"
    program.write_text(SEVERAL.replace("- `rate.toml`", "- `rate.toml`\n- `new.toml`"))
    (project / "new.toml").write_text("a = 1\n")
    with pytest.raises(WorkspaceError, match=r"new.toml is not committed"):
        open_lab(Settings(project=project, tag="t"))
    program.write_text(SEVERAL.replace("- `rate.toml`", "- `lib/**/*.py`"))
    with pytest.raises(WorkspaceError, match=r"no committed file matches lib/\*\*/\*.py"):
        open_lab(Settings(project=project, tag="t"))


@pytest.mark.parametrize(
    "parts",
    [
        {"a": "x\n", "b/c.md": "======== a ========\nx\n========= no\n"},
        {"a": "", "b": "\n", "c": "no newline", "d": "\r\n\r"},
        {"a": "=" * 30, "b": "\n\n\n", "c d": "é\u2028\n"},
        {},
    ],
)
def test_several_files_as_one_text_come_apart_as_they_were(parts: dict[str, str]) -> None:
    assert files_of(pack(parts), "**") == parts


def test_a_file_of_a_pattern_may_have_brackets_and_a_comma_in_its_name() -> None:
    from autoresearch_graph.asset.syntax import fingerprint

    name = "src/a[1], b.py"
    text, commented = pack({name: "X = 1.0\n"}), pack({name: "X = 1.0  # the same\n"})
    assert fingerprint(text, "src/*.py") == fingerprint(commented, "src/*.py")
    assert [constant.name for constant in find(text, "src/*.py")] == ["X"]


@pytest.mark.parametrize("asset", ["a.py", "!a.py", "a.py, b.py", "src/*", ALL])
def test_an_asset_is_written_as_it_was_read(asset: str) -> None:
    assert str(Asset.parse(asset)) == asset


def test_a_text_without_a_headline_is_no_text_of_several_files() -> None:
    with pytest.raises(ValueError, match="begins with `======== PATH ========`"):
        files_of("X = 1\n", "*.py")


@pytest.mark.parametrize(
    ("asset", "inside", "outside"),
    [
        ("src/*.py", ("src/a.py",), ("src/b/a.py", "a.py", "src/a.pyc")),
        ("src/**/*.py", ("src/a.py", "src/b/c/a.py"), ("b/src/a.py",)),
        ("src/**, !src/api", ("src/a", "src/apis"), ("src/api", "src/api/x")),
        ("a?.c, b.c", ("ab.c", "b.c"), ("a/.c", "a.c")),
    ],
)
def test_a_pattern_stops_at_a_slash_unless_it_has_two_stars(
    asset: str, inside: tuple[str, ...], outside: tuple[str, ...]
) -> None:
    assert all(map(Asset.parse(asset).contains, inside))
    assert not any(map(Asset.parse(asset).contains, outside))


@pytest.fixture
def wild(tmp_path: Path) -> Path:
    names = ["src/parser.c", "src/lexer.c", "src/api.h"]
    return make_project(tmp_path, *FILES.split(), *names)


def test_programs_with_several_files_are_read_as_they_are(wild: Path) -> None:
    goal = read_wild(wild, "goal.md", direction="higher", time_box="1 minute")
    assert understood(goal) == {
        "asset": ("src/rules.py, src/words.txt", 62),
        "protected": (("scripts/score.sh", "corpus"), 64),
        "metric": ("precision_score", 14),
        "direction": ("higher", None),
        "experiment": ("./scripts/score.sh", 8),
        "time_box": (60, None),
        "kill_after": (120, None),
        "constraints": (("seconds_per_file <= 0.5",), 56),
        "stopping": ({"experiments": 50, "without_improvement": 10, "target": 95}, 34),
    }
    folder = read_wild(wild, "folder.md", experiments=9)
    assert understood(folder) == {
        "asset": ("src/render/*.py, src/read.py, site.toml, !src/render/api.py", 19),
        "protected": (("pages", "src/render/api.py"), 27),
        "metric": ("build_s", 7),
        "direction": ("lower", 7),
        "experiment": ("source ./env.sh && ./autoresearch.sh", 12),
        "time_box": (30, 37),
        "kill_after": (120, 37),
        "constraints": (("pages >= 40",), 34),
        "stopping": ({"experiments": 9}, None),
    }
    pi = read_wild(wild, "autoresearch.md", time_box="1 minute", experiments=9)
    assert (pi.asset, pi.lines["asset"]) == ("src/parser.c, src/lexer.c", 16)
    assert NOTHING == {}


def test_a_goal_is_asked_only_for_what_it_leaves_out(wild: Path) -> None:
    with pytest.raises(ProgramError) as caught:
        read_wild(wild, "goal.md")
    assert str(caught.value) == (
        "goal.md:14: the metric `precision_score` has no direction; write `lower is better` or "
        "`higher is better` beside it, or give --direction; there is no time box; add a heading "
        '`## Time box` and below it a line such as "5 minutes", or give --time-box'
    )


@pytest.mark.parametrize(
    ("said", "asset"),
    [
        ("- `src/*.{c,h}`", "src/*.c, src/*.h"),
        ("- `src/**`\n\n`train.py` too", "src/**, train.py"),
        ("- `*.md`", "*.md, !program.md"),
    ],
)
def test_an_asset_may_be_patterns(wild: Path, said: str, asset: str) -> None:
    assert read_parts(wild, {"Asset": said}).asset == asset


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("`app/[id].py`", "has brackets or a comma"),
        ("`../*.py`", "lies outside the project"),
        (
            "`train.py`: the only file you edit\n\n`src/rules.py`: a file you edit",
            ":7: `train.py` is the only",
        ),
    ],
)
def test_what_cannot_be_an_asset_is_refused(wild: Path, said: str, words: str) -> None:
    with pytest.raises(ProgramError, match=words):
        read_parts(wild, {"Asset": said})

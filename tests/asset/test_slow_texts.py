"""A text that was made to be slow holds up neither the lab nor a tool."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from autoresearch_graph import research
from autoresearch_graph.core.program import Flags
from autoresearch_graph.opening import open_lab
from autoresearch_graph.proposers.llm import retry
from autoresearch_graph.settings import Settings
from autoresearch_graph.storage.artifacts import Artifacts
from tests.support.agreement import assert_agreement
from tests.support.projects import PROGRAM, make_project, opened


def repeated(step: int, lines: int = 20_000) -> str:
    """Lines of few kinds, in an order on which difflib is cubic."""
    return "".join(f"{(i * step) % 150}\n" for i in range(lines))


LONG = "y: [" + "1," * 190_000 + "1]\n"


def with_lines(x: float, lines: str) -> str:
    return f"X = {x}\nprint('loss:', X)\nT = '''\n{lines}'''\n"


def test_a_proposal_of_many_equal_lines_is_judged_and_the_next_is(tmp_path: Path):
    project = make_project(tmp_path / "p", text=with_lines(3.0, repeated(1)))
    texts = [with_lines(2.0, repeated(7)), with_lines(1.0, repeated(7))]
    with opened(project, texts, experiments=2) as lab:
        research.run(lab)
        assert [row.status for row in lab.ledger.experiments] == ["keep"] * 3
    patch = (project / ".autoresearch/t/experiments/0001/diff.patch").read_text()
    assert patch.startswith("--- a/asset.py\n+++ b/asset.py\n@@ -1,") and "+X = 2.0\n" in patch
    assert_agreement(project, "t")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (repeated(1, 2_000), repeated(7, 2_000)),
        (repeated(1, 2_000), repeated(1, 2_000)[:-1]),
        (repeated(1, 2_000)[:-1], repeated(1, 2_000)),
        ("def one():\n" + "x\n" * 2_000 + "@@ -1 +1 @@ x\r\n--- a\n", "x\n" * 2_000 + "\f\0é\n"),
        ("X = 1\n", "X = 2\n"),
    ],
)
def test_a_patch_makes_the_new_text_of_the_old_whatever_git_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str
):
    config = tmp_path / "config"
    config.write_text(
        "[diff]\nnoprefix = true\ncontext = 0\nexternal = false\nsuppressBlankEmpty = true\n"
        "[color]\nui = always\n[core]\nattributesFile = /dev/stdin\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    Artifacts(tmp_path).write_patch(1, "a.py", old=old, new=new)
    patch = tmp_path / "experiments/0001/diff.patch"
    assert patch.read_bytes().startswith(b"--- a/a.py\n+++ b/a.py\n@@ ")
    assert not any(line[line.rindex("@@") :] != "@@" for line in headers(patch))
    (tmp_path / "a.py").write_bytes(old.encode())
    subprocess.run(["git", "apply", str(patch)], cwd=tmp_path, check=True)
    assert (tmp_path / "a.py").read_bytes() == new.encode()


def headers(patch: Path) -> list[str]:
    return [line for line in patch.read_bytes().decode().split("\n") if line.startswith("@@ ")]


def test_an_edit_that_misses_by_a_word_is_told_the_nearest_lines_of_a_large_file(
    llmock: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    lines = [f"# line {i} of the file, with {i * 7919 % 1000} words" for i in range(4_000)]
    text = "\n".join(["X = 3.0", *lines, "print('loss:', X)\n"])
    project = make_project(tmp_path / "p", text=text)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wire-0123456789")
    monkeypatch.setattr(retry, "_FIRST", 0.01)
    missed = "\n".join(lines[1_200:3_200]).replace("the file", "a file")
    llmock.call_tool("edit_file", {"old_string": missed, "new_string": ""})
    llmock.call_tool("edit_file", {"old_string": "y" * 400_001, "new_string": ""})
    llmock.call_tool("write_file", {"content": "# much\n" * 60_000})
    llmock.call_tool("edit_file", {"old_string": "X = 3.0", "new_string": "X = 2.0"})
    llmock.call_tool("propose", {"hypothesis": "\x1b[" * 50_000, "description": "better"})
    settings = Settings(project=project, tag="t", model="openai:gpt-4o", flags=Flags(experiments=1))
    lab = open_lab(settings)
    try:
        research.run(lab)
        assert [row.status for row in lab.ledger.experiments] == ["keep", "keep"]
    finally:
        lab.close()
    said = json.loads((project / ".autoresearch/t/experiments/0001/conversation.json").read_text())
    answers = [m["data"]["content"] for m in said if m["type"] == "tool"]
    assert f"Nearest to it:\n{1_202:6d}\t{lines[1_200]}\n" in answers[0]
    assert answers[0].endswith(f"{3_201:6d}\t{lines[3_199]}")
    assert "old_string has 400001 characters" in answers[1]
    assert "would have 420000 characters; 400000 at most" in answers[2]


@pytest.mark.parametrize(
    ("name", "start", "slow"),
    [
        ("a.toml", "x = 3\n", "a" + ".a" * 190_000 + " = 1\n"),
        ("a.yaml", "x: 3\n", LONG),
    ],
)
def test_a_text_that_takes_long_to_parse_is_refused_and_the_next_is_run(
    tmp_path: Path, name: str, start: str, slow: str
):
    program = PROGRAM.replace("`asset.py`", f"`{name}`").replace("asset.py", f"asset.py {name}")
    reads = f"print('loss:', open({name!r}).read().split()[-1])\n"
    project = make_project(tmp_path / "p", text=reads)
    for path, text in ((name, start), ("program.md", program)):
        (project / path).write_text(text)
    for command in (("add", "--all"), ("commit", "--quiet", "--message=more")):
        subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@b", *command], cwd=project)
    with opened(project, [start + slow, start.replace("3", "2")], experiments=2) as lab:
        research.run(lab)
        rows = list(lab.ledger.experiments)
    assert [row.status for row in rows] == ["keep", "discard", "keep"]
    assert rows[1].reason.startswith(f"not run: {name} takes the lab more than")

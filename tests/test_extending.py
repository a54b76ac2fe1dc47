"""docs/extending.md: every block runs as it stands, each as a little research."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import autoresearch_graph
from autoresearch_graph import Experiment, Settings, find_records
from tests.support.projects import make_project
from tests.support.raw_server import edit, proposal, said, serving

PAGE = Path(autoresearch_graph.__file__).parents[1] / "docs/extending.md"
BLOCKS = dict(
    re.findall(r"^## An? (\w+)\n.*?^```python\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
)


def ran(block: str, tag: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Experiment]:
    """The rows of the research that a block of the page makes of the toy project."""
    make_project(folder / "my-project")
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    exec(compile(BLOCKS[block], f"{PAGE}: {block}", "exec"), names)
    return list(find_records(Settings(project=Path("my-project"), tag=tag)).experiments)


def test_the_page_has_an_example_of_every_part():
    assert list(BLOCKS) == ["proposer", "judge", "executor", "tool"]


def test_a_proposer_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rows = ran("proposer", "halving", tmp_path, monkeypatch)
    assert [row.description for row in rows] == ["baseline", "halve 3.0", "halve 1.5"]
    assert [row.metric for row in rows] == [4.0, 0.25, 0.0625]


def test_a_judge_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rows = ran("judge", "tenth", tmp_path, monkeypatch)
    reasons = {row.reason.split(" by ")[0] for row in rows}
    assert reasons <= {"the baseline", "better"} and len(rows) == 4
    assert {len(row.trials) for row in rows[1:] if row.status == "keep"} <= {2}


def test_an_executor_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rows = ran("executor", "bare", tmp_path, monkeypatch)
    assert len(rows) == 3 and rows[0].metric == 4.0
    runs = [run for row in rows for run in row.trials]
    assert {run.kind for run in runs} == {"measured"}
    assert {run.sandbox for run in runs} == {""}
    log = tmp_path / "my-project/.autoresearch/bare/experiments/0000/log.txt"
    assert log.read_text() == "loss: 4.000000\n"


def test_a_tool_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wire-0123456789")
    looked_up = said(None, ("look_up", json.dumps({"topic": "parabola"})))
    with serving(
        looked_up, said(None, edit("X = 3.0", "X = 1.0")), said(None, proposal())
    ) as model:
        monkeypatch.setenv("OPENAI_BASE_URL", model.url)
        rows = ran("tool", "tool", tmp_path, monkeypatch)
    assert [row.status for row in rows] == ["keep", "keep"]
    first, second, _ = model.requests
    offered = {each["function"]["name"] for each in first["tools"]}
    assert {"look_up", "edit_file", "propose"} <= offered
    assert second["messages"][-1]["content"].startswith("parabola: the lowest point")

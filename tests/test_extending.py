"""docs/extending.md: every block runs as it stands, each as a little research."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

import autoresearch_graph
from autoresearch_graph import (
    Brief,
    Draft,
    Experiment,
    Flags,
    Measured,
    Program,
    Records,
    Settings,
    Verdict,
    find_records,
    open_research,
)
from autoresearch_graph.errors import LabError
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


def loss(value: float | None) -> Any:
    """An executor whose every run has this loss; without one it returns nothing."""

    class Given:
        def lay_out(self, text: str) -> None: ...

        def conduct(self, program: Program, text: str, *, log: Path, **others: Any) -> Any:
            log.write_text("")
            return None if value is None else Measured(metric=value)

        def run_holdout(self, *given: Any, **others: Any) -> Any: ...

    return Given()


def end_of(folder: Path, **parts: Any) -> Records:
    settings = Settings(project=make_project(folder / "p"), tag="t", flags=Flags(experiments=2))
    with open_research(settings, **parts) as research:
        for _ in research.stream():
            pass
        return research.records


def test_an_executor_without_a_finite_metric_has_crashed(tmp_path: Path):
    records = end_of(tmp_path, executor=loss(math.nan))
    assert [(row.status, row.reason) for row in records.experiments] == [
        ("crash", "the executor returned the metric nan, which is not finite")
    ]
    assert records.summary() == find_records(Settings(project=tmp_path / "p", tag="t")).summary()


def test_what_is_kept_though_it_is_worse_is_called_worse(tmp_path: Path):
    class KeepAll:
        def judge(self, candidate: Any, *others: Any) -> Verdict:
            return Verdict(status="keep", reason="kept", metric=candidate.outcomes[-1].metric)

    class Worse:
        def propose(self, brief: Brief) -> Draft:
            text = brief.text.replace("X = 3.0", f"X = {brief.number + 8}.0")
            return Draft(author="search", description="worse", text=text)

    records = end_of(tmp_path, judge=KeepAll(), proposer=Worse())
    assert {row.status for row in records.experiments} == {"keep"}
    assert "(worse by " in records.summary() and records.improvement.startswith("worse by ")


class Text:
    """A proposer that returns a text in place of a draft."""

    def propose(self, brief: Brief) -> str:
        return brief.text


@pytest.mark.parametrize(
    ("part", "given", "told"),
    [
        ("executor", loss(None), "conduct of the executor returned NoneType"),
        ("proposer", Text(), "the proposer returned str"),
    ],
)
def test_a_part_that_returns_something_else_is_told(
    tmp_path: Path, part: str, given: Any, told: str
):
    with pytest.raises(LabError, match=told) as error:
        end_of(tmp_path, **{part: given})
    assert error.value.code == "bad-part"

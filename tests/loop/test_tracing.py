"""Traces at the wire: the real LangSmith client sends them to a small collector."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from autoresearch_graph.core.experiment import Incumbent
from autoresearch_graph.core.values import Metric
from autoresearch_graph.tracing import scores
from tests.support.collector import SESSION, Collector, collecting
from tests.support.experiments import experiment
from tests.support.projects import ASSET, make_project
from tests.support.waiting import PATIENCE

SECRETS = {
    "LANGSMITH_API_KEY": "lsv2_pt_collector_0123456789",
    "OPENAI_API_KEY": "sk-wire-0123456789",
    "GITHUB_TOKEN": "ghp_0123456789",
    "LANGSMITH_PASSWORD": "correct horse",
    "DATABASE_URL": "postgres://ada:battery@localhost/db",
}
NODES = ["read_program", "propose", "read_program", "train", "read_program", "collect", "judge"]
SLOW = f"import time\ntime.sleep(float('1'))\n{ASSET}"


def traced(url: str) -> dict[str, str]:
    return {**os.environ, **SECRETS, "LANGSMITH_TRACING": "true", "LANGSMITH_ENDPOINT": url}


def run(url: str, *arguments: str | Path) -> str:
    """What the command line says with tracing switched on; its seconds are bounded."""
    command = [sys.executable, "-m", "autoresearch_graph", *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=traced(url), timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def ledger(project: Path) -> list[dict[str, Any]]:
    lines = (project / ".autoresearch/t/experiments.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


Night = tuple[Collector, Path]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """A baseline and two experiments, each a second long, so that traces arrive in parts."""
    project = make_project(tmp_path_factory.mktemp("night") / "p", text=SLOW)
    with collecting() as collector:
        told = run(collector.url, "run", project, "--tag", "t", "--experiments", "2")
        assert "LangSmith" not in told
        yield collector, project


def test_one_trace_is_one_experiment_and_its_nodes_are_below(night: Night):
    collector, _ = night
    roots = collector.roots()
    names = ["experiment 0", "experiment 1", "experiment 2", "report"]
    assert [root["name"] for root in roots] == names
    for root in roots[:3]:
        *nodes, last = collector.children(root)
        assert nodes == NODES
        assert last in ("keep", "revert")
        assert root["tags"] == ["t"]
        assert root["end_time"] and not root.get("error")
        assert any(f"patch.{root['id']}" in body for body in collector.bodies)
    assert collector.children(roots[3]) == ["read_program", "report"]


def test_the_verdict_stands_in_the_metadata_of_the_root(night: Night):
    collector, project = night
    rows = ledger(project)
    assert rows
    for root, row in zip(collector.roots()[: len(rows)], rows, strict=True):
        found = root["extra"]["metadata"]
        for name in ("number", "author", "commit", "metric", "reason"):
            assert found[name] == row[name]
        assert (found["tag"], found["verdict"]) == ("t", row["status"])
        show = ["git", "show", f"{row['commit']}:asset.py"]
        text = subprocess.run(show, cwd=project, capture_output=True, check=True).stdout
        assert found["asset"] == sha256(text).hexdigest()


def test_all_traces_of_a_research_are_one_thread(night: Night):
    collector, project = night
    threads = {run["extra"]["metadata"]["thread_id"] for run in collector.runs.values()}
    assert threads == {f"t-{ledger(project)[0]['commit'][:7]}"}


def test_the_scores_are_feedback_on_the_root(night: Night):
    collector, project = night
    rows = ledger(project)
    for root, row in zip(collector.roots(), rows, strict=False):
        found = collector.scores(root)
        assert found["loss"] == pytest.approx(row["metric"], abs=1e-4)
        assert found["kept"] == (row["status"] == "keep")
        assert ("improvement" in found) == (row["number"] > 0)
    gain = rows[0]["metric"] - rows[1]["metric"]
    assert collector.scores(collector.roots()[1])["improvement"] == pytest.approx(gain, abs=1e-4)
    for feedback in collector.feedback:
        assert feedback["session_id"] == SESSION["id"]
        assert feedback["trace_id"] == feedback["run_id"]
        assert feedback["extend_trace_retention"] is False


def test_show_gives_the_url_of_the_trace(night: Night):
    collector, project = night
    told = run(collector.url, "show", "1", project).replace("\n", "")
    assert f"/projects/p/{SESSION['id']}/r/{collector.roots()[1]['id']}" in told


def test_an_improvement_is_positive_and_a_crash_has_none():
    metric = Metric(name="acc", direction="higher")
    incumbent = Incumbent(number=0, commit="c", metric=0.5)
    better, crash = experiment(1, metric=0.75), experiment(2, status="crash", metric=None)
    assert scores(better, incumbent, metric) == {"kept": 1, "acc": 0.75, "improvement": 0.25}
    assert scores(better, None, metric) == {"kept": 1, "acc": 0.75}
    assert scores(crash, incumbent, metric) == {"kept": 0}


def test_the_calls_of_model_and_tools_are_traced_and_no_secret_is(llmock: Any, project: Path):
    llmock.call_tool("edit_file", {"old_string": "X = 3.0", "new_string": "X = 2.0"})
    idea = {"hypothesis": "It is better.", "description": "a smaller X", "lesson": "Go on."}
    llmock.call_tool("propose", idea)
    with collecting() as collector:
        model = ["--model", "openai:gpt-4o", "--base-url", os.environ["OPENAI_BASE_URL"]]
        run(collector.url, "run", project, "--tag", "t", "--experiments", "1", *model)
    assert ledger(project)[1]["author"] == "model"
    kinds = {(run["run_type"], run["name"]) for run in collector.runs.values()}
    assert {("llm", "ChatOpenAI"), ("tool", "edit_file"), ("tool", "propose")} <= kinds
    sent = "".join(collector.bodies)
    assert "X = 2.0" in sent
    for name, secret in SECRETS.items():
        assert secret not in sent, name


TROUBLES: dict[str, dict[str, Any]] = {
    "absent": {},
    "refusing": {"refusal": 401},
    "broken": {"refusal": 500},
    "silent": {"hangs": "all"},
    "taking no traces": {"hangs": "POST"},
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())
def test_without_an_endpoint_that_works_the_loop_goes_on_and_says_so_once(
    project: Path, trouble: dict[str, Any]
):
    with collecting(**trouble) as collector:
        url = collector.url if trouble else "http://127.0.0.1:9"
        told = run(url, "run", project, "--tag", "t", "--experiments", "3")
    assert len(ledger(project)) == 4
    assert told.count("LangSmith is not taking every trace") == 1
    assert not list(project.rglob("trace.url"))


NOTEBOOK = """\
import asyncio, sys
from pathlib import Path
from langgraph.checkpoint.memory import InMemorySaver
from autoresearch_graph.graph import build_graph
from autoresearch_graph.opening import open_lab
from autoresearch_graph.core.program import Flags
from autoresearch_graph.settings import Settings

settings = Settings(project=Path(sys.argv[1]), tag="t", flags=Flags(experiments=2))
lab = open_lab(settings)
graph = build_graph(lambda context, state: lab, checkpointer=InMemorySaver())
config = {"configurable": {"thread_id": "mine"}, "run_name": "my night"}
if sys.argv[2] == "invoke":
    graph.invoke({}, config)
else:
    asyncio.run(graph.ainvoke({}, config))
lab.close()
"""


@pytest.mark.parametrize("form", ["invoke", "ainvoke"])
def test_from_a_notebook_the_node_that_records_an_experiment_stands_for_it(
    project: Path, form: str
):
    with collecting() as collector:
        script = [sys.executable, "-c", NOTEBOOK, str(project), form]
        subprocess.run(script, env=traced(collector.url), timeout=PATIENCE, check=True)
    (root,) = collector.roots()
    assert (root["name"], root["extra"]["metadata"]["thread_id"]) == ("my night", "mine")
    recorded = [run for run in collector.runs.values() if run["name"] in ("keep", "revert")]
    found = sorted((run["extra"]["metadata"] for run in recorded), key=lambda m: m["number"])
    assert [(m["number"], m["verdict"]) for m in found] == [
        (row["number"], row["status"]) for row in ledger(project)
    ]
    assert "verdict" not in root["extra"]["metadata"]
    assert collector.scores(root) == {}
    assert all({"loss", "kept"} <= collector.scores(run).keys() for run in recorded)
    assert {feedback["trace_id"] for feedback in collector.feedback} == {root["id"]}


def test_without_tracing_there_is_no_client_and_no_thread(project: Path):
    script = NOTEBOOK + (
        "import threading, langsmith.run_trees\n"
        "print(threading.active_count(), langsmith.run_trees._CLIENT)\n"
    )
    command = [sys.executable, "-c", script, str(project), "invoke"]
    untraced = {**os.environ, **SECRETS, "LANGSMITH_TRACING": "false"}
    done = subprocess.run(command, capture_output=True, text=True, env=untraced, check=True)
    assert done.stdout == "1 None\n"

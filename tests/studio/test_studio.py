"""`langgraph dev` and a client through langgraph-sdk, as Studio uses them."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from autoresearch_graph.graph import build_graph
from autoresearch_graph.storage.checkpoints import open_checkpoints
from autoresearch_graph.storage.ledger import read as read_ledger
from autoresearch_graph.studio import Labs
from tests.support.projects import git, make_gated, make_project
from tests.support.raw_server import Answer, edit, proposal, said, serving
from tests.support.studio_server import free_port, studio_server
from tests.support.waiting import until

pytest.importorskip("langgraph_api")
sdk = pytest.importorskip("langgraph_sdk")
NODES = set(build_graph(Labs().of).nodes)
NAMES = ("three", "cancelled", "reviewed", "thinking", "shared")
PORT = free_port()
ASSET = "X = 3.0\nprint(f'loss: {(X - 1.0) ** 2:.6f}')\n"


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the projects of these tests are; the server may use those that it was told of."""
    return tmp_path_factory.mktemp("projects")


@pytest.fixture(scope="module")
def server(projects: Path, llmock_server: Any) -> Iterator[str]:
    listed = os.pathsep.join(str(projects / name) for name in NAMES)
    environ: dict[str, Any] = {
        "OPENAI_API_KEY": "sk-wire",
        "AUTORESEARCH_PROJECTS": listed,
        "AUTORESEARCH_BASE_URLS": f"{llmock_server.base_url()}, http://127.0.0.1:{PORT}/v1",
    }
    with studio_server(projects / "server", **environ) as url:
        yield url


@pytest.fixture
def client(server: str) -> Iterator[Any]:
    with sdk.get_sync_client(url=server) as client:
        yield client


def test_three_experiments_run_and_the_state_shows_their_verdicts(client: Any, projects: Path):
    project = make_project(projects / "three", text=ASSET)
    thread = client.threads.create()
    context: dict[str, Any] = {"project": str(project), "tag": "studio", "experiments": 3}
    updates = []
    for part in client.runs.stream(
        thread["thread_id"], "autoresearch", input={}, context=context, stream_mode=["updates"]
    ):
        assert part.event != "error", part.data
        updates.append(part.data)
    decisions = [u["judge"]["decision"]["status"] for u in updates if "judge" in u]
    assert len(decisions) == 4 and decisions[0] == "keep"
    values = client.threads.get_state(thread["thread_id"])["values"]
    assert values["stop"] == "done after 3 experiments"
    assert values["tally"]["experiments"] == 3
    assert values["incumbent"]["metric"] <= 4.0
    rows = (project / ".autoresearch/studio/results.tsv").read_text().splitlines()
    assert [row.split("\t")[3] for row in rows[1:]] == decisions


def test_a_cancelled_run_leaves_no_process_and_goes_on_where_it_was(
    client: Any, projects: Path, gate: Path
):
    project = make_gated(projects / "cancelled", gate)
    thread = client.threads.create()["thread_id"]
    context: dict[str, Any] = {"project": str(project), "tag": "cancelled", "experiments": 2}
    run = client.runs.create(thread, "autoresearch", input={}, context=context)
    ledger = project / ".autoresearch/cancelled/experiments.jsonl"
    until(lambda: ledger.exists() and ledger.read_text() and children_in(project))
    client.runs.cancel(thread, run["run_id"], wait=True)
    until(lambda: not children_in(project), "a run outlives its cancelled invocation")
    gate.touch()
    client.runs.wait(thread, "autoresearch", input=None, context=context)
    values = client.threads.get_state(thread)["values"]
    assert values["stop"] == "done after 2 experiments"
    assert len(ledger.read_text().splitlines()) == 3


def test_a_person_reviews_the_proposals_of_a_model(client: Any, llmock: Any, projects: Path):
    """The model is served by llmock, at a base URL that comes from the context."""
    project = make_project(projects / "reviewed", text=ASSET)
    for x in ("2.5", "9.0", "4.0"):
        llmock.call_tool("edit_file", {"old_string": "X = 3.0", "new_string": f"X = {x}"})
        llmock.call_tool("propose", {"hypothesis": "Better.", "description": f"X is {x}"})
    context = {
        "project": str(project),
        "tag": "reviewed",
        "model": "openai:gpt-4o",
        "base_url": llmock.base_url(),
        "review": True,
        "experiments": 3,
    }
    thread = client.threads.create()["thread_id"]
    client.runs.wait(thread, "autoresearch", input={}, context=context)
    answers = [
        {"action": "reject", "reason": "not that"},
        {"action": "approve"},
        {"action": "edit", "text": "print('loss: 0.5')\n"},
    ]
    for number, answer in enumerate(answers, start=1):
        (task,) = client.threads.get_state(thread)["tasks"]
        question = task["interrupts"][0]["value"]
        assert (question["experiment"], question["author"]) == (number, "model")
        assert "-X = 3.0" in question["diff"]
        client.runs.wait(thread, "autoresearch", command={"resume": answer}, context=context)
    assert client.threads.get_state(thread)["values"]["stop"] == "done after 3 experiments"
    rows = read_ledger(project / ".autoresearch/reviewed/experiments.jsonl")
    assert [(row.status, row.review) for row in rows] == [
        ("keep", ""),
        ("discard", "rejected"),
        ("discard", "approved"),
        ("keep", "edited"),
    ]


def test_a_run_that_is_cancelled_while_the_model_thinks_goes_on(client: Any, projects: Path):
    project = make_project(projects / "thinking", text=ASSET)
    context: dict[str, Any] = {"project": str(project), "tag": "thinking", "model": "openai:gpt-4o"}
    thread = client.threads.create()["thread_id"]
    edited, proposed = said(None, edit("X = 3.0", "X = 2.0")), said(None, proposal())
    with serving(edited, Answer(b"", hang=True), edited, proposed, port=PORT) as server:
        context |= {"base_url": server.url, "experiments": 1}
        run = client.runs.create(thread, "autoresearch", input={}, context=context)
        until(lambda: len(server.requests) >= 2)
        client.runs.cancel(thread, run["run_id"], wait=True)
        client.runs.wait(thread, "autoresearch", input=None, context=context)
    assert client.threads.get_state(thread)["values"]["stop"] == "done after 1 experiment"
    rows = read_ledger(project / ".autoresearch/thinking/experiments.jsonl")
    assert [row.status for row in rows] == ["keep", "keep"]


def test_a_research_goes_from_the_terminal_to_the_server_and_back(
    client: Any, projects: Path, gate: Path
):
    """Killed in the terminal, gone on with and cancelled on the server, ended in the terminal."""
    project = make_gated(projects / "shared", gate)
    lab = start_in_the_terminal(project)
    until(lambda: len(ledger_of(project)) == 1 and runs_of(project))
    lab.kill()
    lab.wait()
    first = under_way(project)
    assert first["number"] == 1
    x = git(project, "show", f"{first['commit']}:asset.py").split()[2]
    (gate.parent / x).touch()

    thread = client.threads.create(graph_id="autoresearch")["thread_id"]
    context: dict[str, Any] = {"project": str(project), "tag": "shared"}
    seen: list[dict[str, Any]] = []
    run = client.runs.stream(
        thread, "autoresearch", input=None, context=context, stream_mode=["updates", "custom"]
    )
    for part in run:
        assert part.event != "error", part.data
        seen.append(part.data)
        if part.event == "metadata":
            run_id = part.data["run_id"]
        if part.event == "custom" and len(ledger_of(project)) == 2:
            break
    nodes = [node for data in seen for node in data if node in NODES]
    assert "collect" in nodes[:2], "it goes on in the middle of the experiment"
    assert any("progress" in data for data in seen)
    client.runs.cancel(thread, run_id, wait=True)
    until(lambda: not runs_of(project))
    state = client.threads.get_state(thread)
    assert state["next"] == ["collect"]
    second = state["values"]["candidates"][0]["proposal"]
    assert second == under_way(project)
    gate.touch()

    assert start_in_the_terminal(project, "--experiments", "3").wait(120) == 0
    rows = ledger_of(project)
    assert [row.number for row in rows] == [0, 1, 2, 3]
    assert [row.commit for row in rows[1:3]] == [first["commit"], second["commit"]]
    assert client.threads.get_state(thread)["values"]["stop"] == "done after 3 experiments"
    client.runs.wait(thread, "autoresearch", input={}, context=context | {"experiments": 4})
    assert len(ledger_of(project)) == 5
    assert len(client.threads.get_history(thread, limit=100)) > 20


def start_in_the_terminal(project: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "autoresearch_graph", "run", str(project), "--tag", "shared"]
    return subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL)


def ledger_of(project: Path) -> list[Any]:
    return read_ledger(project / ".autoresearch/shared/experiments.jsonl")


def runs_of(project: Path) -> list[int]:
    """The processes of experiments, which work in the worktree."""
    return children_in(project / ".autoresearch")


def under_way(project: Path) -> dict[str, Any]:
    """The proposal that is being tried, by the checkpoints of the terminal."""
    with open_checkpoints(project / ".autoresearch/shared/checkpoints.sqlite") as saver:
        saved = saver.get_tuple({"configurable": {"thread_id": "shared"}})
    assert saved is not None
    return dict(saved.checkpoint["channel_values"]["candidates"][0]["proposal"])


def children_in(folder: Path) -> list[int]:
    """The processes that work in a folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if Path(process.cwd()).is_relative_to(folder):
                found.append(process.pid)
    return found


def test_the_schema_of_the_context_is_a_few_primitives_that_are_explained(client: Any):
    assistant = client.assistants.search(graph_id="autoresearch")[0]
    schemas = client.assistants.get_schemas(assistant["assistant_id"])
    schema = schemas["context_schema"]
    nodes = {node["id"] for node in client.assistants.get_graph(assistant["assistant_id"])["nodes"]}
    for part in schema["properties"].values():
        assert part["description"].endswith(".") and part["title"] and "default" in part
        assert set(part["langgraph_nodes"]) <= nodes
    assert schema["properties"]["search_share"].items() >= {"minimum": 0, "maximum": 1}.items()
    assert set(schemas["input_schema"]["properties"]) == {"stop", "exhausted", "halt"}
    kinds = {name: part["type"] for name, part in schema["properties"].items()}
    assert kinds == {
        "project": "string",
        "tag": "string",
        "model": "string",
        "base_url": "string",
        "search_share": "number",
        "review": "boolean",
        "workers": "integer",
        "experiments": "integer",
    }

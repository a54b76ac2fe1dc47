"""A model proposes, at the wire: the real client talks HTTP to a scripted server."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from autoresearch_graph import research
from autoresearch_graph.core.program import Flags
from autoresearch_graph.errors import InputError, LabError
from autoresearch_graph.opening import open_lab
from autoresearch_graph.results.records import load
from autoresearch_graph.settings import Settings
from autoresearch_graph.terminal.tables import conversation_page
from tests.support.agreement import assert_agreement
from tests.support.models import KEY, end, modelled, propose
from tests.support.projects import ASSET, asset

pytestmark = pytest.mark.usefixtures("key_and_no_pauses")


def told_to_the_model(llmock: Any) -> str:
    return json.dumps([request.body for request in llmock.requests])


def test_a_model_reads_edits_and_proposes_and_its_change_is_kept(llmock: Any, project: Path):
    llmock.call_tool("read_file", {})
    propose(llmock, "X = 3.0", "X = 2.0", "a smaller X")
    propose(llmock, "X = 2.0", "X = 9.0", "a larger X")
    with modelled(project, experiments=2) as lab:
        research.run(lab)
        rows = list(lab.ledger.experiments)
    assert [row.status for row in rows] == ["keep", "keep", "discard"]
    assert (rows[1].author, rows[1].description) == ("model", "a smaller X")
    assert (rows[1].hypothesis, rows[1].lesson) == ("It is better.", "Go on.")
    assert rows[1].tokens > 0
    assert_agreement(project, "t")
    conversation = (project / ".autoresearch/t/experiments/0001/conversation.json").read_text()
    assert "X = 3.0" in conversation and "edit_file" in conversation


def test_a_model_writes_the_next_proposal_while_one_runs_and_hears_of_a_collision(
    llmock: Any, project: Path
):
    propose(llmock, "X = 3.0", "X = 2.0", "a smaller X")
    propose(llmock, "X = 3.0", "X = 2.5", "a little smaller X")
    propose(llmock, "X = 2.0", "X = 1.5", "smaller still")
    with modelled(project, experiments=3, look_ahead=None) as lab:
        research.run(lab)
        rows = list(lab.ledger.experiments)
    assert [row.status for row in rows] == ["keep", "keep", "discard", "keep"]
    assert rows[2].trials == ()
    told = [json.dumps(request.body) for request in llmock.requests]
    assert "Under way and not judged yet: a smaller X" in told[2]
    assert "could not be put onto the file as it is now" in told[4]
    assert_agreement(project, "t")


@pytest.mark.parametrize(
    ("model", "path"), [("openai:gpt-5", "/chat/completions"), ("openai:gpt-5-codex", "/responses")]
)
def test_both_apis_of_openai_are_spoken(llmock: Any, project: Path, model: str, path: str):
    llmock.call_tool("read_file", {})
    propose(llmock, "X = 3.0", "X = 2.0")
    with modelled(project, model=model) as lab:
        research.run(lab)
        assert [row.status for row in lab.ledger.experiments] == ["keep", "keep"]
        assert lab.ledger.experiments[1].tokens > 0
    assert {request.path.removeprefix("/v1") for request in llmock.requests} == {path}


def test_the_model_gets_program_asset_history_and_what_a_crash_printed(llmock: Any, project: Path):
    propose(llmock, "X = 3.0", "import nothing_like_it\nX = 3.0", "an import")
    propose(llmock, "X = 3.0", "X = 2.0")
    with modelled(project, experiments=2) as lab:
        research.run(lab)
    body = json.dumps(llmock.requests[-1].body)
    for part in ("Find the lowest point", "an import", "ModuleNotFoundError", "X = 3.0", "crash"):
        assert part in body


@pytest.mark.parametrize(
    ("edits", "reason"),
    [
        ([], "does the same as the incumbent"),
        ([("X = 3.0", "X = 3.0  # as it was")], "does the same as the incumbent"),
        ([("X = 3.0", "X = (3.0")], "does not parse"),
        ([("SEED = 0", "SEED = 7")], "only a seed differs"),
        ([("Y = 3.0", "Y = 4.0")], "does not occur"),
        ([("=", "==")], "occurs"),
    ],
)
def test_a_proposal_that_would_waste_its_run_is_refused_with_a_reason(
    llmock: Any, project: Path, edits: list[tuple[str, str]], reason: str
):
    from tests.support.projects import git

    (project / "asset.py").write_text("SEED = 0\n" + ASSET)
    git(project, "commit", "--quiet", "--all", "--message=a seed")
    for old, new in edits:
        llmock.call_tool("edit_file", {"old_string": old, "new_string": new})
    end(llmock)
    llmock.call_tool("write_file", {"content": "SEED = 0\n" + asset(2.0)})
    end(llmock)
    with modelled(project) as lab:
        research.run(lab)
        assert [row.status for row in lab.ledger.experiments] == ["keep", "keep"]
    assert reason in told_to_the_model(llmock)


def test_what_was_tried_before_is_refused_with_how_it_went(llmock: Any, project: Path):
    propose(llmock, "X = 3.0", "X = 9.0")
    propose(llmock, "X = 3.0", "X   =   9.0  # said otherwise")
    llmock.call_tool("write_file", {"content": asset(2.0)})
    end(llmock)
    with modelled(project, experiments=2) as lab:
        research.run(lab)
        assert [row.status for row in lab.ledger.experiments] == ["keep", "discard", "keep"]
    assert "experiment 1 tried the same: discard" in told_to_the_model(llmock)


def test_past_experiments_can_be_looked_up(llmock: Any, project: Path):
    propose(llmock, "X = 3.0", "X = 9.0", "a look into the distance")
    llmock.call_tool("list_experiments", {})
    llmock.call_tool("show_experiment", {"number": 1})
    llmock.call_tool("show_experiment", {"number": 77})
    propose(llmock, "X = 3.0", "X = 2.0")
    with modelled(project, experiments=2) as lab:
        research.run(lab)
    told = told_to_the_model(llmock)
    assert "1 discard 64: a look into the distance" in told
    assert "+X = 9.0" in told
    assert "there is no experiment 77" in told


def test_rate_limits_and_broken_servers_are_waited_out(llmock: Any, project: Path):
    notices: list[str] = []
    llmock.rate_limit(times=2, retry_after=0.1)
    llmock.fail(503, times=2)
    propose(llmock, "X = 3.0", "X = 2.0")
    with modelled(project) as lab:
        lab.host.tell = notices.append
        research.run(lab)
        assert [row.status for row in lab.ledger.experiments] == ["keep", "keep"]
    assert_agreement(project, "t")
    assert len(notices) == 4 and "next try in" in notices[0]
    llmock.assert_resilient()


def test_a_refused_key_stops_the_research_which_goes_on_when_it_is_mended(
    llmock: Any, project: Path
):
    llmock.fail(401, times=1)
    with modelled(project) as lab, pytest.raises(LabError, match="the model refuses"):
        research.run(lab)
    propose(llmock, "X = 3.0", "X = 2.0")
    with modelled(project) as lab:
        research.run(lab)
        assert [row.status for row in lab.ledger.experiments] == ["keep", "keep"]
    assert_agreement(project, "t")


def test_a_model_that_only_talks_ends_the_research_in_order(llmock: Any, project: Path):
    for _ in range(15):
        llmock.reply("I would rather talk about it.")
    with modelled(project) as lab:
        assert research.run(lab) == (
            "the model made no proposal in 5 turns: "
            "the model wrote text and never called a tool: 'I would rather talk about it.'"
        )
        assert len(lab.ledger.experiments) == 1
    kept = sorted((project / ".autoresearch/t/experiments/0001").glob("conversation.*.json"))
    assert len(kept) == 5 and "I would rather talk" in kept[0].read_text()


def test_words_and_an_empty_answer_are_answered_with_what_to_do(llmock: Any, project: Path):
    llmock.reply("Let me think.")
    llmock.reply("")
    propose(llmock, "X = 3.0", "X = 2.0")
    with modelled(project) as lab:
        research.run(lab)
        assert [row.status for row in lab.ledger.experiments] == ["keep", "keep"]
    assert "Words alone change nothing" in told_to_the_model(llmock)


@pytest.mark.parametrize("kind", ["malformed_arguments", "unknown_tool"])
def test_a_broken_tool_call_is_survived(llmock: Any, project: Path, kind: str):
    llmock.break_tool_call(kind)
    for _ in range(3):
        propose(llmock, "X = 3.0", "X = 2.0")
    with modelled(project) as lab:
        research.run(lab)
        assert [row.status for row in lab.ledger.experiments] == ["keep", "keep"]


def test_the_key_is_nowhere_on_the_disk(llmock: Any, project: Path):
    text = "import os\nprint(dict(os.environ))\nprint('loss: 0.5')\n"
    llmock.call_tool("write_file", {"content": text})
    end(llmock)
    with modelled(project) as lab:
        research.run(lab)
        assert lab.ledger.experiments[1].status == "keep"
    for path in (p for p in (project / ".autoresearch").rglob("*") if p.is_file()):
        assert KEY.encode() not in path.read_bytes(), path


def test_a_missing_package_or_provider_is_one_sentence(project: Path):
    with pytest.raises(InputError, match="--model crystal:ball"):
        open_lab(Settings(project=project, tag="t", model="crystal:ball"))
    assert not (project / ".autoresearch").exists()


def test_the_search_and_a_model_take_turns_by_the_number(llmock: Any, project: Path):
    for x in (2.0, 1.8):
        llmock.call_tool("write_file", {"content": asset(x)})
        end(llmock)
    settings = Settings(
        project=project,
        tag="t",
        model="openai:gpt-4o",
        search_share=0.5,
        flags=Flags(experiments=4),
    )
    lab = open_lab(settings)
    try:
        research.run(lab)
        assert [e.author for e in lab.ledger.experiments] == [
            "baseline",
            "model",
            "search",
            "model",
            "search",
        ]
        records = load(lab.store.folder)
    finally:
        lab.close()
    assert records is not None
    authors = {y.author: y for y in records.by_author()}
    assert (authors["model"].proposals, authors["search"].proposals) == (2, 2)
    assert authors["model"].cost.tokens > 0 and not authors["search"].cost.is_paid
    assert sum(y.gain for y in authors.values()) == pytest.approx(records.gain)


def test_the_conversation_can_be_read_again(llmock: Any, project: Path):
    propose(llmock, "X = 3.0", "X = 2.0", "a smaller X")
    with modelled(project) as lab:
        research.run(lab)
        records = load(lab.store.folder)
    assert records is not None
    console = Console(record=True, width=120, file=StringIO())
    console.print(conversation_page(records, 1))
    told = console.export_text()
    for part in ("Find the lowest point", "edit_file", "new_string: X = 2.0", "a smaller X"):
        assert part in told
    with pytest.raises(InputError, match="no conversation"):
        conversation_page(records, 0)

"""What models and their servers do wrong: each answer here has been seen in the wild."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from autoresearch_graph import research
from autoresearch_graph.core.brief import Abandoned, Exhausted, Session
from autoresearch_graph.core.experiment import Draft, Experiment
from autoresearch_graph.core.program import Flags
from autoresearch_graph.errors import LabError
from autoresearch_graph.graph import build_editor
from autoresearch_graph.opening import open_lab
from autoresearch_graph.proposers.llm import editor
from autoresearch_graph.proposers.llm.proposer import open_model
from autoresearch_graph.settings import Settings
from autoresearch_graph.storage.ledger import read as read_ledger
from tests.support.agreement import assert_agreement
from tests.support.models import GOOD, KEY, plain
from tests.support.projects import asset
from tests.support.raw_server import (
    Answer,
    RawServer,
    answered,
    assert_strict,
    call,
    edit,
    error,
    proposal,
    said,
    serving,
)
from tests.support.waiting import PATIENCE, until

pytestmark = pytest.mark.usefixtures("key_and_no_pauses")


def researched(
    project: Path, server: RawServer, *, experiments: int = 1
) -> tuple[list[Experiment], list[str]]:
    """The ledger after a research with a model on this server, and what a person was told."""
    told: list[str] = []
    settings = Settings(
        project=project,
        tag="t",
        model="openai:gpt-4o",
        look_ahead=False,
        base_url=server.url,
        flags=Flags(experiments=experiments),
    )
    lab = open_lab(settings, tell=told.append)
    try:
        research.run(lab)
        return list(lab.ledger.experiments), told
    finally:
        lab.close()


def statuses(experiments: list[Experiment]) -> list[str]:
    return [experiment.status for experiment in experiments]


@pytest.mark.parametrize(
    "fault",
    [
        Answer(b"<html>Bad gateway</html>", kind="text/html"),
        Answer(b"{not json"),
        Answer(b"\xff\xfe"),
        Answer(b"{}"),
        Answer(b"[]"),
        Answer(b'{"id": "x", "choices": []}'),
        Answer(b'{"error": {"message": "upstream", "code": 502}}'),
        Answer(b'{"id": "chat", "choices": [{"index": 0}]}', drop=True),
        error(500, "internal"),
        error(529, "overloaded"),
        error(408, "too slow"),
        error(429, "slow down", retry_after="0.01"),
    ],
)
def test_a_fault_is_waited_out_and_told(project: Path, fault: Answer):
    with serving(fault, fault, GOOD[0], fault, GOOD[1]) as server:
        experiments, told = researched(project, server)
    assert statuses(experiments) == ["keep", "keep"]
    assert len(told) == 3 and all("next try in" in notice for notice in told)
    assert_agreement(project, "t")


@pytest.mark.parametrize(
    "refusal",
    [
        error(401, "Incorrect API key provided"),
        error(402, "no money"),
        error(403, "not for you"),
        error(404, "The model does not exist", "model_not_found"),
        error(429, "You exceeded your current quota", "insufficient_quota"),
    ],
)
def test_a_refusal_stops_in_a_sentence_and_the_research_goes_on_later(
    project: Path, refusal: Answer
):
    with serving(refusal) as server, pytest.raises(LabError, match="the model refuses"):
        researched(project, server)
    with serving(*GOOD) as server:
        assert statuses(researched(project, server)[0]) == ["keep", "keep"]
    assert_agreement(project, "t")


def test_a_server_that_repeats_the_key_does_not_get_it_shown(project: Path):
    refusal = error(401, f"Incorrect API key provided: {KEY}. Try another.")
    with serving(error(500, f"oops {KEY}"), refusal) as server, pytest.raises(LabError) as stopped:
        researched(project, server)
    assert "(OPENAI_API_KEY). Try another" in str(stopped.value)
    assert KEY not in str(stopped.value)


def test_a_server_that_is_none_is_not_waited_for_all_night(
    project: Path, monkeypatch: pytest.MonkeyPatch
):
    page = Answer(b"<html>Welcome</html>", kind="text/html")
    with serving(*[page] * 30) as server, pytest.raises(LabError, match="Unexpected response"):
        researched(project, server)
    assert len(server.requests) == 20


def test_the_pause_is_what_the_server_asks_for(project: Path):
    tomorrow = format_datetime(datetime.now(UTC) + timedelta(days=1))
    waits = [error(429, "later", retry_after=asked) for asked in ("7", tomorrow, "soon")]
    with serving(*waits, *GOOD) as server:
        _, paused = proposed(project, server)
    assert paused == [7.0, 3600.0, 0.02]


@pytest.mark.parametrize("answer", [error(503, "down"), said(None, proposal())])
def test_the_model_of_a_closed_lab_proposes_nothing(project: Path, answer: Answer):
    with serving(answer) as server, pytest.raises(Abandoned):
        proposed(project, server, closed=True)
    assert len(server.requests) == 1


def proposed(
    project: Path, server: RawServer, *, closed: bool = False
) -> tuple[Draft, list[float]]:
    """What a model proposes outside of a research, and the pauses that were made."""
    paused: list[float] = []

    def pause(seconds: float) -> bool:
        paused.extend([seconds] if seconds else [])
        return closed

    model = open_model("openai:gpt-4o", base_url=server.url, asset="asset.py")
    session = Session(wait=pause, edit=build_editor().invoke)
    asked = replace(plain(project), session=session)
    return model.propose(asked), paused


# ---------------------------------------------------------------- every way to misbehave
LOOK = said(None, ("read_file", "{}"))
LOOP = Answer(b"", 307, headers={"location": "/v1/chat/completions"})
CUT = Answer(b'7\r\n{"id": \r\n20\r\nabc', headers={"transfer-encoding": "chunked"})
READS = call({"name": "read_file", "arguments": "{}"}, id="x")
MANY = {"role": "assistant", "tool_calls": READS["tool_calls"] * 200}
DEEP = "[" * 500 + "]" * 500
TOO_LONG = (
    "This model's maximum context length is 4096 tokens. However, you requested 4200 tokens",
    "the request exceeds the available context size, try increasing it",
    "Trying to keep the first 5000 tokens when context the overflows.",
    "input length exceeds the context length",
    "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    "Input is too long for requested model.",
    "prompt is too long: 210000 tokens > 200000 maximum",
    "Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 8000",
    "`inputs` tokens + `max_new_tokens` must be <= 4096",
)
GETS_THROUGH: dict[str, tuple[Answer, ...]] = {
    "cut chunks": (CUT, CUT),
    "a redirect to itself": (LOOP,) * 25,
    "bytes that are no HTTP": (Answer(b"", kind="x\r\n\x15\x03\x01"),),
    "not where it was": (LOOK, error(404, "page not found"), error(403, "Just a moment")),
    "a bad gateway in an answer": (answered({}, error={"message": "upstream", "code": 502}),) * 25,
    "nested without end": (Answer(b'{"id": ' + b"[" * 100_000),),
    "no message": (answered(None),),
    "empty for long": (said(""),) * 15,
    "nothing but thoughts": (answered({"role": "assistant", "reasoning_content": "hm"}),),
    "parts": (answered({"role": "user", "content": [{"type": "text", "text": "hm"}, None, 3]}),),
    "no text": (said("lone \ud800 and \0"), said(None, ("edit_file", '{"old_string": "\\ud800"}'))),
    "usage in words": (answered(READS, usage={"prompt_tokens": "many", "completion_tokens": -7}),),
    "usage of lists": (answered(READS, usage={"completion_tokens_details": [1]}, model=None),),
    "another index": (answered(None, choices=[{"index": 1, "message": READS}]),),
    "the same call 200 times": (answered(MANY),),
    "no id": (answered(call({"name": "read_file", "arguments": "{}"})), LOOK),
    "a number as id": (answered(call({"name": "read_file", "arguments": "{}"}, id=7)), LOOK),
    "one id for all": (LOOK, LOOK, answered({**READS, "id": "m"}), answered({**READS, "id": "m"})),
    "arguments that are an object": (answered(call({"name": "read_file", "arguments": {}})),),
    "no arguments": (answered(call({"name": "read_file", "arguments": None})),),
    "no name": (answered(call({"name": None})), answered(call(None)), answered(call([]))),
    "a name of words": (said(None, ("functions.edit file! " * 9, "{}")),),
    "no call": (answered({"role": "assistant", "content": "hm", "tool_calls": [None, 3]}),),
    "a call of the old kind": (
        answered({"content": None, "function_call": {"name": "read_file", "arguments": "{}"}}),
    ),
    "broken among good calls": (
        said(None, ("read_file", "{}"), ("write_file", '{"content": "X'), ("read_file", "{}")),
    ),
    "a list": (said(None, ("read_file", "[1]")),),
    "no number": (said(None, ("read_file", '{"offset": NaN}')),),
    "a number of 26 digits": (said(None, ("read_file", '{"offset": ' + "9" * 26 + "}")),),
    "nested arguments": (said(None, ("write_file", f'{{"content": {DEEP}}}')),),
    "arguments of 2 MB": (said(None, ("write_file", json.dumps({"content": "#" * 2_000_000}))),),
    "a bad call once": (error(400, "Failed to call a function.", "tool_use_failed"), LOOK),
    "a bad call that blames the turn": (LOOK, error(400, "Failed", "tool_use_failed")),
    "a filter": (LOOK, error(400, "The response was filtered", "content_filter")),
    "a history that makes it fail": (LOOK, *(error(500, "oops"),) * 6, said("yes")),
    "an outage": (LOOK, *(error(503, "down"),) * 30),
    "too much": (LOOK, error(413, "too much")),
    **{words: (LOOK, error(500, words)) for words in TOO_LONG},
}


@pytest.mark.parametrize("name", GETS_THROUGH)
def test_however_a_server_misbehaves_the_night_goes_on(project: Path, name: str):
    with serving(*GETS_THROUGH[name], *GOOD) as server:
        draft, _ = proposed(project, server)
    assert draft.text == asset(2.0)
    assert not server.script
    for request in server.requests:
        assert_strict(request["messages"])


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ((said(""),) * 20, "20 answers of the model in a row cannot be read: an empty answer"),
        ((LOOP,) * 420, "cannot be read: .*redirects"),
        ((error(400, "m does not support tools"),), "the model refuses: .* not support tools"),
        ((error(500, "tools param requires --jinja flag"),), "refuses: .* requires --jinja"),
        ((error(400, "strange"),) * 3, "the model refuses: .*strange"),
        ((LOOK, *(error(401, "expired"),) * 10), "the model refuses: .*expired"),
        ((error(413, TOO_LONG[1]),) * 3, "the model refuses: .*context size"),
    ],
)
def test_what_waiting_does_not_mend_ends_with_the_servers_words(
    project: Path, answers: tuple[Answer, ...], told: str
):
    with serving(*answers) as server, pytest.raises(LabError, match=told):
        proposed(project, server)
    assert not server.script


CALL = '<tool_call>\n{"name": "propose", "arguments": {}}\n</tool_call>'
ROLES = error(500, "Conversation roles must alternate user/assistant/user/assistant")


@pytest.mark.parametrize(
    ("turn", "told"),
    [
        ((said("I can't help."),) * 3, "wrote text and never called a tool: .I can't help"),
        ((said(CALL),) * 3, "writes its calls as text: it, or its server, does no tool calls"),
        ((said(None, proposal()),) * 4, "all of its calls were refused 4 times: the draft does"),
        ((LOOK, ROLES), "the server refuses the conversation: .*roles must alternate"),
    ],
)
def test_turns_that_bring_nothing_end_with_the_reason(
    project: Path, turn: tuple[Answer, ...], told: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(editor, "_CALLS", 4)
    with serving(*turn * 5) as server, pytest.raises(Exhausted, match=told) as ended:
        proposed(project, server)
    assert ended.value.gave_up and ended.value.cost.tokens > 0


def test_an_end_that_no_criterion_wanted_has_exit_code_1(project: Path):
    script = """
from autoresearch_graph.proposers.llm import retry
retry._FIRST = retry._LONGEST = 0.01
from autoresearch_graph.cli.app import main
main()
"""
    with serving(*GOOD, *(said(CALL),) * 15) as server:
        done = subprocess.run(
            [sys.executable, "-c", script, "run", str(project), "--json", "--experiments", "2",
             "--model", "openai:m", "--base-url", server.url],
            capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
    assert done.returncode == 1, done.stderr
    end = json.loads(done.stdout.splitlines()[-1])
    assert end["failed"] and "does no tool calls" in end["reason"]
    assert end["cost"]["tokens"] == 22 + 165 and "165 tokens led to no proposal" in end["text"]
    assert "does no tool calls. No stopping criterion is met" in done.stderr


# ---------------------------------------------------------------- what the model says
def test_tool_calls_of_one_answer_are_done_in_their_order(project: Path):
    edits = (edit("X = 3.0", "X = 2.5"), edit("X = 2.5", "X = 2.25"), edit("X = 2.25", "X = 2.0"))
    with serving(said(None, *edits, proposal("all at once"))) as server:
        experiments, _ = researched(project, server)
    assert (experiments[1].metric, experiments[1].description) == (1.0, "all at once")


def test_what_follows_a_proposal_in_one_answer_is_too_late(project: Path):
    late = (edit("X = 2.0", "X = 9.0"), proposal("a second one"))
    with serving(said(None, edit("X = 3.0", "X = 2.0"), proposal("first"), *late)) as server:
        experiments, _ = researched(project, server)
    assert (experiments[1].metric, experiments[1].description) == (1.0, "first")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (said("", finish="stop"), "Words alone change nothing"),
        (said(None), "Words alone change nothing"),
        (said("I cannot help with that."), "Words alone change nothing"),
        (said("First I would", finish="length"), "cut off at its limit"),
        (said("word " * 100_000), "Words alone change nothing"),
        (said(None, ("edit_file", '{"old_string": "X')), "not valid JSON"),
        (said(None, ("write_file", '{"content": "X'), finish="length"), "edit in smaller steps"),
        (said(None, ("edit_file", '{"old_string": "X"}')), "new_string"),
        (said(None, ("edit_file", '{"old_string": 1, "new_string": []}')), "valid string"),
        (said(None, ("str_replace_editor", "{}")), "not a valid tool"),
        (said(None, ("", "{}")), "not a valid tool"),
        (said(None, ("propose", "{}")), "hypothesis"),
        (said(None, ("read_file", '{"offset": 99}')), "choose an offset within"),
        (said(None, ("write_file", json.dumps({"content": "#" * 500_000})), proposal()), "at most"),
    ],
)
def test_an_answer_that_is_no_use_is_answered_with_what_to_do(
    project: Path, answer: Answer, told: str
):
    whole = said(None, ("write_file", json.dumps({"content": asset(2.0)})), proposal())
    with serving(answer, whole) as server:
        experiments, _ = researched(project, server)
    assert statuses(experiments) == ["keep", "keep"]
    assert told in json.dumps(server.requests[1])
    assert len(json.dumps(server.requests[1])) < 700_000


def test_a_conversation_that_is_too_long_begins_anew(project: Path):
    overflow = error(400, "maximum context length", "context_length_exceeded")
    with serving(GOOD[0], overflow, *GOOD) as server:
        experiments, told = researched(project, server)
    assert statuses(experiments) == ["keep", "keep"]
    assert "too long for the model: Error code: 400" in told[0] and "(turn 1 of 5)" in told[0]
    kept = project / ".autoresearch/t/experiments/0001/conversation.without-proposal-1.json"
    assert "edit_file" in kept.read_text()
    assert experiments[1].tokens == 33


def test_a_model_that_never_comes_to_an_end_is_stopped_each_turn(
    project: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(editor, "_CALLS", 3)
    looking = said(None, ("read_file", "{}"))
    with serving(looking, looking, looking, *GOOD) as server:
        experiments, told = researched(project, server)
    assert statuses(experiments) == ["keep", "keep"]
    assert told == ["the model made no proposal in 3 answers (turn 1 of 5)"]


# ---------------------------------------------------------------- a killed lab
TALK = said("Let me think.")


@pytest.mark.parametrize(("before", "tokens"), [([GOOD[0]], 22), ([TALK, TALK, TALK, GOOD[0]], 55)])
def test_a_killed_conversation_goes_on_and_is_paid_for_once(
    project: Path, before: list[Answer], tokens: int
):
    script = """
import sys
from pathlib import Path
from autoresearch_graph import research
from autoresearch_graph.opening import open_lab
from autoresearch_graph.core.program import Flags
from autoresearch_graph.settings import Settings
lab = open_lab(Settings(project=Path(sys.argv[1]), tag="t", model="openai:gpt-4o", look_ahead=False,
                        base_url=sys.argv[2], flags=Flags(experiments=1)))
research.run(lab)
lab.close()
"""
    with serving(*before, Answer(b"", hang=True), GOOD[1]) as server:
        command = [sys.executable, "-c", script, str(project), server.url]
        first = subprocess.Popen(command)
        until(lambda: len(server.requests) > len(before))
        first.kill()
        first.wait()
        subprocess.run(command, check=True, timeout=PATIENCE)
        assert len(server.requests) == len(before) + 2
    assert_agreement(project, "t")
    (row,) = read_ledger(project / ".autoresearch/t/experiments.jsonl")[1:]
    assert (row.status, row.metric, row.tokens) == ("keep", 1.0, tokens)

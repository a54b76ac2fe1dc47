"""What ideas cost: tokens and dollars in the ledger, as limits, and in what a person reads."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from rich.console import Console

from autoresearch_graph import research
from autoresearch_graph.core.program import Flags, Stopping
from autoresearch_graph.core.values import Cost, Usage
from autoresearch_graph.errors import InputError, LabError
from autoresearch_graph.lab import Lab
from autoresearch_graph.opening import open_lab
from autoresearch_graph.proposers.llm.pricing import Billing, Price, find_price
from autoresearch_graph.results.records import load
from autoresearch_graph.settings import Settings
from autoresearch_graph.storage.ledger import Ledger
from autoresearch_graph.terminal.tables import authors_table, experiment_page, experiments_table
from tests.support.agreement import assert_agreement
from tests.support.cli import autoresearch
from tests.support.experiments import experiment
from tests.support.projects import PROGRAM, asset, make_project

pytestmark = pytest.mark.usefixtures("key_and_no_pauses")

PRICE = Price(prompt=2.5, cached=1.25, completion=10)
USED = Usage(model="gpt-4o-2024-08-06", prompt=1000, cached=400, completion=200, reasoning=50)


def limited(folder: Path, criterion: str) -> Path:
    """A project whose research ends by this criterion, or after 30 experiments."""
    program = PROGRAM.replace("- 30 experiments", f"- 30 experiments\n- {criterion}")
    return make_project(folder / "project", program=program)


@contextmanager
def opened(project: Path, *, model: str = "openai:gpt-4o", **settings: Any) -> Iterator[Lab]:
    lab = open_lab(Settings(project=project, tag="t", model=model, look_ahead=False, **settings))
    try:
        yield lab
    finally:
        lab.close()


def ideas(llmock: Any, *values: float) -> None:
    """Script one proposal after another, each of two calls."""
    for x in values:
        llmock.call_tool("write_file", {"content": asset(x)})
        arguments = {"hypothesis": "It is better.", "description": f"X is {x}", "lesson": ""}
        llmock.call_tool("propose", arguments)


def answer(**details: Any) -> AIMessage:
    usage = {"input_tokens": 1000, "output_tokens": 200, "total_tokens": 1200, **details}
    told = {"model_name": "gpt-4o-2024-08-06"}
    return AIMessage("", usage_metadata=usage, response_metadata=told)


def test_what_a_model_used_is_split_and_priced():
    details = {
        "input_token_details": {"cache_read": 400},
        "output_token_details": {"reasoning": 50},
    }
    said: list[Any] = [HumanMessage("go on"), answer(**details)]
    cost = Billing("openai:gpt-4o", PRICE).cost_of(said, Stopping())
    assert cost == Cost(tokens=1200, dollars=0.004, usage=USED)


def test_answers_without_details_count_whole_and_without_a_price_are_not_free():
    cost = Billing("openai:mine", None).cost_of([answer(), answer()], Stopping())
    assert (cost.tokens, cost.dollars, cost.usage.cached) == (2400, None, 0)


@pytest.mark.parametrize("limits", [Stopping(tokens=100), Stopping(dollars=1.0)])
def test_a_server_that_counts_no_tokens_cannot_be_limited_by_them(limits: Stopping):
    silent = AIMessage("", response_metadata={"model_name": "mine"})
    billing = Billing("openai:mine", PRICE)
    assert billing.cost_of([silent], Stopping()).dollars is None
    with pytest.raises(LabError, match="does not say how many tokens"):
        billing.cost_of([silent], limits)


def test_a_limit_in_dollars_that_is_added_while_no_price_is_known_stops_the_research():
    with pytest.raises(LabError, match="the price of openai:mine is not known"):
        Billing("openai:mine", None).cost_of([answer()], Stopping(dollars=1.0))


@pytest.mark.parametrize(
    ("model", "prompt"),
    [
        ("openai:gpt-4o", 2.5),
        ("gpt-4o", 2.5),
        ("openai:gpt-4o-2024-08-06", 2.5),
        ("openai:gpt-4o-2024-05-13", 5.0),
        ("openai:gpt-4o-mini", 0.15),
        ("anthropic:claude-haiku-4-5-20251001", 1.0),
        ("openai:gpt-4o-audio", None),
        ("openai:qwen3:8b", None),
    ],
)
def test_a_dated_model_costs_what_its_family_does_and_another_one_is_unknown(
    model: str, prompt: float | None
):
    price = find_price(model, None)
    assert (price and price.prompt) == prompt


def test_a_persons_own_prices_win_and_add_to_the_list(tmp_path: Path):
    own = tmp_path / "prices.toml"
    own.write_text('["gpt-4o"]\nprompt = 1\ncompletion = 2\n\n["qwen3:8b"]\nprompt=0\ncompletion=0')
    price = find_price("openai:gpt-4o", own)
    assert price is not None and price.dollars(USED) == pytest.approx(0.0014)
    free = find_price("openai:qwen3:8b", own)
    assert free is not None and free.dollars(USED) == 0
    assert find_price("openai:gpt-4o-mini", own) is not None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('"m" = { prompt = 1, completion = 2 }\n"n" = { prompt = 1\n', r"own\.toml: .*line 2"),
        ('"m" = { prompt = 1, completion = 2 }\n"n" = { prompt = 1 }\n', r"own\.toml:2: `n` compl"),
        ('"m" = { prompt = 1, completion = 2, input = 3 }\n', r"own\.toml:1: `m` input"),
        ('\n"m" = { prompt = -1, completion = 2 }\n', r"own\.toml:2: `m` prompt"),
        ('\n"m" = { prompt = inf, completion = 2 }\n', r"own\.toml:2: `m` prompt"),
        ('["m"]\nprompt = 1\nprompt = 2\n', r"own\.toml: .*line 3"),
        ("m = 3\n", r"own\.toml:1: `m`"),
    ],
)
def test_a_bad_table_of_prices_is_one_sentence_with_its_line(
    tmp_path: Path, project: Path, text: str, told: str
):
    own = tmp_path / "own.toml"
    own.write_text(text)
    with pytest.raises(InputError, match=told) as raised, opened(project, prices=own):
        pass
    assert "\n" not in str(raised.value)
    assert not (project / ".autoresearch").exists()


def test_a_table_that_is_not_there_is_one_sentence(tmp_path: Path):
    with pytest.raises(InputError, match="No such file"):
        find_price("openai:gpt-4o", tmp_path / "own.toml")


def test_a_limit_in_dollars_needs_a_price(tmp_path: Path):
    project = limited(tmp_path, "$10")
    told = r"price of openai:mine is not known.* --prices FILE"
    with pytest.raises(InputError, match=told), opened(project, model="openai:mine"):
        pass
    assert not (project / ".autoresearch").exists()


@pytest.mark.parametrize("criterion", ["5000 tokens", "$0.02"])
def test_tokens_and_dollars_end_a_research(llmock: Any, tmp_path: Path, criterion: str):
    project = limited(tmp_path, criterion)
    ideas(llmock, *(2.0 - n / 50 for n in range(25)))
    with opened(project) as lab:
        reason = research.run(lab)
        rows = list(lab.ledger.experiments)
    assert "tokens" in reason or "$0.02" in reason
    assert 1 < len(rows) < 20
    assert_agreement(project, "t")
    spent = [sum(row.tokens for row in rows[:-1]), sum(row.tokens for row in rows)]
    if "tokens" in criterion:
        assert spent[0] < 5000 <= spent[1]
    else:
        assert (
            sum(row.dollars or 0 for row in rows[:-1])
            < 0.02
            <= sum(row.dollars or 0 for row in rows)
        )
    first = rows[1]
    price = find_price("openai:gpt-4o", None)
    assert price is not None and first.dollars == pytest.approx(price.dollars(first.usage))
    assert first.tokens == first.usage.prompt + first.usage.completion
    assert first.usage.model == "gpt-4o"


def test_what_led_to_no_proposal_is_counted_at_every_end_and_in_every_budget(
    llmock: Any, tmp_path: Path
):
    project = limited(tmp_path, "1000000 tokens")
    ideas(llmock, 2.0)
    for _ in range(15):
        llmock.reply("I would rather talk about it.")
    with opened(project, flags=Flags(experiments=2)) as lab:
        told = research.run(lab)
        rows, spent = lab.ledger.experiments[1].tokens, lab.store.status.now.tally.tokens
        assert "never called a tool" in told and lab.store.status.now.failed
    assert spent > rows + 100
    status = json.loads(autoresearch("status", project, "--json").stdout)
    assert status["cost"]["tokens"] == spent and status["ended"]["failed"]
    words = " ".join(autoresearch("status", project).stdout.split())
    assert f"{spent:,} tokens" in words and f"{spent - rows:,} tokens led to no proposal" in words
    assert "ended: the model made no proposal in 5 turns" in words
    report = (project / ".autoresearch/t/report.md").read_text()
    assert f"{spent:,} tokens" in report and "It ended before a stopping criterion" in report

    (project / ".autoresearch/t/checkpoints.sqlite").unlink()
    with (project / ".autoresearch/t/spent.jsonl").open("a") as torn:
        torn.write('{"number": 2, "co')
    edited = (project / "program.md").read_text().replace("1000000 tokens", f"{spent} tokens")
    (project / "program.md").write_text(edited)
    with opened(project) as lab:
        assert research.run(lab) == f"done after {spent:,} tokens"
        assert not lab.store.status.now.failed


def test_what_a_model_spent_before_the_search_took_over_is_in_that_row(llmock: Any, project: Path):
    for _ in range(3):
        llmock.reply("I would rather talk about it.")
    with opened(project, search_share=0.1, flags=Flags(experiments=1)) as lab:
        research.run(lab)
        row = lab.ledger.experiments[1]
    assert row.author == "search" and row.tokens > 100 and row.usage.model == "gpt-4o"


def test_a_row_of_an_older_ledger_has_tokens_of_an_unknown_price(tmp_path: Path):
    Ledger(tmp_path, metric="loss").append(experiment(0))
    path = tmp_path / "experiments.jsonl"
    row = json.loads(path.read_text())
    del row["usage"]
    path.write_text(json.dumps({**row, "tokens": 123, "dollars": 0.0}) + "\n")
    [old] = Ledger(tmp_path, metric="loss").experiments
    assert (old.tokens, old.dollars) == (123, None)


def written(*parts: Any) -> str:
    console = Console(record=True, width=120, file=StringIO())
    console.print(*parts)
    return console.export_text()


def test_status_and_show_tell_what_each_author_cost(llmock: Any, project: Path):
    ideas(llmock, 2.0, 1.8)
    with opened(project, search_share=0.5, flags=Flags(experiments=4)) as lab:
        research.run(lab)
        records = load(lab.store.folder)
    assert records is not None
    told = json.loads(records.as_json())
    by_author = {y["author"]: y for y in told["yields"]}
    assert by_author["model"]["cost"]["usage"] == told["cost"]["usage"]
    assert by_author["model"]["cost"]["per_kept"]["dollars"] > 0
    assert by_author["search"]["cost"]["dollars"] == 0
    assert told["cost"]["tokens"] == sum(e["tokens"] for e in told["experiments"]) > 0
    row = records.experiment(1)
    assert f"{row.tokens:,} tokens (${row.dollars:.4f})" in written(experiment_page(records, 1))
    assert f"{row.tokens:,}  ${row.dollars:.4f}" in written(
        experiments_table(records, records.experiments)
    )
    table = written(authors_table(records))
    assert "dollars a keep" in table and f"{records.cost.usage.prompt:,} prompt (0 cached)" in table
    assert "for each improvement kept" in records.summary()


def test_check_and_run_refuse_a_limit_in_dollars_without_a_price(tmp_path: Path):
    project = limited(tmp_path, "$10")
    model = ["--model", "openai:mine"]
    for command in ("check", "run"):
        done = autoresearch(command, project, *model)
        assert done.returncode == 2
        assert "--prices FILE" in " ".join((done.stdout + done.stderr).split())
    (tmp_path / "own.toml").write_text('"mine" = { prompt = 1, completion = 2 }\n')
    done = autoresearch("check", project, *model, "--prices", str(tmp_path / "own.toml"))
    assert done.returncode == 0, done.stdout
    assert "openai:mine, $1 for 1M prompt tokens" in " ".join(done.stdout.split())

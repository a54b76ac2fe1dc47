import dataclasses
import difflib
import logging
import queue
import subprocess
import sys
from logging.handlers import QueueHandler
from typing import Any

import optuna
import pytest

from autoresearch_graph.core.brief import Exhausted
from autoresearch_graph.core.experiment import Crashed, Draft, Measured, TimedOut
from autoresearch_graph.core.program import Constraint
from autoresearch_graph.errors import InputError
from autoresearch_graph.proposers.search.proposer import Search
from tests.support.nights import ASSET, Night, loss, measured, proposal, values_of


def drafted(text: str, author: str = "model") -> Draft:
    return Draft(author=author, description="", text=text)


def changed(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line.split()[1] for line in lines if line.startswith("+ ")]


def test_the_first_proposals_move_one_to_three_constants_of_the_incumbent():
    night = Night()
    for number in range(1, 9):
        draft = Search().propose(night.brief())
        names = changed(night.texts[night.incumbent.number], draft.text)
        assert 1 <= len(names) <= 3
        assert draft.author == "search"
        assert all(f"{name} " in draft.description for name in names)
        assert "→" in draft.description
        assert draft.hypothesis.startswith("A small step from the incumbent")
        assert f"{number} measured setting" in draft.hypothesis
        night.record(draft, Measured(metric=loss(values_of(draft.text))))


def test_later_proposals_are_the_samplers():
    night = Night().go(Search(), 9)
    assert "the sampler (Gaussian process) expects a lower loss" in night.ledger[-1].hypothesis


def test_a_description_fits_a_line():
    text = "".join(f"{'LONG_NAME_' * 5}{letter} = 0.5\n" for letter in "ABCD")
    night = Night(lambda values: Measured(metric=sum(values.values())), text).go(Search(), 12)
    assert all(len(experiment.description) <= 120 for experiment in night.ledger)
    assert any(experiment.description.endswith(" more") for experiment in night.ledger)


def test_the_same_brief_gets_the_same_draft_after_a_restart():
    search = Search()
    night = Night().go(search, 12)
    assert search.propose(night.brief()) == search.propose(night.brief())
    assert search.propose(night.brief()) == Search().propose(night.brief())


def test_a_text_is_read_once():
    search = Search()
    night = Night().go(search, 6)
    assert night.reads == [0, 1, 2, 3, 4, 5]


def test_comments_and_spacing_do_not_make_a_tried_text_new():
    text = "A = 1  # one of: 1, 2\n\n# the second\nB = True\n"
    night = Night(lambda values: Measured(metric=1.0), text)
    for a, b in ((2, True), (1, False), (2, False)):
        tried = f"A = {a}  # one of: 1, 2\n# another comment\nB = {b}   \n"
        night.record(drafted(tried), Measured(metric=2.0))
    with pytest.raises(Exhausted):
        Search().propose(night.brief())


def test_what_is_under_way_is_not_proposed_again():
    night = Night(lambda values: Measured(metric=1.0), "A = True\nB = True\n")
    night.texts += ["A = False\nB = True\n", "A = True\nB = False\n"]
    brief = night.brief(in_flight=(proposal(1), proposal(2)))
    assert values_of(Search().propose(brief).text) == {"A": False, "B": False}
    night.texts.append("A = False\nB = False\n")
    with pytest.raises(Exhausted):
        Search().propose(night.brief(in_flight=(proposal(1), proposal(2), proposal(3))))


def test_the_sampler_looks_elsewhere_while_its_last_suggestion_is_under_way():
    night = Night().go(Search(), 10)
    first = Search().propose(night.brief())
    night.texts.append(first.text)
    second = Search().propose(night.brief(in_flight=(proposal(11),)))
    alone = Search().propose(night.brief())
    assert "the sampler" in second.hypothesis
    assert len({first.text, second.text, alone.text}) == 3


@pytest.mark.parametrize(
    "outcome",
    [
        Crashed(cause="memory", reason="out of memory"),
        Crashed(cause="not finite", reason="loss is NaN"),
        TimedOut(limit=60.0),
        Measured(metric=0.1, metrics={"memory_mb": 2000.0}),
    ],
)
def test_a_failure_teaches_to_stay_away(outcome):
    night = Night(
        lambda values: Measured(metric=1.0),
        "WIDTH = 1.0\n",
        constraints=(Constraint(name="memory_mb", relation="<=", bound=1000),),
    )
    night.record(drafted("WIDTH = 3.0\n"), outcome)
    widths = [
        values_of(Search().propose(night.brief(number=number)).text)["WIDTH"]
        for number in range(2, 60)
    ]
    assert max(widths) < 2.0
    assert min(widths) < 0.6


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("cpu_seconds", Measured(metric=0.1, cpu_seconds=9.0)),
        ("disk_gb", Measured(metric=0.1, disk_gb=9.0)),
        ("memory_gb", Measured(metric=0.1, memory_gb=9.0, metrics={"memory_gb": 0.1})),
        ("never_told", Measured(metric=0.1)),
    ],
)
def test_the_search_stays_away_from_what_the_judge_discards_by_a_constraint(name, run):
    """Whatever a run prints under the name of what the lab measures."""
    bound = Constraint(name=name, relation="<=", bound=5)
    night = Night(lambda values: Measured(metric=1.0), "WIDTH = 1.0\n", constraints=(bound,))
    night.record(drafted("WIDTH = 3.0\n"), run)
    night.ledger[1] = night.ledger[1].model_copy(update={"status": "discard"})
    best = night.incumbent.model_copy(update={"number": 0, "commit": "commit 0", "metric": 1.0})
    brief = night.brief(incumbent=best, text=night.texts[0])
    numbers = range(2, 30)
    tried = [Search().propose(dataclasses.replace(brief, number=number)) for number in numbers]
    assert max(values_of(draft.text)["WIDTH"] for draft in tried) < 2.0


def test_a_discard_is_no_failure():
    night = Night(lambda values: Measured(metric=1.0), "WIDTH = 1.0\n")
    night.record(drafted("WIDTH = 3.0\n"), Measured(metric=2.0))
    proposed = [Search().propose(night.brief(number=number)) for number in range(2, 60)]
    assert max(values_of(draft.text)["WIDTH"] for draft in proposed) > 2.0


@pytest.mark.parametrize("cause", ["syntax", "import", "exit"])
def test_a_crash_of_other_code_with_the_same_constants_bars_nothing(cause):
    night = Night()
    night.record(drafted(ASSET + "raise SystemExit(1)\n"), Crashed(cause=cause, reason=""))
    assert Search().propose(night.brief()).hypothesis.startswith("A small step")


def test_a_text_that_python_cannot_read_bars_nothing():
    night = Night(lambda values: Measured(metric=1.0), "WIDTH = 1.0\n")
    night.record(drafted("WIDTH = 3.0\nimport nowhere\n"), Crashed(cause="import", reason=""))
    proposed = [Search().propose(night.brief(number=number)) for number in range(2, 60)]
    assert max(values_of(draft.text)["WIDTH"] for draft in proposed) > 2.0


def test_a_text_in_the_ledger_that_cannot_be_parsed_is_passed_over():
    night = Night().go(Search(), 10)
    night.record(drafted("def broken(:\n"), Crashed(cause="syntax", reason="invalid syntax"))
    assert Search().propose(night.brief()).text


def test_the_mean_of_a_settings_runs_is_told():
    def after(*metrics: float) -> str:
        night = Night().go(Search(), 8)
        better = drafted(ASSET.replace("0.02", "0.04").replace("0.3", "0.2"), "search")
        night.record(better, *(Measured(metric=metric) for metric in metrics))
        incumbent = night.incumbent.model_copy(update={"number": 0})
        return Search().propose(night.brief(incumbent=incumbent, text=ASSET)).text

    assert after(0.25, 0.05) == after(0.15)
    assert after(0.05) != after(0.15)


@pytest.mark.parametrize(("direction", "sign"), [("lower", 1), ("higher", -1)])
def test_a_run_that_diverged_hides_nothing_of_the_rest(direction, sign):
    def after(metric: float) -> str:
        run = measured(lambda values: sign * loss(values))
        night = Night(run, direction=direction).go(Search(), 10)
        far = drafted(ASSET.replace("0.02", "0.159"))
        night.record(far, Measured(metric=sign * metric))
        return Search().propose(night.brief()).text

    assert after(1e3) == after(1e9)


def test_the_space_follows_the_incumbent():
    night = Night().go(Search(), 10)
    text = night.texts[night.incumbent.number].replace("DEPTH", "LAYERS") + "CLIP = 1.0\n"
    night.record(drafted(text), Measured(metric=-1.0))
    draft = Search().propose(night.brief())
    assert draft.hypothesis.startswith("A small step from the incumbent; 1 measured setting ")
    assert values_of(draft.text).keys() == values_of(text).keys()
    proposed = [Search().propose(night.brief(number=number)) for number in range(12, 40)]
    assert any("CLIP" in draft.description for draft in proposed)


def test_old_experiments_count_where_they_have_the_constants():
    night = Night().go(Search(), 10)
    text = night.texts[night.incumbent.number].replace("DEPTH = ", "depth = ")
    night.record(drafted(text), Measured(metric=-1.0))
    draft = Search().propose(night.brief())
    assert "Fitted to" in draft.hypothesis
    assert "depth = " in draft.text


def test_an_incumbent_without_constants_is_an_input_error():
    night = Night(lambda values: Measured(metric=1.0), "depth = 3\n")
    with pytest.raises(InputError, match="--model"):
        Search().propose(night.brief())


def test_optuna_says_nothing_and_its_log_is_left_as_it_was():
    log = logging.getLogger("optuna")
    heard: queue.SimpleQueue[Any] = queue.SimpleQueue()
    listener = QueueHandler(heard)
    log.addHandler(listener)
    optuna.logging.set_verbosity(optuna.logging.DEBUG)
    try:
        Night().go(Search(), 10)
        assert heard.empty()
        assert optuna.logging.get_verbosity() == optuna.logging.DEBUG
    finally:
        optuna.logging.set_verbosity(optuna.logging.INFO)
        log.removeHandler(listener)


def test_importing_the_search_imports_neither_optuna_nor_torch():
    code = (
        "import sys, autoresearch_graph.proposers.search.proposer\n"
        "assert not {'optuna', 'torch', 'numpy', 'scipy'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

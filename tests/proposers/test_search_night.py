"""Whole nights with a known metric in place of a training run."""

import random
from collections.abc import Callable
from statistics import fmean

import pytest

from autoresearch_graph.asset.constants import find, rewrite
from autoresearch_graph.core.brief import Brief, Exhausted
from autoresearch_graph.core.experiment import Crashed, Draft, Measured, Outcome
from autoresearch_graph.proposers.search.proposer import Search
from autoresearch_graph.proposers.search.space import guess
from tests.support.nights import ASSET, Night, Values, loss, measured, values_of


class AnyValues:
    """Random search in the same ranges."""

    def propose(self, brief: Brief) -> Draft:
        baseline = brief.ledger[0].metric
        assert baseline is not None
        rng = random.Random(brief.number + baseline)
        values = {c.name: guess(c).draw(rng) for c in find(ASSET, "train.py")}
        text = rewrite(ASSET, "train.py", values)
        return Draft(author="search", description="anything", text=text)


def test_a_search_beats_random_values():
    def noisy(seed: int) -> Callable[[Values], Outcome]:
        rng = random.Random(seed)
        return measured(lambda values: loss(values) + rng.gauss(0, 0.01))

    searched = [Night(noisy(seed)).go(Search(), 20).best() for seed in range(2)]
    drawn = [Night(noisy(seed)).go(AnyValues(), 20).best() for seed in range(8)]
    assert fmean(searched) < 0.5 * fmean(drawn)


def test_a_search_goes_up_where_higher_is_better():
    night = Night(measured(lambda values: -loss(values)), direction="higher")
    assert night.go(Search(), 16).best() < 0.15 * loss(values_of(ASSET))


def test_a_search_keeps_away_from_where_runs_crash():
    def run(values: Values) -> Outcome:
        if values["WIDTH"] * values["DEPTH"] > 64 * 3:
            return Crashed(cause="memory", reason="out of memory")
        return Measured(metric=loss(values))

    night = Night(run).go(Search(), 20)
    assert [e.status for e in night.ledger].count("crash") <= 5
    assert any("in a direction of which this is 50%" in e.hypothesis for e in night.ledger)


def test_a_finite_space_is_searched_to_its_end_and_nothing_twice():
    text = "DEPTH = 2  # one of: 1, 2, 3, 4, 5\nOPTIMIZER = 'sgd'  # one of: sgd, adamw\n"
    night = Night(measured(lambda values: values["DEPTH"]), text)
    with pytest.raises(Exhausted, match="DEPTH, OPTIMIZER"):
        night.go(Search(), 100)
    assert len(night.texts) == len(set(night.texts)) == 5 * 2


def test_many_constants_are_searched_too():
    text = "".join(f"SCALE_{letter} = 1.0\n" for letter in "ABCDEFGHIJKLMNOPQRSTUVWX")
    night = Night(measured(lambda values: sum(values.values())), text).go(Search(), 30)
    assert "(TPE)" in night.ledger[-1].hypothesis
    assert night.incumbent.metric < 20

"""An improvement is weighed against the noise: screen, fresh runs, the first keep, items."""

from typing import Any

import pytest

from autoresearch_graph.core.experiment import (
    Again,
    Candidate,
    Crashed,
    Incumbent,
    Measured,
    Verdict,
)
from autoresearch_graph.core.incumbent import NoiseEstimate
from autoresearch_graph.core.judging import judge
from autoresearch_graph.core.program import Constraint, Noise
from tests.support.judging import INCUMBENT, candidate, measured, program

SIGMA = NoiseEstimate(squares=2.0, freedom=200)
NO_NOISE = NoiseEstimate(squares=0.0, freedom=2)
FRESH = Incumbent(number=4, commit="c" * 40, metric=1.0, runs=3, trials=3)


def in_turns(*runs: Measured, paired: tuple[float, ...] = ()) -> Candidate:
    """A candidate whose fresh runs had the incumbent beside them, at 1.0 unless told otherwise."""
    beside = tuple(map(measured, paired or (1.0,) * (len(runs) - 1)))
    return candidate(*runs).model_copy(update={"incumbent_runs": beside})


def weighed(
    *values: float,
    rule: str = "balanced",
    paired: tuple[float, ...] = (),
    known: NoiseEstimate = SIGMA,
    **noise: Any,
) -> Verdict | Again:
    """Judge runs, the incumbent's of 1.0 in turns with them, by a sigma of 0.1; lower is better."""
    rules = program(noise=Noise(rule=rule, **noise))
    return judge(in_turns(*map(measured, values), paired=paired), FRESH, rules, known)


def status(decision: Verdict | Again) -> str:
    return decision.status if isinstance(decision, Verdict) else "again"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((1.2,), "discard"),
        ((0.9,), "discard"),
        ((0.87,), "again"),
        ((0.87, 1.0), "discard"),
        ((0.87, 0.9), "again"),
        ((0.80, 0.70), "again"),
        ((0.50, 0.45), "again"),
        ((0.50, 0.45, 0.45), "keep"),
        ((0.87, 0.9, 0.9), "again"),
        ((0.80, 0.7, 0.7), "keep"),
        ((0.87, 0.97, 0.97), "discard"),
        ((0.80, 0.7, 0.8, 0.7), "again"),
        ((0.87, 0.8, 0.8, 0.8, 0.8), "keep"),
        ((0.87, 0.85, 0.85, 0.85, 0.85), "again"),
        ((0.87, *(0.87,) * 6), "keep"),
        ((0.87, *(0.91,) * 6), "discard"),
    ],
)
def test_an_improvement_is_weighed_against_the_noise(values: tuple[float, ...], expected: str):
    """After an odd number of turns a drift may favour one, so nothing is kept then."""
    assert status(weighed(*values)) == expected


@pytest.mark.parametrize(("moved", "expected"), [(-0.3, "discard"), (0.0, "keep"), (0.3, "keep")])
def test_fresh_runs_are_compared_with_the_incumbent_of_the_same_time(moved: float, expected: str):
    """The machine has become quicker or slower by three sigmas since the incumbent was kept."""
    decision = weighed(0.7, 0.7, 0.7, paired=(1.0 + moved, 1.0 + moved))
    assert status(decision) == expected
    assert f"the incumbent's {1 + moved:g} (experiment 4)" in decision.reason


def test_a_jump_of_the_machine_within_a_pair_is_not_kept():
    """One that becomes quicker between the incumbent's run and the candidate's."""
    assert status(weighed(0.85, 0.0, paired=(1.0,))) == "again"
    assert status(weighed(0.85, 0.0, 0.0, paired=(1.0, 0.0))) == "again"
    later = (0.0,) * 4
    assert status(weighed(0.85, *later, paired=(1.0, *later[1:]))) == "discard"


def test_an_incumbent_that_gives_no_value_beside_a_candidate_is_tried_twice():
    boom = Crashed(cause="exit", reason="boom")

    def decide(turns: int) -> Verdict | Again:
        fresh = candidate(*(measured(0.5),) * (1 + turns))
        alone = fresh.model_copy(update={"incumbent_runs": (boom,) * turns})
        return judge(alone, FRESH, program(noise=Noise()), SIGMA)

    assert (status(decide(1)), status(decide(2))) == ("again", "discard")
    assert "gave no value to compare with" in decide(2).reason


def test_fresh_runs_without_a_rival_count_no_more_than_the_first_alone():
    """They ran beside an incumbent that was replaced meanwhile."""
    superseded = candidate(measured(0.7), measured(0.5), measured(0.5))
    assert status(judge(superseded, FRESH, program(noise=Noise()), SIGMA)) == "again"


def test_a_bar_is_higher_while_sigma_rests_on_few_repeats():
    runs, few = (0.80, 0.65, 0.72), NoiseEstimate(squares=0.02, freedom=2)
    assert (status(weighed(*runs)), status(weighed(*runs, known=few))) == ("keep", "again")


def test_strict_asks_for_more_than_balanced():
    assert status(weighed(0.80, 0.72, 0.72)) == "keep"
    assert status(weighed(0.80, 0.72, 0.72, rule="strict")) == "again"


def test_the_reason_gives_the_figures():
    assert weighed(0.50, 0.45, 0.45).reason == (
        "loss 0.45 is better than the incumbent's 1 (experiment 4) by 0.55: "
        "z 5.86 (mean of 2 fresh runs in turns, sigma 0.0998, incumbent of 2 runs)"
    )
    assert (
        "1.00 sigma (sigma 0.1, incumbent of 3 runs), below the bar of 1.15" in weighed(0.9).reason
    )


def test_the_value_of_a_keep_is_the_mean_of_its_fresh_runs():
    decision = weighed(0.5, 0.80, 0.74)
    assert isinstance(decision, Verdict)
    assert decision.metric == pytest.approx(0.77)
    assert decision.runs == 2


def test_a_first_run_that_could_not_have_failed_counts_for_the_value():
    decision = weighed(0.5, 0.6, 0.6)
    assert isinstance(decision, Verdict)
    assert decision.metric == pytest.approx(1.7 / 3)
    assert decision.runs == 3


def test_what_a_discarded_idea_was_better_by_on_its_first_run_is_luck():
    """A residual: the incumbent's mean of three runs, or its run in turns, has noise of its own."""
    assert weighed(0.9).residual == pytest.approx(0.1 * 0.75**0.5)
    assert weighed(0.87, 1.1).residual == pytest.approx(0.13 * 0.5**0.5)
    assert (weighed(1.2).residual, weighed(0.50, 0.45, 0.45).residual) == (0.0, 0.0)


def test_what_falls_by_something_else_than_the_noise_was_no_luck():
    assert weighed(0.5, 0.5, 0.5, minimum_improvement=0.9).residual == 0.0
    bound = (Constraint(name="seconds", relation="<=", bound=0.5),)
    rules = program(noise=Noise(), constraints=bound)
    broken = judge(candidate(measured(0.9)), FRESH, rules, SIGMA)
    assert isinstance(broken, Verdict)
    assert (broken.status, broken.residual) == ("discard", 0.0)


def test_a_minimum_improvement_and_confirmations_hold_in_addition():
    assert status(weighed(0.5, 0.5, 0.5, minimum_improvement=0.6)) == "discard"
    assert status(weighed(0.4, 0.4, confirmations=2)) == "again"
    assert status(weighed(0.4, 0.4, 0.4, confirmations=2)) == "keep"


def test_where_the_repeats_were_identical_any_improvement_counts_and_is_confirmed_once():
    def decide(*values: float) -> Verdict | Again:
        return weighed(*values, known=NO_NOISE)

    assert status(decide(1.0)) == "discard"
    assert status(decide(0.999999)) == "again"
    assert status(decide(0.999999, 0.999999)) == "keep"
    assert "repeats so far were identical" in decide(0.999999, 0.999999).reason
    moved = weighed(0.9, 0.9, paired=(0.9,), known=NO_NOISE)
    assert (status(moved), "a tie is a discard" in moved.reason) == ("discard", True)
    assert status(weighed(0.9, 0.95, known=NO_NOISE)) == "again"


def test_a_deterministic_metric_is_kept_at_once():
    assert status(weighed(0.999999, rule="deterministic")) == "keep"


@pytest.mark.parametrize("rule", ["fast", "deterministic", "balanced"])
def test_an_implausible_jump_is_held_until_two_fresh_runs_confirm_it(rule: str):
    kind: dict[str, Any] = {"rule": rule, "plausible": (0.5, 1.5)}
    assert status(weighed(0.1, **kind)) == "again"
    assert status(weighed(0.1, 0.1, **kind)) == "again"
    assert status(weighed(0.1, 1.1, 1.1, **kind)) == "discard"
    decision = weighed(0.1, 0.1, 0.1, **kind)
    assert status(decision) == "keep"
    assert "outside the plausible range from 0.5 to 1.5: look at its diff" in decision.reason


def items(*values: float) -> Measured:
    return Measured(metric=sum(values) / len(values), items=values)


def test_a_mean_over_items_is_judged_item_by_item():
    old = tuple(0.5 + n / 100 for n in range(20))
    best = FRESH.model_copy(update={"metric": sum(old) / 20, "items": old})
    rules = program(direction="higher", noise=Noise())
    one_better = items(*old[:-1], old[-1] + 0.4)
    all_better = items(*(value + 0.02 + value / 1000 for value in old))

    def decide(*runs: Measured) -> Verdict | Again:
        fresh = candidate(*runs).model_copy(update={"incumbent_runs": (items(*old),)})
        return judge(fresh, best, rules, NO_NOISE)

    lucky = decide(one_better, one_better)
    assert isinstance(lucky, Verdict)
    assert lucky.status == "discard"
    assert "item by item z is" in lucky.reason
    assert status(decide(all_better, all_better)) == "keep"


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ((0.99, 0.97, 0.96, 0.95, 0.97), "keep"),
        ((0.99, 1.0, 0.99, 0.98, 0.99), "discard"),
        ((0.99, 1.01), "discard"),
        ((1.01,), "discard"),
    ],
)
def test_less_code_is_kept_within_the_noise_only_where_it_is_hardly_worse(
    runs: tuple[float, ...], expected: str
):
    """Sigma is 0.1: the mean of four fresh runs has to be better by about 0.02."""
    shorter = in_turns(*map(measured, runs)).model_copy(update={"saved": 12})
    decision = judge(
        shorter, INCUMBENT.model_copy(update={"runs": 3}), program(noise=Noise()), SIGMA
    )
    assert status(decision) == expected
    assert ("simpler" in decision.reason) == (expected == "keep")

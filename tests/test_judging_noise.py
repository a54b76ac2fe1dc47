"""An improvement is weighed against the noise: screen, fresh runs, the first keep, items."""

import pytest

from autoresearch_graph.experiment import Again, Incumbent, Measured, Verdict
from autoresearch_graph.judging import judge
from autoresearch_graph.program.model import Constraint, Noise
from autoresearch_graph.standing import Spread

from .test_judging import INCUMBENT, candidate, measured, program

SIGMA = Spread(squares=0.02, freedom=2)
FRESH = Incumbent(number=4, commit="c" * 40, metric=1.0, runs=3, trials=3)


def weighed(
    *values: float, rule: str = "balanced", best: Incumbent = FRESH, **noise: object
) -> Verdict | Again:
    """Judge runs against an incumbent of 1.0 (three runs) with a sigma of 0.1; lower is better."""
    rules = program(noise=Noise(rule=rule, **noise))
    return judge(candidate(*map(measured, values)), best, rules, SIGMA)


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
        ((0.80, 0.70), "keep"),
        ((0.87, 0.9, 0.9), "again"),
        ((0.87, 0.85, 0.85), "keep"),
        ((0.87, 0.97, 0.97), "discard"),
        ((0.87, 0.9, 0.9, 0.95), "keep"),
        ((0.87, 0.94, 0.94, 0.99), "discard"),
    ],
)
def test_an_improvement_is_weighed_against_the_noise(values: tuple[float, ...], expected: str):
    assert status(weighed(*values)) == expected


@pytest.mark.parametrize(
    ("values", "later", "first"),
    [
        ((0.87,), "again", "discard"),
        ((0.80, 0.70), "keep", "again"),
        ((0.80, 0.61), "keep", "keep"),
        ((0.80, 0.9, 0.9, 0.9), "keep", "discard"),
        ((0.80, 0.87, 0.87, 0.87), "keep", "keep"),
        ((0.9,), "discard", "discard"),
    ],
)
def test_the_first_keep_asks_for_more_than_later_ones(
    values: tuple[float, ...], later: str, first: str
):
    baseline = FRESH.model_copy(update={"number": 0})
    assert (status(weighed(*values)), status(weighed(*values, best=baseline))) == (later, first)


def test_strict_asks_for_more_than_balanced():
    assert status(weighed(0.87, 0.92, 0.92, 0.92)) == "keep"
    assert status(weighed(0.87, 0.92, 0.92, 0.92, rule="strict")) == "discard"


def test_the_reason_gives_the_figures():
    decision = weighed(0.80, 0.70)
    assert decision.reason == (
        "loss 0.7 is better than the incumbent's 1 (experiment 4) by 0.3: "
        "z 2.60 (mean of 1 fresh run, sigma 0.1, incumbent of 3 runs)"
    )
    assert "1.00 sigma (sigma 0.1, incumbent of 3 runs), less than the 1.15" in weighed(0.9).reason


def test_the_value_of_a_keep_is_the_mean_of_its_fresh_runs():
    decision = weighed(0.5, 0.80, 0.74)
    assert isinstance(decision, Verdict)
    assert (decision.metric, decision.runs) == (pytest.approx(0.77), 2)


def test_a_first_run_that_could_not_have_failed_counts_for_the_value():
    decision = weighed(0.5, 0.6)
    assert isinstance(decision, Verdict)
    assert (decision.metric, decision.runs) == (pytest.approx(0.55), 2)


def test_what_a_discarded_idea_was_better_by_on_its_first_run_is_luck():
    """A residual: the incumbent's mean of three runs has noise of its own."""
    kept = 0.75**0.5
    assert weighed(0.9).luck == pytest.approx(0.1 * kept)
    assert weighed(0.87, 1.1).luck == pytest.approx(0.13 * kept)
    assert (weighed(1.2).luck, weighed(0.80, 0.70).luck) == (0.0, 0.0)


def test_what_falls_by_something_else_than_the_noise_was_no_luck():
    assert weighed(0.5, 0.6, minimum_improvement=0.9).luck == 0.0
    bound = (Constraint(name="seconds", relation="<=", bound=0.5),)
    rules = program(noise=Noise(), constraints=bound)
    broken = judge(candidate(measured(0.9)), FRESH, rules, SIGMA)
    assert isinstance(broken, Verdict)
    assert (broken.status, broken.luck) == ("discard", 0.0)


def test_a_minimum_improvement_and_confirmations_hold_in_addition():
    assert status(weighed(0.5, 0.6, minimum_improvement=0.4)) == "discard"
    assert status(weighed(0.5, 0.6, confirmations=2)) == "again"
    assert status(weighed(0.5, 0.6, 0.6, confirmations=2)) == "keep"


def test_where_the_repeats_were_identical_any_improvement_counts_and_is_confirmed_once():
    def decide(*values: float) -> Verdict | Again:
        none = Spread(squares=0.0, freedom=2)
        return judge(candidate(*map(measured, values)), FRESH, program(noise=Noise()), none)

    assert status(decide(1.0)) == "discard"
    assert status(decide(0.999999)) == "again"
    assert status(decide(0.999999, 0.999999)) == "keep"
    assert "repeats so far were identical" in decide(0.999999, 0.999999).reason


def test_a_deterministic_metric_is_kept_at_once():
    assert status(weighed(0.999999, rule="deterministic")) == "keep"


@pytest.mark.parametrize("rule", ["fast", "deterministic", "balanced"])
def test_an_implausible_jump_is_held_until_two_fresh_runs_confirm_it(rule: str):
    kind = {"rule": rule, "plausible": (0.5, 1.5)}
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
    none = Spread(squares=0.0, freedom=2)
    lucky = judge(candidate(one_better, one_better), best, rules, none)
    assert isinstance(lucky, Verdict)
    assert lucky.status == "discard"
    assert "item by item z is" in lucky.reason
    assert status(judge(candidate(all_better, all_better), best, rules, none)) == "keep"


@pytest.mark.parametrize(
    ("runs", "status"),
    [
        ((0.99, 0.97, 0.96, 0.95), "keep"),
        ((0.99, 1.0, 0.99, 0.98), "discard"),
        ((0.99, 1.01), "discard"),
        ((1.01,), "discard"),
    ],
)
def test_less_code_is_kept_within_the_noise_only_where_it_is_hardly_worse(
    runs: tuple[float, ...], status: str
):
    """Sigma is 0.1: the mean of three fresh runs has to be better by 0.03, instead of 0.05."""
    noise = Noise(rule="balanced", baseline_runs=3)
    best = INCUMBENT.model_copy(update={"runs": 3})
    shorter = candidate(*map(measured, runs)).model_copy(update={"saved": 12})
    decision = judge(shorter, best, program(noise=noise), Spread(squares=0.2, freedom=20))
    assert decision.status == status
    assert ("simpler" in decision.reason) == (status == "keep")

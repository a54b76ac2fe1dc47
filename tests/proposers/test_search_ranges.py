import random

import pytest

from autoresearch_graph.asset.constants import find
from autoresearch_graph.proposers.search.space import Interval, Steps, follow, guess

BOTH = Steps((False, True), ordered=False)


def constant(line: str):
    (found,) = find(line, "train.py")
    return found


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("TIED = True", BOTH),
        ("DEPTH = 4  # one of: 8, 2, 4", Steps((2, 4, 8))),
        ("OPT = 'adamw'  # one of: adamw, muon", Steps(("adamw", "muon"), ordered=False)),
        ("BATCH_SIZE = 64", Steps((8, 16, 32, 64, 128, 256, 512))),
        ("HEADS = 4", Steps((1, 2, 4, 8, 16, 32))),
        ("TOKENS = 2**4", Steps((2, 4, 8, 16, 32, 64, 128))),
        ("ROWS = 10**3", Steps((100, 1000, 10000))),
        ("DEPTH = 4", Steps((1, 2, 3, 4, 5, 6, 7, 8, 9, 10))),
        ("REPEATS = 2", Steps((1, 2, 3, 4, 5, 6))),
        ("WIDTH = 48", Steps((16, 32, 48, 64, 96, 128, 192, 272, 384))),
        ("EPOCHS = 100", Interval(12, 800, "log", whole=True)),
        ("WARMUP_STEPS = 0", Interval(0, 200, whole=True)),
        ("USE_BIAS = 0", Steps((0, 1))),
        ("EXTRA = 0", Steps((0, 1, 2, 3, 4))),
        ("OFFSET = -2", Steps((-6, -5, -4, -3, -2, -1))),
        ("MATRIX_LR = 0.02", Interval(0.0025, 0.16, "log")),
        ("EMBEDDING_LR = 0.9", Interval(0.113, 7.2, "log")),
        ("GRAD_CLIP = 1.0", Interval(0.125, 8.0, "log")),
        ("BIAS = -0.5", Interval(-4.0, -0.0625, "log")),
        ("WEIGHT_DECAY = 0.1", Interval(0.0125, 0.8, "log")),
        ("WEIGHT_DECAY = 0.0", Interval(0.0, 0.3)),
        ("FINAL_LR = 0.0", Interval(0.0, 0.1)),
        ("DROPOUT = 0.1", Interval(0.0, 0.5)),
        ("DROPOUT = 0.6", Interval(0.0, 1.0)),
        ("WARMUP_RATIO = 0.0", Interval(0.0, 0.5)),
        ("WARMDOWN_FRACTION = 1.0", Interval(0.0, 1.0)),
        ("MLP_RATIO = 4.0", Interval(0.5, 32.0, "log")),
        ("ADAM_BETA2 = 0.95", Interval(0.6, 0.99375, "tail")),
        ("BETA1 = 0.0", Interval(0.0, 0.95)),
        ("EMA_DECAY = 0.999", Interval(0.992, 0.999875, "tail")),
        ("OTHER = 0.0", Interval(0.0, 1.0)),
    ],
)
def test_a_range_is_guessed_from_the_name_and_the_value(line, expected):
    guessed = guess(constant(line))
    assert guessed == expected
    assert guessed.holds(constant(line).value)


@pytest.mark.parametrize(
    "line", ["LR = 0.0333", "BIAS = -0.5", "BETA = 0.97", "DROPOUT = 0.1", "EPOCHS = 333"]
)
def test_drawn_values_are_within_the_range_tidy_and_of_the_same_type(line):
    at_hand = constant(line).value
    values = guess(constant(line))
    rng = random.Random(0)
    for drawn in [values.draw(rng) for _ in range(200)] + [values.at(0.0), values.at(1.0)]:
        assert values.holds(drawn)
        assert type(drawn) is type(at_hand)
        assert len(str(drawn).strip("-0.")) <= 6
        assert values.at(values.position(drawn)) == pytest.approx(drawn, rel=1e-3)


@pytest.mark.parametrize("line", ["BETA2 = 0.9999999999999", "TINY = 1e-90", "HUGE = 1e90"])
def test_extreme_values_have_a_range_that_holds_them(line):
    values = guess(constant(line))
    assert values.holds(constant(line).value)
    assert values.holds(values.draw(random.Random(0)))


def test_the_range_stays_where_it_was_while_the_incumbent_is_well_inside():
    assert follow(constant("LR = 0.04"), origin=0.02) == Interval(0.0025, 0.16, "log")


def test_the_range_grows_where_the_incumbent_reaches_its_end():
    assert follow(constant("LR = 0.15"), origin=0.02) == Interval(0.0025, 1.2, "log")
    assert follow(constant("BATCH = 32"), origin=4).values == (1, 2, 4, 8, 16, 32, 64, 128, 256)


def test_the_range_is_guessed_anew_where_the_first_value_says_nothing_about_the_incumbents():
    assert follow(constant("BATCH = 48"), origin=1001) == guess(constant("BATCH = 48"))
    assert follow(constant("BATCH = 48"), origin=0.5) == guess(constant("BATCH = 48"))
    assert follow(constant("BIAS = -0.5"), origin=0.0) == guess(constant("BIAS = -0.5"))
    assert follow(constant("N = 2**4"), origin=-3) == guess(constant("N = 2**4"))

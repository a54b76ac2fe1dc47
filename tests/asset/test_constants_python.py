from typing import Any

import pytest

from autoresearch_graph.asset.constants import describe, find, rewrite
from autoresearch_graph.errors import InputError


def found(text: str) -> dict[str, object]:
    return {constant.name: constant.value for constant in find(text, "train.py")}


def test_upper_case_numbers_and_booleans_at_module_level_are_constants():
    text = (
        "DEPTH = 8\nMATRIX_LR: float = 2e-2\n_GAIN = -0.5\nTIED = True\nBATCH = 2**11\nN = 1_024\n"
    )
    assert found(text) == {
        "DEPTH": 8,
        "MATRIX_LR": 0.02,
        "_GAIN": -0.5,
        "TIED": True,
        "BATCH": 2048,
        "N": 1024,
    }


@pytest.mark.parametrize(
    "text",
    [
        "depth = 8",
        "Depth = 8",
        "BETAS = (0.9, 0.95)",
        "WIDTH = 64 * DEPTH",
        "A = B = 3",
        "A, B = 3, 4",
        "NAME = 'gpt'",
        "FLAGS = 0xFF",
        "NOTHING = None",
        "LARGE = 1e999",
        "def main():\n    DEPTH = 8",
        "if DEBUG:\n    DEPTH = 8",
        "class Model:\n    DEPTH = 8",
    ],
)
def test_everything_else_is_left_alone(text):
    assert found(text) == {}


@pytest.mark.parametrize("again", ["DEPTH = 8", "DEPTH += 1", "DEPTH = f()", "DEPTH, X = 1, 2"])
def test_a_name_that_is_assigned_again_is_left_alone(again):
    assert found(f"DEPTH = 4\nWIDTH = 64\n{again}\n") == {"WIDTH": 64}


def test_a_seed_is_never_tuned():
    assert found("SEED = 1\nDATA_SEED = 2\nSEEDS_TRIED = 3\nDEPTH = 4\n") == {"DEPTH": 4}


def test_a_comment_gives_the_choices():
    depth, optimizer, rate = find(
        "DEPTH = 4  # layers; one of: 2, 4, 8\n"
        "OPTIMIZER = 'adamw'  # one of: \"adamw\", muon\n"
        "RATE = 0.5  # one of: 0, 0.5\n",
        "train.py",
    )
    assert depth.choices == (2, 4, 8)
    assert optimizer.choices == ("adamw", "muon")
    assert rate.choices == (0.0, 0.5)
    assert isinstance(rate.choices[0], float)


def test_the_value_at_hand_is_always_a_choice():
    (depth,) = find("DEPTH = 6  # one of: 2, 4\n", "train.py")
    assert depth.choices == (6, 2, 4)


@pytest.mark.parametrize(
    "comment", ["one of: 8", "one of: 2, 'a'", "one of: 2, 4 (heads)", "one of: True, 8", "one of:"]
)
def test_a_single_choice_and_an_unreadable_one_pin_a_constant(comment):
    assert found(f"DEPTH = 8  # {comment}\n") == {}


def test_a_comment_on_another_line_gives_no_choices():
    (depth,) = find("DEPTH = 8\n# one of: 2, 4\n", "train.py")
    assert depth.choices == ()


def test_only_the_literals_change():
    text = (
        '"""Größe."""\r\n'
        "ÄHM = 'ü'; LR = 3e-4   # the rate\r\n"
        "WIDTH  =\t( 64 )  # wide\r\n"
        "BATCH: int=2 ** 11\r\n"
        "OPT = 'adamw'  # one of: adamw, muon\r\n"
        "ROWS = 1_000_000\r\n"
        "TIED = True"
    )
    values: dict[str, Any] = {
        "LR": 0.0012,
        "WIDTH": 96,
        "BATCH": 4096,
        "OPT": "muon",
        "ROWS": 2000000,
    }
    assert rewrite(text, "train.py", {**values, "TIED": False}) == (
        text.replace("3e-4", "1.2e-3")
        .replace("64", "96")
        .replace("11", "12")
        .replace("= 'adamw'", "= 'muon'")
        .replace("1_000_000", "2_000_000")
        .replace("True", "False")
    )


@pytest.mark.parametrize(
    ("literal", "value", "written"),
    [
        ("0.02", 0.04, "0.04"),
        ("0.02", 0.1 + 0.2, "0.30000000000000004"),
        ("0.5", 1.0, "1.0"),
        ("0.5", 0.0, "0.0"),
        (".5", 0.25, "0.25"),
        ("100.0", 1200.0, "1200.0"),
        ("0.1", 0.00005, "0.00005"),
        ("0.1", 5e-10, "5.0e-10"),
        ("1e-3", 0.0025, "2.5e-3"),
        ("1.0e-3", 0.002, "2.0e-3"),
        ("1e-03", 0.0002, "2e-04"),
        ("1E+6", 2e6, "2E+6"),
        ("1e-3", 0.0, "0.0"),
        ("-0.5", -0.25, "-0.25"),
        ("- 3", -4, "-4"),
        ("2**11", 3000, "3000"),
        ("10 ** 3", 100, "10 ** 2"),
        ("0.020", 0.02, "0.020"),
    ],
)
def test_a_number_is_written_in_the_manner_of_the_old_one(literal, value, written):
    assert rewrite(f"X = {literal}\n", "train.py", {"X": value}) == f"X = {written}\n"


def test_an_unknown_constant_is_refused():
    with pytest.raises(KeyError, match="WIDTH"):
        rewrite("DEPTH = 8\n", "train.py", {"WIDTH": 1})


@pytest.mark.parametrize("text", ["DEPTH = \n", "DEPTH = 8\n  WIDTH = 3\n", "X = '\x00'\n"])
def test_a_text_that_is_not_python_is_an_input_error(text):
    with pytest.raises(InputError, match=r"train\.py cannot be parsed"):
        find(text, "train.py")


def test_the_string_escapes_of_an_asset_raise_no_warning():
    assert found("PATTERN = '\\d'\nDEPTH = 8\n") == {"DEPTH": 8}


def test_describe_names_the_constants():
    assert describe("DEPTH = 8\nWIDTH = 64\n", "train.py") == "2 constants: DEPTH, WIDTH"
    assert describe("DEPTH = 8\n", "train.py") == "1 constant: DEPTH"


def test_an_asset_without_constants_is_an_input_error_that_says_how_to_mend_it():
    with pytest.raises(InputError, match=r"UPPER_CASE.*--model"):
        describe("depth = 8\n", "train.py")


def test_a_format_that_is_not_known_is_an_input_error():
    with pytest.raises(InputError, match=r"train\.sh: .*\.py, \.json.*--model"):
        describe("DEPTH=8\n", "train.sh")

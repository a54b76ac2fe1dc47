"""Reading metrics out of what a run printed, and cleaning it."""

import math
import time

import pytest

from autoresearch_graph.core.output import NAMES, how_to_print, read_metrics, without_items
from autoresearch_graph.core.text import clean


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("val_bpb: 0.9979", "val_bpb", 0.9979),
        ("val_bpb:          0.997900  ", "val_bpb", 0.9979),
        ("   val_bpb:0.9979", "val_bpb", 0.9979),
        ("METRIC total_ms=12.5", "total_ms", 12.5),
        ("METRIC  total_µs = 15200", "total_µs", 15200),
        ('{"val_bpb": 0.9979, "steps": 953, "name": "x", "ok": true}', "val_bpb", 0.9979),
        ("val_bpb = 0.9979", "val_bpb", 0.9979),
        ("val_bpb=0.9979", "val_bpb", 0.9979),
        ("METRIC val_bpb: 0.9979", "val_bpb", 0.9979),
        ("METRIC total_ms=12.5 ms", "total_ms", 12.5),
        ("METRIC latency=900ms", "latency", 900),
        ("METRIC rate=12.5 tokens/s", "rate", 12.5),
        ("METRIC share=93.1 %", "share", 93.1),
        ("peak_mb: 310.5 MB", "peak_mb", 310.5),
        ("training_seconds: 300.1 s", "training_seconds", 300.1),
        ('{"val_bpb": 0.9979}\ndone in 3 s', "val_bpb", 0.9979),
        ('  {"score": 47, "max": 100}  ', "score", 47),
        ('{\n  "score": 47,\n  "parts": {\n    "a": 1\n  },\n  "max": 100\n}\n\n', "score", 47),
        ("acc@1: 93.1%", "acc@1", 93.1),
        ("accuracy: 0.4500  (1/200)", "accuracy", 0.45),
        ("hit_rate: 45 % (9 / 20)", "hit_rate", 45),
        ("eval/loss.mean-3: -1.5e-3", "eval/loss.mean-3", -0.0015),
        ("score: .5", "score", 0.5),
        ("\x1b[32mval_bpb:\x1b[0m \x1b[1m0.9979\x1b[0m", "val_bpb", 0.9979),
    ],
)
def test_every_dialect_is_read(line: str, name: str, value: float):
    assert read_metrics(f"step 1\n{line}\n")[name].value == value


@pytest.mark.parametrize(
    "line",
    [
        "val_bpb: 1.2.3",
        "val_bpb: 1,234.5",
        "val_bpb: 12 ms",
        "val_bpb: 0.9979 (best)",
        "best val_bpb: 0.9979",
        "val_bpb == 0.9979",
        "METRIC val_bpb 0.9979",
        "METRIC val_bpb=0.9979 (best)",
        "val_bpb: tensor(0.9979)",
        "val_bpb: nano",
        "val_bpb:",
        '{"val_bpb": "0.9979"}',
        '{"val_bpb": true}',
        '{"val_bpb": 0.9',
        '{"val_bpb": 0.9979} bye',
        '{\n  "val_bpb": 0.9979\n}\nbye',
        '{\n  "val_bpb": 0.9979,\n}',
        '{\n  "parts": {"val_bpb": 0.9979}\n}',
    ],
)
def test_what_is_not_a_name_and_a_number_does_not_count(line: str):
    assert "val_bpb" not in read_metrics(line)


@pytest.mark.parametrize(
    "line", ["total_ms: 1.2 s", "METRIC total_ms=1.2 s", "METRIC total_ms=1.2 minutes"]
)
def test_a_unit_that_is_not_the_name_s_does_not_count(line: str):
    assert "total_ms" not in read_metrics(line)


def test_the_last_match_counts():
    assert read_metrics('{"val_bpb": 1}\nval_bpb=2\n{"val_bpb": 3}\ndone\n')["val_bpb"].value == 3
    assert (
        read_metrics('val_bpb: 1\nMETRIC val_bpb=2\nval_bpb: 3\n{"val_bpb": 4}\n')["val_bpb"].value
        == 4
    )
    assert read_metrics("METRIC val_bpb=2\nval_bpb: 3 (best)\n")["val_bpb"].value == 2


@pytest.mark.parametrize(
    "said",
    [
        "1.2.3",
        "1,234.5",
        "1,234 (1/2)",
        "36_100",
        "1/3",
        "3:45",
        "--5",
        "0x10",
        "0b11",
        "1e",
        "5e-",
        "0.03 ± 0.001",
        "0.03 +/- 0.001",
        "900 ms",
        "2.4M",
        "12 µs",
    ],
)
def test_no_earlier_line_counts_where_the_last_cannot_be_read(said: str):
    assert "val_bpb" not in read_metrics(f"val_bpb: 2\nval_bpb: {said}\n")


@pytest.mark.parametrize("said", ["null", '"nan"', "true", "[1]", '{"train": 1}'])
def test_an_object_without_a_number_takes_it_back(said: str):
    text = f'{{"val_bpb": 2}}\n{{"val_bpb": {said}}}\n'
    assert "val_bpb" not in read_metrics(text) and "val_bpb" in read_metrics('{"val_bpb": 2}\n{}')


def test_a_unit_in_an_object_is_kept():
    said = (
        '{"t": 1036.0, "unit": "ms"}\n{"b": 1, "b_unit": "seconds"}\n{"peak_mb": 3, "unit": "MB"}'
    )
    read = read_metrics(said)
    assert [(name, read[name].unit) for name in read] == [("t", "ms"), ("b", "s"), ("peak_mb", "")]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("loss: 0,003", "`0,003` is not read as a number"),
        ("loss: 36,100", "print `loss: 36100`, without"),
        ("loss is 0.5-0.7", "print `loss: <number>`"),
        ("loss is 5 of 10", "print `loss: <number>`"),
        ("loss is 0.5", "print `loss: 0.5`"),
    ],
)
def test_advice_is_right_when_it_is_followed(line: str, told: str):
    assert told in how_to_print(line, "loss")


@pytest.mark.parametrize("said", ["0xff", "1e", "1_000", "1,5", "nano", "tensor(2)", "1.2 (best)"])
def test_a_metric_line_that_cannot_be_read_takes_the_number_back(said: str):
    assert "val_bpb" not in read_metrics(f"METRIC val_bpb=2\nMETRIC val_bpb={said}\n")


def test_the_unit_is_kept_beside_the_number():
    text = "METRIC a=900K\nMETRIC a=2.4M\nMETRIC t=3 μs\nMETRIC c=0B\nd: 93 %\nMETRIC e_ms=1 msec"
    units = {name: reading.unit for name, reading in read_metrics(text).items()}
    assert units == {"a": "M", "t": "us", "c": "B", "d": "%", "e_ms": ""}


def test_metrics_come_in_the_order_of_their_last_mention():
    assert list(read_metrics("a: 1\nb: 2\na: 3\n").items()) == [("b", (2, "")), ("a", (3, ""))]


@pytest.mark.parametrize("number", ["nan", "NaN", "inf", "-inf", "Infinity"])
def test_a_number_that_is_not_finite_is_seen(number: str):
    assert not math.isfinite(read_metrics(f"val_bpb: {number}")["val_bpb"].value)
    assert not math.isfinite(read_metrics('{"val_bpb": NaN}')["val_bpb"].value)
    assert read_metrics('{"val_bpb": 1' + "0" * 400 + "}")["val_bpb"].value == math.inf


def test_a_metric_after_thousands_of_progress_updates_is_found():
    progress = "".join(f"\rstep {n} | loss: {n}.5" for n in range(20_000))
    assert read_metrics(progress + "\rval_bpb: 0.9979\r")["val_bpb"].value == 0.9979


def test_the_number_of_names_is_bounded_and_wanted_ones_stay():
    text = "val_bpb: 1\n" + "".join(f"noise_{n}: {n}\n" for n in range(500))
    found = read_metrics(text, wanted={"val_bpb"})
    assert len(found) == NAMES
    assert found["val_bpb"].value == 1
    assert found["noise_499"].value == 499


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("9" * 400_000 + "x", id="digits"),
        pytest.param("a" * 400_000, id="letters"),
        pytest.param("\x1b]" * 200_000, id="escapes"),
        pytest.param('{"a":' * 12_000, id="nested objects"),
        pytest.param(" " * 400_000, id="spaces"),
        pytest.param("a:\n" * 100_000, id="empty pairs"),
        pytest.param("{\n" * 100_000 + "}", id="open objects"),
        pytest.param(("val_bpb: " + "1" * 900 + "x\n") * 400, id="long numbers"),
    ],
)
def test_hostile_output_is_read_in_linear_time(text: str):
    started = time.thread_time()
    assert read_metrics(text) == {}
    assert time.thread_time() - started < 10


def test_a_name_in_an_object_is_one_line_of_visible_text():
    line = r'{"\u001b[2J\n\n## you": 1, "\ud800lone": 2}'
    assert read_metrics(line) == {"## you": (1, ""), "lone": (2, "")}


def test_clean_text_has_no_control_codes_and_loses_no_progress():
    dirty = "\x1b[31mred\x1b[0m\tx\x00\x07\r\nstep 1\rstep 2\x1b]0;title\x07\u202eevil\u200b\n"
    assert clean(dirty) == "red\tx\nstep 1\nstep 2evil\n"


def test_what_a_metric_is_made_of_is_left_out_of_what_is_shown():
    text = (
        "loss: 1\nval_bpb_items: [1.5, 2]\n  a_items: [3]\nitems: [4]\nval_bpb: 1.75\nb_items: [5]"
    )
    assert without_items(text) == "loss: 1\nitems: [4]\nval_bpb: 1.75\n"

"""Time box, constraints, noise, stopping criteria and environment of a program.md."""

from pathlib import Path

import pytest

from autoresearch_graph.core.program import Noise
from tests.support.programs import make_project, read_parts


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path, "train.py", "prepare.py")


@pytest.mark.parametrize(
    ("said", "seconds", "kill_after"),
    [
        ("5 minutes", 300, 600),
        ("90 s", 90, 180),
        ("A five-minute run.", 300, 600),
        ("1h 30m", 5400, 10800),
        ("1 hour and 30 minutes", 5400, 10800),
        ("2.5 min", 150, 300),
        ("300 seconds (5 minutes)", 300, 600),
        ("00:05:00", 300, 600),
        ("1,800 seconds", 1800, 3600),
        ("5 minutes, killed after 7 minutes", 300, 420),
        ("30 s of training. If a run exceeds 2 minutes, kill it.", 30, 120),
        ("- 5 minutes\n- hard limit: 6 minutes", 300, 360),
        ("5 minutes; timeout 8 min", 300, 480),
        ("5 min per run, after 7 min it is killed", 300, 420),
        ("7 days", 604800, 1209600),
    ],
)
def test_a_time_box_is_a_duration_and_a_limit(
    project: Path, said: str, seconds: float, kill_after: float
) -> None:
    box = read_parts(project, {"Time box": said}).time_box

    assert (box.seconds, box.kill_after) == (seconds, kill_after)


@pytest.mark.parametrize(
    ("item", "constraint"),
    [
        ("`peak_vram_mb` <= 48000", "peak_vram_mb <= 48000"),
        ("`peak_vram_mb` ≤ 48,000 MB, at all times", "peak_vram_mb <= 48000"),
        ("Keep `train_s < 1.5` always", "train_s < 1.5"),
        ("`accuracy` must stay at least 0.9", "accuracy >= 0.9"),
        ("`tests` (must stay >= 18329)", "tests >= 18329"),
        ("`files` no more than 3 files", "files <= 3"),
        ("`loss` must not exceed -1e-3", "loss <= -0.001"),
        ("`x` below 2", "x < 2"),
        ("memory_gb <= 1.5 GB", "memory_gb <= 1.5"),
        ("`total_seconds` <= 10 minutes", "total_seconds <= 600"),
    ],
)
def test_a_constraint_is_a_name_a_relation_and_a_number(
    project: Path, item: str, constraint: str
) -> None:
    (read_,) = read_parts(project, {"Constraints": f"- {item}"}).constraints

    assert str(read_) == constraint


@pytest.mark.parametrize(
    "item",
    [
        "`peak_vram_mb` <= 48 GB",
        "`failures` ≤ 1%",
        "memory <= 3",
        "a_b is at most 3",
        "No new packages",
        "`x` up to 3",
    ],
)
def test_a_constraint_that_could_be_misread_is_prose(project: Path, item: str) -> None:
    assert read_parts(project, {"Hard constraints": f"1. {item}"}).constraints == ()


def test_a_strict_bound_is_not_met_by_equality(project: Path) -> None:
    below, above = read_parts(project, {"Rules": "- `a` < 3\n- `a` > 1"}).constraints

    assert [below.holds(value) for value in (2.9, 3, float("nan"))] == [True, False, False]
    assert [above.holds(value) for value in (1.1, 1)] == [True, False]


@pytest.mark.parametrize(
    ("said", "noise"),
    [
        ("Repeat the baseline 3 times.", Noise(baseline_runs=3)),
        ("- baseline twice\n- confirm once", Noise(baseline_runs=2, confirmations=1)),
        ("- minimum improvement: 0.002", Noise(minimum_improvement=0.002)),
        ("A keep is at least 0.002 better.", Noise(minimum_improvement=0.002)),
        ("Two confirmation runs, three baseline runs", Noise(baseline_runs=3, confirmations=2)),
        ("A run varies by itself.", Noise()),
    ],
)
def test_noise_is_met_by_repeats_and_a_least_gain(project: Path, said: str, noise: Noise) -> None:
    assert read_parts(project, {"Noise": said}).noise == noise


def test_a_number_below_the_heading_minimum_improvement_is_it(project: Path) -> None:
    assert read_parts(project, {"Minimum improvement": "0.01"}).noise.minimum_improvement == 0.01


@pytest.mark.parametrize(
    ("said", "stopping"),
    [
        ("- 100 experiments (one night)", {"experiments": 100}),
        ("- Max iterations: 20", {"experiments": 20}),
        ("- 8 hours", {"seconds": 28800}),
        ("- 30 minutes", {"seconds": 1800}),
        ("- 20 experiments without improvement", {"without_improvement": 20}),
        ("- no improvement for 20 experiments", {"without_improvement": 20}),
        ("- a plateau of 20 experiments", {"without_improvement": 20}),
        ("- `val_bpb` below 0.97", {"target": 0.97}),
        ("- target: 0.97", {"target": 0.97}),
        ("- val_bpb reaches 0.97 or 50 experiments", {"target": 0.97, "experiments": 50}),
        ("- 2M tokens", {"tokens": 2_000_000}),
        ("- 500k tokens", {"tokens": 500_000}),
        ("- 1.5 million tokens", {"tokens": 1_500_000}),
        ("- $10", {"dollars": 10}),
        ("- 10 dollars", {"dollars": 10}),
        ("Stop after ten experiments or 1h 30m, whichever is first.",
         {"experiments": 10, "seconds": 5400}),
        ("Stop when one of these holds:\n\n1. 100 experiments\n2. 8 hours",
         {"experiments": 100, "seconds": 28800}),
        ("Never stop.", {}),
        ("- none", {}),
        ("Go on until interrupted", {}),
    ],
)  # fmt: skip
def test_a_stopping_criterion_is_a_list_item_or_a_sentence(
    project: Path, said: str, stopping: dict[str, float]
) -> None:
    program = read_parts(project, {"Stopping criteria": said})

    assert program.stopping.model_dump(exclude_none=True) == stopping
    assert program.lines["stopping"]


def test_the_stopping_criteria_can_be_said_in_words(project: Path) -> None:
    said = "- 100 experiments\n- 90 minutes\n- $10"

    stopping = read_parts(project, {"Stopping criteria": said}).stopping

    assert stopping.describe() == "100 experiments or 90 min or $10.00"
    assert read_parts(project, {"Stopping criteria": "none"}).stopping.describe() == "never stop"


def test_the_environment_is_variables_network_and_folders(project: Path) -> None:
    said = (
        "- Variables: `HF_HOME`, `TOKENIZERS_PARALLELISM`\n- Network allowed.\n"
        "- A run may write `~/.cache/models`, and reads `/data/x`. It must not write `/data`.\n"
        "- `/tmp/shared` is writable."
    )

    environment = read_parts(project, {"Environment": said}).environment

    assert environment.variables == ("HF_HOME", "TOKENIZERS_PARALLELISM")
    assert environment.network
    assert environment.readable == ("/data/x",)
    assert environment.writable == ("~/.cache/models", "/tmp/shared")


@pytest.mark.parametrize(
    ("said", "readable"),
    [
        ("Runs read `~/.cache/x` and `../text`.", ("~/.cache/x", "../text")),
        ("`/data/x` is read-only.", ("/data/x",)),
        ("A run reads no files of `/data/x`.", ()),
        ("It reads `HF_HOME` from the environment.", ()),
    ],
)
def test_what_a_run_may_read_is_a_path(project: Path, said: str, readable: tuple[str, ...]) -> None:
    assert read_parts(project, {"Environment": said}).environment.readable == readable


def test_a_variable_that_is_not_to_be_passed_is_not(project: Path) -> None:
    said = "Pass `HF_HOME`. Never pass `WANDB_MODE`."

    assert read_parts(project, {"Environment": said}).environment.variables == ("HF_HOME",)


@pytest.mark.parametrize("said", ["No network.", "Network: off", "Runs without network access"])
def test_the_network_can_be_denied(project: Path, said: str) -> None:
    program = read_parts(project, {"Environment": said})

    assert not program.environment.network
    assert "environment" in program.lines


@pytest.mark.parametrize("said", ["Human interrupt: I say stop", "the tests fail three times"])
def test_a_criterion_for_a_person_is_left_as_prose_beside_a_limit(project: Path, said: str) -> None:
    program = read_parts(project, {"Stopping criteria": f"- {said}\n- 15 experiments"})

    assert program.stopping.model_dump(exclude_none=True) == {"experiments": 15}
    assert program.unchecked == (said,)


def test_a_flag_settles_a_criterion_for_a_person(project: Path) -> None:
    program = read_parts(project, {"Stopping criteria": "- when it rains"}, experiments=7)

    assert program.stopping.experiments == 7
    assert program.unchecked == ("when it rains",)


@pytest.mark.parametrize("said", ["5 parsecs", "300", "About 500 ms."])
def test_a_flag_settles_a_time_box_that_is_no_duration(project: Path, said: str) -> None:
    program = read_parts(project, {"Time box": said}, time_box="5 minutes")

    assert program.time_box.seconds == 300

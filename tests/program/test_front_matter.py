"""YAML front matter says the same as the headings, and wins over them."""

from pathlib import Path

import pytest

from autoresearch_graph.core.program import Environment, Noise
from autoresearch_graph.errors import ProgramError
from tests.support.errors import refused
from tests.support.programs import make_project, read_text, text_of

FRONT = """\
---
asset: train.py
protected:
  - prepare.py
  - data/
metric: {name: val_bpb, direction: lower}
experiment: |
  cd .
  python train.py > run.log 2>&1
evaluation: python prepare.py score
check: python train.py --dry
time_box: 5 minutes
kill_after: 00:06:00
constraints:
  - peak_vram_mb <= 48000
  - "`train_s` < 90"
noise:
  baseline_runs: 3
  minimum_improvement: 0.002
  confirmations: 2
stopping:
  experiments: 100
  hours: 8
  without_improvement: 20
  target: 0.97
  tokens: 2M
  dollars: 10
environment:
  variables: [HF_HOME]
  network: yes
  readable: [/data/x]
  writable: ~/.cache/models
---

# Night
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path, "train.py", "prepare.py", "other.py", "data/x")


def test_front_matter_alone_is_a_program(project: Path) -> None:
    program = read_text(project, FRONT)

    assert program.asset == "train.py"
    assert program.protected == ("prepare.py", "data")
    assert (program.metric.name, program.metric.direction) == ("val_bpb", "lower")
    assert program.experiment == "cd .\npython train.py"
    assert (program.evaluation, program.check) == (
        "python prepare.py score",
        "python train.py --dry",
    )
    assert (program.time_box.seconds, program.time_box.kill_after) == (300, 360)
    assert [str(c) for c in program.constraints] == ["peak_vram_mb <= 48000", "train_s < 90"]
    assert program.noise == Noise(baseline_runs=3, minimum_improvement=0.002, confirmations=2)
    assert program.stopping.model_dump() == {
        "experiments": 100,
        "seconds": 28800,
        "without_improvement": 20,
        "target": 0.97,
        "tokens": 2_000_000,
        "dollars": 10,
    }
    assert program.environment == Environment(
        variables=("HF_HOME",),
        network=True,
        readable=("/data/x",),
        writable=("~/.cache/models",),
    )


def test_front_matter_has_lines(project: Path) -> None:
    lines = read_text(project, FRONT).lines

    text = FRONT.splitlines()
    assert text[lines["asset"] - 1] == "asset: train.py"
    assert text[lines["protected"] - 1] == "  - prepare.py"
    assert text[lines["stopping.tokens"] - 1] == "  tokens: 2M"
    assert text[lines["noise"] - 1] == "  baseline_runs: 3"
    assert text[lines["kill_after"] - 1] == "kill_after: 00:06:00"


def test_front_matter_wins_over_headings(project: Path) -> None:
    headings = "## Asset\n\n`other.py`\n\n## Time box\n\n5 parsecs\n\n## Metric\n\n`x` ↑\n"

    program = read_text(project, FRONT + headings)

    assert (program.asset, program.time_box.seconds) == ("train.py", 300)
    assert (program.metric.name, program.metric.direction) == ("val_bpb", "lower")


def test_front_matter_and_headings_complete_each_other(project: Path) -> None:
    text = (
        "---\nmetric: val_bpb\nstopping: never\n---\n"
        "## Asset\n`train.py`\n## Goal\nGet the lowest val_bpb.\n## Run\n`make all`\n"
        "## Time box\n1 h\n"
    )

    program = read_text(project, text)

    assert program.metric.direction == "lower"
    assert program.stopping.describe() == "never stop"


def test_the_direction_of_another_metric_does_not_count(project: Path) -> None:
    text = FRONT.replace("{name: val_bpb, direction: lower}", "loss")

    with refused("missing-part", line=6, naming="`loss`"):
        read_text(project, text + "## Metric\n\n`acc`: higher is better.\n")


@pytest.mark.parametrize("stopping", ["[100 experiments, 8 hours]", "100 experiments or 8 hours"])
def test_stopping_criteria_may_be_written_as_in_prose(project: Path, stopping: str) -> None:
    start, end = FRONT.index("stopping:"), FRONT.index("environment:")

    program = read_text(project, f"{FRONT[:start]}stopping: {stopping}\n{FRONT[end:]}")

    assert (program.stopping.experiments, program.stopping.seconds) == (100, 28800)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("check:", "chekc:", "no key `chekc`; did you mean `check`? The keys are asset, protected"),
        ("  hours: 8", "  weeks: 8", "has no key `weeks`; the keys are experiments, hours"),
        ("asset: train.py", "asset: {a: train.py}", "`asset` in the front matter takes a list"),
        ("asset: train.py", "asset:", "`asset` in the front matter takes one value"),
        ("asset: train.py", "asset: gone.py", "the asset `gone.py` does not exist"),
        ("asset: train.py", 'asset: "train.py', "the front matter is not valid YAML: "),
        ("asset: train.py", "asset: train.py\nasset: other.py",
         "`asset` is here and on line 2 of the front matter; keep one of them"),
        ("  - prepare.py", "  - gone.py", "the protected path `gone.py` does not exist"),
        ("metric: {name: val_bpb, direction: lower}", "metric: {name: a b, direction: lower}",
         "`metric` is `a b`; the metric's name is one word"),
        ("metric: {name: val_bpb, direction: lower}", "metric: {name: x, direction: left}",
         "`direction` is `left`; it must be lower or higher"),
        ("time_box: 5 minutes", "time_box: 300", "`time_box` is `300`, which is not a duration"),
        ("kill_after: 00:06:00", "kill_after: 1 s", "a run is killed after 1 s, before the end"),
        ("  - peak_vram_mb <= 48000", "  - be nice", "`be nice` is not a constraint; write it as"),
        ("  baseline_runs: 3", "  baseline_runs: x", "`baseline_runs` is `x`, which is not"),
        ("  experiments: 100", "  experiments: 1.5", "`1.5 experiments` is not understood"),
        ("  variables: [HF_HOME]", "  variables: [HF_TOKEN]", "looks like a credential"),
        ("  network: yes", "  network: maybe", "`network` is `maybe`; it must be yes or no"),
        ("  writable: ~/.cache/models", "  writable: .", "includes the project"),
    ],
)  # fmt: skip
def test_a_wrong_key_or_value_is_an_error_on_its_line(
    project: Path, old: str, new: str, words: str
) -> None:
    text = FRONT.replace(old, new, 1)

    with pytest.raises(ProgramError) as caught:
        read_text(project, text)

    assert words in str(caught.value)
    line = text[: text.index(new)].count("\n") + 1 + new.count("\n")
    if "YAML" not in words:
        assert caught.value.line == line


def test_malformed_yaml_names_its_line(project: Path) -> None:
    with refused("front-matter", line=3):
        read_text(project, "---\nasset: train.py\n\tmetric: x\n---\n")


def test_front_matter_that_is_not_closed_is_an_error(project: Path) -> None:
    with refused("front-matter", line=1, naming="closed"):
        read_text(project, "---\nasset: train.py\n\n# Night\n")


def test_a_rule_at_the_top_is_no_front_matter(project: Path) -> None:
    with refused("missing-part", naming="asset"):
        read_text(project, "---\n\n# Night\n\n---\n")


def test_the_front_matter_of_another_tool_is_left_to_the_model(project: Path) -> None:
    program = read_text(
        project, f"---\nschedule: every 6h\ntimeout-minutes: 30\n---\n{text_of({})}"
    )

    assert program.time_box.kill_after == 600
    assert program.unchecked == ("front matter: schedule, timeout-minutes",)


@pytest.mark.parametrize("key", ["comand", "asset_", "protect", "timebox_minute"])
def test_a_key_that_is_nearly_one_of_ours_is_not_left_out(project: Path, key: str) -> None:
    with refused("front-matter", line=2, naming="did you mean"):
        read_text(project, f"---\n{key}: 3\n---\n{text_of({})}")

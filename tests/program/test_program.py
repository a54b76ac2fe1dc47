"""program.md -> Program: what each heading gives, and the line it was read from."""

from pathlib import Path

import pytest

from autoresearch_graph.core.program import Noise, changed, frozen
from autoresearch_graph.program.reader import read
from tests.support.programs import PARTS, make_project, read_parts, read_text, text_of


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path, "train.py", "prepare.py", "data/a.txt")


def line_of(text: str, words: str) -> int:
    return text[: text.index(words)].count("\n") + 1


def test_a_program_of_five_headings_is_enough(project: Path) -> None:
    program = read_parts(project, {})

    assert program.asset == "train.py"
    assert (program.metric.name, program.metric.direction) == ("val_bpb", "lower")
    assert program.experiment == "python train.py"
    assert (program.time_box.seconds, program.time_box.kill_after) == (300, 600)
    assert program.stopping.experiments == 100
    assert program.noise == Noise()


def test_every_value_knows_its_line_and_a_default_has_none(project: Path) -> None:
    text = text_of({"Constraints": "- short\n- `mb` <= 3", "Check": "`python train.py --smoke`"})

    lines = read_text(project, text).lines

    assert lines == {
        "asset": line_of(text, "`train.py`"),
        "metric": line_of(text, "`val_bpb`"),
        "direction": line_of(text, "`val_bpb`"),
        "experiment": line_of(text, "python train.py\n```"),
        "time_box": line_of(text, "5 minutes"),
        "stopping": line_of(text, "100 experiments"),
        "stopping.experiments": line_of(text, "100 experiments"),
        "constraints": line_of(text, "`mb`"),
        "check": line_of(text, "`python train.py --smoke`"),
    }


def test_the_whole_text_is_kept_word_for_word(project: Path) -> None:
    text = text_of({"Ideas": "Try *less*; café, ≤.\r\n\r\n<!-- and this -->"})
    path = project / "program.md"
    path.write_bytes(text.encode())

    assert read(path, project=project).text == text


def test_a_byte_order_mark_does_not_hide_the_first_heading(project: Path) -> None:
    path = project / "program.md"
    path.write_bytes(b"\xef\xbb\xbf" + text_of({}).encode())

    assert read(path, project=project).asset == "train.py"


@pytest.mark.parametrize(
    ("title", "proper"),
    [
        ("ASSET", "Asset"),
        ("1. The editable file", "Asset"),
        ("🎯 Target", "Asset"),
        ("Files in scope", "Asset"),
        ("What you can modify:", "Asset"),
        ("What to change", "Asset"),
        ("In-scope files", "Asset"),
        ("Primary metric", "Metric"),
        ("Goal of the night", "Metric"),
        ("Objective", "Metric"),
        ("How we measure", "Metric"),
        ("How to run", "Experiment"),
        ("Run command", "Experiment"),
        ("Run", "Experiment"),
        ("2.3 Time budget, per run", "Time box"),
        ("Timeout", "Time box"),
        ("How long a run may take", "Time box"),
        ("Budget", "Time box"),
        ("Stop", "Stopping criteria"),
        ("When to stop", "Stopping criteria"),
        ("Stop conditions", "Stopping criteria"),
        ("Termination", "Stopping criteria"),
    ],
)
def test_a_heading_is_known_by_its_synonyms(project: Path, title: str, proper: str) -> None:
    program = read_parts(project, {proper: "", title: PARTS[proper]})

    without = {"text", "lines", "grades"}
    assert program.model_dump(exclude=without) == read_parts(project, {}).model_dump(
        exclude=without
    )


@pytest.mark.parametrize(
    "title",
    [
        "The experiment loop",
        "Experimentation",
        "Experiment 1: bigger batches",
        "Experiment ideas",
        "Evaluation details",
        "Noise floor",
        "Environment gotchas",
        "Secondary metrics",
        "Runs so far",
        "Rulesets",
    ],
)
def test_a_heading_that_only_begins_alike_is_prose(project: Path, title: str) -> None:
    body = "- `other` >= 1\n- 3 parsecs\n\n```\nrm -rf data\n```"

    program = read_parts(project, {title: body})

    assert program.experiment == "python train.py"
    assert (program.evaluation, program.constraints, program.noise) == (None, (), Noise())


def test_a_heading_may_be_a_sentence_that_says_it_all(project: Path) -> None:
    parts = dict.fromkeys(PARTS, "")
    text = (
        "# The asset is `train.py`\n\n# Metric: `val_bpb` (lower is better)\n\n"
        "# Run `python train.py`\n\n# Run: `python train.py`\n\n# Time box: 90 s\n\n"
        "# Stop after 7 experiments\n"
    )

    program = read_text(project, text_of(parts) + text)

    assert program.asset == "train.py"
    assert program.experiment == "python train.py"
    assert program.time_box.seconds == 90
    assert program.stopping.experiments == 7


def test_the_title_of_the_document_is_no_part(project: Path) -> None:
    text = text_of({}).replace("# Night", "# Experiment: a night\n\n    not this\n", 1)

    assert read_text(project, text).experiment == "python train.py"


def test_a_sub_heading_belongs_to_its_section_unless_it_is_known_itself(project: Path) -> None:
    experiment = (
        "### On a GPU\n\n```\npython train.py\n```\n\n### Check\n\n`python -m py_compile x`"
    )

    program = read_parts(project, {"Experiment": experiment})

    assert program.experiment == "python train.py"
    assert program.check == "python -m py_compile x"


@pytest.mark.parametrize(
    ("asset", "why"),
    [
        ("`train.py`. All of it; `torch.nn` is there too.", "a module is no file"),
        ("- `train.py`\n\nNever touch `prepare.py`.", "the other is protected"),
        ("Modify only `train.py`; `prepare.py` measures.", "the sentence says which"),
        ("You may edit:\n\n- `train.py`\n\nYou may not edit:\n\n- `prepare.py`", "two lists"),
        ("| File | |\n|--|--|\n| `train.py` | the file you edit |\n| `prepare.py` | |", "a table"),
        ("Everything except `prepare.py` is in `./train.py`.", "an exception"),
    ],
)
def test_the_asset_is_the_file_that_the_section_means(project: Path, asset: str, why: str) -> None:
    assert read_parts(project, {"Asset": asset}).asset == "train.py", why


def test_a_proper_asset_heading_wins_over_a_list_of_files_in_scope(project: Path) -> None:
    program = read_parts(project, {"Files in scope": "- `train.py`\n- `prepare.py`"})

    assert program.asset == "train.py"


def test_protected_paths_are_files_folders_and_patterns(project: Path) -> None:
    paths = "- `./prepare.py`\n- `data/`, imported by `train.py`\n- `out/**` and `minimumAge`"

    program = read_parts(project, {"Off-Limits": paths})

    assert program.protected == ("prepare.py", "data", "out/**")


@pytest.mark.parametrize(
    ("metric", "name", "direction"),
    [
        ("`NDCG@10`: higher is better", "NDCG@10", "higher"),
        ("Minimise `tok/s-cost` (printed by `train.py`)", "tok/s-cost", "lower"),
        ("Get the largest `f1.macro`.", "f1.macro", "higher"),
        ("`loss` ↓", "loss", "lower"),
        ("`acc` ↑", "acc", "higher"),
        ("The smaller `ms` is: smaller is better.", "ms", "lower"),
        ("- name: `x`\n- direction: higher", "x", "higher"),
        ("| `val_loss` | lower is better |\n|-|-|\n| `val_loss` | lower is better |", "val_loss",
         "lower"),
        ("- `average_precision`\n\nHigher is better.", "average_precision", "higher"),
        ("- **Primary**: ops (1/s, higher is better)\n- **Secondary**: `ms` (lower is better)",
         "ops", "higher"),
        ("**Primary** (higher is better):\n\n- `score`, of three\n\n**Secondary**:\n\n"
         "- `ms`, lower is better", "score", "higher"),
    ],
)  # fmt: skip
def test_a_metric_is_a_name_and_a_direction(
    project: Path, metric: str, name: str, direction: str
) -> None:
    program = read_parts(project, {"Metric": metric})

    assert (program.metric.name, program.metric.direction) == (name, direction)


@pytest.mark.parametrize(
    ("section", "command"),
    [
        ("You launch it simply as: `uv run train.py`.", "uv run train.py"),
        ("`./go.sh` builds and prints `METRIC ms=1` lines.\n\nIt runs `make test`.", "./go.sh"),
        ("Run `python train.py`; it writes `model.pt`.", "python train.py"),
        ("    make all\n    ./run", "make all\n./run"),
        ("```\n$ cd src\n$ python train.py > run.log 2>&1\n```", "cd src\npython train.py"),
        ("```sh\npython train.py 2>&1 | tee -a run.log\n```", "python train.py"),
        ("```sh\npython train.py &> all.txt\n```", "python train.py"),
        ("```sh\npython train.py > answers.csv\n```", "python train.py > answers.csv"),
        ("```sh\npython train.py 2> errors.log\n```", "python train.py 2> errors.log"),
        ("```text\nval_bpb: 1.0\n```\n\n```sh\npython train.py\n```", "python train.py"),
        ("```sh\nfor i in 1 2; do\n  python train.py $i\ndone\n```",
         "for i in 1 2; do\n  python train.py $i\ndone"),
    ],
)  # fmt: skip
def test_a_command_is_a_code_block_or_a_lone_code_span(
    project: Path, section: str, command: str
) -> None:
    assert read_parts(project, {"Experiment": section}).experiment == command


def test_experiment_evaluation_and_check_are_three_commands(project: Path) -> None:
    parts = {"Scorer": "```\npython prepare.py score\n```", "Preflight": "`python train.py --dry`"}

    program = read_parts(project, parts)

    assert program.experiment == "python train.py"
    assert program.evaluation == "python prepare.py score"
    assert program.check == "python train.py --dry"


def test_a_change_of_what_is_frozen_is_noticed_and_one_of_prose_is_not(project: Path) -> None:
    old = read_parts(project, {})

    prose = read_parts(project, {"Strategy": "Be bold.", "Stopping criteria": "- 5 experiments"})
    other = read_parts(project, {"Time box": "6 minutes", "Check": "`python prepare.py check`"})

    assert changed(old, prose) == ()
    assert changed(old, other) == ("check", "time_box")
    assert frozen(old) == frozen(prose)

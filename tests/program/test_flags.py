"""The command line supplies what program.md leaves out, and narrows when it stops."""

from pathlib import Path

import pytest

from autoresearch_graph.core.program import Flags, Program
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.reader import read
from tests.support.programs import make_project

FULL = """\
## Asset
`train.py`
## Metric
`val_bpb`, lower is better
## Experiment
`python train.py > run.log 2>&1`
## Time box
5 minutes, killed after 6 minutes
## Stopping criteria
- 100 experiments
- 8 hours
"""
ALL = Flags(
    asset="train.py",
    metric="val_bpb",
    direction="lower",
    command="python train.py",
    time_box="300 s",
    kill_after="6 min",
    experiments=10,
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path, "train.py", "src/model.py", "src/data.py")


def read_text(project: Path, text: str, flags: Flags) -> Program:
    path = project / "program.md"
    path.write_text(text, "utf-8")
    return read(path, project=project, flags=flags.model_copy(update={"accept_reading": True}))


def test_flags_alone_make_a_program_of_prose(project: Path) -> None:
    program = read_text(project, "Make it better.", ALL)

    assert program.asset == "train.py"
    assert (program.metric.name, program.metric.direction) == ("val_bpb", "lower")
    assert program.experiment == "python train.py"
    assert (program.time_box.seconds, program.time_box.kill_after) == (300, 360)
    assert program.stopping.experiments == 10
    assert program.lines == {}


def test_flags_that_say_the_same_as_the_file_are_no_contradiction(project: Path) -> None:
    program = read_text(project, FULL, ALL)

    assert program.lines["asset"] == 2
    assert program.experiment == "python train.py"


@pytest.mark.parametrize(
    ("flag", "line", "words"),
    [
        ({"asset": "src/model.py"}, 2,
         "the file to edit is `train.py` (line 2), but --asset is `src/model.py`; drop one"),
        ({"metric": "loss"}, 4, "the metric is `val_bpb` here but `loss` with --metric"),
        ({"direction": "max"}, 4,
         "the direction is `lower is better` here but `higher` with --direction"),
        ({"command": "make"}, 6,
         "the experiment command is `python train.py` here but `make` with --command"),
        ({"time_box": "7 minutes"}, 8, "is `5 minutes` here but `7 minutes` with --time-box"),
        ({"kill_after": "8 minutes"}, 8, "is `6 minutes` here but `8 minutes` with --kill-after"),
    ],
)  # fmt: skip
def test_a_flag_that_contradicts_the_file_is_an_error_with_both(
    project: Path, flag: dict[str, str], line: int, words: str
) -> None:
    with pytest.raises(ProgramError) as caught:
        read_text(project, FULL, Flags.model_validate(flag))

    assert caught.value.line == line
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ({"asset": "gone.py"}, "the asset `gone.py` does not exist"),
        ({"metric": "two words"}, "--metric is `two words`; the metric's name is one word"),
        ({"direction": "sideways"}, "--direction is `sideways`; it must be lower or higher"),
        ({"time_box": "5 parsecs"}, "--time-box is `5 parsecs`, which is not a duration"),
        ({"kill_after": "soon"}, "--kill-after is `soon`, which is not a duration"),
        ({"experiments": 0}, "--experiments is 0; it must be more than 0"),
        ({"hours": -1}, "--hours is -1; it must be more than 0"),
    ],
)
def test_a_flag_that_cannot_be_read_is_named(
    project: Path, flag: dict[str, object], words: str
) -> None:
    with pytest.raises(ProgramError) as caught:
        read_text(project, "Make it better.", ALL.model_copy(update=flag))

    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("flags", "experiments", "seconds"),
    [
        (Flags(experiments=20), 20, 28800),
        (Flags(experiments=500), 100, 28800),
        (Flags(hours=0.5), 100, 1800),
        (Flags(hours=24), 100, 28800),
    ],
)
def test_experiments_and_hours_narrow_and_never_widen(
    project: Path, flags: Flags, experiments: int, seconds: float
) -> None:
    stopping = read_text(project, FULL, flags).stopping

    assert (stopping.experiments, stopping.seconds) == (experiments, seconds)


def test_a_criterion_that_a_flag_narrowed_is_on_no_line(project: Path) -> None:
    lines = read_text(project, FULL, Flags(experiments=20)).lines

    assert "stopping.experiments" not in lines
    assert (lines["stopping"], lines["stopping.seconds"]) == (11, 11)


def test_a_program_that_never_stops_stops_when_a_flag_says_so(project: Path) -> None:
    text = FULL.replace("- 100 experiments\n- 8 hours", "never stop")

    assert read_text(project, text, Flags()).stopping.experiments is None
    assert read_text(project, text, Flags(experiments=3)).stopping.experiments == 3


def test_a_flag_picks_one_of_several_files(project: Path) -> None:
    text = FULL.replace("`train.py`\n## M", "- `src/model.py`\n- `src/data.py`\n## M")

    program = read_text(project, text, Flags(asset="./src/data.py"))

    assert (program.asset, program.lines["asset"]) == ("src/data.py", 3)


@pytest.mark.parametrize("scope", ["src/", "src/*.py"])
def test_a_flag_picks_a_file_of_a_folder_or_pattern(project: Path, scope: str) -> None:
    text = FULL.replace("`train.py`\n## M", f"`{scope}`\n## M")

    assert read_text(project, text, Flags(asset="src/data.py")).asset == "src/data.py"

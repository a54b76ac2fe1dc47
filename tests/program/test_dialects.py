"""The program.md files that exist are read as they are, wherever they say enough."""

import shutil
from pathlib import Path

import pytest

from autoresearch_graph.core.program import Flags, Program
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.reader import read
from tests.support.errors import refused
from tests.support.programs import make_project, read_text

PROGRAMS = Path(__file__).parent.parent / "programs"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = (
        "train.py prepare.py agent.py judge.py questions.json src/parser.c src/lexer.c src/api.h"
    )
    return make_project(tmp_path, *files.split())


def read_program(project: Path, name: str, flags: Flags) -> Program:
    path = Path(shutil.copy(PROGRAMS / name, project))
    return read(path, project=project, flags=flags.model_copy(update={"accept_reading": True}))


def test_a_program_of_scattered_facts_is_read(project: Path) -> None:
    program = read_program(project, "one-file.md", Flags())

    assert program.asset == "train.py"
    assert program.protected == ("prepare.py",)
    assert (program.metric.name, program.metric.direction) == ("val_bpb", "lower")
    assert program.experiment == "uv run train.py"
    assert (program.time_box.seconds, program.time_box.kill_after) == (300, 600)
    assert program.stopping.model_dump(exclude_none=True) == {}
    assert program.constraints == ()


def test_scattered_facts_have_their_lines(project: Path) -> None:
    lines = (PROGRAMS / "one-file.md").read_text("utf-8").splitlines()

    program = read_program(project, "one-file.md", Flags())

    said = {field: lines[line - 1] for field, line in program.lines.items()}
    assert "`train.py`: the file you modify" in said["asset"]
    assert "`prepare.py`: data" in said["protected"]
    assert 'grep "^val_bpb:"' in said["metric"]
    assert "get the lowest val_bpb" in said["direction"]
    assert "You launch it simply as" in said["experiment"]
    assert "fixed time budget of 5 minutes" in said["time_box"]
    assert "exceeds 10 minutes, kill it" in said["kill_after"]
    assert "LOOP FOREVER" in said["stopping"]


def test_a_port_to_agents_looks_for_several_numbers_and_means_the_first(project: Path) -> None:
    program = read_program(project, "agent.md", Flags(hours=8))

    assert program.asset == "agent.py"
    assert program.protected == ("judge.py", "questions.json")
    assert (program.metric.name, program.metric.direction) == ("score", "higher")
    assert program.experiment == "uv run judge.py"
    assert (program.time_box.seconds, program.time_box.kill_after) == (1200, 2700)
    assert program.stopping.model_dump(exclude_none=True) == {"seconds": 28800}


def test_autoresearch_md_is_read_where_flags_supply_the_rest(project: Path) -> None:
    flags = Flags(asset="src/parser.c", time_box="1 minute", experiments=50)

    program = read_program(project, "autoresearch.md", flags)

    assert (program.asset, program.lines["asset"]) == ("src/parser.c", 16)
    assert (program.metric.name, program.metric.direction) == ("total_ms", "lower")
    assert program.experiment == "./autoresearch.sh"
    assert program.protected == ("tests", "corpus/**", "src/api.h")
    assert [str(constraint) for constraint in program.constraints] == ["peak_rss_mb < 200"]
    assert (program.time_box.seconds, program.stopping.experiments) == (60, 50)


def test_autoresearch_md_says_what_else_it_lacks(project: Path) -> None:
    with pytest.raises(ProgramError) as caught:
        read_program(project, "autoresearch.md", Flags(asset="src/parser.c"))

    assert "there is no time box; add a heading `## Time box`" in str(caught.value)
    assert "there is no stopping criterion; add a heading" in str(caught.value)


REST = {"metric": "x", "direction": "lower", "command": "c", "time_box": "1 s", "experiments": 1}


@pytest.mark.parametrize(
    "said",
    [
        "Read `train.py`: this is the ONLY file you edit.",
        "**Only modify `train.py`**: this is the single file you optimise.",
        "Edit ONLY `train.py`. Never touch `prepare.py`.",
        "1. **Modify `train.py`**: this is the only mutable file.",
        "You may edit:\n\n- `train.py`\n\nYou may not edit:\n\n- `prepare.py`\n- `src/*.c`",
        "| `train.py` | the file you change |\n|-|-|\n| `train.py` | the file you change |",
    ],
)
def test_prose_says_which_file_may_be_edited(project: Path, said: str) -> None:
    assert read_text(project, said, **REST).asset == "train.py"


@pytest.mark.parametrize(
    "said",
    [
        "`train.py` trains the model.",
        "Make a change to `train.py`.",
        "Modify files outside `train.py`.",
        "What you can do:\n\n- Read `train.py`.",
    ],
)
def test_a_file_that_is_only_mentioned_is_not_the_asset(project: Path, said: str) -> None:
    with refused("missing-part", naming="asset"):
        read_text(project, said, **REST)


@pytest.mark.parametrize(
    ("said", "protected"),
    [
        ("`prepare.py` is the oracle. IMMUTABLE.", ("prepare.py",)),
        ("Never modify: `prepare.py`, `judge.py` and `src/*.c`",
         ("prepare.py", "judge.py", "src/*.c")),
        ("Read `prepare.py`, the oracle. DO NOT EDIT IT.", ("prepare.py",)),
        ("**What you CANNOT modify:**\n\n- `prepare.py`, it measures", ("prepare.py",)),
        ("Do not edit `gone.py` or `../elsewhere.py`.", ()),
        ("You cannot do this:\n\n- change the `evaluate` function", ()),
    ],
)  # fmt: skip
def test_prose_says_which_files_may_not_be_edited(
    project: Path, said: str, protected: tuple[str, ...]
) -> None:
    assert read_text(project, said, asset="train.py", **REST).protected == protected


@pytest.mark.parametrize(
    ("said", "name", "direction"),
    [
        ("Primary metric: **avg_sharpe** (higher is better)", "avg_sharpe", "higher"),
        ("- Metric: **BLEU** (higher is better)", "BLEU", "higher"),
        ("The goal is simple: maximize `val_mmc`.", "val_mmc", "higher"),
        ("`grep '^ms:' log`. The goal: minimise it. Secondary: maximise hits.", "ms", "lower"),
        ("Score with `grep -E ^METRIC total_ms= log`; lower is better.", "total_ms", "lower"),
        ("The goal is two numbers: lowest val_a and highest val_b. `grep ^val_a: log`", "val_a",
         "lower"),
        ("- primary metric: sample_count\n- direction: higher", "sample_count", "higher"),
    ],
)  # fmt: skip
def test_prose_says_what_is_measured(project: Path, said: str, name: str, direction: str) -> None:
    rest = {"asset": "train.py", "command": "c", "time_box": "1 s", "experiments": 1}

    metric = read_text(project, said, **rest).metric

    assert (metric.name, metric.direction) == (name, direction)


@pytest.mark.parametrize(
    ("said", "command"),
    [
        ("Launch: `uv run backtest.py`.", "uv run backtest.py"),
        ("4. `uv run backtest.py > run.log 2>&1`", "uv run backtest.py"),
        ("5. Run eval: `python strategy.py`", "python strategy.py"),
        ("- Benchmark command: `uvx modal run bench.py`", "uvx modal run bench.py"),
        ("If there is no data, run `python get.py`. Launch it with `make train`.", "make train"),
        ("`grep x log > found.log 2>&1`. Launch it with `make train`.", "make train"),
        ("`python run.py --id <id> > run.log 2>&1`. Launch it with `make train`.", "make train"),
    ],
)
def test_prose_says_what_is_run(project: Path, said: str, command: str) -> None:
    rest = REST | {"asset": "train.py", "command": None}

    assert read_text(project, said, **rest).experiment == command


@pytest.mark.parametrize(
    ("said", "seconds", "kill_after"),
    [
        ("It has a fixed 5-minute generation budget.", 300, 600),
        ("**Budget**: 120 seconds. Be quick.", 120, 240),
        ("- 2h in all, 5 min per run", 300, 600),
        ("**Time budget**: a run (all of it) should complete in ~5 minutes. If an approach takes\n"
         "longer than 15 minutes, kill it.", 300, 900),
        ("A time budget of 1 hour. Phase 1 has 75% of the time budget = ~45 min.", 3600, 7200),
        ("A time budget of 2 min. If it hangs for >5 minutes, kill\nit.", 120, 300),
    ],
)  # fmt: skip
def test_prose_says_how_long_a_run_takes(
    project: Path, said: str, seconds: float, kill_after: float
) -> None:
    box = read_text(project, said, **REST | {"asset": "train.py", "time_box": None}).time_box

    assert (box.seconds, box.kill_after) == (seconds, kill_after)


def test_two_time_budgets_in_prose_are_a_contradiction(project: Path) -> None:
    said = "A fixed time budget of 5 minutes.\n\nNo: a fixed time budget of 6 minutes."

    with refused("contradiction", line=3, naming="time box"):
        read_text(project, said, **REST | {"asset": "train.py", "time_box": None})


def test_a_heading_is_believed_before_prose(project: Path) -> None:
    said = "It had a fixed time budget of 5 minutes.\n\n## Time box\n\n30 s\n"

    program = read_text(project, said, **REST | {"asset": "train.py", "time_box": None})

    assert (program.time_box.seconds, program.lines["time_box"]) == (30, 5)

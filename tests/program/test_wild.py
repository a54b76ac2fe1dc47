"""Programs in the dialects that exist are read as they are; what they leave out is asked for."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autoresearch_graph.errors import ProgramError
from tests.support.errors import refused
from tests.support.programs import make_project, read_text
from tests.support.wild import FILES, NOTHING, PROGRAMS, read_wild, understood

WILD = {
    "spanish.md": {
        "asset": ("train.py", 7),
        "protected": (("prepare.py",), 11),
        "metric": ("macro_f1", 15),
        "direction": ("higher", 15),
        "experiment": ("python train.py", 20),
        "time_box": (120, 25),
        "kill_after": (240, 25),
        "constraints": (("peak_mb <= 2000",), 29),
        "stopping": ({"experiments": 60, "without_improvement": 15}, 34),
    },
    "german.md": {
        "asset": ("train.py", 7),
        "protected": (("prepare.py",), 8),
        "metric": ("val_loss", 18),
        "direction": ("lower", 15),
        "experiment": ("python train.py", 12),
        "time_box": (90, 12),
        "kill_after": (180, 13),
        "stopping": ({"seconds": 8 * 3600, "without_improvement": 25}, 23),
    },
    "japanese.md": {
        "asset": ("train.py", 5),
        "protected": (("prepare.py",), 9),
        "metric": ("val_bpb", 13),
        "direction": ("lower", 13),
        "experiment": ("uv run train.py", 18),
        "time_box": (300, 23),
        "kill_after": (600, 23),
        "stopping": ({"experiments": 80, "without_improvement": 20}, 27),
    },
    "simplified-chinese.md": {
        "asset": ("train.py", 7),
        "protected": (("prepare.py", "evaluate.py", "data"), 11),
        "metric": ("val_loss", 16),
        "direction": ("lower", 16),
        "experiment": ("python train.py", 21),
        "time_box": (300, 26),
        "kill_after": (600, 26),
        "constraints": (("peak_mb <= 2000",), 30),
        "stopping": ({"experiments": 80, "seconds": 21600, "without_improvement": 15}, 35),
    },
    "traditional-chinese.md": {
        "asset": ("train.py", 7),
        "protected": (("evaluate.py", "data", "prepare.py"), 15),
        "metric": ("macro_f1", 20),
        "direction": ("higher", 20),
        "experiment": ("python train.py", 25),
        "time_box": (300, 30),
        "kill_after": (600, 30),
        "constraints": (("p95_ms <= 20",), 34),
        "stopping": ({"experiments": 100, "seconds": 28800, "without_improvement": 20}, 39),
    },
    "korean.md": {
        "asset": ("train.py", 7),
        "protected": (("prepare.py",), 11),
        "metric": ("val_bpb", 15),
        "direction": ("lower", 15),
        "experiment": ("uv run train.py", 20),
        "time_box": (300, 25),
        "kill_after": (600, 25),
        "constraints": (("peak_vram_mb <= 48000",), 29),
        "stopping": ({"experiments": 80, "seconds": 28800, "without_improvement": 20}, 34),
    },
    "russian.md": {
        "asset": ("train.py", 7),
        "protected": (("data", "evaluate.py", "prepare.py"), 15),
        "metric": ("val_loss", 20),
        "direction": ("lower", 20),
        "experiment": ("python train.py", 25),
        "time_box": (90, 30),
        "kill_after": (180, 30),
        "constraints": (("peak_mb <= 2000",), 34),
        "stopping": ({"experiments": 60, "seconds": 28800, "without_improvement": 15}, 39),
    },
    "italian.md": {
        "asset": ("router.py", 7),
        "protected": (("evaluate.py", "data", "prepare.py"), 15),
        "metric": ("macro_f1", 20),
        "direction": ("higher", 20),
        "experiment": ("python evaluate.py", 25),
        "time_box": (180, 30),
        "kill_after": (360, 30),
        "constraints": (("p95_ms <= 20",), 34),
        "stopping": ({"experiments": 45, "seconds": 14400, "without_improvement": 12}, 39),
    },
    "dutch.md": {
        "asset": ("train.py", 5),
        "protected": (("prepare.py", "evaluate.py", "data"), 7),
        "metric": ("val_loss", 11),
        "direction": ("lower", 11),
        "experiment": ("python train.py", 12),
        "time_box": (120, 13),
        "kill_after": (300, 13),
        "constraints": (("peak_mb <= 2000",), 17),
        "stopping": ({"experiments": 10, "seconds": 10800, "without_improvement": 20}, 22),
    },
    "langsmith.md": {
        "asset": ("agent.py", 6),
        "protected": (("run_eval.py", "dataset.json"), 7),
        "metric": ("overall_score", 35),
        "direction": ("higher", 23),
        "experiment": ("uv run python run_eval.py", 13),
        "time_box": (600, 46),
        "kill_after": (600, 46),
        "stopping": (NOTHING, 40),
    },
    "strategy.md": {
        "asset": ("strategy.py", 7),
        "protected": (("prepare.py", "backtest.py"), 26),
        "metric": ("score", 34),
        "direction": ("higher", 29),
        "experiment": ("uv run backtest.py", 18),
        "time_box": (120, 9),
        "kill_after": (240, None),
        "stopping": (NOTHING, 39),
    },
    "front-matter.md": {
        "asset": ("pipeline.py", 5),
        "protected": (("evaluate.py", "data"), 6),
        "metric": ("ndcg_at_10", 7),
        "direction": ("higher", 8),
        "experiment": ("python evaluate.py", 9),
        "time_box": (180, 10),
        "kill_after": (400, 11),
        "stopping": ({"experiments": 40}, 12),
    },
    "settings-table.md": {
        "asset": ("router.py", 5),
        "protected": (("evaluate.py", "data"), 6),
        "metric": ("macro_f1", 7),
        "direction": ("higher", 7),
        "experiment": ("python evaluate.py", 8),
        "time_box": (45, 9),
        "kill_after": (120, 9),
        "constraints": (("p95_ms <= 20",), 10),
        "stopping": ({"experiments": 30}, 11),
    },
    "portuguese.md": {
        "asset": ("router.py", 7),
        "protected": (("evaluate.py", "data"), 11),
        "metric": ("macro_f1", 16),
        "direction": ("higher", 16),
        "experiment": ("python evaluate.py", 21),
        "time_box": (180, 26),
        "kill_after": (360, 26),
        "constraints": (("p95_ms <= 20",), 30),
        "stopping": ({"experiments": 45, "seconds": 4 * 3600, "without_improvement": 12}, 35),
    },
    "tables.md": {
        "asset": ("src/render/page.py, src/render/cache.py", 32),
        "protected": (("src/render/api.py", "pages"), 39),
        "metric": ("build_ms", 16),
        "direction": ("lower", 16),
        "experiment": ("./autoresearch.sh", 24),
        "time_box": (60, 54),
        "kill_after": (90, 54),
        "constraints": (("peak_mb <= 400", "broken_links <= 0"), 46),
        "stopping": ({"experiments": 40}, 55),
    },
    "goal-score.md": {
        "asset": ("pages/*.md", 56),
        "protected": (("scripts/score.sh",), 50),
        "metric": ("docs_score", 21),
        "direction": ("higher", 21),
        "experiment": ("./scripts/score.sh --json", 10),
        "time_box": (240, 61),
        "kill_after": (480, None),
        "constraints": (("words_per_page < 900",), 49),
        "stopping": ({"experiments": 60, "without_improvement": 8, "target": 90}, 37),
    },
    "nested.md": {
        "asset": ("src/sort.c", 9),
        "protected": (("bench.c", "tests"), 11),
        "metric": ("total_ms", 5),
        "direction": ("lower", 6),
        "experiment": ("make bench", 14),
        "time_box": (60, 17),
        "kill_after": (150, 15),
        "constraints": (("peak_rss_mb <= 200",), 21),
        "stopping": ({"experiments": 25, "seconds": 3 * 3600}, 18),
    },
    "bold-labels.md": {
        "asset": ("queries.sql", 5),
        "protected": (("workload.py", "data"), 8),
        "metric": ("vm_steps", 11),
        "direction": ("lower", 11),
        "experiment": ("python workload.py", 15),
        "time_box": (20, 18),
        "kill_after": (40, None),
        "constraints": (("wall_ms <= 900",), 21),
        "stopping": ({"seconds": 7200, "target": 100000}, 25),
    },
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path, *FILES.split())


@pytest.mark.parametrize("name", WILD)
def test_a_program_as_it_is_found_says_enough(project: Path, name: str) -> None:
    assert understood(read_wild(project, name)) == WILD[name]


def test_a_program_without_backticks_is_asked_for_its_command_alone(project: Path) -> None:
    with pytest.raises(ProgramError) as caught:
        read_wild(project, "bare-paths.md")
    assert str(caught.value) == (
        "bare-paths.md:13: `How to run` gives no experiment command; write there the command in a "
        "code block, or give --command"
    )
    program = read_wild(project, "bare-paths.md", command="make bench")
    assert understood(program) == {
        "asset": ("src/sort.c", 7),
        "protected": (("bench.c", "tests"), 10),
        "metric": ("total_ms", 4),
        "direction": ("lower", 4),
        "experiment": ("make bench", None),
        "time_box": (60, 17),
        "kill_after": (120, None),
        "stopping": ({"experiments": 25}, 20),
    }


@pytest.mark.parametrize(("name", "language"), [("chinese", "Chinese"), ("french", "French")])
def test_prose_in_another_language_is_not_read_and_the_error_tells_what_settles_it(
    project: Path, name: str, language: str
) -> None:
    with pytest.raises(ProgramError) as caught:
        read_wild(project, f"{name}.md")
    for part in ("asset", "direction", "time box"):
        assert f"no {part}" in str(caught.value)
    assert str(caught.value).endswith(
        f"; this text seems to be in {language}, whose sentences are not read; give --read-with "
        "MODEL, or write what is missing in front matter or under English headings"
    )
    program = read_wild(
        project, f"{name}.md", asset="train.py", time_box="5 min", direction="lower", experiments=9
    )
    assert program.metric.name == "val_bpb" and program.experiment == "uv run train.py"


def test_check_shows_what_was_understood_and_asks_for_the_rest(project: Path) -> None:
    shutil.copy(PROGRAMS / "bare-paths.md", project / "program.md")
    done = subprocess.run(
        [sys.executable, "-m", "autoresearch_graph", "check", str(project)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.count("add a heading") + done.stderr.count("write there") == 1
    shown = [line.split() for line in done.stdout.splitlines()]
    for part in ("asset 7 src/sort.c", "metric 4 total_ms", "time box 17"):
        assert any(set(part.split()) <= set(line) for line in shown), part


REST = {"asset": "train.py", "command": "c", "experiments": 1}


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ("**Metric:** `x` (lower is better)", "**Metric:** `b` (lower is better)",
         "the metric is `b` here but `x` on line 1"),
        ("**Métrica:** `x` (menor es mejor)", "De `x`, mayor es mejor.",
         "the direction is `higher is better` here but `lower is better` on line 1"),
        ("# Objective\nMaximise `x`", "Of `x` less is better.",
         "the direction is `less is better` here but `higher` on line 2"),
        ("**Time budget:** 5 minutes", "A fixed time budget of 6 minutes.",
         "the time box is `6 minutes` here but `5 minutes` on line 1"),
        ("**时间预算**：5 分钟", "固定时间预算：6 分钟。",
         "the time box is `6 分钟` here but `5 分钟` on line 1"),
    ],
)  # fmt: skip
def test_two_labels_that_differ_are_an_error_with_both_lines(
    project: Path, one: str, other: str, words: str
) -> None:
    timed = "time box" in words
    rest = REST | ({"metric": "x", "direction": "lower"} if timed else {"time_box": "1 s"})
    with pytest.raises(ProgramError, match=f":[34]: {words}; keep one of them"):
        read_text(project, f"{one}\n\n{other}", **rest)


@pytest.mark.parametrize(
    "said",
    [
        "**Timeout**: Each takes ~3 minutes (2 minutes of training).",
        "**Environment**: make sure that `python` is there.",
        "**Check**: is everything there?",
        "**Evaluation**: happens afterwards.",
        "**Noise**: ignore it.",
        "- **Stop**: when nothing helps any more",
    ],
)
def test_a_label_that_begins_a_sentence_is_prose(project: Path, said: str) -> None:
    rest = REST | {"metric": "x", "direction": "lower", "time_box": "1 s"}
    bare, program = read_text(project, "Be bold.", **rest), read_text(project, said, **rest)
    without = {"text", "lines", "grades"}
    assert program.model_dump(exclude=without) == bare.model_dump(exclude=without)


def test_the_front_matter_may_use_other_words_but_not_two_for_one_part(project: Path) -> None:
    text = "---\nasset: train.py\ntarget: agent.py\n---\n"
    with refused("contradiction", line=3, naming="line 2"):
        read_text(project, text)
    with refused("front-matter", line=2, naming="`targget`"):
        read_text(project, "---\ntargget: train.py\n---\n")


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("portuguese.md", "(quanto maior, melhor)", "(quanto menor, melhor)",
         ":16: the direction is `lower is better` here but `higher` on line 16"),
        ("portuguese.md", "no máximo 20", "no máximo 20\n- `p95_ms` no máximo 30",
         ":31: the bound for p95_ms is `p95_ms <= 30` here but `p95_ms <= 20` on line 30"),
        ("tables.md", "`peak_mb` | secondary", "`peak_mb` | primary",
         ":17: the metric is `peak_mb` here but `build_ms` on line 16"),
        ("tables.md", "40 experiments |", "40 experiments |\n| all | 50 experiments |",
         ":56: the limit on experiments is `50 experiments` here but `40 experiments` on line 55"),
        ("goal-score.md", "60 iterations |", "60 iterations |\n| or | 70 iterations |",
         ":39: the limit on experiments is `70 iterations` here but `60 iterations` on line 38"),
        ("nested.md", "budget:\n", "max_experiments: 30\nbudget:\n",
         ":19: `experiments` says the same as `experiments` on line 16 of the front matter"),
        ("nested.md", "read_only:\n", "read_only:\n    - src/sort.c\n",
         ":11: `src/sort.c` is protected here, but the asset `src/sort.c` .line 9. is the file"),
    ],
)  # fmt: skip
def test_a_program_that_contradicts_itself_in_its_dialect_is_an_error_with_both_lines(
    project: Path, name: str, old: str, new: str, words: str
) -> None:
    text = (PROGRAMS / name).read_text()
    assert text.count(old) == 1
    with pytest.raises(ProgramError, match=words):
        read_text(project, text.replace(old, new))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("run:\n  comand: make", r":3: the front matter has no key `run.comand`"),
        ("timeout: 9 s\nrun:\n  timeout: 8 s", r":4: `run.timeout` says the same as `timeout` on"),
        (
            "budget:\n  time: 9 s\n  per_run: 9 s",
            r":4: `budget.per_run` says the same as `budget.t",
        ),
    ],
)
def test_a_group_of_keys_says_what_the_keys_say(project: Path, said: str, words: str) -> None:
    with pytest.raises(ProgramError, match=words):
        read_text(project, f"---\n{said}\n---\n")


def test_a_budget_may_limit_the_whole_research_but_not_against_its_criteria(project: Path) -> None:
    rest = {key: value for key, value in REST.items() if key != "experiments"}
    said = "`x`, lower is better\n\n## Budget\n\n- 5 minutes\n- 40 experiments\n"
    stopping = read_text(project, f"## Metric\n{said}", **rest).stopping
    assert stopping.experiments == 40 and stopping.seconds is None
    with refused("contradiction", naming="line 10"):
        read_text(project, f"## Metric\n{said}\n## Stop\n- 60 experiments\n", **rest)
    with refused("bad-value", naming="`1 experiment`"):
        read_text(project, f"## Metric\n{said}- 1 experiment at a time\n", **rest)


def test_a_table_of_components_gives_the_metric_no_direction(project: Path) -> None:
    said = (
        "## Metric definition\n\n```\nscore = hits / all\n```\n\n"
        "| Part | |\n|--|--|\n| **misses** | lower is better |"
    )
    with refused("missing-part", naming="`score`"):
        read_text(project, said, **REST, time_box="1 s")


def test_what_an_evaluation_reads_is_never_dropped(project: Path) -> None:
    rest = REST | {"metric": "x", "direction": "lower", "time_box": "1 s"}
    said = "## Evaluation\n\nReads `{}`.\n\n```\npython evaluate.py\n```"
    assert read_text(project, said.format("m.npz"), **rest).artifacts == ("m.npz",)
    for name in ("model.weights", "answers"):
        with refused("unclear-program", line=3, naming=f"`{name}`"):
            read_text(project, said.format(name), **rest)
        labelled = said.replace("Reads", "Artifacts:").format(name)
        assert read_text(project, labelled, **rest).artifacts == (name,)
    assert read_text(project, said.format("x"), **rest).artifacts == ()

"""A name is what a direction is said of, and a command is what is run; else it is asked about."""

from pathlib import Path

import pytest

from autoresearch_graph.errors import ProgramError
from tests.support.errors import refused
from tests.support.programs import make_project, read_parts, read_text

REST = {"asset": "train.py", "time_box": "1 s", "experiments": 1}
METRIC = {"metric": "x", "direction": "lower"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path, "train.py", "evaluate.py", "judge.py", "bench.py")


@pytest.mark.parametrize(
    ("said", "name", "direction"),
    [
        ("A run prints `a_ms`, `b_ms` and `c_mb`.\nMinimise `b_ms`.", "b_ms", "lower"),
        ("The script prints `hits` and `cost`; the highest `hits` wins.", "hits", "higher"),
        ("Higher `recall_at_5` = better.", "recall_at_5", "higher"),
        ("The lower the `wer`, the better.", "wer", "lower"),
        ("Fewer is better: `warnings`", "warnings", "lower"),
        ("The sum of `p` and `r`, reported as `f1`. Higher is better.", "f1", "higher"),
        ("Median time of `encode` for `corpus`, logged as `p50_ms`; lower is better", "p50_ms",
         "lower"),
        ("Gates of what passes `verify`, shown as `gates`; less is better", "gates", "lower"),
        ("We minimise the mean of `err` over seeds, printed as `mean_err`.", "mean_err", "lower"),
        ("- **Name**: avg_ms\n- **Direction**: lower_is_better", "avg_ms", "lower"),
        ("- name: qps\n- higher_is_better: true", "qps", "higher"),
        ("- name: err\n- higher_is_better: false", "err", "lower"),
        ("**Secondary**: `acc` (higher is better)\n\n**Primary**: `loss` (lower is better)",
         "loss", "lower"),
        ("`loss`, lower is better\n\nMonitor:\n\n- `acc`, higher is better", "loss", "lower"),
        ("- `loss`, lower is better\n- Guardrail: `acc`, higher is better", "loss", "lower"),
        ("Not `train_loss` but `val_loss`, lower is better.", "val_loss", "lower"),
        ("Do not minimise `cost`; maximise `acc`.", "acc", "higher"),
        ("Minimise `m_ms`, the mean of `a_ms` and `b_ms`.", "m_ms", "lower"),
        ("- Metric: `val_loss`\n- Direction: `lower`", "val_loss", "lower"),
        ("Minimization of `loss`", "loss", "lower"),
        ("val_bpb. Lower is better.", "val_bpb", "lower"),
        ("**Primary:** `a` (lower is better)\n**Secondary:** `b` (higher is better)", "a", "lower"),
        ("Minimise `latency`. It is printed as `latency_ms`.", "latency_ms", "lower"),
    ],
)  # fmt: skip
def test_the_metric_is_what_a_direction_is_said_of(
    project: Path, said: str, name: str, direction: str
) -> None:
    metric = read_text(project, f"## Metric\n\n{said}", command="c", **REST).metric

    assert (metric.name, metric.direction) == (name, direction)


@pytest.mark.parametrize(
    ("said", "name", "direction"),
    [
        ("Reduce `build_ms`.", "build_ms", "lower"),
        ("Increase `tokens_s` without increasing `peak_mb`.", "tokens_s", "higher"),
        ("Lower `p99_ms` while keeping `hit_rate` above 0.9.", "p99_ms", "lower"),
        ("Raise `coverage_percent`.", "coverage_percent", "higher"),
        ("Improve `acc`; higher is better.", "acc", "higher"),
        ("Minimise the validation loss (`val_loss`).", "val_loss", "lower"),
        ("Maximise **PR AUC**.\n\n```\npr_auc: 0.4\nval_auc: 0.3\n```", "pr_auc", "higher"),
        ("Maximise the F1 score.\n\n`{\"f1_score\": 0.3}`", "f1_score", "higher"),
        ("Our aim: to minimise `cost`.\n\n- try to reduce `lr`.", "cost", "lower"),
        ("The run ends with `METRIC total_ms=12.3`. Lower is better.", "total_ms", "lower"),
        ("Metric: x_ms\nDirection: lower", "x_ms", "lower"),
    ],
)  # fmt: skip
def test_a_goal_names_the_metric(project: Path, said: str, name: str, direction: str) -> None:
    metric = read_text(project, f"## Goal\n\n{said}", command="c", **REST).metric

    assert (metric.name, metric.direction) == (name, direction)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("## Goal\n\nMaximise the win rate.", 'in words here ("win rate")'),
        ("## Goal\n\nMinimise `a` and `b`.", "`b` here but `a` on line 3"),
        ("## Metric\n\nHigher is better:\n\n- `acc`\n- `f1`", "`f1` here but `acc` on line 5"),
        ("## Metric\n\nTracked:\n\n- `acc` (higher is better)", "gives no metric"),
        ("## Goal\n\nPrimary:\n\n- the reward\n\nSecondary:\n\n- maximise `ore`", "no metric"),
        ("## Metric\n\nMaximise `f` throughput.", "gives no metric"),
        ("```\nMETRIC a_ms=1\nMETRIC b_mb=2\n```\nLower is better.", "there is no metric"),
        (
            "# A\n\n## Goal\n\nMinimise latency.\n\n### Nice to have\n\n- maximise `hits`",
            'in words here ("latency")',
        ),
        (
            "## Goal\n\nMinimise `a_s`.\n\nThe metric is `b`. Higher is better.",
            "`b` here but `a_s` on line 3",
        ),
        ("Crashes are logged as `crash`. The goal is a higher score.", 'in words here ("score")'),
        ("## Metric\n\n`a_s` and `b_mb`, lower is better.", "`b_mb` here but `a_s`"),
        ("Ideas: reduce `lr`, increase `batch_size`.", "there is no metric"),
        ("`grep ^val_loss: log`. The goal: minimise `err`.", "`err` here but `val_loss` on"),
    ],
)
def test_a_metric_that_is_not_clear_is_asked_about(project: Path, said: str, words: str) -> None:
    with pytest.raises(ProgramError) as caught:
        read_text(project, said, command="c", **REST)
    assert words in str(caught.value)

    flags = {"metric": "ore", "direction": "higher", "command": "c", **REST}
    assert read_text(project, said, **flags).metric.name == "ore"


@pytest.mark.parametrize(
    ("said", "command"),
    [
        ("1. Run the benchmark: `SCORE=$(./bench.sh 2>/dev/null)`", "./bench.sh"),
        ("- **Benchmark:** `FAST=1 python bench.py`\n- **Test:** `make test`",
         "FAST=1 python bench.py"),
        ("## Benchmark\n\n- command: `bash bench.sh`\n- name: `x`", "bash bench.sh"),
        ("Verify: python bench.py", "python bench.py"),
        ("**Test command:** `python judge.py`", "python judge.py"),
        ("## Steps\n\n**Benchmark**\n\n```\npython bench.py\n```", "python bench.py"),
        ("```\nLOOP FOREVER:\n  1. git commit\n  2. Run: python train.py > run.log 2>&1\n```",
         "python train.py"),
        ("```text\nloop:\n  1. Run `uv run train.py > run.log 2>&1`\n```", "uv run train.py"),
        ("## Running one experiment\n\n```\npython train.py m\npython judge.py m\n```",
         "python train.py m\npython judge.py m"),
        ("1. `python train.py --out m.pt > run.log 2>&1`\n2. `python judge.py m.pt`",
         "python train.py --out m.pt\npython judge.py m.pt"),
        ("1. `pip install -e .`\n2. `python train.py`", "python train.py"),
        ("| Step | Command |\n|--|--|\n| bench | `python bench.py` |\n| benchmark | `make bench` |",
         "make bench"),
    ],
)  # fmt: skip
def test_prose_names_what_is_run(project: Path, said: str, command: str) -> None:
    assert read_text(project, said, **METRIC, **REST).experiment == command


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("text", "python train.py"),
        ("python", "python train.py"),
        ("cmd", "python train.py"),
        ("powershell", "PS C:\\x> python train.py"),
        ("shellscript", "python train.py"),
        ("{.bash .numberLines}", "python train.py"),
        ("console", "(venv) $ python train.py\nepoch 1"),
    ],
)
def test_a_command_stands_in_a_block_of_any_shell(project: Path, language: str, text: str) -> None:
    block = f"```{language}\n{text}\n```"

    assert read_parts(project, {"Experiment": block}).experiment == "python train.py"


@pytest.mark.parametrize(
    "said",
    [
        "Run evaluations with `--model small`.",
        "**Run:** `git pull`",
        "**Run:** `make build`",
        "Run: `cat run.log`",
        "**Verify:** `npm test`",
        "1. Run `python prepare.py` once.",
        "If it fails run `python fix.py`.",
        "Never run `python train.py` directly.",
        "To run a smoke test:\n\n```\npython train.py --smoke\n```",
        "## Experiment\n\n```python\nimport train\ntrain.main()\n```",
        "## Experiment\n\n```yaml\nrun: x\n```",
        "Launch: `python train.py > run.log 2>&1 &`",
    ],
)
def test_what_is_no_experiment_is_not_run(project: Path, said: str) -> None:
    with refused("missing-part", naming="experiment command"):
        read_text(project, said, **METRIC, **REST)


@pytest.mark.parametrize(
    ("said", "line", "blank"),
    [
        ("Launch it with `python train.py --seed <seed>`.", 1, "<seed>"),
        ("Launch it with `./bench --filter='<my test>*'`.", 1, "<my test>"),
        ("Launch it with `python train.py --seed [N]`.", 1, "[N]"),
        ("Launch it with `python train.py --key YOUR_KEY`.", 1, "YOUR_KEY"),
        ("Launch it with `python train.py ...`.", 1, "..."),
        ("Launch it with `python train.py $1`.", 1, "$1"),
        ("## Experiment\n\n```\nset -e\npython train.py exp_{NNN}\n```", 5, "{NNN}"),
        ("## Experiment\n\n```\npython train.py path/to/data\n```", 4, "path/to/data"),
    ],
)
def test_a_placeholder_is_named_with_its_line(
    project: Path, said: str, line: int, blank: str
) -> None:
    with refused("unclear-program", line=line, naming=f"`{blank}` is a placeholder"):
        read_text(project, said, **METRIC, **REST)

    assert read_text(project, said, command="make x", **METRIC, **REST).experiment == "make x"


@pytest.mark.parametrize(
    "command",
    [
        "python train.py < in.txt > out.csv",
        "python train.py | awk '{print $1}'",
        "for i in {1..3}; do python train.py $i; done",
        "go test ./... -bench .",
        "python -c \"print(f'{x}')\"",
        "cp a.{json,yaml} b && python train.py ${SEED}",
        'f() { python "$1"; }\nf train.py',
    ],
)
def test_what_a_shell_fills_in_is_no_placeholder(project: Path, command: str) -> None:
    block = f"```\n{command}\n```"

    assert read_parts(project, {"Experiment": block}).experiment == command


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("```\n./s.sh          # for people\n./s.sh --json   # for machines\n```", 17),
        ("```\npython train.py\n# or\npython train.py --fast\n```", 18),
        ("```\npython train.py\n```\n\nor:\n\n```\nmake train\n```", 22),
        ("`python train.py` or `make train`", 15),
        ("1. `python train.py`\n2. `python plot.py`", 16),
    ],
)
def test_two_commands_to_choose_from_are_asked_about(project: Path, said: str, line: int) -> None:
    with refused("contradiction", line=line, naming="or give --command"):
        read_parts(project, {"Experiment": said})

    assert read_parts(project, {"Experiment": said}, command="make x").experiment == "make x"


@pytest.mark.parametrize(
    "said",
    [
        "1. Run: `python train.py > run.log 2>&1`\n2. Run: `python evaluate.py >> run.log 2>&1`",
        "1. Train: `python train.py > run.log 2>&1`\n2. Score: `python evaluate.py > s.log 2>&1`",
        "## How to run\n\n1. `python train.py`\n2. `python evaluate.py`",
    ],
)
def test_of_two_steps_the_second_evaluates(project: Path, said: str) -> None:
    program = read_text(project, said, **METRIC, **REST)

    assert (program.experiment, program.evaluation) == ("python train.py", "python evaluate.py")


@pytest.mark.parametrize(
    ("heading", "body"),
    [
        ("Evaluation", "The run prints:\n\n```\nloss: 0.5\n```"),
        ("Evaluation", "The run measures itself on other text and prints one number at its end."),
        ("Evaluation: in words", "We like small models."),
        ("Preflight", "- `clang` is found by `scripts/build.cmd`"),
        ("Checks", "Nothing burns."),
    ],
)
def test_a_section_of_prose_is_left_as_prose_and_shown(
    project: Path, heading: str, body: str
) -> None:
    program = read_parts(project, {heading: body})

    assert (program.evaluation, program.check, program.hidden) == (None, None, ())
    assert program.unchecked == (f"`{heading}` (line 27)",)


@pytest.mark.parametrize("body", ["Run `evaluate.py` on it.", "The file evaluate.py does it all."])
def test_an_evaluation_that_names_a_script_is_asked_about(project: Path, body: str) -> None:
    with refused("unclear-program", naming="give --evaluation"):
        read_parts(project, {"Evaluation": body})

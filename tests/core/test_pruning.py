"""Runs that are far behind the incumbent's end early, where program.md allows it."""

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from autoresearch_graph.core.experiment import Curve, Experiment, Measured, Pruned, VerdictStatus
from autoresearch_graph.core.pruning import PruningRule, at, bar_for, bends, curve_of, reading
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.reader import read
from tests.support.agreement import assert_agreement
from tests.support.cli import autoresearch
from tests.support.projects import PROGRAM, git, make_project, run

CURVE = ((0.1, 4.0), (0.3, 3.0), (0.5, 2.0), (0.9, 1.0))
EARLY = PROGRAM.replace("## Noise", "## Hopeless runs\nThey may be ended early.\n\n## Noise")
FALLS = """\
import time
RATE = 1.0
DEPTH = 1
for i in range(11):
    print(f"progress: {i / 10} loss: {RATE * (3.0 - i / 5)}", flush=True)
    time.sleep(0.15)
print(f"loss: {RATE}")
"""


def researched(folder: Path, rates: Sequence[float], program: str = EARLY) -> list[Experiment]:
    project = make_project(folder, program=program, text=FALLS)
    rows = run(project, [FALLS.replace("1.0\nDEPTH", f"{rate}\nDEPTH") for rate in rates])[1]
    assert_agreement(project, "t")
    return rows


def test_a_run_far_behind_is_ended_and_one_of_ten_is_let_go_on(tmp_path: Path):
    rows = researched(tmp_path / "p", [2.0, 2.5, 1.2, 0.5, 1.0, 1.1])
    assert [row.status for row in rows] == [
        "keep",
        "discard",
        "discard",
        "discard",
        "keep",
        "discard",
        "discard",
    ]
    audited, ended = rows[1].trials[0], rows[2].trials[0]
    assert rows[1].metric == 2.0 and audited.would_prune.startswith("ended at 30% of the time box")
    assert isinstance(ended, Pruned) and rows[2].metric is None
    assert "more than 1.5 times the 2.4 of experiment 0 there" in rows[2].reason
    assert ended.seconds < audited.seconds
    assert rows[3].metric == 1.2
    assert "experiment 4" in rows[5].trials[0].would_prune, "the first by a new bar is let go on"
    assert isinstance(rows[6].trials[0], Pruned), "the new incumbent's curve counts"
    told = " ".join(autoresearch("status", tmp_path / "p").stdout.split())
    assert "2 hopeless runs were ended early" in told and "2 more were let go on" in told
    assert "none was kept" in told


LIES = """\
import json, time
W = 3.0
FAKE = 1.0
for i in range(11):
    print(f"progress: {i / 10} loss: {W * FAKE * (2 - i / 10)}", flush=True)
    time.sleep(0.08)
json.dump(W, open("out.json", "w"))
"""


def test_a_kept_run_whose_curve_is_too_good_for_its_metric_sets_no_bar(tmp_path: Path):
    reads = "import json\nprint('loss:', json.load(open('out.json')))\n"
    program = EARLY.replace(
        "## Time box",
        "## Evaluation\nReads `out.json`.\n```\npython evaluate.py\n```\n\n## Time box",
    )
    project = make_project(tmp_path / "p", program=program, text=LIES)
    (project / "evaluate.py").write_text(reads)
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=more")
    values = [(2.9, 0.001), (2.95, 1.0), (2.8, 1.0), (7.0, 1.0), (7.5, 1.0), (1.0, 1.0)]
    honest = {f"W = {w}": LIES.replace("W = 3.0", f"W = {w}") for w, _ in values}
    texts = [honest[f"W = {w}"].replace("FAKE = 1.0", f"FAKE = {f}") for w, f in values]
    rows = run(project, texts)[1]
    assert [row.status for row in rows[1:]] == [
        "keep",
        "discard",
        "keep",
        "discard",
        "discard",
        "keep",
    ]
    assert [row.metric for row in rows[1:4]] == [2.9, 2.95, 2.8] and rows[6].metric == 1.0
    assert rows[4].trials[0].would_prune and isinstance(rows[5].trials[0], Pruned)


def told(number: int, metric: float, curve: Curve, status: VerdictStatus = "keep") -> Experiment:
    """A row of a measured run with the curve that it reported."""
    return Experiment(
        author="model", description="d", number=number, status=status, reason="r", metric=metric,
        metrics={}, commit=f"{number}", parent="0", seconds=1.0, memory_gb=0.1, self_reported=False,
        finished="2026-01-01T00:00:00+00:00", trials=(Measured(metric=metric, curve=curve),),
    )  # fmt: skip


def scaled(factor: float) -> Curve:
    return tuple((share, value * factor) for share, value in CURVE)


@pytest.mark.parametrize(
    ("metric", "curve", "owner"),
    [
        (0.9, scaled(0.9), 1),
        (0.9, scaled(0.88), 1),
        (0.9, scaled(0.0009), 0),
        (0.9, scaled(0.9 / 1.05**2), 0),
        (0.9, (*scaled(0.0009)[1:-1], (0.9, 0.9)), 0),
        (0.9, ((0.1, 4.0), *scaled(0.0009)[1:-1], (0.9, 0.9)), 0),
        (0.9, ((0.1, 3.6), (0.3, 2.7), (0.5, 1.8), (0.9, 0.0009)), 0),
        (0.9, scaled(2.0), 1),
        (-0.9, scaled(0.9), 0),
        (0.0, scaled(0.9), 0),
    ],
)
def test_only_a_curve_that_the_metric_bears_out_sets_a_bar(metric: float, curve: Curve, owner: int):
    bar = bar_for(1, [told(0, 1.0, CURVE), told(1, metric, curve)])
    assert bar is not None and bar.number == owner
    assert bar.curves == (curve if owner else CURVE,)


def test_small_lies_do_not_add_up():
    rows = [told(0, 1.0, CURVE)]
    for number in range(1, 20):
        rows.append(told(number, 0.99**number, scaled(0.99**number / 1.04**number)))
    owners = [bar.number for n in range(20) if (bar := bar_for(n, rows[: n + 1]))]
    assert owners == [0, 1] + [0] * 18


def test_a_curve_in_another_quantity_than_the_metric_sets_a_bar_by_its_relation():
    nats = tuple((share, value * 1.386) for share, value in CURVE)
    rows = [told(0, 2.0, nats), told(1, 1.8, tuple((s, v * 0.9) for s, v in nats))]
    assert [bar.number for n in (0, 1) if (bar := bar_for(n, rows))] == [0, 1]
    accuracy = [told(0, 0.8, CURVE), told(1, 0.9, scaled(0.8))]
    bar = bar_for(1, accuracy)
    assert bar is not None and bar.number == 0, "a rising metric bears out no falling curve"


def test_the_first_by_every_new_bar_is_an_audit_and_then_one_of_ten_by_chance():
    ended = told(2, 9.0, CURVE, "discard").model_copy(update={"trials": (Pruned(reason="r"),)})
    rows = [told(0, 1.0, CURVE), told(1, 0.9, scaled(0.9))]

    def audits(rows: list[Experiment], number: int) -> list[bool]:
        bars = (bar_for(number, rows, run=f"base {n}") for n in range(200))
        return [bar.audit for bar in bars if bar]

    assert all(audits(rows, 1)) and all(audits([rows[0], ended, rows[1]], 1))
    chosen = audits([*rows, ended], 1)
    assert chosen == audits([*rows, ended], 1) and 8 < sum(chosen) < 40
    assert chosen[:20] != [True, *[False] * 9] * 2
    audited = told(3, 0.8, CURVE).model_copy(
        update={"trials": (Measured(metric=0.8, curve=CURVE, would_prune="x"),)}
    )
    assert bar_for(3, [*rows, audited]) is None


def test_nothing_is_ended_where_program_md_does_not_say_so(tmp_path: Path):
    rows = researched(tmp_path / "p", [2.0, 2.5], program=PROGRAM)
    assert [row.metric for row in rows] == [1.0, 2.0, 2.5]
    assert not any(run.would_prune for row in rows for run in row.trials)


def test_a_change_of_code_or_of_a_size_is_never_ended(tmp_path: Path):
    project = make_project(tmp_path / "p", program=EARLY, text=FALLS)
    slow = FALLS.replace("RATE = 1.0", "RATE = 3.0")
    texts = [slow, slow.replace("DEPTH = 1", "DEPTH = 2"), slow.replace("i / 5", "i / 6")]
    rows = run(project, texts)[1]
    assert rows[1].trials[0].would_prune and not rows[2].trials[0].would_prune
    assert [row.metric for row in rows] == [1.0, 3.0, 3.0, 3.0]


def test_a_curve_is_read_from_lines_of_progress():
    log = "step 1 loss 9\nprogress: 0.5 loss 2.5\nprogress 0.1 val_loss=4e0\nprogress: 12 loss: 3\n"
    assert curve_of(log) == ((0.1, 4.0), (0.5, 2.5))
    assert reading("step 9  3.0 s  progress: 0.125  loss 3.21") == (0.125, 3.21)
    assert reading("progress: 0.5") is None
    assert reading("progress 0.5 loss 1e999") is None
    assert [at(CURVE, share) for share in (0.0, 0.4, 0.5, 1.0)] == [4.0, 2.5, 2.0, 1.0]


@pytest.mark.parametrize("line", ["progress 0.5-x " * 20_000, "progress 0.5 a" + "1" * 300_000])
def test_a_hostile_line_is_read_in_no_time(line: str):
    started = time.thread_time()
    assert reading(line + "x") is None
    assert time.thread_time() - started < 5


@pytest.mark.parametrize(
    ("before", "share", "value", "ends"),
    [
        (0.2, 0.3, 4.4, False),
        (0.2, 0.3, 4.6, True),
        (0.3, 0.4, 9.0, False),
        (0.4, 0.5, 2.2, False),
        (0.4, 0.5, 2.4, True),
        (0.5, 0.6, 9.0, False),
        (0.4, 0.5, float("nan"), False),
    ],
)
def test_each_look_is_taken_once(before: float, share: float, value: float, ends: bool):
    curves = tuple(tuple((x, y + shift) for x, y in CURVE) for shift in (-0.1, 0.0, 0.1))
    bar = PruningRule(curves=curves, number=3)
    assert bool(bar.verdict(before, share, value)) == ends


def test_two_runs_of_the_incumbent_are_too_few_for_deviations():
    bar = PruningRule(curves=(CURVE, CURVE), number=3)
    assert bar.verdict(0.4, 0.5, 100.0) == ""


def test_schedules_sizes_and_batches_bend_a_curve():
    assert not bends(["HEAD_LR", "MOMENTUM", "SOFTCAP"])
    assert bends(["A", "B", "C", "D"])
    for name in ("WARMDOWN", "BATCH_SIZE", "DEPTH", "weight_decay", "HEAD_DIM", "steps"):
        assert bends([name])


def test_program_md_says_whether_in_words_or_front_matter(tmp_path: Path):
    def says(text: str) -> bool:
        project = make_project(tmp_path / str(len(list(tmp_path.iterdir()))), program=text)
        return read(project / "program.md", project=project).early_end

    assert says(EARLY) and not says(PROGRAM)
    assert not says(EARLY.replace("They may be ended early.", "Never end one."))
    assert says("---\nearly_end: true\n---\n" + PROGRAM)
    with pytest.raises(ProgramError, match="it is unclear if hopeless runs may be ended early"):
        says(EARLY.replace("They may be ended early.", "Hm."))

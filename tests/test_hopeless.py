"""Runs that are far behind the incumbent's end early, where program.md allows it."""

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from autoresearch_graph.errors import ProgramError
from autoresearch_graph.experiment import Experiment, Hopeless
from autoresearch_graph.hopeless import Bar, at, bends, curve_of, reading
from autoresearch_graph.program import read

from .agreement import assert_agreement
from .conftest import PROGRAM, make_project, run
from .test_cli import autoresearch

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
    rows = researched(tmp_path / "p", [2.0, 2.5, 1.2, 0.5, 1.0])
    assert [row.status for row in rows] == [
        "keep",
        "discard",
        "discard",
        "discard",
        "keep",
        "discard",
    ]
    spared, ended = rows[1].trials[0], rows[2].trials[0]
    assert rows[1].metric == 2.0 and spared.spared.startswith("ended at 30% of the time box")
    assert isinstance(ended, Hopeless) and rows[2].metric is None
    assert "more than 1.5 times the 2.4 of experiment 0 there" in rows[2].reason
    assert ended.seconds < spared.seconds
    assert rows[3].metric == 1.2
    assert isinstance(rows[5].trials[0], Hopeless), "the new incumbent's curve counts"
    told = " ".join(autoresearch("status", tmp_path / "p").stdout.split())
    assert "2 hopeless runs were ended early" in told and "1 more were let go on" in told
    assert "none was kept" in told


def test_nothing_is_ended_where_program_md_does_not_say_so(tmp_path: Path):
    rows = researched(tmp_path / "p", [2.0, 2.5], program=PROGRAM)
    assert [row.metric for row in rows] == [1.0, 2.0, 2.5]
    assert not any(run.spared for row in rows for run in row.trials)


def test_a_change_of_code_or_of_a_size_is_never_ended(tmp_path: Path):
    project = make_project(tmp_path / "p", program=EARLY, text=FALLS)
    slow = FALLS.replace("RATE = 1.0", "RATE = 3.0")
    texts = [slow, slow.replace("DEPTH = 1", "DEPTH = 2"), slow.replace("i / 5", "i / 6")]
    rows = run(project, texts)[1]
    assert rows[1].trials[0].spared and not rows[2].trials[0].spared
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
    bar = Bar(curves=curves, number=3)
    assert bool(bar.verdict(before, share, value)) == ends


def test_two_runs_of_the_incumbent_are_too_few_for_deviations():
    bar = Bar(curves=(CURVE, CURVE), number=3)
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
    with pytest.raises(ProgramError, match="whether hopeless runs may be ended early is not said"):
        says(EARLY.replace("They may be ended early.", "Hm."))

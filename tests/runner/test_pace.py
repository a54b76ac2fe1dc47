"""A run that works on for longer than its time box has not kept it, whatever it gave."""

from pathlib import Path

import pytest

from autoresearch_graph.core.experiment import Crashed, Measured, TimedOut
from autoresearch_graph.runner.outcome import overrun, pace_of
from autoresearch_graph.runner.process import Ended
from tests.support.projects import PROGRAM, make_project, run

WORKS = """\
import time
X = 3.0
while time.process_time() < (0.0 if X == 3.0 else 3.0):
    pass
print("loss:", X)
"""


def measured(wall: float, cpu: float) -> Measured:
    return Measured(metric=1.0, seconds=wall, cpu_seconds=cpu)


def ended(wall: float, cpu: float) -> Ended:
    return Ended(
        exit_code=0, timed_out=False, cancelled=False, breach=None, pruned="", seconds=wall,
        memory_gb=0, cpu_seconds=cpu, processes=1, disk_gb=0,
    )  # fmt: skip


PACE = pace_of((measured(19, 18), measured(40, 19)))


@pytest.mark.parametrize(
    ("wall", "cpu", "kept"),
    [
        (19, 19, True),
        (22, 23, True),  # a model that takes longer to start and to save
        (60, 20, True),  # others were at work
        (19, 36, True),  # two threads
        (60, 60, False),
        (26, 26, False),
    ],
)
def test_a_fifth_more_of_both_clocks_is_too_much(wall: float, cpu: float, kept: bool):
    reason = f"it took {cpu:g} s of CPU time, the untouched asset at most 19, "
    reason += "and the time box is 15 s"
    assert overrun(15, ended(wall, cpu), PACE) == ("" if kept else reason)


def test_within_the_box_a_run_may_take_as_long_as_it_likes():
    assert not overrun(30, ended(29, 58), PACE)


def test_the_untouched_asset_and_what_gave_no_number_stay_what_they_are():
    assert not overrun(15, ended(99, 99), pace_of(()))
    late = TimedOut(limit=180, cpu_seconds=180)
    assert pace_of((late, measured(19, 18))) == pace_of((measured(19, 18),))


def test_a_change_that_works_beyond_its_box_is_not_kept(tmp_path: Path):
    program = PROGRAM.replace("10 seconds, killed after 20", "1 second, killed after 100")
    project = make_project(tmp_path / "p", program=program, text=WORKS)
    _, rows = run(project, [WORKS.replace("X = 3.0", "X = 2.0")])
    assert [row.status for row in rows] == ["keep", "crash"]
    assert "the time box is 1 s" in rows[1].reason
    (trial,) = rows[1].trials
    assert isinstance(trial, Crashed) and trial.cause == "time box"
    assert trial.cpu_seconds > 2 and trial.sandbox

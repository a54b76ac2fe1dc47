"""Several runs at once, and proposals that are written while another runs."""

from pathlib import Path
from typing import Any

import pytest

from autoresearch_graph.asset.files import pack
from autoresearch_graph.asset.merge import merged
from autoresearch_graph.core.experiment import Experiment
from tests.support.agreement import assert_agreement
from tests.support.cli import autoresearch
from tests.support.projects import git, make_project, run

TWO = """\
import time
X = 3.0
GAP = 1
GAP = 2
Y = 3.0
SECONDS = 0.0
time.sleep(SECONDS)
print(f"loss: {(X - 1.0) ** 2 + (Y - 1.0) ** 2:.6f}")
"""


def two(x: float = 3.0, y: float = 3.0, seconds: float = 0.0) -> str:
    text = TWO.replace("X = 3.0", f"X = {x!r}").replace("Y = 3.0", f"Y = {y!r}")
    return text.replace("SECONDS = 0.0", f"SECONDS = {seconds!r}")


def researched(project: Path, texts: list[str], **options: Any) -> list[Experiment]:
    return run(project, texts, experiments=len(texts), **options)[1]


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    return make_project(tmp_path / "p", text=TWO)


def test_a_proposal_that_waited_is_merged_onto_what_was_kept_meanwhile(pair: Path):
    rows = researched(pair, [two(x=2.0), two(y=2.0)], workers=1, look_ahead=True)
    assert [(row.status, row.metric) for row in rows] == [
        ("keep", 8.0),
        ("keep", 5.0),
        ("keep", 2.0),
    ]
    merged = rows[2]
    assert merged.parent == rows[1].commit and merged.written_for == 0
    assert git(pair, "show", "autoresearch/t:asset.py") == two(x=2.0, y=2.0).strip()
    assert "Written-for: 0" in git(pair, "log", "-1", "--format=%B", "autoresearch/t")
    assert_agreement(pair, "t")


def test_a_change_that_collides_is_not_run_and_the_ledger_says_why(pair: Path):
    texts = [two(x=x) for x in (2.0, 1.5, 1.25, 1.2)]
    rows = researched(pair, texts, workers=1, look_ahead=True)
    assert [row.status for row in rows[3:]] == ["keep", "keep"], "the small asset collides again"
    assert (rows[2].status, rows[2].trials) == ("discard", ())
    assert rows[2].reason == (
        "not run: it changes the same lines as experiment 1, which was kept meanwhile"
    )
    assert_agreement(pair, "t")


def test_what_is_kept_already_is_not_run_again(pair: Path):
    rows = researched(pair, [two(x=2.0), two(x=2.0)], workers=1, look_ahead=True)
    assert "all of it is in experiment 1" in rows[2].reason
    assert_agreement(pair, "t")


def test_what_two_workers_find_is_combined(pair: Path):
    texts = [two(x=2.0, seconds=0.5), two(y=2.0, seconds=0.5)]
    rows = researched(pair, texts, workers=2)
    assert [(row.status, row.metric) for row in rows] == [
        ("keep", 8.0),
        ("keep", 5.0),
        ("keep", 2.0),
    ]
    assert len(rows[2].superseded_runs) == 1 and rows[2].written_for == 0
    shown = autoresearch("show", "2", pair).stdout
    assert "written for experiment 0, put onto the one kept since" in shown and "before" in shown
    assert_agreement(pair, "t")


def test_a_good_change_that_collides_is_measured_against_what_it_collides_with(pair: Path):
    texts = [two(x=2.5, seconds=0.2), two(x=2.0, seconds=0.8)]
    rows = researched(pair, texts, workers=2)
    assert [(row.number, row.status) for row in rows] == [(0, "keep"), (1, "keep"), (2, "keep")]
    assert git(pair, "show", "autoresearch/t:asset.py") == two(x=2.0, seconds=0.8).strip()
    assert_agreement(pair, "t")


def test_no_run_waits_for_the_slowest_and_no_experiment_is_one_too_many(pair: Path):
    texts = [two(x=3.5, seconds=3.0), *(two(x=4.0 + i) for i in range(4))]
    rows = researched(pair, texts, workers=2)
    judged = [row.number for row in rows]
    assert judged[:3] == [0, 2, 3] and sorted(judged) == [0, 1, 2, 3, 4, 5]


def test_two_changes_of_neighbouring_constants_do_not_collide():
    base = "A = 1.0\nB = 2\n\ndef f():\n    return A\n"
    ours, theirs = base.replace("1.0", "1.50"), base.replace("B = 2", "B = 4")
    assert merged(base, ours, theirs, asset="a.py") == ours.replace("B = 2", "B = 4")
    assert merged(base, ours, base.replace("1.0", "4"), asset="a.py") is None
    code = base.replace("return A", "return A * 2")
    assert merged(base, ours, code, asset="a.py") == code.replace("1.0", "1.50")
    assert merged(base, code, base.replace("return A", "return B"), asset="a.py") is None


def test_several_files_are_merged_one_by_one():
    base = {"a.txt": "one\ntwo\n", "b.txt": "=" * 9 + "\n"}
    ours, theirs = base | {"a.txt": "one\n2\n"}, base | {"b.txt": "x\n", "c.txt": "new"}
    texts = [pack(parts) for parts in (base, ours, theirs)]
    assert merged(*texts, asset="*.txt") == pack(theirs | ours | {"b.txt": "x\n"})
    assert merged(texts[0], pack(base | {"b.txt": "y\n"}), texts[2], asset="*.txt") is None

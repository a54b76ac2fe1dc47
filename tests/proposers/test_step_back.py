"""Where nothing is kept for long, the incumbent is suspected, and kept changes are taken back."""

from pathlib import Path

import pytest

from autoresearch_graph.asset.merge import merged
from autoresearch_graph.core.brief import Brief, History
from autoresearch_graph.core.experiment import Experiment, Incumbent
from autoresearch_graph.core.incumbent import PATIENCE
from autoresearch_graph.core.program import Program
from autoresearch_graph.nodes.propose import step_back
from autoresearch_graph.report import write_report
from autoresearch_graph.results.records import load
from tests.support.agreement import assert_agreement
from tests.support.cli import autoresearch
from tests.support.experiments import experiment as row
from tests.support.projects import PROGRAM, git, make_project, run

TEXT = """\
import os, random
# how wide
A = 3.0
# how deep
C = 5.0
luck = random.Random(f"{A} {C} {os.environ['AUTORESEARCH_SEED']}")
print("loss:", (A - C) ** 2 + C + luck.gauss(0, 0.0))
"""


def text(a: float, c: float) -> str:
    return TEXT.replace("3.0", repr(a)).replace("5.0", repr(c))


def noisy(text: str) -> str:
    return text.replace("0.0)", "0.1)")


PARTS = {
    "path": "program.md",
    "text": "",
    "asset": "asset.py",
    "metric": {"name": "loss", "direction": "lower"},
    "experiment": "python asset.py",
    "time_box": {"seconds": 1, "kill_after": 2},
}
BY_EACH_OTHER = [text(3.5, 5.0), text(3.5, 2.5)]  # 7.25 and 3.5; without the first change 2.75
LONG = PROGRAM.replace("- 30 experiments", "- 60 experiments")


def in_vain(count: int) -> list[str]:
    return [text(90.0 + n, 5.0) for n in range(count)]


SCRIPT = [*BY_EACH_OTHER, *in_vain(PATIENCE)]
FIRST = PATIENCE + 3  # the number of the first step back


@pytest.fixture(scope="module")
def stuck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A research that kept two changes, and then nothing of thirty."""
    project = make_project(tmp_path_factory.mktemp("stuck") / "p", program=LONG, text=TEXT)
    run(project, SCRIPT, experiments=FIRST - 1)
    return project


@pytest.fixture(scope="module")
def ledger(stuck: Path) -> list[Experiment]:
    """The same, gone on until there is nothing to take back."""
    return run(stuck, SCRIPT)[1]


def steps(ledger: list[Experiment]) -> list[tuple[int, int | None, str]]:
    return [(e.number, e.undoes, e.status) for e in ledger if e.author == "lab"]


def test_kept_changes_are_taken_back_after_thirty_attempts_in_vain_the_least_gain_first(
    stuck: Path, ledger: list[Experiment]
):
    assert steps(ledger) == [(FIRST, 1, "keep")]
    assert git(stuck, "show", "autoresearch/t:asset.py") == text(3.0, 2.5).strip()
    assert ledger[FIRST].description == "step back: without experiment 1 (line 1 of the script)"
    assert_agreement(stuck, "t")


def test_a_step_back_is_seen_in_show_and_report_and_in_git(stuck: Path, ledger: list[Experiment]):
    page = autoresearch("show", str(FIRST), stuck).stdout
    assert "author       lab" in page and "undoes       experiment 1" in page
    records = load(stuck / ".autoresearch/t")
    assert records is not None
    assert "step back: without experiment 1" in write_report(records).read_text()
    assert [(y.author, y.proposals, y.kept) for y in records.by_author()][-1] == ("lab", 1, 1)
    assert "Undoes: 1" in git(stuck, "log", "--format=%B", "-1", f"refs/autoresearch/t/{FIRST:04d}")


def test_a_step_back_that_was_committed_before_a_kill_is_taken_up_again(
    stuck: Path, ledger: list[Experiment]
):
    path, before = stuck / ".autoresearch/t/experiments.jsonl", ledger[FIRST]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:FIRST]))
    _, again = run(stuck, SCRIPT)
    assert (again[FIRST].commit, again[FIRST].undoes) == (before.commit, 1)
    assert steps(again) == steps(ledger)
    assert_agreement(stuck, "t")


# ---------------------------------------------------------------- what is drafted
def brief(kept: list[str], *, undone: tuple[int, ...] = ()) -> Brief:
    """After some keeps, each better than the one before by 1, and step backs that failed."""
    texts = [TEXT, *kept, *(TEXT for _ in undone)]
    rows = [
        row(n, metric=100.0 - n, commit=f"{n:040d}", parent=f"{max(0, n - 1):040d}")
        for n in range(len(kept) + 1)
    ]
    tried = [
        row(len(rows) + n, status="discard", author="lab", undoes=number)
        for n, number in enumerate(undone)
    ]
    return Brief(
        number=99,
        program=Program.model_validate(PARTS),
        incumbent=Incumbent(number=len(kept), commit=rows[-1].commit, metric=1.0),
        text=kept[-1],
        ledger=[*rows, *tried],
        history=History(text=lambda n: texts[n]),
    )


def test_a_change_is_taken_back_whenever_nothing_was_kept_for_so_long_again():
    told = [n for n in range(70) if step_back(brief([text(4.0, 5.0)]), n)]
    assert told == [30, 60]


def test_a_change_is_taken_back_once():
    kept = [text(4.0, 5.0), text(4.0, 2.5)]
    assert [step_back(brief(kept, undone=u), 30).undoes for u in [(), (1,), (2,)]] == [1, 2, 1]
    assert step_back(brief(kept, undone=(1, 2)), 30) is None


def test_a_change_on_whose_lines_later_ones_stand_is_not_taken_back():
    assert step_back(brief([text(4.0, 5.0), text(4.5, 5.0)]), 30).undoes == 2


def test_a_change_that_is_gone_already_or_breaks_the_asset_is_not_taken_back():
    both = [text(4.0, 5.0), text(3.0, 5.0)]
    assert step_back(brief([*both, text(3.0, 4.0)], undone=(2, 3)), 30) is None
    opened = TEXT + "if A:\n    A = 1\n"
    assert step_back(brief([TEXT + "if A:\n", opened], undone=(1,)), 30) is None


def test_texts_are_merged_as_git_does_it():
    base = "a\nb\nc\nd\n"
    assert (
        merged(base=base, ours="a\nb\nc\nD\n", theirs="A\nb\nc\nd\n", asset="x.txt")
        == "A\nb\nc\nD\n"
    )
    assert merged(base=base, ours="1\nb\nc\nd\n", theirs="2\nb\nc\nd\n", asset="x.txt") is None
    assert merged(base=base, ours=base, theirs="a\nb\nc\nd", asset="x.txt") == "a\nb\nc\nd"

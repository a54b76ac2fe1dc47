"""A research that an earlier version began, and that was killed half-way, goes on.

`old_research.tar.xz` is the folder of such a research: program.md, the repository and
.autoresearch, with seven rows in the ledger and experiment 7 under way.
"""

import json
import tarfile
from pathlib import Path

import pytest

from tests.support.cli import autoresearch

RECORDED = Path(__file__).parent.parent / "resources" / "old_research.tar.xz"
ROWS = 7
EXPERIMENTS = 12


@pytest.fixture
def old_research(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    with tarfile.open(RECORDED) as archive:
        archive.extractall(folder, filter="data")
    return folder


def ledger(project: Path) -> list[bytes]:
    path = project / ".autoresearch" / "old" / "experiments.jsonl"
    return path.read_bytes().splitlines(keepends=True)


def test_it_goes_on_to_its_end_and_what_was_recorded_stays(old_research: Path) -> None:
    before = ledger(old_research)
    assert len(before) == ROWS
    done = autoresearch("run", old_research, "--tag", "old", "--model", "search")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"done after {EXPERIMENTS} experiments" in done.stdout
    after = ledger(old_research)
    assert after[:ROWS] == before
    assert [json.loads(row)["number"] for row in after] == list(range(EXPERIMENTS + 1))


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("status", "(better by 0.2548, 62.1%) after 6 experiments: 2 kept, 4 discarded"),
        ("show 5", "RATE = 0.899"),
        ("report", "report.html"),
    ],
)
def test_it_is_read_before_it_goes_on(old_research: Path, command: str, told: str) -> None:
    before = ledger(old_research)
    done = autoresearch(*command.split(), "--tag", "old", cwd=old_research)
    assert (done.returncode, done.stderr) == (0, "")
    assert told in done.stdout
    assert ledger(old_research) == before


def test_its_rows_have_the_keys_of_today(old_research: Path) -> None:
    done = autoresearch("status", "--json", "--tag", "old", cwd=old_research)
    rows = json.loads(done.stdout)["experiments"]
    assert {row.pop("changed") for row in rows} == {None}  # not recorded then
    assert rows == [json.loads(row) for row in ledger(old_research)]

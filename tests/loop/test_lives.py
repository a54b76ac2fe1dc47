"""One research in several lives: another clock, fewer workers, another day, a lab beside it."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from autoresearch_graph.results.unfinished import choose
from autoresearch_graph.settings import Settings
from tests.support.agreement import assert_agreement
from tests.support.cli import CLI, autoresearch
from tests.support.jobs import PLAIN
from tests.support.projects import git, make_gated, make_project

# Read by Python when it starts: the clock of the wall is another one, and a disk is slow.
MACHINE = """\
import os, time
_off, _slow = float(os.environ.get("OFF", 0)), float(os.environ.get("SLOW", 0))
_time, _time_ns, _fsync = time.time, time.time_ns, os.fsync
time.time = lambda: _time() + _off
time.time_ns = lambda: _time_ns() + int(_off * 1e9)
os.fsync = lambda file: (time.sleep(_slow), _fsync(file))[1]
"""
Begin = Callable[..., subprocess.Popen[bytes]]
HOURS, YEARS = 3600, 365 * 24 * 3600


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "machine").mkdir()
    (tmp_path / "machine/sitecustomize.py").write_text(MACHINE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "machine"))


@pytest.fixture
def begun() -> Iterator[Begin]:
    """Start a research in a session of its own, which ends with the test."""
    all_begun: list[subprocess.Popen[bytes]] = []

    def begin(project: Path, *options: object) -> subprocess.Popen[bytes]:
        command = [*CLI, "run", str(project), *map(str, options)]
        all_begun.append(
            subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
        )
        return all_begun[-1]

    yield begin
    for process in all_begun:
        killed(process)


def killed(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.usefixtures("machine")
def test_a_research_goes_on_with_fewer_workers_and_a_clock_that_was_set_back(
    tmp_path: Path, gate: Path, begun: Begin, monkeypatch: pytest.MonkeyPatch
):
    project = make_gated(tmp_path / "p", gate)
    first = begun(project, "--tag", "t", "--workers", 3, "--experiments", 4)
    logs = project / ".autoresearch/t/experiments"
    while not all("begun" in read(logs / f"000{n}/log.txt") for n in (1, 2, 3)):
        time.sleep(0.05)
    killed(first)
    gate.touch()
    for off, experiments in ((-2 * HOURS, 4), (-20 * YEARS, 5), (0, 6)):
        monkeypatch.setenv("OFF", str(off))
        done = autoresearch("run", project, "--tag", "t", "--experiments", experiments)
        assert done.returncode == 0, done.stderr
        assert f"done after {experiments} experiments" in done.stdout
        assert len(assert_agreement(project, "t")) == experiments + 1


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


@pytest.mark.usefixtures("machine")
def test_two_first_labs_of_a_repository_do_not_get_in_each_others_way(
    tmp_path: Path, begun: Begin, monkeypatch: pytest.MonkeyPatch
):
    project = make_project(tmp_path / "p", text=PLAIN)
    monkeypatch.setenv("SLOW", "0.05")
    exclude = project / ".git/info/exclude"
    exclude.write_text("mine")
    both = [begun(project, "--tag", tag, "--experiments", 1) for tag in ("a", "b")]
    while any(process.poll() is None for process in both):
        assert exclude.read_text().startswith("mine")
        time.sleep(0.001)
    assert [process.returncode for process in both] == [0, 0]
    assert {*exclude.read_text().split()} == {"mine", ".autoresearch"}
    for tag in ("a", "b"):
        assert (
            len((project / f".autoresearch/{tag}/experiments.jsonl").read_text().split("\n")) == 3
        )
    assert len(git(project, "notes", "list").split("\n")) == 3


@pytest.fixture
def in_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    def be(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield be
    monkeypatch.undo()
    time.tzset()


def chosen(project: Path, **options: Any) -> tuple[str, str]:
    settings, told = choose(Settings(project=project, **options))
    return settings.tag, told


def test_after_midnight_a_night_that_was_killed_goes_on(
    tmp_path: Path, gate: Path, begun: Begin, in_zone: Callable[[str], None]
):
    project = make_gated(tmp_path / "p", gate)
    in_zone("Etc/GMT+12")
    program = (project / "program.md").read_text()
    first = begun(project)
    while not (ledgers := [*project.glob(".autoresearch/*/experiments.jsonl")]):
        time.sleep(0.05)
    night = ledgers[0].parent.name
    in_zone("Etc/GMT-14")  # at any time the date is another one there
    running = autoresearch("run", project)
    assert running.returncode == 2
    assert f"research {night} is running in another process" in running.stderr
    killed(first)
    gate.touch()

    git(project, "switch", "--quiet", "--orphan", "other")
    git(project, "commit", "--quiet", "--allow-empty", "--message=other")
    git(project, "checkout", "--quiet", "main", "--", ".")
    name, told = chosen(project)
    assert name != night and f"not in this branch; to go on with it: --tag {night}" in told
    git(project, "switch", "--quiet", "--force", "main")
    (project / "program.md").write_text(program.replace("lower is", "higher is"))
    name, told = chosen(project)
    assert name != night and "metric was changed since" in told
    (project / "program.md").write_text(program)

    assert f"{night} goes on from" in autoresearch("check", project).stdout
    done = autoresearch("run", project, "--experiments", 1)
    assert f"going on with {night}, which is not finished" in done.stdout
    assert len(assert_agreement(project, night)) == 2
    today, told = chosen(project)
    assert today != night and not told
    folder = project / ".autoresearch" / today
    shutil.copytree(project / ".autoresearch" / night, folder)  # one of today, a year ago
    assert chosen(project) == (f"{today}-2", "")

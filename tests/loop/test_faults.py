"""A full disk, a loss of power and Ctrl-C at an effect on the disk: the research goes on after it.

A sample of the points; `python -m tests.support.fault_points FAULT FOLDER` tries every one of them.
How a disk fills up for real, git and SQLite included, is tried on a small one.
"""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autoresearch_graph import research
from autoresearch_graph.runner import detect
from tests.support.agreement import assert_agreement
from tests.support.cli import CLI, autoresearch, wait_for_rows
from tests.support.jobs import PLAIN, plain
from tests.support.projects import PROGRAM, git, make_gated, make_project, opened
from tests.support.texts import BEST, BETTER, WORSE

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize(
    ("fault", "job", "every"),
    [
        ("full", "plain", 317),
        ("full once", "evaluated", 409),
        ("interrupt", "evaluated", 349),
        ("lost", "evaluated", 421),
        ("torn", "evaluated", 439),
    ],
)
def test_struck_before_an_effect_nothing_is_lost(tmp_path: Path, fault: str, job: str, every: int):
    command = [
        sys.executable,
        "-m",
        "tests.support.fault_points",
        fault,
        tmp_path / "f",
        every,
        job,
    ]
    done = subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "nothing lost, repeated or torn" in done.stdout


# ---------------------------------------------------------------- a disk that is really full
SMALL_DISK = """\
cp -a {aside} {disk}/project
free=$(df --block-size=1024 --output=avail {disk} | tail -n 1)
head -c "$((free - {room}))k" /dev/zero > {disk}/filler
{command}
code=$?
rm {disk}/filler
cp -a {disk}/project {left}
exit $code
"""


def test_a_disk_that_fills_up_at_any_time_is_one_sentence(tmp_path: Path):
    box, disk, left = detect(), tmp_path / "disk", tmp_path / "left"
    if box.bwrap is None:
        pytest.skip("bubblewrap does not work here")
    aside, project = plain(tmp_path / "project"), disk / "project"
    codes = []
    for room in (8, 80, 200, 4000):  # kB; a whole research takes some 300
        shutil.rmtree(disk, ignore_errors=True)
        disk.mkdir()
        command = " ".join([*CLI, "run", str(project), "--tag=t", "--experiments=3"])
        script = SMALL_DISK.format(aside=aside, disk=disk, room=room, command=command, left=left)
        small = ["--dev-bind", "/", "/", "--size", str(64 * 2**20), "--tmpfs", str(disk)]
        done = subprocess.run(
            [str(box.bwrap), *small, "sh", "-c", script], capture_output=True, text=True
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert len(done.stderr.splitlines()) == done.returncode, (room, done.stderr)
        left.rename(project)
        again = autoresearch("run", project, "--tag", "t", "--experiments", 3)
        assert again.returncode == 0, again.stderr
        assert len(assert_agreement(project, "t")) == 4
        codes.append(done.returncode)
    assert codes[0] == 1 and codes[-1] == 0


# ---------------------------------------------------------------- two at once
def test_the_second_of_two_runs_on_one_tag_says_so(tmp_path: Path, gate: Path):
    project = make_gated(tmp_path / "p", gate)
    command = [*CLI, "run", str(project), "--tag", "t", "--experiments", "3"]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    wait_for_rows(project, 1)
    second = autoresearch("run", project, "--tag", "t", "--experiments", 3)
    assert second.returncode == 2
    assert "running in another process" in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1
    gate.touch()
    assert first.wait() == 0
    assert len(assert_agreement(project, "t")) == 4


def test_checkpoints_that_another_process_locks_are_one_sentence(tmp_path: Path):
    project = plain(tmp_path / "p")
    assert autoresearch("run", project, "--tag", "t", "--experiments", 1).returncode == 0
    other = sqlite3.connect(project / ".autoresearch/t/checkpoints.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    done = autoresearch("run", project, "--tag", "t", "--experiments", 2)
    assert done.returncode == 1
    assert "locked" in done.stderr and len(done.stderr.strip().splitlines()) == 1
    other.close()
    assert autoresearch("run", project, "--tag", "t", "--experiments", 2).returncode == 0
    assert len(assert_agreement(project, "t")) == 3


def test_checkpoints_that_are_locked_for_a_moment_are_waited_for(project: Path):
    database = project / ".autoresearch/t/checkpoints.sqlite"
    begun: list[subprocess.Popen[bytes]] = []

    def watch(node: str, update: dict) -> None:
        if node == "propose" and len(begun) < 3:
            hold = (
                "import sqlite3, sys, time\n"
                f"held = sqlite3.connect({str(database)!r}, isolation_level=None)\n"
                "held.execute('BEGIN IMMEDIATE')\n"
                "print(flush=True)\n"
                "time.sleep(0.7)\n"
            )
            begun.append(subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE))
            assert begun[-1].stdout is not None and begun[-1].stdout.readline()

    with opened(project, [BETTER, WORSE, BEST]) as lab:
        research.run(lab, watch)
    for process in begun:
        process.communicate()
    assert len(begun) == 3
    assert_agreement(project, "t")


# ---------------------------------------------------------------- what a person does meanwhile
def test_a_branch_that_a_person_moved_meanwhile_goes_back_and_theirs_is_told(project: Path):
    notices: list[str] = []
    theirs: list[str] = []

    def watch(node: str, update: dict) -> None:
        if node == "train" and update["running"][-1]["number"] == 2:
            git(project, "switch", "--quiet", "--create", "mine")
            git(project, "commit", "--quiet", "--allow-empty", "--message=mine")
            theirs.append(git(project, "rev-parse", "HEAD"))
            git(project, "branch", "--force", "autoresearch/t", "mine")
            git(project, "switch", "--quiet", "main")
            git(project, "branch", "--quiet", "-D", "mine")

    with opened(project, [BETTER, BEST]) as lab:
        lab.host.tell = notices.append
        research.run(lab, watch)
    assert len(notices) == 1 and f"git branch NAME {theirs[0][:12]}" in notices[0]
    git(project, "branch", "found-again", theirs[0][:12])
    assert_agreement(project, "t")


def test_a_branch_that_a_person_pushed_back_goes_on_from_what_was_kept(project: Path):
    def watch(node: str, update: dict) -> None:
        if node == "train" and update["running"][-1]["number"] == 2:
            git(project, "push", "--quiet", "--force", ".", "main:autoresearch/t")

    with opened(project, [BETTER, BEST]) as lab:
        research.run(lab, watch)
    assert_agreement(project, "t")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "program.md"),
        ("", "program.md"),
        (PROGRAM.replace("lower is better", "sideways"), "program.md:7"),
        (PROGRAM.replace("30 experiments", "1 experiments\n- 2 experiments"), "program.md:"),
        ("\x00\xff", "program.md"),
    ],
    ids=["deleted", "emptied", "wrong", "contradictory", "no text"],
)
def test_a_program_that_is_gone_or_wrong_is_told_once_and_the_last_good_one_used(
    project: Path, text: str | None, told: str
):
    notices: list[str] = []
    path = project / "program.md"

    def watch(node: str, update: dict) -> None:
        if node == "train" and update["running"][-1]["number"] == 1:
            path.unlink()
            if text is not None:
                path.write_bytes(text.encode("latin-1"))
        if node == "train" and update["running"][-1]["number"] == 3:
            path.write_text(PROGRAM.replace("30 experiments", "4 experiments"))

    with opened(project, [BETTER, WORSE, BEST, WORSE + "#", BEST + "#"]) as lab:
        lab.host.tell = notices.append
        assert research.run(lab, watch) == "done after 4 experiments"
    assert len(notices) == 1
    assert notices[0].startswith("continuing with the last good program.md: ")
    assert told in notices[0]
    assert_agreement(project, "t")


# ---------------------------------------------------------------- time
def test_a_machine_that_was_suspended_during_a_run_loses_nothing(tmp_path: Path):
    text = "import time\n" + PLAIN + "time.sleep(0.5)\n"
    program = PROGRAM.replace("10 seconds, killed after 20 seconds", "1 s, killed after 3 s")
    project = make_project(tmp_path / "p", text=text, program=program)
    command = [*CLI, "run", str(project), "--tag", "t", "--experiments", "3"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    wait_for_rows(project, 1)
    os.killpg(process.pid, signal.SIGSTOP)
    time.sleep(4)
    os.killpg(process.pid, signal.SIGCONT)
    assert process.wait() == 0
    assert len(assert_agreement(project, "t")) == 4


def test_no_decision_depends_on_the_clock_of_the_wall(
    project: Path, monkeypatch: pytest.MonkeyPatch
):
    clock = iter(range(2_000_000_000, 0, -40_000_000))
    last = [0.0]

    def jumping() -> float:
        last[0] = float(next(clock, last[0] + 1))
        return last[0]

    monkeypatch.setattr(time, "time", jumping)
    monkeypatch.setattr(time, "time_ns", lambda: int(jumping() * 1e9))
    program = project / "program.md"
    program.write_text(PROGRAM.replace("- 30 experiments", "- 1 hour\n- 4 experiments"))
    with opened(project, [BETTER, WORSE, BEST, WORSE + "#"]) as lab:
        assert research.run(lab) == "done after 4 experiments"
        seconds = sum(experiment.seconds for experiment in lab.ledger.experiments)
    assert 0 < seconds < 120
    assert_agreement(project, "t")

"""The command line as a person uses it: real processes, exit codes, and what is printed."""

import contextlib
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.agreement import assert_agreement
from tests.support.cli import ASSET, CLI, autoresearch, snapshot, wait_for_rows
from tests.support.projects import PROGRAM, git, make_gated, make_project


@pytest.fixture
def tunable(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", text=ASSET)


def test_a_research_from_the_first_command_to_the_report(tunable: Path):
    done = autoresearch("run", tunable, "--tag", "t", "--experiments", 6)
    assert done.returncode == 0, done.stderr
    rows = assert_agreement(tunable, "t")
    assert len(rows) == 7
    assert "done after 6 experiments" in done.stdout
    assert all(f"{row['number']:4d} {row['status']}" in done.stdout for row in rows)
    assert git(tunable, "status", "--porcelain") == ""

    status = autoresearch("status", tunable)
    assert "baseline" in status.stdout and "t: loss" in status.stdout
    told = json.loads(autoresearch("status", tunable, "--json").stdout)
    assert [e["number"] for e in told["experiments"]] == list(range(7))

    shown = autoresearch("show", 1, tunable).stdout
    for part in (rows[1]["description"], rows[1]["reason"], "--- a/asset.py", "loss:"):
        assert str(part) in shown

    written = autoresearch("report", tunable)
    assert Path(written.stdout.strip()).read_text().startswith("<!doctype html>")


def test_check_shows_each_value_with_its_line_and_changes_nothing(tunable: Path):
    before = snapshot(tunable)
    done = autoresearch("check", tunable)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    metric = next(line for line in lines if "loss, lower is better" in line)
    number = PROGRAM.splitlines().index("`loss`, lower is better") + 1
    assert metric.split()[:3] == ["ready", "metric", str(number)]
    assert any("self-reported" in line for line in lines)
    assert any("sandbox" in line for line in lines)
    assert snapshot(tunable) == before


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is only one level")
def test_the_sandbox_can_be_left_off_and_every_result_says_so(tunable: Path):
    assert (
        "reaper: a run reads and writes" in autoresearch("check", tunable, "--sandbox=off").stdout
    )
    assert autoresearch("run", tunable, "--sandbox=off", "--experiments=1").returncode == 0
    told = json.loads(autoresearch("status", tunable, "--json").stdout)
    trials = [trial for row in told["experiments"] for trial in row["trials"]]
    assert {trial["sandbox"] for trial in trials} == {"reaper"}
    assert "GiB, reaper)" in autoresearch("show", 0, tunable).stdout
    assert autoresearch("run", tunable, "--sandbox=none").returncode == 2


def without_commits(project: Path) -> None:
    shutil.rmtree(project / ".git")
    git(project, "init", "--quiet")


def lock_notes(project: Path) -> None:
    (project / ".git/refs/notes").mkdir(parents=True)
    (project / ".git/refs/notes/commits.lock").touch()


BAD = {
    "no program.md": (lambda p: (p / "program.md").unlink(), "program.md"),
    "an empty program.md": (lambda p: (p / "program.md").write_text(""), "program.md"),
    "no asset": (lambda p: edit(p, "## Asset\n`asset.py`\n", ""), "--asset"),
    "an asset that is not there": (lambda p: edit(p, "`asset.py`", "`nothing.py`"), ":4:"),
    "a path outside": (lambda p: edit(p, "`asset.py`", "`../asset.py`"), ":4:"),
    "an unknown direction": (lambda p: edit(p, "lower is better", "sideways"), ":7:"),
    "two directions": (lambda p: edit(p, "lower is", "lower is better, higher is"), ":7"),
    "a bad duration": (lambda p: edit(p, "10 seconds,", "10 parsecs,"), ":15:"),
    "not a git repository": (lambda p: shutil.rmtree(p / ".git"), "git init"),
    "no commits yet": (without_commits, "no commits"),
    "a detached head": (lambda p: git(p, "checkout", "--quiet", "--detach"), "git switch"),
    "a tag that exists": (lambda p: git(p, "branch", "autoresearch/t"), "--tag"),
    "a stale lock": (lock_notes, "commits.lock"),
    "an asset that is not committed": (
        lambda p: (
            git(p, "rm", "--quiet", "--cached", "asset.py") + git(p, "commit", "--quiet", "-m", "x")
        ),
        "git add",
    ),
}


def edit(project: Path, old: str, new: str) -> None:
    path = project / "program.md"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_sentence_and_exit_code_2_and_changes_nothing(tunable: Path, what: str):
    spoil, told = BAD[what]
    spoil(tunable)
    before = snapshot(tunable)
    done = autoresearch("run", tunable, "--tag", "t")
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert told in done.stderr
    assert snapshot(tunable) == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "nowhere"], "nowhere is not a folder"),
        (["run", "project", "--tag", "a..b"], "--tag"),
        (["run", "project", "--tag", "../x"], "--tag"),
        (["run", "project", "--model", "crystal:ball"], "--model"),
        (["status", "project"], "autoresearch run"),
        (["show", "1", "project"], "autoresearch run"),
        (["init", "project", "--template", "forecast"], "not empty"),
        (["init", "project", "--asset", "other.py"], "asset"),
    ],
)
def test_bad_arguments_are_one_sentence(tunable: Path, arguments: list[str], told: str):
    before = snapshot(tunable)
    done = autoresearch(*arguments, cwd=tunable.parent)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert told in done.stderr
    assert snapshot(tunable) == before


def test_an_asset_without_constants_is_told_before_anything_is_written(tmp_path: Path):
    project = make_project(tmp_path / "p", text="print('loss: 1')\n")
    before = snapshot(project)
    done = autoresearch("run", project)
    assert done.returncode == 2
    assert "UPPER_CASE" in done.stderr
    assert snapshot(project) == before


def test_a_baseline_that_does_not_run_is_exit_code_1(tmp_path: Path):
    project = make_project(tmp_path / "p", text=ASSET + "raise SystemExit('no data here')\n")
    done = autoresearch("run", project, "--tag", "t")
    assert done.returncode == 1
    assert "no data here" in done.stderr


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_research_says_how_to_go_on_and_goes_on(
    tmp_path: Path, gate: Path, sign: int
):
    project = make_gated(tmp_path / "with a space", gate)
    process = subprocess.Popen(
        [*CLI, "run", str(project), "--tag", "t", "--experiments", "8"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_rows(project, 1)
    process.send_signal(sign)
    _, told = process.communicate()
    assert process.returncode == 130
    assert f"autoresearch_graph run '{project}' --tag t --experiments 8" in told
    gate.touch()
    assert autoresearch("run", project, "--tag", "t", "--experiments", 8).returncode == 0
    assert len(assert_agreement(project, "t")) == 9


def test_kill_9_again_and_again_loses_nothing(tmp_path: Path):
    text = "import time\n" + ASSET + "time.sleep(0.1)\n"
    project = make_project(tmp_path / "p", text=text)
    command = [*CLI, "run", str(project), "--tag", "t", "--experiments", "9"]
    for rows in (1, 3, 6):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_for_rows(project, rows)
        process.kill()
        process.communicate()
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(assert_agreement(project, "t")) == 10


def test_in_a_terminal_a_live_table_shows_the_running_experiment(tmp_path: Path):
    project = make_project(tmp_path / "p", text="import time\n" + ASSET + "time.sleep(0.6)\n")
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        [*CLI, "run", str(project), "--tag", "t", "--experiments", "2"],
        stdout=inside,
        stderr=inside,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "24"},
    )
    os.close(inside)
    seen = b""
    with contextlib.suppress(OSError):  # a terminal whose last writer has gone is an error
        while chunk := os.read(terminal, 65536):
            seen += chunk
    os.close(terminal)
    assert process.wait() == 0
    told = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode())
    assert "experiment 1: " in told and "of 10 s, killed at 20 s" in told and "━" in told
    assert told.count("verdict") > 3, "the table is drawn again and again"
    assert "done after 2 experiments" in told


def test_a_full_disk_is_one_sentence(tunable: Path):
    limited = f"ulimit -f 1; exec {sys.executable} -m autoresearch_graph run {tunable} --tag t"
    done = subprocess.run(["bash", "-c", limited], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_graph_is_drawn_as_mermaid():
    drawn = autoresearch("graph").stdout
    assert "judge -.-> keep;" in drawn and "judge -.-> revert;" in drawn
    assert "read_program -.-> train;" in drawn and "subgraph propose" in drawn
    assert r"propose\3amodel -.-> propose\3atools;" in drawn


def test_a_new_project_runs_as_it_is(tmp_path: Path):
    assert autoresearch("init", tmp_path / "new").returncode == 0
    assert git(tmp_path / "new", "status", "--porcelain") == ""
    done = autoresearch("run", tmp_path / "new", "--experiments", 4)
    assert done.returncode == 0, done.stderr
    assert "4 experiments" in done.stdout


def test_a_terminal_that_is_not_utf_8_shows_what_it_can(tunable: Path):
    done = subprocess.run(
        [*CLI, "run", str(tunable), "--tag", "t", "--experiments", "1"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )
    assert done.returncode == 0, done.stderr
    assert b"done after 1 experiment\n" in done.stdout


def test_damaged_checkpoints_are_told_and_can_be_removed(tunable: Path):
    assert autoresearch("run", tunable, "--tag", "t", "--experiments", 1).returncode == 0
    database = tunable / ".autoresearch/t/checkpoints.sqlite"
    database.write_bytes(b"not a database, but long enough to be looked at" * 100)
    done = autoresearch("run", tunable, "--tag", "t", "--experiments", 2)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1 and "remove" in done.stderr
    database.unlink()
    assert autoresearch("run", tunable, "--tag", "t", "--experiments", 2).returncode == 0
    assert len(assert_agreement(tunable, "t")) == 3


def test_without_git_or_with_an_empty_model_there_is_one_sentence(tunable: Path, tmp_path: Path):
    command = [*CLI, "run", str(tunable)]
    bare = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=bare)
    assert (done.returncode, "git was not found" in done.stderr) == (2, True)
    done = autoresearch("run", tunable, "--model", "")
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1)


def test_two_projects_of_one_repository_are_researched_on_one_day(tmp_path: Path):
    top = make_project(tmp_path / "top")
    for name in ("one", "the second"):
        shutil.copytree(top, top / name, ignore=shutil.ignore_patterns(".git", name))
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "--message=two more")
    for folder in (top, top / "one", top / "the second"):
        (folder / "asset.py").write_text(ASSET)
    git(top, "commit", "--quiet", "--all", "--message=constants to tune")
    tags = []
    for folder in (top, top / "one", top / "the second"):
        done = autoresearch("run", folder, "--experiments", 1)
        assert done.returncode == 0, done.stderr
        tags += [path.parent.name for path in folder.glob(".autoresearch/*/research.json")]
    day = tags[0]
    assert tags == [day, f"{day}-one", f"{day}-the-second"]

"""`autoresearch init` in a folder of one's own: what it understands, asks, writes and tries."""

import contextlib
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from autoresearch_graph.program.reader import read
from tests.support.projects import git

CLI = [sys.executable, "-m", "autoresearch_graph", "init"]
ASSET = "X = 3.0\nprint(f'epoch: 1\\nloss: {(X - 1.0) ** 2}')\n"
SAID = ["--asset", "tune.py", "--command", "python tune.py", "--metric", "loss"]
SAID += ["--direction", "lower", "--time-box", "10 seconds", "--experiments", "3"]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A committed folder without a program.md."""
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "tune.py").write_text(ASSET)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=start")
    return folder


def init(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [*CLI, *map(str, arguments)]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def conversation(folder: Path, *answers: str) -> tuple[int, str]:
    """Answer every question, which ends in a colon, in a terminal; returns what was shown."""
    terminal, inside = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200"}
    process = subprocess.Popen(
        [*CLI, "."], cwd=folder, stdin=inside, stdout=inside, stderr=inside, env=environment
    )
    os.close(inside)
    left, shown, asked = list(answers), "", 0
    with contextlib.suppress(OSError):
        while chunk := os.read(terminal, 65536):
            shown += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", chunk.decode())
            if shown.endswith(": ") and len(shown) > asked:
                asked = len(shown)
                os.write(terminal, (left.pop(0) + "\n").encode() if left else b"\x04")
    os.close(terminal)
    return process.wait(), shown


def test_flags_make_a_program_of_any_command_and_it_is_tried(own: Path):
    done = init(own, *SAID)
    assert done.returncode == 0, done.stderr
    program = read(own / "program.md", project=own)
    assert (program.asset, program.experiment) == ("tune.py", "python tune.py")
    assert (program.metric.name, program.metric.direction) == ("loss", "lower")
    assert (program.time_box.seconds, program.stopping.experiments) == (10, 3)
    assert re.search(r"it took \d+\.\d s and gave loss 4\n", done.stdout)
    assert done.stdout.endswith(f"next: autoresearch run {own}\n")
    assert sorted(path.name for path in own.iterdir()) == [".git", "program.md", "tune.py"]
    assert len(git(own, "worktree", "list").splitlines()) == 1
    assert git(own, "branch", "--list", "autoresearch/*") == ""


def test_what_the_flags_leave_out_is_named_and_nothing_is_written(own: Path):
    done = init(own, "--asset", "tune.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--command --metric --direction --time-box --experiments" in done.stderr
    assert not (own / "program.md").exists()
    assert "does not exist" in init(own, *SAID[2:], "--asset", "no.py").stderr


def test_a_run_without_the_metric_says_what_it_printed(own: Path):
    done = init(own, *SAID, "--metric", "accuracy")
    assert "it printed: epoch, loss" in done.stdout
    assert done.stdout.endswith(f"fix that; then: autoresearch check {own}\n")


def test_what_is_not_committed_is_told_with_the_command(own: Path):
    (own / "new.py").write_text(ASSET)
    done = init(own, *SAID, "--asset", "new.py")
    assert "git add new.py && git commit" in done.stdout and done.returncode == 2
    assert done.stdout.endswith(f"fix that; then: autoresearch check {own}\n")


def test_a_conversation_asks_again_until_an_answer_can_be_used(own: Path):
    answers = [
        "no.py",
        "tune.py",
        "",
        "accuracy",
        "up",
        "higher",
        "soon",
        "9 s",
        "x",
        "7",
        "",
        "loss",
        "",
    ]
    code, shown = conversation(own, *answers)
    assert code == 0, shown
    assert "does not exist" in shown and "is not a number of experiments" in shown
    assert "it printed: epoch, loss" in shown and "gave loss 4" in shown
    assert shown.rstrip().endswith("next: autoresearch run")
    program = read(own / "program.md", project=own)
    assert (program.experiment, program.metric.name) == ("python tune.py", "loss")
    assert (program.time_box.seconds, program.stopping.experiments) == (9, 7)


DIALECT = """\
# autoresearch

**What you CAN do:** modify `tune.py`, the only file you edit.

The goal is simple: get the lowest `loss`. Launch it simply as: `python tune.py`.
"""


def test_another_dialect_is_told_as_understood_and_only_the_rest_is_asked(own: Path):
    (own / "program.md").write_text(DIALECT)
    code, shown = conversation(own, "10 seconds", "5", "n")
    assert code == 0, shown
    assert "line 3: asset is tune.py" in shown and "line 5: metric is loss" in shown
    assert "Which file" not in shown and "How long may one run take?" in shown
    text = (own / "program.md").read_text()
    assert text.startswith(DIALECT)
    assert text.endswith("## Time box\n\n10 seconds\n\n## Stopping criteria\n\n- 5 experiments\n")
    assert "added to program.md: time box, stopping" in shown


def test_a_program_that_says_everything_is_left_as_it_is(own: Path):
    init(own, *SAID, "--no-dry-run")
    before = (own / "program.md").read_bytes()
    done = init(own)
    assert "program.md is complete" in done.stdout
    assert (own / "program.md").read_bytes() == before


def test_answers_that_end_early_write_nothing(own: Path):
    code, shown = conversation(own, "tune.py")
    assert (code, (own / "program.md").exists()) == (2, False)
    assert "The input ended" in shown


def test_in_an_empty_folder_a_person_chooses_an_example(tmp_path: Path):
    code, shown = conversation(tmp_path, "forecast")
    assert code == 0, shown
    assert "queries" in shown and (tmp_path / "forecast.py").exists()
    assert shown.rstrip().endswith("next: autoresearch run")


def test_there_is_no_command_of_ones_own_in_an_empty_folder(tmp_path: Path):
    done = init(tmp_path, "--template", "command")
    assert (done.returncode, "Put your files there first" in done.stderr) == (2, True)

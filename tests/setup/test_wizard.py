"""`autoresearch init` in a folder of one's own: what it understands, asks, writes and tries."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from autoresearch_graph.program.reader import read
from tests.support.cli import autoresearch
from tests.support.projects import git
from tests.support.terminal import conversation

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


def dialogue(folder: Path, *answers: str) -> tuple[int, str]:
    """Answer every question of `init` in a terminal; returns what was shown."""
    return conversation([*CLI, "."], folder, *answers)


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
    code, shown = dialogue(own, *answers)
    assert code == 0, shown
    assert "does not exist" in shown and "`x` is not understood" in shown
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


ANSWERS = ("e", "", "", "", "", "10 seconds", "5", "n")


def test_another_dialect_is_shown_for_a_yes_and_only_the_rest_is_asked(own: Path):
    (own / "program.md").write_text(DIALECT)
    code, shown = dialogue(own, "", "n")
    assert code == 0, shown
    assert "line 3:" in shown and "the only file you edit" in shown
    assert shown.count("Is this right?") == 1 and shown.count("not said; usual") == 2
    assert "Which file" not in shown and "How long" not in shown
    text = (own / "program.md").read_text()
    front = text.removesuffix(f"\n{DIALECT}")
    assert front.startswith("---\nasset: tune.py\nmetric: loss\n") and front.endswith("---\n")
    assert "added to program.md: asset, metric" in shown
    program = read(own / "program.md", project=own)
    assert (program.time_box.seconds, program.stopping.experiments) == (300, 50)
    assert autoresearch("check", own).returncode == 0, "what init wrote binds"
    assert not (own / ".autoresearch").exists()


def test_front_matter_that_is_there_is_kept_and_the_rest_stays_byte_for_byte(own: Path):
    body = DIALECT.replace("\n", "\r\n").encode()
    start = b"\xef\xbb\xbf---\r\n# limits\r\ntime_box: 10 seconds\r\n"
    (own / "program.md").write_bytes(start + b"---\r\n" + body)
    code, shown = dialogue(own, "e", "", "", "", "", "5", "n")
    assert code == 0, shown
    data = (own / "program.md").read_bytes()
    assert data.startswith(start + b"asset: tune.py\r\n") and data.endswith(b"---\r\n" + body)
    assert data.count(b"\n") == data.count(b"\r\n")
    assert read(own / "program.md", project=own).time_box.seconds == 10


def test_front_matter_of_another_tool_stays_and_the_values_are_locked(own: Path):
    text = f"---\nengine: claude\nschedule: weekly\n---\n\n{DIALECT}"
    (own / "program.md").write_text(text)
    done = init(own, "--accept-reading", "--time-box", "9 s", "--experiments", 2)
    assert done.returncode == 0, done.stderr
    assert "front matter of another tool; kept in .autoresearch/program.lock.toml" in done.stdout
    assert (own / "program.md").read_text() == text
    assert "gave loss 4" in done.stdout
    program = read(own / "program.md", project=own)
    assert (program.asset, program.time_box.seconds) == ("tune.py", 9)


def test_a_no_writes_nothing(own: Path):
    (own / "program.md").write_text(DIALECT)
    code, shown = dialogue(own, "n")
    assert code == 2 and "give --accept-reading" in shown
    assert (own / "program.md").read_text() == DIALECT


def test_without_a_terminal_inferred_values_need_a_flag(own: Path):
    (own / "program.md").write_text(DIALECT)
    rest = ("--time-box", "9 s", "--experiments", 2)
    done = init(own, *rest)
    assert done.returncode == 2 and "asset: tune.py" in done.stderr
    assert (own / "program.md").read_text() == DIALECT
    done = init(own, *rest, "--accept-reading")
    assert done.returncode == 0, done.stderr
    assert "gave loss 4" in done.stdout
    assert (own / "program.md").read_text().endswith(f"\n{DIALECT}")


@pytest.mark.parametrize("name", ["GOAL.md", "autoresearch.md", "program_x.md", "night.program.md"])
def test_a_lone_file_of_another_name_is_completed_and_the_next_line_names_it(own: Path, name: str):
    (own / name).write_text(DIALECT)
    done = autoresearch("run", own)
    assert done.returncode == 2 and f"--program {name}" in done.stderr
    code, shown = dialogue(own, *ANSWERS)
    assert code == 0 and not (own / "program.md").exists(), shown
    assert shown.rstrip().endswith(f"next: autoresearch run --program {name}")
    assert autoresearch("check", own, "--program", name).returncode == 0


def test_of_several_files_one_is_chosen(own: Path):
    (own / "GOAL.md").write_text(DIALECT)
    (own / "program_x.md").write_text(DIALECT)
    done = init(own)
    assert (done.returncode, "--program GOAL.md" in done.stderr) == (2, True)
    code, shown = dialogue(own, "program_x.md", *ANSWERS)
    assert code == 0, shown
    assert (own / "GOAL.md").read_text() == DIALECT != (own / "program_x.md").read_text()


def test_a_program_that_says_everything_is_left_as_it_is(own: Path):
    init(own, *SAID, "--no-dry-run")
    before = (own / "program.md").read_bytes()
    done = init(own)
    assert "program.md is complete" in done.stdout
    assert (own / "program.md").read_bytes() == before


def test_answers_that_end_early_write_nothing(own: Path):
    code, shown = dialogue(own, "tune.py")
    assert (code, (own / "program.md").exists()) == (2, False)
    assert "The input ended" in shown


def test_in_an_empty_folder_a_person_chooses_an_example(tmp_path: Path):
    code, shown = dialogue(tmp_path, "forecast")
    assert code == 0, shown
    assert "queries" in shown and (tmp_path / "forecast.py").exists()
    assert shown.rstrip().endswith("next: autoresearch run")


def test_there_is_no_command_of_ones_own_in_an_empty_folder(tmp_path: Path):
    done = init(tmp_path, "--template", "command")
    assert (done.returncode, "Put your files there first" in done.stderr) == (2, True)

"""Inferred values of program.md: shown, accepted once, asked about anew if their lines change."""

import json
import re
from pathlib import Path

import pytest

from autoresearch_graph.program.acceptance import LOCK
from autoresearch_graph.program.reader import read
from tests.support.agreement import assert_agreement
from tests.support.cli import CLI, autoresearch, snapshot
from tests.support.projects import git
from tests.support.terminal import INTERRUPT, conversation

PROSE = """\
# night

You read `judge.py` first. Do not modify `judge.py`.

**What you CAN do:** modify `tune.py`, the only file you edit.

The goal is simple: get the lowest `loss`. Launch it simply as: `python tune.py`.

Each run has a fixed time budget of 10 seconds.

**NEVER STOP**
"""
ASSET = "X = 3.0\nprint(f'loss: {(X - 1.0) ** 2}')\n"
TWO = ("--tag", "t", "--experiments", "2")
QUESTION = "Is this right? [Y/n/edit]"


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A clone with a program file that states everything in prose and nothing under a heading."""
    folder = tmp_path / "clone"
    folder.mkdir()
    (folder / "program.md").write_text(PROSE)
    (folder / "tune.py").write_text(ASSET)
    (folder / "judge.py").write_text("X = 3.0\nprint('loss: 0')\n")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=start")
    return folder


def dialogue(folder: Path, *words: str, answers: tuple[str, ...]) -> tuple[int, str]:
    return conversation([*CLI, *words], folder, *answers)


def replace(folder: Path, old: str, new: str) -> None:
    path = folder / "program.md"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_a_run_asks_one_question_and_the_next_run_asks_none(foreign: Path):
    code, shown = dialogue(foreign, "run", *TWO, answers=("",))
    assert code == 0, shown
    assert shown.count(QUESTION) == 1 and "done after 2 experiments" in shown
    assert re.search(r"asset +tune.py +line 5: .*the only file you edit", shown)
    assert re.search(r"protected +judge.py +line 3: ", shown)
    assert len(assert_agreement(foreign, "t")) == 3
    assert git(foreign, "status", "--porcelain") == ""
    code, shown = dialogue(foreign, "run", "--tag", "t", "--experiments", "3", answers=())
    assert code == 0 and QUESTION not in shown, shown
    assert autoresearch("run", foreign, "--tag", "u", "--experiments", 1).returncode == 0


def test_what_the_text_leaves_out_is_proposed_in_the_same_question(foreign: Path):
    replace(foreign, "Each run has a fixed time budget of 10 seconds.", "A run is short.")
    replace(foreign, "**NEVER STOP**", "Be bold.")
    git(foreign, "commit", "--quiet", "--all", "--message=shorter")
    code, shown = dialogue(foreign, "run", "--tag", "t", "--experiments", "1", answers=("",))
    assert code == 0, shown
    assert shown.count(QUESTION) == 1 and "done after 1 experiment" in shown
    assert re.search(r"time box +5 minutes +not said; usual", shown)
    assert 'text = "5 minutes"' in (foreign / LOCK).read_text()
    told = autoresearch("check", foreign, "--experiments", 1).stdout
    assert re.search(r"ready +time box +accepted +300 s", told)


def test_without_a_terminal_the_front_matter_is_told_and_then_states_the_values(foreign: Path):
    before = snapshot(foreign)
    for name in ("run", "check"):
        done = autoresearch(name, foreign)
        assert done.returncode == 2 and "Traceback" not in done.stderr
        assert "asset        tune.py  (line 5: **What you CAN do:**" in done.stderr
        assert "--accept-reading" in done.stderr and "--asset --metric" in done.stderr
    assert snapshot(foreign) == before
    front = done.stderr[done.stderr.index("---\n") :]
    (foreign / "program.md").write_text(f"{front}\n{PROSE}")
    done = autoresearch("check", foreign)
    assert done.returncode == 0, done.stderr
    assert re.search(r"ready +asset +2 +stated +tune.py", done.stdout)
    assert all("inferred" not in row for row in done.stdout.splitlines() if "protected" not in row)


def test_check_shows_every_value_with_its_grade_whether_or_not_it_is_accepted(foreign: Path):
    for grade, option in (("inferred", "--tag=t"), ("accepted", "--accept-reading")):
        done = autoresearch("check", foreign, option)
        assert re.search(rf"ready +asset +5 +{grade} +tune.py", done.stdout), done.stdout
        assert re.search(rf"ready +metric +7 +{grade} +loss, lower is better", done.stdout)
        assert re.search(rf"ready +direction +7 +{grade} +lower", done.stdout)
        assert re.search(r"ready +protected +3 +inferred +judge.py", done.stdout)
    assert done.returncode == 0
    done = autoresearch("check", foreign, "--evaluation", "python judge.py")
    assert re.search(r"ready +evaluation +flag +python judge.py", done.stdout)


def test_a_flag_accepts_the_reading_for_later_runs_too(foreign: Path):
    done = autoresearch("run", foreign, *TWO, "--accept-reading")
    assert done.returncode == 0, done.stderr
    assert autoresearch("run", foreign, "--tag", "u", "--experiments", 1).returncode == 0


def test_an_edit_elsewhere_asks_nothing_and_one_of_a_quoted_line_asks_anew(foreign: Path):
    assert autoresearch("check", foreign, "--accept-reading").returncode == 0
    replace(foreign, "# night\n", "# night\n\nTry dropout first.\n")
    replace(foreign, "You read", "You should read")
    done = autoresearch("check", foreign)
    assert done.returncode == 0, done.stderr
    assert re.search(r"asset +7 +accepted +tune.py", done.stdout), "its line moved along"
    replace(foreign, "the lowest `loss`", "the highest `loss`")
    code, shown = dialogue(foreign, "check", answers=("",))
    assert code == 0 and QUESTION in shown
    assert re.search(r"ready +direction +9 +accepted +higher", shown)


def test_another_value_is_asked_about_though_the_quoted_line_is_there(foreign: Path):
    assert autoresearch("check", foreign, "--accept-reading").returncode == 0
    replace(foreign, "# night\n", "# night\n\n**Evaluation:** `python judge.py`\n")
    done = autoresearch("check", foreign)
    assert done.returncode == 2 and "evaluation   python judge.py" in done.stderr
    assert "tune.py" not in done.stderr, "the others stay accepted"


@pytest.mark.parametrize(
    "damage", [b"\xff\x00", b"[[", b"'program.md' = 3", b"['program.md']\nsha256 = 'x'", None]
)
def test_a_damaged_lock_is_asked_about_anew(foreign: Path, damage: bytes | None):
    assert autoresearch("check", foreign, "--accept-reading").returncode == 0
    lock = foreign / LOCK
    lock.unlink()
    if damage is not None:
        lock.write_bytes(damage)
    done = autoresearch("check", foreign)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    code, shown = dialogue(foreign, "check", answers=("y",))
    assert code == 0 and QUESTION in shown
    assert autoresearch("check", foreign).returncode == 0


def test_a_person_corrects_what_is_wrong_and_is_asked_again_for_what_cannot_be(foreign: Path):
    answers = ("e", "judge.py", "tune.py", "", "", "", "soon", "9 s", "7")
    code, shown = dialogue(foreign, "check", answers=answers)
    assert code == 0, shown
    assert "Which file may change? (tune.py):" in shown and "`judge.py` is protected" in shown
    assert "is not a duration" in shown
    program = read(foreign / "program.md", project=foreign)
    assert (program.asset, program.time_box.seconds) == ("tune.py", 9)
    assert program.stopping.experiments == 7
    done = autoresearch("check", foreign)
    assert done.returncode == 0 and re.search(r"time box +\d+ +accepted +9 s", done.stdout)
    assert 'by = "person"' in (foreign / LOCK).read_text()
    replace(foreign, "budget of 10 seconds", "budget of 20 seconds")
    done = autoresearch("check", foreign)
    assert done.returncode == 2 and "20 seconds" in done.stderr, "its line was changed"


def test_a_missing_part_is_asked_for_in_the_same_dialogue_and_remembered(foreign: Path):
    replace(foreign, "modify `tune.py`, the only file you edit", "use your head")
    code, shown = dialogue(foreign, "run", *TWO, answers=("", ""))
    assert code == 0, shown
    assert "Tracked files: tune.py" in shown and "Which file may change? (tune.py)" in shown
    code, shown = dialogue(foreign, "run", *TWO, answers=())
    assert code == 0 and "Which file" not in shown


def test_a_no_changes_nothing_and_says_how_to_settle_it(foreign: Path):
    before = snapshot(foreign)
    for name in ("run", "check"):
        code, shown = dialogue(foreign, name, answers=("n",))
        assert code == 2 and "time_box: 10 s" in shown and "Traceback" not in shown
    assert snapshot(foreign) == before


@pytest.mark.parametrize("name", ["run", "check"])
def test_an_end_of_the_input_and_ctrl_c_keep_what_was_said(foreign: Path, name: str):
    before = snapshot(foreign)
    code, shown = dialogue(foreign, name, answers=())
    assert code == 2 and "The input ended" in shown and "Traceback" not in shown
    code, shown = dialogue(foreign, name, answers=(INTERRUPT,))
    assert code == 130 and "Traceback" not in shown
    assert snapshot(foreign) == before
    replace(foreign, "modify `tune.py`, the only file you edit", "use your head")
    code, shown = dialogue(foreign, name, answers=("", INTERRUPT))
    assert code == 130 and QUESTION in shown
    code, shown = dialogue(foreign, "check", answers=("tune.py",))
    assert code == 0 and QUESTION not in shown, shown


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_a_run_that_prints_for_a_script_does_not_ask(foreign: Path, option: str):
    code, shown = dialogue(foreign, "run", *TWO, option, answers=())
    assert code == 2 and QUESTION not in shown
    if option == "--json":
        event = json.loads(shown.splitlines()[0])
        assert event["code"] == "unaccepted-reading" and "asset: tune.py" in event["text"]


def test_a_folder_that_cannot_be_written_gives_a_sentence(foreign: Path):
    (foreign / ".autoresearch").write_text("in the way")
    done = autoresearch("check", foreign, "--accept-reading")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "program.lock.toml cannot be written" in done.stderr


def test_problems_are_told_below_all_that_was_understood(foreign: Path):
    (foreign / "program.md").write_text(f"{PROSE}\n## Noise\n\n- 3 parsecs\n")
    done = autoresearch("check", foreign)
    assert done.returncode == 2
    assert re.search(r"ready +asset +5 +inferred +tune.py", done.stdout)
    assert re.search(r"ready +time box +9 +inferred +10 s", done.stdout)
    assert re.search(r"fix +program.md +15 ", done.stdout), done.stdout
    problem, told, *_ = done.stderr.splitlines()
    assert problem.startswith("autoresearch: program.md:15: ")
    assert "have to be accepted" in told


def test_a_part_with_a_problem_is_asked_for_with_the_reason(foreign: Path):
    replace(foreign, "# night\n", "# night\n\n## Asset\n\n`gone.py`\n\n## Aim\n")
    replace(foreign, "modify `tune.py`, the only file you edit", "use your head")
    done = autoresearch("check", foreign)
    assert done.returncode == 2 and "`gone.py` does not exist" in done.stderr
    code, shown = dialogue(foreign, "check", answers=("", "tune.py"))
    assert code == 0, shown
    assert shown.index("`gone.py` does not exist") < shown.index("Which file may change?")
    assert read(foreign / "program.md", project=foreign).asset == "tune.py"
    assert autoresearch("check", foreign).returncode == 0


def test_an_open_part_is_told_beside_the_values_to_accept(foreign: Path):
    replace(foreign, "Each run has a fixed time budget of 10 seconds.", "Runs are short.")
    done = autoresearch("check", foreign)
    assert done.returncode == 2 and "--time-box" in done.stderr and "asset: tune.py" in done.stderr
    assert autoresearch("check", foreign, "--accept-reading", "--time-box=9 s").returncode == 0


def test_every_part_has_a_flag(foreign: Path):
    (foreign / "program.md").write_text("Make it better.\n")
    flags = [
        *("--asset", "tune.py", "--command", "python tune.py", "--metric", "loss"),
        *("--direction", "lower", "--time-box", "9 s", "--kill-after", "20 s"),
        *("--evaluation", "python judge.py", "--holdout", "python judge.py"),
        *("--check-command", "python -m compileall tune.py", "--stop", "7 experiments"),
        *("--stop", "5 experiments without improvement"),
    ]
    done = autoresearch("check", foreign, *flags)
    assert done.returncode == 0, done.stderr
    for part in ("evaluation +flag +python judge.py", "holdout +flag +python judge.py"):
        assert re.search(f"ready +{part}", done.stdout)
    assert re.search("ready +check +flag +python -m compileall", done.stdout)
    assert "7 experiments or 5 experiments without improvement" in done.stdout

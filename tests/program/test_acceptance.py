"""The lock of accepted values: they hold while their lines stand, and no other value is read."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from autoresearch_graph.core.program import Flags
from autoresearch_graph.program.acceptance import LOCK, accept
from autoresearch_graph.program.reader import look_at, read
from autoresearch_graph.program.reading import Passage, Reading
from tests.support.errors import refused
from tests.support.programs import make_project

PROSE = """\
Do not modify `prepare.py`.

**What you CAN do:** modify `train.py`, the only file you edit.

The goal is simple: get the lowest `val_bpb`. Launch it simply as: `python train.py`.

Each run has a fixed time budget of 5 minutes.

**NEVER STOP**
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = make_project(tmp_path, "train.py", "prepare.py", "model.py")
    (folder / "program.md").write_text(PROSE)
    return folder


def reading(project: Path, text: str | None = None, name: str = "program.md") -> Reading:
    return look_at(project / name, project=project, text=text)


def values(found: Reading) -> dict[str, tuple[str, int | None, str]]:
    return {each.field: (each.text, each.line, each.grade) for each in found.passages}


def test_what_was_accepted_binds_and_a_program_can_be_read(project: Path) -> None:
    with refused("unaccepted-reading", naming="asset: train.py"):
        read(project / "program.md", project=project)
    accept(reading(project), project)
    program = read(project / "program.md", project=project)
    assert (program.asset, program.protected) == ("train.py", ("prepare.py",))
    assert values(reading(project))["metric"] == ("val_bpb", 5, "accepted")


def test_the_lock_has_the_hash_and_each_value_with_its_line_and_reader(project: Path) -> None:
    accept(reading(project), project)
    locked = tomllib.loads((project / LOCK).read_text())["program.md"]
    assert len(locked["sha256"]) == 64
    asset = next(value for value in locked["values"] if value["field"] == "asset")
    quote = "**What you CAN do:** modify `train.py`, the only file you edit."
    assert asset == {"field": "asset", "text": "train.py", "line": 3, "quote": quote, "by": "rule"}
    assert "prepare.py" not in (project / LOCK).read_text(), "protection is read anew"
    assert (project / ".autoresearch/.gitignore").read_text() == "*\n"


def test_a_line_that_moved_is_found_and_the_nearest_of_two_counts(project: Path) -> None:
    accept(reading(project), project)
    moved = f"A\n\nB\n\n{PROSE}\n\n> Quoted:\n\n**NEVER STOP**\n"
    found = reading(project, moved)
    assert found.accepted and values(found)["asset"] == ("train.py", 7, "accepted")
    assert values(found)["stopping"] == ("never stop", 13, "accepted")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("modify `train.py`", "edit `train.py`"),
        ("of 5 minutes", "of 6 minutes"),
        ("**NEVER STOP**\n", ""),
        ("the lowest `val_bpb`", "the highest `val_bpb`"),
    ],
)
def test_a_quoted_line_that_was_changed_is_asked_about(project: Path, old: str, new: str) -> None:
    accept(reading(project), project)
    assert old in PROSE
    found = reading(project, PROSE.replace(old, new))
    assert all(each.grade != "accepted" for each in found.passages)
    assert found.program is None or not found.accepted


def test_a_new_value_beside_the_accepted_ones_is_asked_about_alone(project: Path) -> None:
    accept(reading(project), project)
    found = reading(project, f"{PROSE}\nIf a run exceeds 10 minutes, kill it.\n")
    assert [(each.field, each.text) for each in found.inferred] == [("kill_after", "10 minutes")]


def test_a_file_that_is_denied_later_is_not_edited_though_it_was_accepted(project: Path) -> None:
    accept(reading(project), project)
    found = reading(project, f"{PROSE}\n## Protected\n\n- `train.py`\n")
    assert found.program is None
    assert {problem.code for problem in found.problems} == {"asset-protected"}


def test_a_stated_value_wins_over_an_accepted_one(project: Path) -> None:
    accept(reading(project), project)
    found = reading(project, f"---\nasset: model.py\n---\n\n{PROSE.replace('train', 'model')}")
    assert values(found)["asset"] == ("model.py", 2, "stated")


def test_an_answer_of_a_person_has_no_line_and_holds(project: Path) -> None:
    answer = Passage("time_box", "9 minutes", None, "inferred", by="person")
    others = [each for each in reading(project).passages if each.field != "time_box"]
    suggested = (*others, answer)
    accept(look_at(project / "program.md", project=project, suggested=suggested), project)
    assert values(reading(project, f"{PROSE}\nMore.\n"))["time_box"] == (
        "9 minutes",
        None,
        "accepted",
    )
    assert 'by = "person"' in (project / LOCK).read_text()


def test_a_models_values_stay_a_models_when_more_is_accepted(project: Path) -> None:
    suggested = tuple(replace(each, by="model") for each in reading(project).inferred)
    accept(look_at(project / "program.md", project=project, suggested=suggested), project)
    accept(reading(project), project)
    readers = {v["by"] for v in tomllib.loads((project / LOCK).read_text())["program.md"]["values"]}
    assert readers == {"model"}


def test_every_program_file_has_its_own_values(project: Path) -> None:
    (project / "plans").mkdir()
    (project / "plans/b.md").write_text(PROSE.replace("train.py", "model.py"))
    accept(reading(project), project)
    accept(reading(project, name="plans/b.md"), project)
    assert set(tomllib.loads((project / LOCK).read_text())) == {"program.md", "plans/b.md"}
    assert values(reading(project))["asset"][0] == "train.py"
    assert values(reading(project, name="plans/b.md"))["asset"][0] == "model.py"


@pytest.mark.parametrize("damage", ["\0", "[[", "'program.md' = 3", "x = {}", "'program.md' = {}"])
def test_a_damaged_lock_counts_as_none_and_is_written_anew(project: Path, damage: str) -> None:
    accept(reading(project), project)
    (project / LOCK).write_text(damage)
    assert not reading(project).accepted
    accept(reading(project), project)
    assert reading(project).accepted


def test_strange_letters_survive_the_lock(project: Path) -> None:
    odd = PROSE.replace("only file", 'only\x7f "file" \\u0041 é 学')
    (project / "program.md").write_text(odd)
    accept(reading(project), project)
    assert reading(project).accepted and reading(project, f"{odd}\nMore.\n").accepted


def test_a_flag_settles_a_value_and_is_not_locked(project: Path) -> None:
    flags = Flags(time_box="7 minutes")
    found = look_at(project / "program.md", project=project, flags=flags)
    accept(found, project)
    assert "7 minutes" not in (project / LOCK).read_text()

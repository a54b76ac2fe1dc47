"""`autoresearch init`: a project that runs at once, or nothing at all."""

import math
import random
import subprocess
import sys
from pathlib import Path

import pytest
from git import Repo

from autoresearch_graph.asset.constants import rewrite
from autoresearch_graph.asset.literals import Scalar
from autoresearch_graph.core.experiment import Candidate, Incumbent, Measured, Proposal, Verdict
from autoresearch_graph.core.judging import judge
from autoresearch_graph.core.program import Flags
from autoresearch_graph.errors import InputError
from autoresearch_graph.program.reader import read
from autoresearch_graph.templates import begun, make_project
from autoresearch_graph.workspace.repository import BEGUN, find_repository
from tests.support.errors import refused

TEXTS = {".gitignore", "README.md", "evaluate.py", "forecast.py", "program.md"}
FILES = TEXTS | {"holdout.csv", "series.csv"}
SHOPS = ("harbour", "station", "market", "castle", "garden", "bridge")
SEASON = (-0.16, -0.20, -0.05, 0.02, 0.06, 0.14, 0.22, 0.17, 0.03, -0.04, -0.12, -0.07)


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without git's configuration; returns where it would lie."""
    config = tmp_path / "home" / "gitconfig"
    config.parent.mkdir()
    monkeypatch.setenv("HOME", str(config.parent))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return config


@pytest.fixture
def project(tmp_path: Path) -> Path:
    make_project(tmp_path / "project")
    return tmp_path / "project"


def test_a_new_project_is_one_commit_on_main_with_every_file(project: Path) -> None:
    with Repo(project) as repo:
        commits = list(repo.iter_commits("main"))
        committed = {blob.path for blob in commits[0].tree.traverse()}
        assert (len(commits), repo.active_branch.name) == (1, "main")
        assert committed == FILES == {path.name for path in project.iterdir()} - {".git"}
        assert not repo.is_dirty(untracked_files=True)


def test_without_a_name_in_gits_configuration_autoresearch_is_the_author(project: Path) -> None:
    assert author(project) == "autoresearch <autoresearch@localhost>"


def test_the_person_whom_gits_configuration_names_is_the_author(
    tmp_path: Path, nobody: Path
) -> None:
    nobody.write_text("[user]\n\tname = Ada\n\temail = ada@example.org\n")
    make_project(tmp_path / "project")
    assert author(tmp_path / "project") == "Ada <ada@example.org>"


def test_missing_parents_are_made(tmp_path: Path) -> None:
    make_project(tmp_path / "a" / "b" / "project")
    assert (tmp_path / "a" / "b" / "project" / "program.md").is_file()


def test_an_empty_folder_is_filled_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    make_project(Path())
    assert Path("program.md").is_file() and Path().samefile(folder)


def test_a_folder_that_is_not_empty_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("42")
    with refused("folder-taken", naming="full"):
        make_project(tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["thesis.txt"]


def test_a_file_in_the_way_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("42")
    places = {tmp_path / "file": "folder-taken", tmp_path / "file/below": "folder-unusable"}
    for place, code in places.items():
        with refused(code):
            make_project(place)
    assert (tmp_path / "file").read_text() == "42"


def test_a_failure_half_way_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    templates = tmp_path / "templates"
    (templates / "hooks").mkdir(parents=True)
    (templates / "index").mkdir()  # git init copies it to where the index is written
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(templates))
    with refused("folder-unusable"):
        make_project(tmp_path / "a" / "project")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("kept", [0, 2, 5])
def test_what_an_init_that_was_killed_left_is_made_anew(tmp_path: Path, kept: int) -> None:
    """Killed while it writes: some files are there, the last of them is torn."""
    project, whole = tmp_path / "project", make(tmp_path / "whole")
    (project / ".git").mkdir(parents=True)
    (project / BEGUN).write_text("forecast")
    for name in sorted(whole)[:kept]:
        (project / name).write_bytes(whole[name])
    if kept:
        (project / sorted(whole)[kept]).write_bytes(whole[sorted(whole)[kept]][:9])
    with pytest.raises(InputError, match="run it again: autoresearch init"):
        find_repository(project)
    (project / "mine.txt").write_text("42")
    assert begun(project) == "forecast"
    assert make(project) == whole | {"mine.txt": b"42"}
    assert author(project)


def make(folder: Path) -> dict[str, bytes]:
    make_project(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_the_template_runs_and_prints_its_number(project: Path) -> None:
    assert score(project) == pytest.approx(51.519)


def test_better_constants_alone_take_off_half_of_the_error(project: Path) -> None:
    asset = project / "forecast.py"
    better: dict[str, Scalar] = {
        "MONTHS_USED": 120,
        "LEVEL_SMOOTHING": 0.07,
        "TREND_SMOOTHING": 0.016,
        "SEASON_SMOOTHING": 0.12,
        "DAMPING": 0.983,
        "START": "first year",
    }
    asset.write_text(rewrite(asset.read_text(), "forecast.py", better))
    assert score(project) < 51.519 / 2


def test_its_program_turns_away_what_has_learned_the_answers(project: Path) -> None:
    program = read(project / "program.md", project=project, flags=Flags())
    cheat = Measured(metric=0.0, metrics={"mae": 0.0})
    proposal = Proposal(number=1, commit="c", parent="p", author="model", description="open()")
    candidate = Candidate(proposal=proposal, outcomes=(cheat,))
    verdict = judge(candidate, Incumbent(number=0, commit="p", metric=51.519), program)
    assert isinstance(verdict, Verdict)
    assert (verdict.status, verdict.reason) == ("discard", "mae is 0, which breaks mae >= 5")


@pytest.mark.parametrize(
    "forecast",
    ["{}", '{"harbour": [1.0]}', "[]", str({s: [math.nan] * 24 for s in SHOPS}).replace("'", '"')],
)
def test_an_unusable_forecast_gets_no_number(project: Path, forecast: str) -> None:
    (project / "forecast.json").write_text(forecast.replace("nan", "NaN"))
    ended = python("evaluate.py", project)
    assert ended.returncode != 0
    assert "mae" not in ended.stdout


def test_the_sales_are_made_up_from_a_seed(project: Path) -> None:
    rng = random.Random(3)
    shops = [made_up(rng) for _ in SHOPS]
    rows = [",".join(("month", *SHOPS))]
    for month, values in enumerate(zip(*shops, strict=True)):
        rows.append(f"{2014 + month // 12}-{month % 12 + 1:02d}," + ",".join(map(str, values)))
    assert (project / "series.csv").read_text().splitlines() == rows[:121]
    assert (project / "holdout.csv").read_text().splitlines() == [rows[0], *rows[121:]]


def made_up(rng: random.Random) -> list[float]:
    """144 months of one shop: growth, season, a lasting shift, four odd months, 3 % of noise."""
    start, growth = rng.uniform(200, 400), rng.uniform(0.002, 0.007)
    swing, turn = rng.uniform(0.6, 1.5), rng.randrange(12)
    shift = rng.randrange(60, 112)
    factor = rng.choice([rng.uniform(0.6, 0.8), rng.uniform(1.25, 1.5)])
    odd = {rng.randrange(6, 120): rng.choice([0.4, 1.7]) for _ in range(4)}
    values = []
    for month in range(144):
        value = start * (1 + growth * month) * (factor if month >= shift else 1)
        value *= 1 + swing * SEASON[(month + turn) % 12]
        values.append(round(value * odd.get(month, 1) * math.exp(rng.gauss(0, 0.03)), 1))
    return values


def score(project: Path) -> float:
    python("forecast.py", project).check_returncode()
    printed = dict(line.split(": ") for line in python("evaluate.py", project).stdout.splitlines())
    return float(printed["mae"])


def python(file: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", file]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def author(project: Path) -> str:
    with Repo(project) as repo:
        actor = repo.head.commit.author
        return f"{actor.name} <{actor.email}>"

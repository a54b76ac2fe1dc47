"""The examples: each is a project that runs, a template, and a page that tells what came of it."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from autoresearch_graph.asset.constants import find
from autoresearch_graph.core.program import Flags
from autoresearch_graph.errors import InputError
from autoresearch_graph.program.reader import read
from autoresearch_graph.templates import make_project, names
from tests.support.projects import git

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/README.md"))
LARGEST_PICTURE = 100_000  # bytes
example = pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)


def home(folder: Path) -> Path:
    """The folder of an example's files; those of `pretrain` are the root's."""
    return ROOT if folder.name == "pretrain" else folder


@example
def test_a_program_says_what_a_good_one_says(folder: Path) -> None:
    program = read(home(folder) / "program.md", project=home(folder), flags=Flags())
    assert program.evaluation and program.holdout and program.constraints
    assert {path.name for path in home(folder).glob("*.py")} <= {program.asset, *program.protected}
    assert program.stopping.experiments == 20
    assert program.time_box.kill_after <= 180
    assert program.noise.rule == ("deterministic" if folder.name == "queries" else "balanced")


@example
def test_a_search_has_constants_to_tune(folder: Path) -> None:
    asset = read(home(folder) / "program.md", project=home(folder), flags=Flags()).asset
    assert len(find((home(folder) / asset).read_text(), asset)) >= 3


@example
def test_a_readme_is_a_page_with_a_table_and_a_picture(folder: Path) -> None:
    text = (folder / "README.md").read_text()
    assert 20 < len(text.splitlines()) < 90
    assert f"--template {folder.name}" in text and "|---" in text and "](result.svg)" in text
    assert (folder / "result.svg").stat().st_size < LARGEST_PICTURE


@example
def test_an_example_is_a_template_and_in_the_wheel(folder: Path, tmp_path: Path) -> None:
    assert folder.name in names()
    make_project(tmp_path / "project", template=folder.name)
    files = [path for path in (tmp_path / "project").rglob("*") if path.is_file()]
    made = {
        str(path.relative_to(tmp_path / "project")) for path in files if ".git/" not in str(path)
    }
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    inside = f"autoresearch_graph/templates/{folder.name}"
    committed: set[str] = set()
    for source, target in included.items():
        if target == inside or target.startswith(f"{inside}/"):
            for path in git(ROOT, "ls-files", "--full-name", source).split():
                committed.add((target + path.removeprefix(source)).removeprefix(f"{inside}/"))
    assert made == committed


def test_no_file_of_the_repository_is_a_symbolic_link() -> None:
    """A link breaks in a zip archive and on Windows."""
    modes = [line.split()[0] for line in git(ROOT, "ls-files", "--stage").splitlines()]
    assert modes and "120000" not in modes


def test_an_unknown_template_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no template cake; choose one of forecast, .*rag"):
        make_project(tmp_path / "project", template="cake")
    assert not (tmp_path / "project").exists()


def test_the_tickets_are_made_up_from_a_seed(tmp_path: Path) -> None:
    example = ROOT / "examples/tickets"
    command = [sys.executable, "-I", str(example / "prepare.py")]
    subprocess.run(command, cwd=tmp_path, check=True)
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == ["answers.csv", "tickets.csv", "train.csv"]
    for name in made:
        assert (tmp_path / name).read_text() == (example / name).read_text()


def test_banking77_takes_the_place_of_the_made_up_tickets(tmp_path: Path) -> None:
    download, made = tmp_path / "download", tmp_path / "made"
    download.mkdir()
    made.mkdir()
    (download / "train.csv").write_text('text,category\n"Where is\nmy card?",card_arrival\n')
    (download / "test.csv").write_text(
        "text,category\nIs it lost?,lost\nTop up?,top_up\nAnd up?,top_up\n"
    )
    command = [sys.executable, "-I", str(ROOT / "examples/tickets/prepare.py")]
    subprocess.run([*command, "banking77", str(download)], cwd=made, check=True)
    assert (made / "train.csv").read_text() == "text,intent\nWhere is my card?,card_arrival\n"
    tickets = (made / "tickets.csv").read_text().splitlines()[1:]
    answers = [row.split(",") for row in (made / "answers.csv").read_text().splitlines()[1:]]
    assert {text: intent for text, (intent, _) in zip(tickets, answers, strict=True)} == {
        "Is it lost?": "lost",
        "Top up?": "top_up",
        "And up?": "top_up",
    }
    assert sorted(answers) == [["lost", "dev"], ["top_up", "dev"], ["top_up", "holdout"]]


def test_queries_has_a_second_program_for_a_server() -> None:
    folder = ROOT / "examples/queries"
    program = read(folder / "program-postgres.md", project=folder, flags=Flags())
    assert (program.asset, program.metric.name) == ("queries.toml", "thousand_pages")
    assert program.environment.network and program.environment.variables == ("DATABASE_URL",)


def test_a_yardstick_is_the_program_as_it_was() -> None:
    programs = [
        (ROOT / "examples/speed" / name).read_text().split('"""\n', maxsplit=1)[1]
        for name in ("report.py", "reference.py")
    ]
    assert programs[0].strip() == programs[1].strip()

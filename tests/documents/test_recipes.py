"""The recipes of CONTRIBUTING.md: their code runs, and the files that they name exist."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from autoresearch_graph import research
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.opening import open_lab
from autoresearch_graph.runner.executor import Executor
from autoresearch_graph.settings import Settings
from tests.support.programs import PARTS, read_text
from tests.support.projects import make_project

REPOSITORY = Path(__file__).parent.parent.parent
PAGE = (REPOSITORY / "CONTRIBUTING.md").read_text()
PACKAGE = REPOSITORY / "autoresearch_graph"


def recipe(title: str) -> dict[str, Any]:
    """Run the Python block of a recipe, and return the names that it defines."""
    section = PAGE.partition(f"## Recipe: {title}\n")[2].partition("\n## ")[0]
    (block,) = (t.content for t in MarkdownIt().parse(section) if t.info == "python")
    names: dict[str, Any] = {}
    exec(compile(block, title, "exec"), names)
    return names


def test_the_proposer_of_the_recipe_improves_a_project(tmp_path: Path) -> None:
    proposer = recipe("a new proposer")["Halving"]()
    settings = Settings(project=make_project(tmp_path / "project"), tag="t")
    lab = open_lab(settings, proposer=proposer)
    try:
        assert research.run(lab) == "no number is left to halve"
        rows = list(lab.ledger.experiments)
    finally:
        lab.close()
    assert [(row.description, row.status) for row in rows[1:]] == [
        ("3.0 to 1.5", "keep"),
        ("1.5 to 0.75", "keep"),
    ]


def test_the_executor_of_the_recipe_has_the_methods_of_the_protocol() -> None:
    noted = recipe("a new executor")["NotedExecutor"]
    methods = {name for name in vars(Executor) if not name.startswith("_")}
    assert methods
    for name in methods:
        assert inspect.signature(getattr(noted, name)) == inspect.signature(getattr(Executor, name))


def test_the_key_of_the_dialect_recipe_needs_only_a_synonym(tmp_path: Path) -> None:
    """It is unknown as it stands, and read as soon as it is a key that the reader knows."""
    section = PAGE.partition("## Recipe: a new dialect of program.md\n")[2]
    (front,) = (t.content for t in MarkdownIt().parse(section) if t.info == "markdown")
    (tmp_path / "train.py").touch()
    parts = {name: body for name, body in PARTS.items() if name != "Asset"}
    rest = "\n".join(f"## {title}\n\n{body}\n" for title, body in parts.items())
    with pytest.raises(ProgramError, match="goal_file"):
        read_text(tmp_path, f"{front}\n# Night\n\n{rest}")
    known = front.replace("goal_file", "target_file")
    assert read_text(tmp_path, f"{known}\n# Night\n\n{rest}").asset == "train.py"


@pytest.mark.parametrize(
    "path",
    sorted(
        set(re.findall(r"`([\w/]+\.(?:py|yaml))`", PAGE)) - {"proposers/NAME.py", "runner/NAME.py"}
    ),
)
def test_a_file_that_a_recipe_names_exists(path: str) -> None:
    assert (PACKAGE / path).is_file() or (REPOSITORY / path).is_file()

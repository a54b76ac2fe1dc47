"""The public door: what a notebook imports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import autoresearch_graph as door
from tests.support.projects import make_project


def told_to_type_checkers() -> dict[str, str]:
    """Each name, with where a type checker finds it."""
    tree = ast.parse(Path(door.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    return {
        alias.asname or alias.name: f"{statement.module}.{alias.name}"
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }


def test_every_name_of_the_door_is_there_documented_and_typed_as_what_it_is():
    typed = told_to_type_checkers()
    assert sorted(typed) == sorted(door.__all__)
    for name, where in typed.items():
        thing = getattr(door, name)
        assert thing.__doc__, name
        assert name in str(door.__doc__), name
        assert where == f"autoresearch_graph.{door._WHERE[name]}"
    assert (Path(door.__file__).parent / "py.typed").exists()


def test_a_name_that_is_not_there_is_an_error():
    with pytest.raises(AttributeError, match="has no attribute 'no_such'"):
        _ = door.no_such


def test_the_door_is_quick_to_open_and_loads_what_is_asked_for():
    script = "import sys, autoresearch_graph as a; {}; print('langgraph' in sys.modules)"
    loaded = []
    for used in ("dir(a)", "a.Program", "a.build_graph"):
        command = [sys.executable, "-c", script.format(used)]
        loaded.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert [word.strip() for word in loaded] == ["False", "False", "True"]


def test_a_research_is_streamed_interrupted_and_gone_on_with(tmp_path: Path):
    project = make_project(tmp_path / "p")
    settings = door.Settings(project=project, tag="n", flags=door.Flags(experiments=3))
    assert door.read_program(project / "program.md", project=project).metric.name == "loss"
    with door.open_research(settings) as research:
        assert isinstance(research, door.Research) and isinstance(research.lab, door.Lab)
        for node, _ in research.stream():
            if node == "train":
                break
        assert research.state.running
    with door.open_research(settings) as research:
        judged = [node for node, _ in research.stream() if node in ("keep", "revert")]
        assert research.state.stop == "done after 3 experiments"
        assert len(research.records.experiments) == len(judged) == 4
    assert door.find_records(settings).summary() == research.records.summary()

"""Every kind of error has a stable code, which docs/errors.md lists and --json shows."""

import ast
import json
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import autoresearch_graph
from autoresearch_graph.errors import LabError, ProgramError
from tests.support.cli import autoresearch

PACKAGE = Path(autoresearch_graph.__file__).parent
PAGE = PACKAGE.parent / "docs/errors.md"


def codes(tree: ast.AST) -> Iterator[str]:
    """All codes of a module: arguments of errors and of `_fail`, and defaults of classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", "")
            given = [word.value for word in node.keywords if word.arg == "code"]
            given += node.args[1:2] if name == "_fail" else []
        elif isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
            given = [each.value for each in node.body if isinstance(each, ast.Assign)]
        else:
            continue
        for value in given:
            if isinstance(value, ast.Constant) and value.value:
                yield str(value.value)


def test_the_page_lists_every_code_of_the_package_and_no_other():
    used = {
        code for path in PACKAGE.rglob("*.py") for code in codes(ast.parse(path.read_text("utf-8")))
    }
    listed = re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(used) > 20
    assert len(listed) == len(set(listed)) and set(listed) == used


def test_json_shows_the_code_and_the_message_as_the_last_event(tmp_path: Path):
    done = autoresearch("run", tmp_path, "--json")
    event = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, event["event"], event["code"]) == (2, "error", "no-program")
    assert done.stderr == f"autoresearch: {event['text']}\n"


def test_without_json_only_the_message_is_shown(tmp_path: Path):
    done = autoresearch("run", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


def test_a_code_survives_the_way_between_processes_and_a_place_added_to_it():
    error = ProgramError("wrong", code="bad-value").placed(path=Path("a/program.md"), line=3)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.code, again.line) == ("program.md:3: wrong", "bad-value", 3)
    assert LabError("wrong").code == "lab-failed"

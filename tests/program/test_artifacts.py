"""What program.md says about the evaluation's artifacts, the holdout and what is hidden."""

from pathlib import Path

import pytest

from autoresearch_graph.core.program import changed
from autoresearch_graph.errors import InputError
from autoresearch_graph.runner import expand
from tests.support.errors import refused
from tests.support.programs import make_project, read_parts, read_text, text_of

COMMAND = "```\npython prepare.py score\n```"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path, "train.py", "prepare.py", "data/a.txt")


@pytest.mark.parametrize(
    ("prose", "artifacts"),
    [
        ("Reads `model.pt2`.", ("model.pt2",)),
        ("It reads only `out/m.npz` and `log.json`; no more.", ("out/m.npz", "log.json")),
        ("Artifacts: `model.pt2`, `answers`", ("model.pt2", "answers")),
        ("- `model.pt2`\n- `answers.json`", ("model.pt2", "answers.json")),
        ("- Loads the file `model.pt2`\n- scores `a.csv`", ("model.pt2", "a.csv")),
        ("Scores `a.csv`. It reads `prepare.py`.", ("a.csv",)),
        ("Imports `train.py`, and compares with `data/a.txt`.", ()),
        ("Takes a minute.", ()),
    ],
)
def test_artifacts_are_what_the_evaluation_is_said_to_read(
    project: Path, prose: str, artifacts: tuple[str, ...]
) -> None:
    parts = {"Protected": "`prepare.py`", "Evaluation": f"{prose}\n\n{COMMAND}"}
    program = read_parts(project, parts)
    assert program.artifacts == artifacts
    assert program.handed_over == (artifacts or ("train.py",))
    assert program.evaluation == "python prepare.py score"


def test_a_file_that_may_be_an_artifact_is_asked_about(project: Path) -> None:
    parts = {"Evaluation": f"What is in `model.pt2` counts.\n\n{COMMAND}"}
    with refused("unclear-program", naming="write `Artifacts: model.pt2`"):
        read_parts(project, parts)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/tmp/model.pt2", "must be relative to the project"),
        ("../model.pt2", "lies outside the project"),
        ("out/*.npz", "must be one file"),
        ("out/", "must be one file"),
    ],
)
def test_an_artifact_is_one_file_in_the_project(project: Path, path: str, words: str) -> None:
    with refused("bad-path", line=29, naming=words):
        read_parts(project, {"Evaluation": f"Artifacts: `{path}`\n\n{COMMAND}"})


def test_front_matter_names_artifacts_holdout_and_hidden_paths(project: Path) -> None:
    front = (
        "---\nevaluation: python prepare.py score\nartifacts: [model.pt2]\n"
        "holdout: python prepare.py holdout\nhidden: [data/a.txt, ~/val]\n---\n"
    )
    program = read_text(project, front + text_of({}))
    assert program.artifacts == ("model.pt2",)
    assert program.holdout == "python prepare.py holdout"
    assert program.hidden == ("data/a.txt", "~/val")


def test_a_holdout_has_a_command_and_may_name_its_own_artifacts(project: Path) -> None:
    parts = {"Evaluation": COMMAND, "Hold-out": "Reads `model.pt2`.\n\n`python prepare.py hold`"}
    program = read_parts(project, parts)
    assert (program.holdout, program.artifacts) == ("python prepare.py hold", ("model.pt2",))
    with refused("unclear-program", naming="`Holdout`"):
        read_parts(project, {"Holdout": "A secret."})


def test_hidden_paths_are_the_code_spans_under_their_heading(project: Path) -> None:
    hidden = "- `data/a.txt`\n- `$DATA/val` and `{stdlib}/turtle.py`"
    program = read_parts(project, {"Hidden": hidden})
    assert program.hidden == ("data/a.txt", "$DATA/val", "{stdlib}/turtle.py")
    with refused("unclear-program", naming="`Hidden`"):
        read_parts(project, {"Hidden": "The answers."})
    with refused("asset-protected", naming="`train.py`"):
        read_parts(project, {"Hidden": "`train.py`"})


def test_what_the_evaluation_rests_on_is_fixed_within_a_research(project: Path) -> None:
    old = read_parts(project, {"Evaluation": COMMAND})
    parts = {"Evaluation": f"Reads `m.pt`.\n\n{COMMAND}", "Holdout": "`make h`", "Hidden": "`data`"}
    assert changed(old, read_parts(project, parts)) == ("artifacts", "holdout", "hidden")


def test_a_hidden_path_is_found_with_its_bytecode_wherever_it_lies(tmp_path: Path) -> None:
    project, checkout = tmp_path / "project", tmp_path / "checkout"
    make_project(project, "val.csv", "lib/a.py", "lib/__pycache__/a.cpython-311.pyc")
    variables = {"HOME": str(project), "DATA": str(project / "lib")}

    def places(said: str) -> tuple[Path, ...]:
        return expand([said], project=project, checkout=checkout, variables=variables)

    assert places("val.csv") == (project / "val.csv", checkout / "val.csv")
    assert places("~/val.csv") == (project / "val.csv",)
    module = project / "lib" / "a.py"
    assert places("$DATA/a.py") == (module, module.parent / "__pycache__" / "a.cpython-311.pyc")
    assert places("{stdlib}/turtle.py")[0].is_file()
    others = Path("/usr/lib").glob("python3*/turtle.py")
    assert set(others) <= set(places("{stdlib}/turtle.py"))


@pytest.mark.parametrize("said", ["val.csv", "$NOWHERE/a", "{nowhere}/a", "$"])
def test_a_hidden_path_that_hides_nothing_is_an_error(tmp_path: Path, said: str) -> None:
    with pytest.raises(InputError, match=r"the hidden path .*(does not exist|is not set)"):
        expand([said], project=tmp_path, checkout=tmp_path, variables={})

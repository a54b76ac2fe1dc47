"""A program.md that cannot be run is one sentence, with its line and how to mend it."""

from pathlib import Path

import pytest

from autoresearch_graph.program.reader import read
from tests.support.errors import refused
from tests.support.programs import make_project, read_text, sentence


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", "train.py", "prepare.py", "data/x", "../outside.py")


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("Asset", "there is no asset; add a heading `## Asset` and below it the path in "
         "backticks, as in `train.py`, or give --asset"),
        ("Metric", "there is no metric; add a heading `## Metric` and below it a line such as "
         '"`val_bpb`, lower is better", or give --metric and --direction'),
        ("Experiment", "there is no experiment command; add a heading `## Experiment` and below "
         "it the command in a code block, or give --command"),
        ("Time box", "there is no time box; add a heading `## Time box` and below it a line such "
         'as "5 minutes", or give --time-box'),
        ("Stopping criteria", "there is no stopping criterion; add a heading `## Stopping "
         'criteria` and below it a line such as "- 100 experiments", or give --experiments or '
         "--hours"),
    ],
)  # fmt: skip
def test_a_missing_part_is_named_with_heading_example_and_flag(
    project: Path, heading: str, words: str
) -> None:
    assert sentence(project, {heading: ""}, None) == words


def test_all_missing_parts_are_named_at_once(project: Path) -> None:
    words = sentence(project, {"Time box": "", "Stopping criteria": ""}, None)

    assert "no time box" in words
    assert "no stopping criterion" in words


@pytest.mark.parametrize(
    ("heading", "body", "words"),
    [
        ("Asset", "the model", "`Asset` gives no asset; write there the path in backticks"),
        ("Metric", "the loss", "`Metric` gives no metric; write there a line such as"),
        ("Experiment", "Just run it.", "`Experiment` gives no experiment command"),
        ("Experiment", "Try `a b` or `c d`.", "`Experiment` gives no experiment command"),
        ("Time box", "Not long.", "`Time box` gives no time box; write there"),
        ("Time box", "Killed after 10 minutes.", "`Time box` gives no time box; write there"),
        ("Stopping criteria", "When it is good.", "`Stopping criteria` gives no criterion"),
    ],
)
def test_a_heading_that_says_nothing_is_named(
    project: Path, heading: str, body: str, words: str
) -> None:
    assert words in sentence(project, {heading: body}, f"## {heading}")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("trian.py", "does not exist in"),
        ("src\\a.py", "has backslashes; write `src/a.py`"),
        ("path/to/train.py", "is a placeholder; write the path in its place"),
        ("[a-z].py", "has brackets or a comma"),
        ("../outside.py", "lies outside the project"),
        ("data/../../outside.py", "lies outside the project"),
        ("/etc/passwd", "must be relative to the project"),
        ("~/train.py", "must be relative to the project"),
        ("program.md", "is the program itself"),
        ("out.py", "is a link to"),
        ("link.py", "is a link; name the file that it leads to, `prepare.py`"),
        ("linked/train.py", "is a link; name the file that it leads to, `train.py`"),
        ("loop.py", "does not exist in"),
        (f"{'x' * 300}.py", "does not exist in"),
    ],
)
def test_an_asset_that_cannot_be_edited_is_refused(project: Path, path: str, words: str) -> None:
    (project / "out.py").symlink_to(project.parent / "outside.py")
    (project / "link.py").symlink_to("prepare.py")
    (project / "linked").symlink_to(".", target_is_directory=True)
    (project / "loop.py").symlink_to("loop.py")

    assert words in sentence(project, {"Asset": f"It is\n`{path}`."}, f"`{path}`")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("prepair.py", "the protected path `prepair.py` does not exist in"),
        ("../outside.py", "the protected path `../outside.py` lies outside the project"),
        ("~/x.py", "the protected path `~/x.py` must be relative to the project"),
        ("train.py", "`train.py` is protected here, but the asset `train.py` (line 7)"),
        ("./train.py", "`./train.py` is protected here, but the asset `train.py` (line 7)"),
        ("tr*.py", "`tr*.py` is protected here, but the asset `train.py` (line 7)"),
    ],
)
def test_a_protected_path_that_cannot_be_protected_is_refused(
    project: Path, path: str, words: str
) -> None:
    assert words in sentence(project, {"Protected": f"- `prepare.py`\n- `{path}`"}, f"- `{path}`")


def test_prose_that_forbids_the_asset_contradicts_the_heading(project: Path) -> None:
    words = sentence(project, {"Ideas": "Never touch `train.py`."}, "Never touch")

    assert "`train.py` is protected here, but the asset `train.py` (line 7)" in words


@pytest.mark.parametrize(
    ("body", "at", "words"),
    [
        ("`loss`, sideways is better", "## Metric", "the metric `loss` has no direction; write"),
        ("`loss`, lower is better.\n\nHigher is better.", "Higher is",
         "the direction is `Higher is better` here but `lower is better` on line 11; keep one"),
        ("- `loss` (lower is better)\n- `acc` (lower is better)", "- `acc`",
         "the metric is `acc` here but `loss` on line 11; keep one of them"),
    ],
)  # fmt: skip
def test_a_metric_has_one_name_and_one_direction(
    project: Path, body: str, at: str, words: str
) -> None:
    at = "`loss`" if at == "## Metric" else at

    assert words in sentence(project, {"Metric": body}, at)


def test_a_goal_that_contradicts_the_metric_is_an_error_with_both_lines(project: Path) -> None:
    words = sentence(project, {"Goal": "Get the highest val_bpb."}, "Get the highest")

    assert "the direction is `higher` here but `lower is better` on line 11" in words


def test_two_experiment_commands_are_a_contradiction(project: Path) -> None:
    words = sentence(project, {"How to run": "```\npython other.py\n```"}, "python other.py")

    assert words == (
        "the experiment command is `python other.py` here but `python train.py` on line 16; "
        "keep one of them; or give --command"
    )


@pytest.mark.parametrize("heading", ["Evaluation", "Check"])
def test_an_evaluation_without_a_command_is_not_passed_over(project: Path, heading: str) -> None:
    words = sentence(project, {heading: "With prepare.py."}, f"## {heading}")

    assert words.startswith(f"`{heading}` holds no command; put one in a code block")


def test_a_file_that_is_not_there_is_one_sentence(project: Path) -> None:
    with refused("no-program", naming="program.md: "):
        read(project / "program.md", project=project)


def test_a_folder_is_one_sentence(project: Path) -> None:
    with refused("no-program", naming="data: "):
        read(project / "data", project=project)


def test_a_file_that_is_not_utf_8_names_the_line(project: Path) -> None:
    (project / "program.md").write_bytes(b"# One\n\nTwo \xff\n")

    with refused("no-program", line=3, naming="UTF-8"):
        read(project / "program.md", project=project)


@pytest.mark.parametrize("text", ["", " \n\n"])
def test_an_empty_file_is_one_sentence(project: Path, text: str) -> None:
    with refused("no-program", naming="empty"):
        read_text(project, text)

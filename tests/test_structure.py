"""The structure of the package keeps within limits, which only ever become tighter."""

from pathlib import Path

import pytest

from benchmarks.structure import Structure, complexity, length, measure, modules_of

REPOSITORY = Path(__file__).parent.parent
# The most that each figure of benchmarks/structure.py may be.
AT_MOST = {
    "modules": 176,
    "lines": 27_930,
    "largest_folder": 16,
    "one_importer_share": 0.305,
    "nodes_a_code_line": 5.97,
    "questions": 0,
    "module_questions": 0,
    "modules_that_name_an_outcome": 24,
    "modules_that_the_lab_imports": 10,
    "functions_over_complexity_10": 47,
    "functions_over_50_lines": 0,
}
LETTERS_OF_A_LOCAL_NAME = 5.5  # on average, and at least


@pytest.fixture(scope="module")
def structure() -> Structure:
    return measure(REPOSITORY)


@pytest.mark.parametrize(("figure", "limit"), AT_MOST.items())
def test_a_figure_keeps_within_its_limit(structure: Structure, figure: str, limit: float) -> None:
    assert getattr(structure, figure) <= limit


def test_local_names_say_what_they_mean(structure: Structure) -> None:
    assert structure.letters_of_a_local_name >= LETTERS_OF_A_LOCAL_NAME


SOURCE = '''\
"""Where things are."""
from autoresearch_graph.other import Measured


def function(argument):
    """Which of them."""
    # a comment

    if argument and argument > 1 or argument < 0:
        found = [each for each in argument if each]
    return found
'''


def test_each_figure_counts_what_it_says(tmp_path: Path) -> None:
    package = tmp_path / "autoresearch_graph"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "lab.py").write_text(SOURCE)
    (package / "other.py").write_text("class Measured:\n    pass\n")
    (package / "templates").mkdir()
    (package / "templates/copied.py").write_text("copied = 1\n")
    assert measure(tmp_path) == Structure(
        modules=3,
        lines=13,
        code_lines=9,
        largest_folder=3,
        with_one_importer=1,
        one_importer_share=0.5,
        nodes_a_code_line=38 / 9,
        letters_of_a_local_name=6.5,
        questions=2,
        questions_share=1.0,
        module_questions=1,
        module_questions_share=1.0,
        modules_that_name_an_outcome=1,
        modules_that_the_lab_imports=1,
        functions_over_complexity_10=0,
        functions_over_50_lines=0,
    )
    (function,) = modules_of(tmp_path)[1].functions
    assert (complexity(function), length(function)) == (6, 7)

"""The lines of code in a text, without comments and in one layout."""

from autoresearch_graph.asset.syntax import code_lines, saved_lines

LONG = "# why\nX = 1\n\nY = 2\nZ = (\n    3\n)\nA = 4\nB = 5\n"


def test_comments_and_layout_do_not_count_in_python():
    assert code_lines(LONG, "a.py") == 5
    assert code_lines("X = (1", "a.py") == 1


def test_a_text_that_no_parser_gets_through_is_as_long_as_it_looks():
    assert code_lines("# deep\n\nX = " + "-" * 20_000 + "1\n", "train.py") == 2


def test_blank_lines_do_not_count_elsewhere():
    assert code_lines("SELECT 1\n\n  ;\n", "a.sql") == 2


def test_only_clearly_less_counts():
    assert saved_lines("X = 1\n", LONG, "a.py") == 4
    assert saved_lines("X = 1\nY = 2\nA = 4\n", LONG, "a.py") == 0
    assert saved_lines(LONG, "X = 1\n", "a.py") == 0

"""The picture in the report: a dot an experiment, the best so far a line."""

import csv
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from autoresearch_graph.core.values import Direction
from tests.support.projects import Reporter
from tests.support.reports import NIGHT_OF_FOUR, Page, tried

NIGHT = Path(__file__).parent.parents[2] / "shared" / "data" / "karpathy-h100-mar8.tsv"


def test_every_experiment_has_a_dot_and_a_row_that_it_leads_to(report: Reporter) -> None:
    page = report(NIGHT_OF_FOUR)
    assert sorted({a["href"] for a in page.all("a")}) == [f"#e{n}" for n in range(5)]
    assert [row["id"] for row in page.all("tr") if "id" in row] == [f"e{n}" for n in range(5)]
    assert [row["class"] for row in page.all("tr") if "id" in row][2:4] == ["discard", "crash"]


def test_a_dot_says_what_was_tried_and_why_the_verdict(report: Reporter) -> None:
    assert "2 discard 1.75: idea 2 reason 2" in report(NIGHT_OF_FOUR).text


def height(page: Page, number: int) -> float:
    """Pixels from the upper edge."""
    return float(page.dot(number)["cy"])


def steps(page: Page) -> list[tuple[float, float]]:
    """The corners of the line of the best so far, in pixels."""
    found = re.search(r'<g class="best"><path d="([^"]+)"', page.html)
    assert found
    numbers = [float(text) for text in re.findall(r"[\d.]+", found[1])]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


@pytest.mark.parametrize(("direction", "worst"), [("lower", min), ("higher", max)])
def test_a_crash_stands_at_the_worse_edge(
    report: Reporter, direction: Direction, worst: Callable[[list[float]], float]
) -> None:
    page = report(NIGHT_OF_FOUR, direction=direction)
    heights = [height(page, number) for number in range(5)]
    assert heights[3] == worst(heights) and heights.count(heights[3]) == 1


def test_the_best_so_far_is_a_line_of_steps(report: Reporter) -> None:
    page = report(NIGHT_OF_FOUR)
    corners = [(round(x, 1), round(y, 1)) for x, y in steps(page)]
    x = [float(page.dot(number)["cx"]) for number in range(5)]
    y = [height(page, number) for number in range(5)]
    assert corners == [(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[4], y[1]), (x[4], y[4])]


def test_the_best_so_far_never_gets_worse_when_workers_end_out_of_order(report: Reporter) -> None:
    out_of_order = [tried(0, 2.0, "keep"), tried(2, 1.5, "keep"), tried(1, 1.0, "keep")]
    heights = [y for _, y in steps(report(out_of_order))]
    assert heights == sorted(heights)
    assert len(set(heights)) == 3


def test_a_wild_value_is_drawn_at_the_edge_and_counted(report: Reporter) -> None:
    usual = [tried(n, 1.0 + n % 7 / 100, "discard" if n else "keep") for n in range(20)]
    page = report([*usual, tried(20, 1e9), tried(21, -1e308)])
    assert "2 outside the picture, drawn at its edge" in page.text
    heights = [height(page, n) for n in range(20)]
    assert height(page, 20) < min(heights) and height(page, 21) > max(heights)
    assert max(heights) - min(heights) > 300


def test_equal_values_have_a_picture_too(report: Reporter) -> None:
    page = report([tried(0, 0.0, "keep"), tried(1, 0.0), tried(2, 0.0)])
    assert 150 < height(page, 2) == height(page, 0) < 250


def test_two_thousand_experiments_take_a_moment_and_a_few_megabytes(
    report: Reporter, tmp_path: Path
) -> None:
    many = [tried(n, 2.0 - n / 2000, "discard" if n % 20 else "keep") for n in range(2000)]
    began = time.process_time()
    page = report([e.model_copy(update={"reason": "because " * 20}) for e in many])
    assert time.process_time() - began < 5
    assert len(page.all("circle")) == 2 * 2000  # for a desk and for a phone
    assert (tmp_path / "nov23" / "report.html").stat().st_size < 4_000_000


@pytest.mark.skipif(not NIGHT.exists(), reason=f"{NIGHT} is not here")
def test_a_real_night_has_one_value_outside_and_its_best_at_the_end(report: Reporter) -> None:
    experiments = []
    for number, row in enumerate(csv.DictReader(NIGHT.read_text().splitlines(), delimiter="\t")):
        metric = None if row["status"] == "crash" else float(row["val_bpb"])
        experiments.append(tried(number, metric, row["status"], description=row["description"]))
    text = report(experiments, name="val_bpb").text
    assert "val_bpb went from 0.99790 to 0.96969, better by 0.02821 (2.8%)." in text
    assert "125 experiments: 22 kept, 102 discarded, 1 crashed." in text
    assert "1 outside the picture" in text


def test_drawing_leaves_no_import_hook_behind() -> None:
    lines = (
        "import sys; import autoresearch_graph.report.chart",
        "assert all(hasattr(finder, 'find_spec') for finder in sys.meta_path)",
        "try: import a_module_that_is_not_there",
        "except ModuleNotFoundError: print('well')",
    )
    command = [sys.executable, "-W", "error", "-c", "\n".join(lines)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("well\n", "")

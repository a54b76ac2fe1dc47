"""The report: what a person reads in the morning, from a ledger on disk."""

import csv
import re
import time
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest

from autoresearch_graph.experiment import Experiment
from autoresearch_graph.metric import Direction, Metric
from autoresearch_graph.program import Program, TimeBox
from autoresearch_graph.records import load
from autoresearch_graph.report import write_report
from autoresearch_graph.start import Start

NIGHT = Path(__file__).parents[2] / "shared" / "data" / "karpathy-h100-mar8.tsv"
HOSTILE = "</title></style><script>alert(1)</script><img src=//a.example onerror='x'>\"'&{{ 7*6 }}"


class Page(HTMLParser):
    """A report as a browser sees it: elements with their attributes and texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.cells: dict[str, list[str]] = {}
        self._open = [""]
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.elements.append((tag, attributes))
        if tag == "tr":
            self._open = self.cells.setdefault(attributes.get("id", "head"), [])
        elif tag in ("th", "td"):
            self._open.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self._open = [""]

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is None:  # not within a style
            self.texts.append(data)
            self._open[-1:] = [cell + data for cell in self._open[-1:]]

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def dot(self, number: int) -> dict[str, str]:
        """The circle that links to the row of an experiment."""
        names = [(tag, a.get("href")) for tag, a in self.elements]
        after = self.elements[names.index(("a", f"#e{number}")) :]
        return next(attributes for tag, attributes in after if tag == "circle")


Reporter = Callable[..., Page]


@pytest.fixture
def report(tmp_path: Path) -> Reporter:
    def write(
        experiments: Sequence[Experiment],
        *,
        name: str = "loss",
        direction: Direction = "lower",
        tag: str = "nov23",
    ) -> Page:
        folder = tmp_path / tag
        folder.mkdir(exist_ok=True)
        start = Start(tag=tag, base="b" * 40, program=program(name, direction))
        (folder / "research.json").write_text(start.model_dump_json())
        lines = [experiment.model_dump_json() + "\n" for experiment in experiments]
        (folder / "experiments.jsonl").write_text("".join(lines))
        records = load(folder)
        assert records
        return Page(write_report(records).read_text("utf-8"))

    return write


def program(name: str, direction: Direction) -> Program:
    return Program(
        path=Path("program.md"),
        text="",
        asset="train.py",
        metric=Metric(name=name, direction=direction),
        experiment="python train.py",
        time_box=TimeBox(seconds=300, kill_after=600),
    )


def tried(number: int, metric: float | None, status: str = "discard", **more: object) -> Experiment:
    row = {
        "number": number,
        "status": status,
        "metric": metric,
        "reason": f"reason {number}",
        "author": "model" if number else "baseline",
        "description": f"idea {number}",
        "commit": f"{number:040x}",
        "parent": "b" * 40,
        "metrics": {},
        "trials": (),
        "seconds": 60.0,
        "memory_gb": 1.5,
        "self_reported": False,
        "finished": "2026-11-23T06:30:00+00:00",
    }
    return Experiment.model_validate(row | more)


NIGHT_OF_FOUR = [
    tried(0, 2.0, "keep"),
    tried(1, 1.5, "keep"),
    tried(2, 1.75),
    tried(3, None, "crash"),
    tried(4, 1.25, "keep"),
]


def test_the_summary_tells_how_far_it_came_and_what_it_took(report: Reporter) -> None:
    text = report(NIGHT_OF_FOUR).text
    assert "loss went from 2.00000 to 1.25000, better by 0.75 (37.5%)." in text
    assert "4 experiments: 2 kept, 1 discarded, 1 crashed. Their runs took 5 min in all." in text


def test_every_experiment_has_a_dot_and_a_row_that_it_leads_to(report: Reporter) -> None:
    page = report(NIGHT_OF_FOUR)
    assert sorted({a["href"] for a in page.all("a")}) == [f"#e{n}" for n in range(5)]
    assert [row["id"] for row in page.all("tr") if "id" in row] == [f"e{n}" for n in range(5)]
    assert [row["class"] for row in page.all("tr") if "id" in row][2:4] == ["discard", "crash"]


def test_a_dot_says_what_was_tried_and_why_the_verdict(report: Reporter) -> None:
    assert "2 discard 1.75000: idea 2 reason 2" in report(NIGHT_OF_FOUR).text


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


def test_the_gain_is_on_the_incumbent_of_the_time(report: Reporter) -> None:
    cells = report(NIGHT_OF_FOUR).cells
    gains = [cells[f"e{number}"][3].strip() for number in range(5)]
    assert gains == ["", "+0.50000", "\N{MINUS SIGN}0.25000", "", "+0.25000"]


def test_what_was_kept_comes_with_its_diff(report: Reporter, tmp_path: Path) -> None:
    for number in (1, 2):
        folder = tmp_path / "nov23" / "experiments" / f"{number:04d}"
        folder.mkdir(parents=True)
        (folder / "diff.patch").write_text(
            f"--- a/train.py\n+++ b/train.py\n@@ -1 +1 @@\n-LR = 0\n+LR = {number}\n"
        )
    page = report(NIGHT_OF_FOUR)
    assert len(page.all("details")) == 2 + 1 + 1  # kept, discarded, crashed
    assert "+LR = 1" in page.text
    assert "+LR = 2" not in page.text
    assert [line["class"] for line in page.all("span")].count("added") == 1


def test_a_long_diff_is_cut_and_says_where_the_whole_is(report: Reporter, tmp_path: Path) -> None:
    folder = tmp_path / "nov23" / "experiments" / "0001"
    folder.mkdir(parents=True)
    (folder / "diff.patch").write_text("@@ -1 +1 @@\n" + "+x = 1\n" * 100_000)
    page = report(NIGHT_OF_FOUR)
    assert "Only its first 400 lines; the whole is in experiments/0001/diff.patch" in page.text
    assert [line["class"] for line in page.all("span")].count("added") == 399


def test_it_tells_how_to_take_the_result(report: Reporter) -> None:
    assert "git merge autoresearch/nov23" in report(NIGHT_OF_FOUR).text
    assert "git merge 'autoresearch/a$(b)'" in report(NIGHT_OF_FOUR, tag="a$(b)").text


def test_a_self_reported_metric_is_marked(report: Reporter) -> None:
    honest, doubtful = tried(0, 2.0, "keep"), tried(1, 1.5, "keep", self_reported=True)
    assert "self-reported" not in report([honest]).text
    page = report([honest, doubtful])
    assert "loss is self-reported (†)" in page.text
    assert ["†" in page.cells[f"e{number}"][2] for number in (0, 1)] == [False, True]


def test_whatever_a_run_or_a_model_says_stays_text(report: Reporter, tmp_path: Path) -> None:
    folder = tmp_path / "nov23" / "experiments" / "0001"
    folder.mkdir(parents=True)
    (folder / "diff.patch").write_text(f"@@ -1 +1 @@\n+{HOSTILE}\n")
    words = dict.fromkeys(("description", "reason", "hypothesis", "lesson", "finished"), HOSTILE)
    page = report(
        [tried(0, 2.0, "keep", **words), tried(1, 1.0, "keep", self_reported=True, **words)],
        name=HOSTILE,
    )
    assert not {"script", "img", "iframe", "link"} & {tag for tag, _ in page.elements}
    assert not [a for _, a in page.elements for name in a if name.startswith("on")]
    assert page.text.count("{{ 7*6 }}") >= 8


def test_it_needs_no_network(report: Reporter) -> None:
    page = report(NIGHT_OF_FOUR)
    assert not [a for _, a in page.elements if "src" in a]
    assert all(a["href"].startswith("#") for _, a in page.elements if "href" in a)
    assert not re.search(r"url\(|@import|https?:", page.html)
    assert {"default-src 'none'; style-src 'unsafe-inline'"} == {
        a["content"] for a in page.all("meta") if "http-equiv" in a
    }


def test_characters_that_cannot_be_seen_are_written_out(report: Reporter) -> None:
    trick = tried(1, 1.0, "keep", description="if admin\u202e\u2066: pass\x1b[2J")
    assert r"if admin\u202e\u2066: pass\u001b[2J" in report([tried(0, 2.0, "keep"), trick]).text


def test_an_empty_ledger_has_a_report(report: Reporter) -> None:
    page = report([])
    assert "No experiment has been judged yet." in page.text
    assert not page.all("svg") + page.all("table")


def test_a_crashed_baseline_says_why(report: Reporter) -> None:
    page = report([tried(0, None, "crash", reason="No module named torch", self_reported=True)])
    assert "The baseline crashed, so there is nothing to improve on yet. No module" in page.text
    assert "git merge" not in page.text
    assert "self-reported" not in page.text


def test_the_yield_of_each_author_tells_what_its_ideas_cost(report: Reporter) -> None:
    used = {"model": "m", "prompt": 1000, "cached": 400, "completion": 200, "reasoning": 50}
    paid = {"tokens": 1200, "dollars": 0.5, "usage": used}
    search = {"author": "search"}
    night = [
        tried(0, 2.0, "keep"),
        tried(1, 1.5, "keep", **paid),
        tried(2, 1.25, "keep", **search),
        tried(3, 1.75, **paid),
    ]
    page = report(night)
    assert (
        "ideas 2,400 tokens ($1.00), 1,200 tokens ($0.5000) for each improvement kept" in page.text
    )
    assert "model 2 1 0.5 2,400 $1.00 2,400 $1.00 search 1 1 0.25 0 $0 0 $0" in page.text
    assert "2,000 prompt (800 cached), 400 completion (100 reasoning)" in page.text
    cells = [[cell.strip() for cell in page.cells[f"e{n}"][6:8]] for n in (1, 2)]
    assert cells == [["1,200", "$0.5000"], ["", ""]]


def test_a_price_that_is_not_known_is_not_shown_as_free(report: Reporter) -> None:
    text = report([tried(0, 2.0, "keep"), tried(1, 1.5, "keep", tokens=1200)]).text
    assert "1,200 tokens (price unknown)" in text and "$" not in text


def test_a_night_without_a_model_has_no_columns_for_costs(report: Reporter) -> None:
    page = report([tried(0, 2.0, "keep"), tried(1, 1.5, "keep", author="search")])
    assert "tokens" not in page.text and "dollars" not in page.text


def test_without_an_improvement_there_is_nothing_to_take(report: Reporter) -> None:
    text = report([tried(0, 2.0, "keep"), tried(1, 3.0)]).text
    assert "No experiment was better than the baseline: loss is still 2.0000" in text
    assert "git merge" not in text


def test_writing_twice_leaves_the_same_one_file(report: Reporter, tmp_path: Path) -> None:
    report(NIGHT_OF_FOUR)
    first = (tmp_path / "nov23" / "report.html").read_bytes()
    report(NIGHT_OF_FOUR)
    assert (tmp_path / "nov23" / "report.html").read_bytes() == first
    names = sorted(path.name for path in (tmp_path / "nov23").iterdir())
    assert names == ["experiments.jsonl", "report.html", "report.md", "research.json"]


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
    assert "val_bpb went from 0.997900 to 0.969686, better by 0.0282 (2.8%)." in text
    assert "125 experiments: 22 kept, 102 discarded, 1 crashed." in text
    assert "1 outside the picture" in text

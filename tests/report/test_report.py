"""The report: what a person reads in the morning, from a ledger on disk."""

import re
from pathlib import Path
from typing import Any

from tests.support.projects import Reporter
from tests.support.reports import NIGHT_OF_FOUR, tried

HOSTILE = "</title></style><script>alert(1)</script><img src=//a.example onerror='x'>\"'&{{ 7*6 }}"


def test_the_summary_tells_how_far_it_came_and_what_it_took(report: Reporter) -> None:
    text = report(NIGHT_OF_FOUR).text
    assert "loss went from 2.00 to 1.25, better by 0.75 (37.5%)." in text
    assert "4 experiments: 2 kept, 1 discarded, 1 crashed. Their runs took 5 min in all." in text


def test_the_gain_is_on_the_incumbent_of_the_time(report: Reporter) -> None:
    cells = report(NIGHT_OF_FOUR).cells
    gains = [cells[f"e{number}"][3].strip() for number in range(5)]
    assert gains == ["", "+0.50", "\N{MINUS SIGN}0.25", "", "+0.25"]


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


def test_a_row_names_what_it_changed(report: Reporter) -> None:
    rows = [each.model_copy(update={"changed": ("MATRIX_LR",)}) for each in NIGHT_OF_FOUR]
    assert "MATRIX_LR" in report(rows).text
    assert "MATRIX_LR" not in report(NIGHT_OF_FOUR).text


def test_a_long_diff_is_cut_and_says_where_the_whole_is(report: Reporter, tmp_path: Path) -> None:
    folder = tmp_path / "nov23" / "experiments" / "0001"
    folder.mkdir(parents=True)
    (folder / "diff.patch").write_text("@@ -1 +1 @@\n" + "+x = 1\n" * 100_000)
    page = report(NIGHT_OF_FOUR)
    assert "Only its first 400 lines; the whole is in experiments/0001/diff.patch" in page.text
    assert [line["class"] for line in page.all("span")].count("added") == 399


def test_it_tells_how_to_take_the_result(report: Reporter) -> None:
    text = report(NIGHT_OF_FOUR).text
    assert "git diff bbbbbbbbbbbb autoresearch/nov23 autoresearch adopt --tag nov23" in text
    assert "git merge autoresearch/nov23" in text
    text = report(NIGHT_OF_FOUR, tag="a$(b)").text
    assert "adopt --tag 'a$(b)'" in text and "git merge 'autoresearch/a$(b)'" in text


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
    links = [a["href"] for _, a in page.elements if "href" in a]
    assert links
    assert all(link.startswith("#") for link in links)
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
    paid: dict[str, Any] = {"tokens": 1200, "dollars": 0.5, "usage": used}
    search: dict[str, Any] = {"author": "search"}
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
    assert "model 2 1 0.50 2,400 $1.00 2,400 $1.00 search 1 1 0.25 0 $0 0 $0" in page.text
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
    assert "No experiment was better than the baseline: loss is still 2" in text
    assert "git merge" not in text


def test_writing_twice_leaves_the_same_one_file(report: Reporter, tmp_path: Path) -> None:
    report(NIGHT_OF_FOUR)
    first = (tmp_path / "nov23" / "report.html").read_bytes()
    report(NIGHT_OF_FOUR)
    assert (tmp_path / "nov23" / "report.html").read_bytes() == first
    names = sorted(path.name for path in (tmp_path / "nov23").iterdir())
    assert names == ["experiments.jsonl", "report.html", "report.md", "research.json"]

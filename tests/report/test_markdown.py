"""report.md: the same facts for a terminal, a pull request or a model."""

from pathlib import Path

from markdown_it import MarkdownIt

from tests.support.projects import Reporter
from tests.support.reports import NIGHT_OF_FOUR, Page, tried

HOSTILE = "a | b `c` *d* <script>alert(1)</script> [e](javascript:f) # g\n# h\n```\n| i |"


def rendered(folder: Path) -> Page:
    """The Markdown as a viewer that lets everything through would show it."""
    text = (folder / "report.md").read_text("utf-8")
    return Page(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))


def test_it_tells_what_was_gained_and_how_to_take_it(report: Reporter, tmp_path: Path) -> None:
    report(NIGHT_OF_FOUR)
    text = rendered(tmp_path / "nov23").text
    assert "loss went from 2.00 to 1.25, better by 0.75 (37.5%); lower is better." in text
    assert "git diff bbbbbbbbbbbb autoresearch/nov23 autoresearch adopt --tag nov23" in text
    assert "in git alone it is git merge autoresearch/nov23." in text


def test_its_tables_have_the_cells_that_their_heads_name(report: Reporter, tmp_path: Path) -> None:
    paid = {"tokens": 1200, "dollars": 0.5, "usage": {"model": "m", "prompt": 1200}}
    report([*NIGHT_OF_FOUR, tried(5, 1.0, "keep", **paid)])
    kept, failed, crashed, authors = rendered(tmp_path / "nov23").tables
    assert kept[1] == ["1", "1.50", "+0.50", "idea 1"] and len(kept) == 4
    assert failed[1:] == [["not known", "1", "\N{MINUS SIGN}0.25", "2 idea 2"]]
    assert crashed[1][1:] == ["1", "3 idea 3"]
    assert authors == [
        ["author", "proposals", "kept", "gain", "tokens", "dollars"],
        ["model", "5", "3", "1.00", "1,200", "$0.5000"],
    ]


def test_whatever_a_run_or_a_model_says_stays_text_in_it(report: Reporter, tmp_path: Path) -> None:
    folder = tmp_path / "nov23" / "experiments" / "0001"
    folder.mkdir(parents=True)
    (folder / "diff.patch").write_text("@@ -1 +1 @@\n+```\n+````\n+# not a heading\n")
    words = dict.fromkeys(("description", "reason", "hypothesis"), HOSTILE)
    report([tried(0, 2.0, "keep", **words), tried(1, 1.0, "keep", **words)], name="a|*b*")
    page = rendered(tmp_path / "nov23")
    assert not {"script", "a", "em", "img"} & {tag for tag, _ in page.elements}
    headings = [tag for tag, _ in page.elements if tag in ("h1", "h2")]
    assert headings == ["h1", *["h2"] * 4], page.html
    assert {len(row) for row in page.tables[0]} == {4}
    assert "a|*b* went from" in page.text and "+````\n+# not a heading" in page.html


def test_it_says_when_nothing_was_judged_gained_or_measured(
    report: Reporter, tmp_path: Path
) -> None:
    told = {
        "empty": ([], "No experiment has been judged yet."),
        "same": ([tried(0, 2.0, "keep"), tried(1, 3.0)], "loss is still 2."),
        "broken": ([tried(0, None, "crash", reason="no torch")], "improve on yet: no torch"),
    }
    for tag, (rows, sentence) in told.items():
        report(rows, tag=tag)
        text = rendered(tmp_path / tag).text
        assert sentence in text and "git merge" not in text

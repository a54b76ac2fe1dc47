"""Every figure of the report is the ledger's, read out of the page as a browser shows it."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from autoresearch_graph.core.experiment import Experiment, Measured
from autoresearch_graph.core.formatting import duration
from autoresearch_graph.report import write_report
from autoresearch_graph.results.records import Records
from tests.support.reports import Page, recorded, tried

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
NAMES = ["LR", "DEPTH", "WIDTH", "BATCH"]
READ = """() => {
  for (const closed of document.querySelectorAll("details")) closed.open = true;
  const words = (node) => node.innerText.split(/\\s+/).join(" ").trim();
  const all = (found) => [...document.querySelectorAll(found)];
  const dots = all("svg.wide a").map(
    (a) => [a.getAttribute("href"), +a.querySelector("circle").getAttribute("cy")]);
  return {
    paragraphs: all("p, li, summary").map(words),
    tables: all("table").map((t) => [...t.rows].map((row) => [...row.cells].map(words))),
    dots: Object.fromEntries(dots),
  };
}"""


@dataclass(frozen=True)
class Seen:
    """What a reader sees: words, tables, and how high each dot stands."""

    paragraphs: list[str]
    tables: list[list[list[str]]]
    dots: dict[str, float]

    def one(self, pattern: str) -> re.Match[str]:
        """The only paragraph in which the pattern is found."""
        (found,) = filter(None, (re.search(pattern, text) for text in self.paragraphs))
        return found


def a_night(folder: Path) -> Records:
    """Sixty experiments of a model, a search and a person: repeats, crashes, costs, wild values."""
    random, best = Random(3), 2.0
    baseline = tuple(Measured(metric=m, seconds=20.0) for m in (2.01, 1.98, 2.01))
    rows = [tried(0, 2.0, "keep", trials=baseline, runs=3)]
    for number in range(1, 60):
        metric: Any = round(best + random.gauss(0.04, 0.05), 6)
        status = "keep" if metric < best - 0.01 else "discard"
        if number % 9 == 0:
            metric, status = None, "crash"
        elif number % 25 == 0:
            metric, status = 1e5, "discard"
        best = metric if status == "keep" else best
        author = ("model", "search", "person")[number % 3]
        used = {"model": "m", "prompt": 900 + number, "completion": 300, "reasoning": 40}
        cost = {"tokens": 1200 + number, "dollars": number / 300, "usage": used}
        facts = {"author": author, "seconds": 30 + number / 7, "memory_gb": 1 + number / 40}
        facts["changed"] = (NAMES[number % 4],)
        again = {"incumbent_runs": (Measured(metric=best + 0.01),)} if number % 10 == 0 else {}
        row = tried(number, metric, status, **facts, **again, **(cost if author == "model" else {}))
        rows.append(row)
    return recorded(folder, rows)


def by_parser(page: Path) -> Seen:
    read = Page(page.read_text("utf-8"))
    dots = {a["href"]: float(read.dot(int(a["href"][2:]))["cy"]) for a in read.all("a")}
    return Seen(read.paragraphs, read.tables, dots)


def by_browser(page: Path) -> Seen:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1280, "height": 800})
        tab.goto(page.as_uri())
        seen = Seen(**tab.evaluate(READ))
        browser.close()
    return seen


def number(text: str) -> Decimal:
    return Decimal(re.sub("[†,$]", "", text).replace("\N{MINUS SIGN}", "-"))


def says(text: str, value: float | None) -> bool:
    """Whether a text tells this value, rounded to the decimals that it has."""
    if value is None or text == "":
        return value is None and text == ""
    told = number(text)
    unit = Decimal(1).scaleb(int(told.as_tuple().exponent))
    return abs(told - Decimal(value)) <= unit * Decimal("0.5000001")


Reader = Callable[[Path], Seen]


@pytest.fixture(params=[by_parser, by_browser])
def night(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Records, Seen]:
    if request.param is by_browser and CHROMIUM is None:
        pytest.skip("there is no chromium")
    records = a_night(tmp_path / "night")
    return records, request.param(write_report(records))


def test_every_figure_of_the_page_is_the_ledgers(night: tuple[Records, Seen]) -> None:
    records, seen = night
    check_summary(records, seen)
    check_sureness(records, seen)
    check_kept(records, seen)
    check_groups(records, seen)
    check_dots(records, seen)
    authors, kinds, every = seen.tables
    check_authors(records, authors, paid=True)
    check_kinds(records, kinds)
    assert len(every) == 1 + len(records.experiments)
    for cells, row in zip(every[1:], records.experiments, strict=True):
        check_row(records, cells, row)


def check_summary(records: Records, seen: Seen) -> None:
    best, baseline, rows = records.incumbent, records.baseline, records.experiments
    assert best and best.metric and baseline
    told = seen.one(r"went from (\S+) to (\S+), better by (\S+) \((\S+)%\)").groups()
    share = 100 * (baseline - best.metric) / baseline
    wanted = (baseline, best.metric, baseline - best.metric, share)
    assert all(map(says, told, wanted)), (told, wanted)
    counted = seen.one(r"(\d+) experiments: (\d+) kept, (\d+) discarded, (\d+) crashed").groups()
    of = [sum(e.status == s for e in rows[1:]) for s in ("keep", "discard", "crash")]
    assert counted == tuple(map(str, (len(rows) - 1, *of)))
    assert f"took {duration(sum(e.seconds for e in rows))} in all" in seen.one("in all").string
    tokens, dollars = sum(e.tokens for e in rows), sum(e.dollars or 0 for e in rows)
    pattern = r"ideas (\S+) tokens \((\S+)\), (\S+) tokens \((\S+)\) for each improvement kept"
    told = seen.one(pattern).groups()
    assert all(map(says, told, (tokens, dollars, round(tokens / of[0]), dollars / of[0]))), told


def check_sureness(records: Records, seen: Seen) -> None:
    now = records.estimates[-1]
    told = seen.one(r"is (\S+) times the noise .* deviation of (\S+), known from (\d+) comparisons")
    assert says(told[1], records.gain / now.sigma) and says(told[2], now.sigma)
    assert int(told[3]) == now.spread.freedom


def check_kept(records: Records, seen: Seen) -> None:
    kept = [e for e in records.experiments if e.status == "keep" and e.number]
    told = [m for p in seen.paragraphs if (m := re.match(r"([\d.]+) (\+[\d.]+) idea (\d+)$", p))]
    assert [int(match[3]) for match in told] == [e.number for e in kept]
    for match, e in zip(told, kept, strict=True):
        assert says(match[1], e.metric) and says(match[2], records.gains[e.number])
        assert seen.one(f"^Experiment {e.number} by {e.author}: reason {e.number}\\.")
    took = [p for p in seen.paragraphs if p.startswith("It took ")]
    for text, e in zip(took, kept, strict=True):
        paid = re.search(r", (\S+) tokens, (\S+)\.$", text)
        assert f"It took {duration(e.seconds)}, {e.runs} run" in text
        assert (paid is not None) == bool(e.tokens)
        assert paid is None or (says(paid[1], e.tokens) and says(paid[2], e.dollars))


def check_groups(records: Records, seen: Seen) -> None:
    rows = records.experiments[1:]
    pattern = r"^(\d+) discarded, nearest (\S+) (\w+)$"
    told = [m for text in seen.paragraphs if (m := re.search(pattern, text))]
    assert {match[3] for match in told} == set(NAMES)
    for match in told:
        own = [e for e in of_kind(match[3], rows) if e.status == "discard"]
        assert int(match[1]) == len(own)
        assert says(match[2], max(records.gains[e.number] for e in own))
    crashed = sum(e.status == "crash" for e in rows)
    assert int(seen.one(r"^(\d+) (?!discarded)[a-z ]+$")[1]) == crashed


def check_dots(records: Records, seen: Seen) -> None:
    """Where a dot stands is its metric, on one straight scale; the wild ones are at the edge."""
    inside = [
        (e.metric, seen.dots[f"#e{e.number}"])
        for e in records.experiments
        if e.metric and e.metric < 9
    ]
    (low, bottom), (high, top) = min(inside), max(inside)
    for metric, height in inside:
        wanted = bottom + (top - bottom) * (metric - low) / (high - low)
        assert abs(height - wanted) < 0.11
    assert len(seen.dots) == len(records.experiments)
    assert len({seen.dots[f"#e{n}"] for n in (9, 18, 25, 50)}) == 1


def of_kind(name: str, rows: list[Experiment]) -> list[Experiment]:
    return [e for e in rows if NAMES[e.number % 4] == name]


def check_authors(records: Records, table: list[list[str]], *, paid: bool) -> None:
    rows = records.experiments[1:]
    assert {cells[0] for cells in table[1:]} == {"model", "search", "person"}
    for author, *told in table[1:]:
        own = [e for e in rows if e.author == author]
        kept = [e for e in own if e.status == "keep"]
        tokens, dollars = sum(e.tokens for e in own), sum(e.dollars or 0.0 for e in own)
        wanted = [len(own), len(kept), sum(records.gains[e.number] for e in kept)]
        if paid:
            wanted += [tokens, dollars, round(tokens / len(kept)), dollars / len(kept)]
        assert all(map(says, told, wanted)), (author, told, wanted)


def check_kinds(records: Records, table: list[list[str]]) -> None:
    rows = records.experiments[1:]
    assert {cells[0] for cells in table[1:]} == set(NAMES)
    for kind, *told in table[1:]:
        own = of_kind(kind, rows)
        kept = [e for e in own if e.status == "keep"]
        wanted = [len(own), len(kept), sum(records.gains[e.number] for e in kept)]
        assert all(map(says, told, wanted)), (kind, told, wanted)


def check_row(records: Records, cells: list[str], e: Experiment) -> None:
    n, verdict, metric, gain, seconds, memory, tokens, dollars, author, words = cells
    assert (int(n), verdict, author) == (e.number, e.status, e.author)
    assert words.replace(" ", "") == f"idea{e.number}reason{e.number}"
    figures = (metric, gain, seconds, memory, tokens, dollars)
    paid = (e.tokens, e.dollars) if e.tokens else (None, None)
    wanted = (e.metric, records.gains.get(e.number), e.seconds, e.memory_gb, *paid)
    assert all(map(says, figures, wanted)), (figures, wanted)


def tables_of(text: str) -> Iterator[list[list[str]]]:
    """The tables of a Markdown text, without their rule."""
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        rows = [[c.strip() for c in line.strip("|").split("|")] for line in block.splitlines()]
        yield [rows[0], *rows[2:]]


def test_every_figure_of_the_markdown_is_the_ledgers(tmp_path: Path) -> None:
    records = a_night(tmp_path / "night")
    text = write_report(records).with_suffix(".md").read_text("utf-8")
    seen = Seen([line.replace("**", "").removeprefix("- ") for line in text.splitlines()], [], {})
    check_summary(records, seen)
    check_sureness(records, seen)
    kept, failed, crashed, authors, kinds = tables_of(text)
    rows = records.experiments[1:]
    assert [int(cells[0]) for cells in kept[1:]] == [e.number for e in rows if e.status == "keep"]
    for n, metric, gain, _ in kept[1:]:
        assert says(metric, records.experiment(int(n)).metric) and says(gain, records.gains[int(n)])
    for kind, count, nearest, example in failed[1:]:
        own = [e for e in of_kind(kind, rows) if e.status == "discard"]
        closest = max(own, key=lambda e: records.gains[e.number])
        assert int(count) == len(own) and says(nearest, records.gains[closest.number])
        assert example == f"{closest.number} idea {closest.number}"
    assert sum(int(cells[1]) for cells in crashed[1:]) == sum(e.status == "crash" for e in rows)
    check_authors(records, [cells[:6] for cells in authors], paid=False)
    check_kinds(records, kinds)

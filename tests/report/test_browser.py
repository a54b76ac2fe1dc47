"""The report in a real browser, and results.tsv as karpathy/autoresearch reads it."""

import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from autoresearch_graph.report import write_report
from autoresearch_graph.results.records import Records
from autoresearch_graph.storage.ledger import Ledger
from tests.support.reports import program, tried

MANY = 2000
LATER = "table.every tbody tr:nth-child(n+100)"
JUMP = """async (number) => {
  document.querySelector(`svg.wide a[href="#e${number}"]`).dispatchEvent(new MouseEvent("click"));
  await new Promise((done) => setTimeout(done, 500));
  return document.querySelector(`#e${number}`).getBoundingClientRect().top;
}"""
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def violations(axe: ModuleType, page: Any, count: int) -> list[tuple[str, str]]:
    """What axe finds; of a long page the contrast of the first rows alone, which takes seconds."""
    told: dict[str, object] = {"resultTypes": ["violations"]}
    if count < MANY:
        runs = [told]
    else:
        without = {"rules": {"color-contrast": {"enabled": False}}}
        runs = [told | without, told | {"runOnly": ["color-contrast"]}]
    found = []
    for options in runs:
        if "runOnly" in options:
            page.evaluate(f"document.querySelectorAll('{LATER}').forEach((row) => row.remove())")
        found += axe.Axe().run(page, options=options).response["violations"]
    return [(v["id"], v["nodes"][0]["html"][:200]) for v in found]


def research(folder: Path, count: int) -> Path:
    night = [tried(0, 2.0, "keep")]
    for n in range(1, count):
        status = "crash" if n % 17 == 0 else "keep" if n % 20 == 0 else "discard"
        metric = {"crash": None, "keep": 2.0 - n / 4000}.get(status, 2.1)
        night.append(tried(n, metric, status))
    records = Records(
        folder=folder, base="b" * 40, program=program("loss", "lower"), experiments=night
    )
    return write_report(records)


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
@pytest.mark.parametrize(("count", "scheme"), [(60, "light"), (60, "dark"), (MANY, "light")])
def test_a_browser_opens_it_without_errors_and_axe_finds_nothing(
    tmp_path: Path, count: int, scheme: str
) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(color_scheme=scheme, bypass_csp=True)  # axe itself is a script
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(research(tmp_path, count).as_uri())
        rows = page.locator("table.every tbody tr").count()
        at = page.evaluate(JUMP, count - 5)
        page.add_style_tag(content=".long { content-visibility: visible }")
        found = violations(axe, page, count)
        page.set_viewport_size({"width": 390, "height": 844})
        wide = page.evaluate("document.documentElement.scrollWidth")
        browser.close()
    assert (said, rows, wide) == ([], count, 390)
    assert 0 < at < 720, "a dot does not lead to its row"
    assert found == []


def test_pandas_reads_results_tsv_as_karpathy_does(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    ledger = Ledger(tmp_path, metric="val_bpb")
    for row in (
        tried(0, 1.0, "keep"),
        tried(1, None, "crash", description='"open'),
        tried(2, 1.2, description='a "b" c'),
        tried(3, 0.9, "keep"),
    ):
        ledger.append(row)
    table = pandas.read_csv(tmp_path / "results.tsv", sep="\t")
    status = table["status"].str.strip().str.upper()
    values = pandas.to_numeric(table["val_bpb"], errors="coerce")
    assert list(status) == ["KEEP", "CRASH", "DISCARD", "KEEP"]
    assert list(values[status == "KEEP"].cummin()) == [1.0, 0.9]

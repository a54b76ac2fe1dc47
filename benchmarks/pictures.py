"""How quickly a browser opens a report, and the pictures in docs/images.

    python benchmarks/pictures.py measure PAGE...                 # report.html files
    python benchmarks/pictures.py report PAGE                     # desktop, phone, dark
    python benchmarks/pictures.py terminal PROJECT TAG            # while that research runs
    python benchmarks/pictures.py graph MERMAID                   # a local mermaid.min.js

Chromium draws everything; none of it reaches the network.
"""

import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, sync_playwright
from rich.console import Console

from autoresearch_graph.graph import build_graph
from autoresearch_graph.results.follow import Follower
from autoresearch_graph.results.records import find
from autoresearch_graph.settings import Settings
from autoresearch_graph.studio import Labs
from benchmarks.arguments import parser

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SCREENS: dict[str, dict[str, Any]] = {
    "report-desktop": {"viewport": {"width": 1180, "height": 1000}, "color_scheme": "light"},
    "report-dark": {"viewport": {"width": 1180, "height": 1000}, "color_scheme": "dark"},
    "report-phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}
TIMES = """() => {
  const {domContentLoadedEventEnd, loadEventEnd} = performance.getEntriesByType("navigation")[0];
  const paints = performance.getEntriesByName("first-contentful-paint");
  return [domContentLoadedEventEnd, loadEventEnd, paints.length ? paints[0].startTime : null];
}"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Open a browser without a window."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def measure(*pages: str) -> None:
    """Print milliseconds until the page is parsed, loaded and painted: the median of five."""
    with chromium() as browser:
        for page in pages:
            found = []
            for _ in range(5):
                tab = browser.new_page()
                tab.goto(Path(page).resolve().as_uri())
                tab.wait_for_timeout(300)
                found.append(tab.evaluate(TIMES))
                tab.close()
            parsed, loaded, painted = (round(median(column)) for column in zip(*found, strict=True))
            size = Path(page).stat().st_size / 1000
            print(f"{page}: {size:,.0f} kB, parsed {parsed}, loaded {loaded}, painted {painted} ms")


def report(page: str) -> None:
    """Draw the upper part of a report on a desk, on a phone, and in the dark."""
    with chromium() as browser:
        for name, screen in SCREENS.items():
            tab = browser.new_page(**screen)
            tab.goto(Path(page).resolve().as_uri())
            tab.screenshot(path=IMAGES / f"{name}.png")


def terminal(project: str, tag: str) -> None:
    """Draw what `autoresearch watch` shows at this moment."""
    records = find(Settings(project=Path(project), tag=tag))
    console = Console(record=True, width=110, height=36, file=io.StringIO(), force_terminal=True)
    console.print(Follower(records).picture(console))
    svg = console.export_svg(title="autoresearch watch")
    draw(f"<body style='margin:0'>{svg}</body>", "svg", "terminal-run")


def graph(mermaid: str) -> None:
    """Draw the state machine as the README's Mermaid draws it."""
    text = json.dumps(build_graph(Labs().of).get_graph().draw_mermaid(with_styles=False))
    script = Path(mermaid).read_text("utf-8")
    page = f"<body><div id='graph' style='display:inline-block'></div><script>{script}</script>"
    page += "<script>mermaid.initialize({flowchart: {useMaxWidth: false}})</script>"
    page += f"<script>mermaid.render('g', {text}).then((r) => {{graph.innerHTML = r.svg}})</script>"
    draw(page, "#graph svg", "graph")


def draw(html: str, part: str, name: str) -> None:
    """Draw a part of a page as a picture."""
    with chromium() as browser:
        tab = browser.new_page(viewport={"width": 1100, "height": 900})
        tab.set_content(html)
        tab.locator(part).first.screenshot(path=IMAGES / f"{name}.png")


def main() -> None:
    """Run one of the commands."""
    arguments = parser(__doc__)
    commands = arguments.add_subparsers(dest="command", required=True)
    commands.add_parser("measure").add_argument("page", nargs="+")
    commands.add_parser("report").add_argument("page")
    shown = commands.add_parser("terminal")
    shown.add_argument("project")
    shown.add_argument("tag")
    commands.add_parser("graph").add_argument("mermaid")
    given = arguments.parse_args()
    match given.command:
        case "measure":
            measure(*given.page)
        case "report":
            report(given.page)
        case "terminal":
            terminal(given.project, given.tag)
        case _:
            graph(given.mermaid)


if __name__ == "__main__":
    main()

"""Reports to look at: ledgers that are written by hand, and the page that comes of them."""

from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from autoresearch_graph.core.experiment import Experiment
from autoresearch_graph.core.program import Program, TimeBox
from autoresearch_graph.core.values import Direction, Metric
from autoresearch_graph.results.records import Records, load
from autoresearch_graph.storage.manifest import Start

_BLOCKS = {"p", "li", "summary", "td", "th"}


class Page(HTMLParser):
    """A report as a browser sees it: elements with their attributes and texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.paragraphs: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.cells: dict[str, list[str]] = {}
        self._block: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.elements.append((tag, attributes))
        if tag in _BLOCKS:
            self._block = []
        elif tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
            self.cells[attributes.get("id", "")] = self.tables[-1][-1]

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            said = self.tables[-1][-1] if tag in ("td", "th") else self.paragraphs
            said.append(" ".join("".join(self._block).split()))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is None:  # not within a style
            self.texts.append(data)
            self._block.append(data)

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


def recorded(
    folder: Path,
    experiments: Sequence[Experiment],
    *,
    name: str = "loss",
    direction: Direction = "lower",
) -> Records:
    """A research of these experiments on the disk."""
    folder.mkdir(exist_ok=True)
    start = Start(tag=folder.name, base="b" * 40, program=program(name, direction))
    (folder / "research.json").write_text(start.model_dump_json())
    lines = [experiment.model_dump_json() + "\n" for experiment in experiments]
    (folder / "experiments.jsonl").write_text("".join(lines))
    records = load(folder)
    assert records
    return records


def program(name: str, direction: Direction) -> Program:
    return Program(
        path=Path("program.md"),
        text="",
        asset="train.py",
        metric=Metric(name=name, direction=direction),
        experiment="python train.py",
        time_box=TimeBox(seconds=300, kill_after=600),
    )


def tried(number: int, metric: float | None, status: str = "discard", **more: Any) -> Experiment:
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

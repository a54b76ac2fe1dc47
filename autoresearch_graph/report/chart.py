"""Chart of a research: a dot for each experiment, a line for the best so far.

Pygal draws axes, line and area; elements for its own script are removed. The dots are added to
its plot here, because pygal takes seconds for ten thousand: each has its details in a title, and
links to its row.
"""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Literal, get_args
from xml.etree.ElementTree import Element, SubElement

import pygal
from pygal.etree import etree
from pygal.style import Style

# pygal leaves a finder without find_spec: after it, every first import of a module would warn.
sys.meta_path[:] = [f for f in sys.meta_path if type(f).__name__ != "PluginImportFixer"]

from autoresearch_graph.core.experiment import Experiment
from autoresearch_graph.core.formatting import Scale, in_decimals, scale_of
from autoresearch_graph.core.resources import texts
from autoresearch_graph.core.text import visible
from autoresearch_graph.results.records import Records, values_of

Kind = Literal["discard", "outside", "crash", "keep"]
Point = tuple[float, float]
_TEXTS = texts("report")
_DOTS: tuple[Kind, ...] = get_args(Kind)
_USELESS = frozenset({"defs", "background", "plot tooltip-overlay"})
_SIDES, _ENDS = 90, 60  # pixels of the margins beside and below the plot
_MANY = 500  # dots, from which on they are small
_FEW = 12  # experiments up to which each has a tick
_LETTERS = 200  # of a text in a title


@dataclass(frozen=True)
class Size:
    """Width and height of a picture in pixels; `words` if there is room for labels."""

    width: int
    height: int
    words: bool


class Dotted(pygal.XY):  # type: ignore[misc]
    """A plot of pygal to which `put` adds elements in the same coordinates."""

    put: Callable[[Element, Callable[[Point], Point]], None]

    def _plot(self) -> None:
        super()._plot()
        self.put(self.nodes["overlay"], self.view)


WIDE = Size(1080, 440, words=True)
NARROW = Size(360, 280, words=False)


@dataclass(frozen=True)
class Chart:
    """Experiments by their kind of dot; `course` and `band` are corners of line and area."""

    records: Records
    values: Scale
    dots: dict[Kind, list[Experiment]]
    course: list[Point]
    band: list[Point]

    @property
    def outside(self) -> int:
        """The number of experiments whose metric is outside the scale."""
        return len(self.dots["outside"])

    def svg(self, size: Size, *, alone: bool = False) -> str:
        """Draw the picture; `alone` adds colours and a title, for a file of its own."""
        etree.to_etree()
        picture = _empty(self, size, alone=alone)
        picture.add("band", self.band, show_dots=False, fill=True)
        picture.add("best", self.course, show_dots=False)
        picture.put = partial(self._put_dots, size)
        root: Element = picture.render_tree()
        _clean(root, size)
        if size.words:
            _write_labels(root, self, size)
        if alone:
            SubElement(root, "style").text = _TEXTS["chart.css"]
        else:
            del root.attrib["xmlns"]
        return str(etree.tostring(root, encoding="unicode"))

    def height(self, e: Experiment) -> float:
        """Return the value at which an experiment is drawn; a crash is at the worse edge."""
        if e.metric is not None:
            return self.values.clamp(e.metric)
        worse_is_above = self.records.program.metric.direction == "lower"
        return self.values.high if worse_is_above else self.values.low

    def _put_dots(self, size: Size, plot: Element, view: Callable[[Point], Point]) -> None:
        """Draw the dots; very many in a narrow picture have neither title nor link."""
        small, large = (3.4, 4.5) if len(self.dots["discard"]) < _MANY else (2.2, 3.5)
        for kind in _DOTS:
            hidden = {} if kind == "keep" else {"aria-hidden": "true"}  # the table has their rows
            group = SubElement(plot, "g", {"class": kind, **hidden})
            bare = not size.words and len(self.dots[kind]) >= _MANY
            radius = str(small if kind == "discard" else large)
            for e in self.dots[kind]:
                x, y = view((e.number, self.height(e)))
                at = {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": radius}
                SubElement(group if bare else self._link(group, e, kind), "circle", at)

    def _link(self, group: Element, e: Experiment, kind: Kind) -> Element:
        """Add a link to the row of an experiment, with its details as a title."""
        label = visible(f"Experiment {e.number}: {e.description[:60]}")
        reached = {"aria-label": label} if kind == "keep" else {"tabindex": "-1"}
        link = SubElement(group, "a", {"href": f"#e{e.number}", **reached})
        SubElement(link, "title").text = self._told(e)
        return link

    def _told(self, e: Experiment) -> str:
        metric = "" if e.metric is None else f" {self.records.figures.value(e.metric)}"
        told = f"{e.number} {e.status}{metric}: {e.description[:_LETTERS]}\n{e.reason[:_LETTERS]}"
        return visible(told)


def draw(records: Records) -> Chart:
    """Return the chart of a ledger."""
    ordered = sorted(records.experiments, key=lambda e: e.number)
    values = scale_of(*values_of(ordered))
    dots: dict[Kind, list[Experiment]] = {kind: [] for kind in _DOTS}
    for e in ordered:
        inside = e.metric is None or values.holds(e.metric)
        dots[e.status if inside else "outside"].append(e)
    return Chart(records, values, dots, *_course(records, values))


def _course(records: Records, values: Scale) -> tuple[list[Point], list[Point]]:
    """Return the incumbent's value as steps, and one standard deviation of a run around it."""
    line: list[Point] = []
    above: list[Point] = []
    below: list[Point] = []
    x = 0
    for e, now in zip(records.experiments, records.estimates, strict=True):
        x = max(x, e.number)
        if now.incumbent is None:
            continue
        best = now.incumbent.metric
        for side, value in ((line, best), (above, best + now.sigma), (below, best - now.sigma)):
            _step(side, x, values.clamp(value))
    noisy = any(now.sigma for now in records.estimates)
    return line, [*above, *reversed(below), above[0]] if noisy and above else []


def _step(line: list[Point], x: int, y: float) -> None:
    """Extend a line to `x` and then to `y`, with corners only at turns."""
    if len(line) > 1 and line[-1][1] == line[-2][1]:
        line.pop()
    if line:
        line.append((x, line[-1][1]))
    if not line or line[-1][1] != y:
        line.append((x, y))


def _empty(chart: Chart, size: Size, *, alone: bool) -> Dotted:
    metric = chart.records.program.metric
    last = max(1, *(row.number for row in chart.records.experiments))
    title = f"{visible(metric.name)} by experiment, {metric.direction} is better"
    return Dotted(
        width=size.width,
        height=size.height,
        title=title if alone else None,
        style=Style(label_font_size=12, title_font_size=13, major_label_font_size=12),
        css=[],
        js=[],
        show_legend=False,
        range=(chart.values.low, chart.values.high),
        xrange=(0, last),
        x_labels=list(range(last + 1)) if last <= _FEW else None,
        value_formatter=in_decimals(chart.values.span / 10).value,
        x_value_formatter=lambda x: f"{x:.0f}",
        max_scale=6 if size.words else 5,
        truncate_label=-1,
        margin=8,
    )


def _clean(root: Element, size: Size) -> None:
    """Remove all but lines, dots and letters, and name the series after their content."""
    for parent in list(root.iter()):
        for child in list(parent):
            if _is_useless(child, parent):
                parent.remove(child)
        for name in {"x", "y"}.intersection(parent.keys()):
            parent.set(name, f"{float(parent.attrib[name]):.1f}")
    for node in root.iter("g"):
        if found := re.match(r"series serie-(\d+)", node.get("class") or ""):
            node.set("class", ("band", "best")[int(found[1])])
    root.attrib.pop("id", None)
    root.set("class", "wide" if size.words else "narrow")
    root.set("role", "group")


def _is_useless(child: Element, parent: Element) -> bool:
    if not isinstance(child.tag, str):
        return True
    names = {child.tag, child.get("class")}
    return bool(names & _USELESS) or (child.tag == "title" and parent.tag != "a")


def _write_labels(root: Element, chart: Chart, size: Size) -> None:
    """Label every kept change with its description, as far as there is room."""
    circles = {a.get("href"): circle for a in root.iter("a") for circle in a.iter("circle")}
    plot = next(g for g in root.iter("g") if g.get("class") == "plot overlay")
    gains = chart.records.gains
    dots = [
        Label(
            x=float(circles[f"#e{e.number}"].attrib["cx"]),
            y=float(circles[f"#e{e.number}"].attrib["cy"]),
            text=visible(f"{e.number} {e.description}"),
            weight=gains.get(e.number, -1.0),
        )
        for e in chart.dots["keep"]
    ]
    below = chart.records.program.metric.direction == "lower"
    group = SubElement(plot, "g", {"class": "labels", "aria-hidden": "true"})
    for label in place(dots, width=size.width - _SIDES, height=size.height - _ENDS, below=below):
        attributes = {"x": f"{label.x:.1f}", "y": f"{label.y:.1f}", "text-anchor": label.anchor}
        SubElement(group, "text", attributes).text = label.text


_LETTER = 7.2  # pixels, of a letter of 11 pixels in a wide font
_LINE = 12  # pixels
_GAP = 8  # pixels between a dot and its label
_LENGTHS = 34, 18  # letters of a label, first try and second
_MOST = 24  # labels


@dataclass(frozen=True)
class Label:
    """A text at a place in pixels; labels of larger `weight` are placed first."""

    x: float
    y: float
    text: str
    weight: float
    anchor: str = "start"


Box = tuple[float, float, float, float]


def place(dots: Sequence[Label], *, width: float, height: float, below: bool) -> list[Label]:
    """Return the labels that have room, placed on the better side of their dot."""
    taken = list(_steps(sorted(dots, key=lambda d: d.x), width))
    placed = []
    for dot in sorted((d for d in dots if d.weight > 0), key=lambda d: -d.weight)[:_MOST]:
        for label in _places(dot, below=below):
            box = _box(label)
            if _is_inside(box, width, height) and not any(_overlap(box, one) for one in taken):
                placed.append(label)
                taken.append(box)
                break
    return placed


def _steps(dots: Sequence[Label], width: float) -> Iterator[Box]:
    """Yield the boxes of dots and of the line from one to the next."""
    for dot, after in zip(dots, [*dots[1:], None], strict=True):
        yield dot.x - 5, dot.x + 5, dot.y - 5, dot.y + 5
        end = after.x if after else width
        yield dot.x, end, dot.y - 1, dot.y + 1
        if after:
            yield end - 1, end + 1, min(dot.y, after.y), max(dot.y, after.y)


def _places(dot: Label, *, below: bool) -> Iterator[Label]:
    """Yield places on both sides of a dot, with shorter and shorter texts, last its number.

    They begin on the better side, at three distances, and end on the other.
    """
    texts = (*(_cut(dot.text, length) for length in _LENGTHS), dot.text.split()[0])
    better = 1 if below else -1
    for side, lines in ((better, (1, 2, 3)), (-better, (1, 2))):
        for text, line in product(texts, lines):
            y = dot.y + side * line * _LINE + 3
            yield replace(dot, text=text, x=dot.x - _GAP / 2, y=y, anchor="end")
            yield replace(dot, text=text, x=dot.x + _GAP / 2, y=y, anchor="start")


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def _box(label: Label) -> Box:
    """Return left, right, top and bottom of a label."""
    wide = len(label.text) * _LETTER
    left = label.x - wide if label.anchor == "end" else label.x
    return left, left + wide, label.y - _LINE + 2, label.y + 2


def _is_inside(box: Box, width: float, height: float) -> bool:
    return box[0] >= 0 and box[1] <= width and box[2] >= 0 and box[3] <= height


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]

"""The picture that everybody in this field knows: a dot an experiment, the best so far a line.

Pygal draws axes, line and area; what it makes for its own script is taken away. The dots are
put into its plot here, for of ten thousand it takes seconds: each tells its details in a title,
and leads to its row.
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
from autoresearch_graph.core.text import visible
from autoresearch_graph.report.templates import TEXTS
from autoresearch_graph.results.records import Records

Kind = Literal["discard", "outside", "crash", "keep"]
Point = tuple[float, float]
_DOTS: tuple[Kind, ...] = get_args(Kind)
_USELESS = frozenset({"defs", "background", "plot tooltip-overlay"})
_SIDES, _ENDS = 90, 60
_MANY = 500
_FEW = 12
_LETTERS = 200


@dataclass(frozen=True)
class Size:
    """A picture's width and height in pixels, and whether there is room for words in it."""

    width: int
    height: int
    words: bool


class Dotted(pygal.XY):  # type: ignore[misc]
    """Into which something is put, beside what pygal draws, in the same coordinates."""

    put: Callable[[Element, Callable[[Point], Point]], None]

    def _plot(self) -> None:
        super()._plot()
        self.put(self.nodes["overlay"], self.view)


WIDE = Size(1080, 440, words=True)
NARROW = Size(360, 280, words=False)


@dataclass(frozen=True)
class Chart:
    """Which experiments are drawn as what; `course` and `band` are corners of line and area."""

    records: Records
    values: Scale
    dots: dict[Kind, list[Experiment]]
    course: list[Point]
    band: list[Point]

    @property
    def outside(self) -> int:
        """How many experiments have a metric that does not fit in."""
        return len(self.dots["outside"])

    def svg(self, size: Size, *, alone: bool = False) -> str:
        """The picture; `alone` is with its own colours and title, for a file of its own."""
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
            SubElement(root, "style").text = TEXTS["chart.css"]
        else:
            del root.attrib["xmlns"]
        return str(etree.tostring(root, encoding="unicode"))

    def height(self, e: Experiment) -> float:
        """Where an experiment stands; a crash at the worse edge."""
        if e.metric is not None:
            return self.values.clamp(e.metric)
        worse_is_above = self.records.program.metric.direction == "lower"
        return self.values.high if worse_is_above else self.values.low

    def _put_dots(self, size: Size, plot: Element, view: Callable[[Point], Point]) -> None:
        """Of very many dots on a phone, where they are and no more."""
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
        """To the row of an experiment, which it tells of."""
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
    """Decide what is drawn where, from the ledger."""
    ordered = sorted(records.experiments, key=lambda e: e.number)
    kept = [e.metric for e in ordered if e.status == "keep" and e.metric is not None]
    values = scale_of([e.metric for e in ordered if e.metric is not None], kept)
    dots: dict[Kind, list[Experiment]] = {kind: [] for kind in _DOTS}
    for e in ordered:
        inside = e.metric is None or values.holds(e.metric)
        dots[e.status if inside else "outside"].append(e)
    return Chart(records, values, dots, *_course(records, values))


def _course(records: Records, values: Scale) -> tuple[list[Point], list[Point]]:
    """The incumbent's value as steps, and one standard deviation of a run around it."""
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
    """Go on to `x`, and there up or down; a corner only where the line turns."""
    if len(line) > 1 and line[-1][1] == line[-2][1]:
        line.pop()
    if line:
        line.append((x, line[-1][1]))
    if not line or line[-1][1] != y:
        line.append((x, y))


def _empty(chart: Chart, size: Size, *, alone: bool) -> Dotted:
    metric, last = (
        chart.records.program.metric,
        max(*(e.number for e in chart.records.experiments), 1),
    )
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
    """Leave lines, dots and letters, and name the series after what they show."""
    for parent in list(root.iter()):
        for child in list(parent):
            name = child.get("class") or ""
            useless = not isinstance(child.tag, str) or child.tag in _USELESS or name in _USELESS
            if useless or (child.tag == "title" and parent.tag != "a"):
                parent.remove(child)
        for name in ("x", "y"):
            if name in parent.attrib:
                parent.set(name, f"{float(parent.attrib[name]):.1f}")
    for node in [*root.iter("g")]:
        if found := re.match(r"series serie-(\d+)", node.get("class") or ""):
            node.set("class", ("band", "best")[int(found[1])])
    root.attrib.pop("id", None)
    root.set("class", "wide" if size.words else "narrow")
    root.set("role", "group")


def _write_labels(root: Element, chart: Chart, size: Size) -> None:
    """Say of every kept change what it was, as far as there is room."""
    at = {a.get("href"): circle for a in root.iter("a") for circle in a.iter("circle")}
    plot = next(g for g in root.iter("g") if g.get("class") == "plot overlay")
    gains = chart.records.gains
    dots = [
        Label(
            x=float(at[f"#e{e.number}"].attrib["cx"]),
            y=float(at[f"#e{e.number}"].attrib["cy"]),
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
_LINE = 12
_GAP = 8
_LENGTHS = 34, 18
_MOST = 24


@dataclass(frozen=True)
class Label:
    """Words at a place in pixels; `weight` is how much they matter."""

    x: float
    y: float
    text: str
    weight: float
    anchor: str = "start"


Box = tuple[float, float, float, float]


def place(dots: Sequence[Label], *, width: float, height: float, below: bool) -> list[Label]:
    """The labels that have room, on the better side of their dot, beside dots and steps."""
    taken = list(_steps(sorted(dots, key=lambda d: d.x), width))
    placed = []
    for dot in sorted((d for d in dots if d.weight > 0), key=lambda d: -d.weight)[:_MOST]:
        for label in _places(dot, below=below):
            box = _box(label)
            inside = box[0] >= 0 and box[1] <= width and box[2] >= 0 and box[3] <= height
            if inside and not any(_overlap(box, other) for other in taken):
                placed.append(label)
                taken.append(box)
                break
    return placed


def _steps(dots: Sequence[Label], width: float) -> Iterator[Box]:
    """What dots and the line from one to the next cover."""
    for dot, after in zip(dots, [*dots[1:], None], strict=True):
        yield dot.x - 5, dot.x + 5, dot.y - 5, dot.y + 5
        end = after.x if after else width
        yield dot.x, end, dot.y - 1, dot.y + 1
        if after:
            yield end - 1, end + 1, min(dot.y, after.y), max(dot.y, after.y)


def _places(dot: Label, *, below: bool) -> Iterator[Label]:
    """Both sides of a dot, at three distances, with shorter and shorter texts, last its number.

    First below or above it, on the better side, then on the other.
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
    """Left, right, top and bottom."""
    wide = len(label.text) * _LETTER
    left = label.x - wide if label.anchor == "end" else label.x
    return left, left + wide, label.y - _LINE + 2, label.y + 2


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]

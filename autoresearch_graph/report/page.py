"""Records -> one HTML page. Whatever comes from a run or a model is escaped, and made visible."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from autoresearch_graph.cost import in_dollars
from autoresearch_graph.experiment import Experiment
from autoresearch_graph.records import Records
from autoresearch_graph.report.chart import draw

# Control codes, and marks that make a line read otherwise than it runs.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_KINDS = {"+": "added", "-": "removed", "@": "place"}
_DIFF_LINES = 400
_LINE_LENGTH = 500


@dataclass(frozen=True)
class Row:
    """An experiment, and by how much it was better than the incumbent of its time."""

    experiment: Experiment
    gain: float | None


@dataclass(frozen=True)
class Line:
    """A line of a diff: added, removed, same, place (@@) or head."""

    kind: str
    text: str


def page(records: Records) -> str:
    """The report as HTML that needs nothing else: no script, no network."""
    template = _environment().get_template("page.html")
    rows = list(_rows(records))
    return template.render(
        records=records,
        cost=records.cost,
        metric=records.program.metric,
        chart=draw(records.experiments, records.program.metric),
        rows=rows,
        kept=[row for row in rows if row.experiment.status == "keep" and row.gain is not None],
        diff=lambda number: _diff(records.file(number, "diff.patch")),
        diff_lines=_DIFF_LINES,
        branch=shlex.quote(f"autoresearch/{records.tag}"),
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("autoresearch_graph", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["duration"] = _duration
    environment.filters["in_dollars"] = in_dollars
    return environment


def _visible(value: object) -> object:
    """Text with its invisible characters written out; anything else as it is."""
    if type(value) is not str:
        return value
    return _UNSEEN.sub(lambda match: f"\\u{ord(match.group()):04x}", value)


def _rows(records: Records) -> Iterator[Row]:
    for e in records.experiments:
        bar, gain = records.bar(e.number), None
        if e.metric is not None and bar is not None:
            gain = records.program.metric.improvement(e.metric, bar)
        yield Row(e, gain)


def _diff(patch: str) -> list[Line]:
    """The lines of a diff, as many as fit in the report and one more."""
    lines: list[Line] = []
    inside = False
    for text in patch.rstrip("\n").split("\n")[: _DIFF_LINES + 1] if patch else []:
        inside = inside or text.startswith("@@")
        kind = _KINDS.get(text[:1], "same") if inside else "head"
        lines.append(Line(kind, text[:_LINE_LENGTH]))
    return lines


def _duration(seconds: float) -> str:
    """Seconds as a person says them."""
    minutes = round(seconds / 60)
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"

"""Rendering of report.html and report.md, and the groups of experiments in them.

Texts of runs and models are escaped.
"""

import re
import shlex
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from math import inf
from typing import Any

from git import BadName
from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from autoresearch_graph.asset.changes import cause, changed_parts
from autoresearch_graph.core.experiment import Experiment
from autoresearch_graph.core.formatting import Figures, duration
from autoresearch_graph.core.resources import texts
from autoresearch_graph.core.text import markdown, visible
from autoresearch_graph.core.values import in_dollars
from autoresearch_graph.errors import LabError
from autoresearch_graph.report.chart import NARROW, WIDE, draw
from autoresearch_graph.report.confidence import confidence
from autoresearch_graph.results.records import Records
from autoresearch_graph.workspace.repository import find_repository

_TEXTS = texts("report")
_KINDS = {"+": "added", "-": "removed", "@": "place"}
_DIFF_LINES = 400
_LINE_LENGTH = 500


@dataclass(frozen=True)
class Row:
    """An experiment, and its gain on the incumbent of its time."""

    experiment: Experiment
    gain: float | None


@dataclass(frozen=True)
class Line:
    """A line of a diff: added, removed, same, place (@@) or head."""

    kind: str
    text: str


@dataclass(frozen=True)
class Live:
    """The version of a page that follows a research."""

    version: str
    running: bool


def pages(records: Records) -> tuple[str, str]:
    """Render the report as HTML and as Markdown, each self-contained, from the same facts."""
    facts = _facts(records, None)
    html = _environment(visible, escape=True).get_template("page.html")
    text = _environment(markdown, escape=False).get_template("page.md")
    return html.render(facts), text.render(facts)


def live_page(records: Records, live: Live) -> str:
    """Render the report as HTML for a server, with a script that looks for a newer one."""
    page = _environment(visible, escape=True).get_template("page.html")
    return page.render(_facts(records, live))


def _facts(records: Records, live: Live | None) -> dict[str, Any]:
    chart, kinds = draw(records), by_kind(records)
    rows = [Row(e, records.gains.get(e.number)) for e in records.experiments]
    pictures = (chart.svg(WIDE), chart.svg(NARROW)) if chart.course else ()
    return {
        "records": records,
        "live": live,
        "cost": records.cost,
        "metric": records.program.metric,
        "say": records.figures.value,
        "signed": partial(_signed, records.figures),
        "reason": records.reason,
        "outside": chart.outside,
        "band": bool(chart.band),
        "pictures": [Markup(svg) for svg in pictures],  # every text in them is escaped by etree
        "rows": rows,
        "kept": [row for row in rows if row.experiment.status == "keep" and row.gain is not None],
        "kinds": kinds,
        "failed": failed(kinds),
        "crashes": crashed(records),
        "confidence": confidence(records),
        "diff": lambda number: _diff(records.file(number, "diff.patch")),
        "diff_lines": _DIFF_LINES,
        "adopt": f"autoresearch adopt --tag {shlex.quote(records.tag)}",
        "branch": shlex.quote(f"autoresearch/{records.tag}"),
    }


def _signed(figures: Figures, gain: float) -> str:
    """Format a gain with its sign; one that rounds to nothing has none."""
    figure = figures.value(abs(gain))
    sign = "+" if gain > 0 else "\N{MINUS SIGN}"
    return f"{sign if float(figure) else ''}{figure}"


@cache
def _environment(show: Callable[[str], str], *, escape: bool) -> Environment:
    environment = Environment(
        loader=DictLoader(_TEXTS),
        autoescape=escape,
        undefined=StrictUndefined,
        finalize=lambda value: show(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["duration"] = duration
    environment.filters["in_dollars"] = in_dollars
    environment.filters["fenced"] = _fenced
    environment.filters["as_code"] = lambda text: Markup(visible(text))  # in Markdown alone
    return environment


def _fenced(lines: list[Line]) -> Markup:
    """Put a diff into a Markdown fence that nothing in it can close."""
    text = visible("\n".join(line.text for line in lines))
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markup(f"{fence}diff\n{text}\n{fence}")  # not rendered as HTML


def _diff(patch: str) -> list[Line]:
    """Return the lines of a diff, as many as fit in the report and one more."""
    lines: list[Line] = []
    inside = False
    for text in patch.rstrip("\n").split("\n")[: _DIFF_LINES + 1] if patch else []:
        inside = inside or text.startswith("@@")
        kind = _KINDS.get(text[:1], "same") if inside else "head"
        lines.append(Line(kind, text[:_LINE_LENGTH]))
    return lines


_PARSED = 300  # older rows whose texts are compared, in seconds; 2,000 take a minute
_UNKNOWN = ("not known",)


@dataclass(frozen=True)
class Group:
    """The experiments of one kind; `gain` is the sum of the kept ones'."""

    kind: str
    members: list[Experiment]
    kept: int = 0
    gain: float = 0.0
    nearest: float | None = None


def by_kind(records: Records) -> list[Group]:
    """Return the kinds of ideas, the most tried first; a change of several parts is in each."""
    rows = records.experiments[1:]
    older = _compared([row for row in rows if row.changed is None][:_PARSED], records)
    found: dict[str, list[Experiment]] = {}
    for row in rows:
        for kind in row.changed or older.get(row.number, _UNKNOWN):
            found.setdefault(kind, []).append(row)
    by_size = sorted(found.items(), key=lambda item: -len(item[1]))
    return [_group(kind, members, records) for kind, members in by_size]


def failed(groups: list[Group]) -> list[Group]:
    """Return the discarded ones of each kind, the most frequent kind first."""
    found = [
        Group(g.kind, members, nearest=g.nearest)
        for g in groups
        if (members := [e for e in g.members if e.status == "discard"])
    ]
    return sorted(found, key=lambda g: -len(g.members))


def crashed(records: Records) -> list[Group]:
    """Return the crashed ones by their cause, the most frequent first."""
    found: dict[str, list[Experiment]] = {}
    for e in records.experiments:
        if e.status == "crash":
            found.setdefault(cause(e), []).append(e)
    return [Group(c, m) for c, m in sorted(found.items(), key=lambda item: -len(item[1]))]


def _group(kind: str, members: list[Experiment], records: Records) -> Group:
    kept = [e for e in members if e.status == "keep"]
    gains = records.gains
    missed = [gains[e.number] for e in members if e.status == "discard" and e.number in gains]
    return Group(
        kind,
        sorted(members, key=lambda e: -gains.get(e.number, -inf)),
        kept=len(kept),
        gain=sum(gains.get(e.number, 0.0) for e in kept),
        nearest=max(missed, default=None),
    )


def _compared(rows: Sequence[Experiment], records: Records) -> dict[int, tuple[str, ...]]:
    """Return the parts that older rows changed, as far as git has their texts."""
    found: dict[int, tuple[str, ...]] = {}
    if not rows:
        return found
    with suppress(LabError), find_repository(records.project) as repo:
        workspace = records.workspace(repo)
        for row in rows:
            with suppress(LabError, BadName, KeyError, ValueError):
                old, new = workspace.text(row.parent), workspace.text(row.commit)
                found[row.number] = changed_parts(old, new, records.program.asset)
    return found

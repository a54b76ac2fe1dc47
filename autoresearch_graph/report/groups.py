"""Experiments grouped by the parts of the asset that they changed."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf

from git import BadName

from autoresearch_graph.asset.changes import cause, changed_parts
from autoresearch_graph.core.experiment import Experiment
from autoresearch_graph.errors import LabError
from autoresearch_graph.results.records import Records
from autoresearch_graph.workspace.repository import find_repository
from autoresearch_graph.workspace.workspace import Workspace

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
    project, asset = records.folder.parents[1], records.program.asset
    with suppress(LabError), find_repository(project) as repo:
        workspace = Workspace(
            repo, project=project, tag=records.tag, base=records.base, asset=asset
        )
        for row in rows:
            with suppress(LabError, BadName, KeyError, ValueError):
                old, new = workspace.text(row.parent), workspace.text(row.commit)
                found[row.number] = changed_parts(old, new, asset)
    return found

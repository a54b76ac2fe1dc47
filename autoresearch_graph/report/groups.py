"""Experiments grouped by the parts of the asset that they changed.

A ledger row names those parts. Of an older row they are taken from its patch, as 2,000 texts would
take a minute to parse: the text that a patch was made for is read from git once for each parent;
without it, only lines that name a constant count.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from itertools import zip_longest
from math import inf
from pathlib import Path

from git import GitError, Repo

from autoresearch_graph.asset.changes import WHOLE, cause, few, names_of
from autoresearch_graph.asset.files import Asset
from autoresearch_graph.asset.syntax import BROKEN
from autoresearch_graph.core.experiment import Experiment
from autoresearch_graph.results.records import Records

_FILE = re.compile(r"^--- (?:a/(.*)|/dev/null)\n\+\+\+ (?:b/(.*)|/dev/null)\n", re.MULTILINE)
_HUNK = re.compile(r"@@ -(\d+)")
_KEY = re.compile(r"""[\s{,-]*["']?([A-Za-z_][\w.-]*)["']?\s*(?::|=(?!=))""")
_START = re.compile(r"(def|async def|class|import|from)\b\s*(\w*)|(\w+)\s*(?::[^=]+)?=(?!=)")
_UNKNOWN = "not known"
Spans = list[tuple[int, int, str]]


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
    spans = _reader(records)
    found: dict[str, list[Experiment]] = {}
    for e in records.experiments[1:]:
        kinds = e.changed
        if kinds is None:  # a row of before they were recorded
            patch = records.file(e.number, "diff.patch")
            kinds = _kinds(patch, partial(spans, e.parent), records.program.asset)
        for kind in kinds:
            found.setdefault(kind, []).append(e)
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


def _kinds(patch: str, spans: Callable[[str], Spans], asset: str) -> tuple[str, ...]:
    """Return the parts that a patch touches; the whole text if they are not known.

    In an asset of several files they begin with the file's name.
    """
    if not patch:
        return (_UNKNOWN,)
    if not Asset.parse(asset).is_several:
        names = _names(patch, spans(asset), asset)
        return few(names) if names or spans(asset) else (WHOLE,)
    named: list[str] = []
    heads = [*_FILE.finditer(patch)]
    for head, after in zip_longest(heads, heads[1:]):
        path, own = head[2] or head[1], patch[head.end() : after and after.start()]
        named += [f"{path}: {name}" for name in _names(own, spans(path), path)] or [path]
    return few(named)


def _names(patch: str, spans: Spans, path: str) -> list[str]:
    """Return the parts of one file that its patch touches."""
    return list(dict.fromkeys(_touched(patch, spans) if path.endswith(".py") else _keys(patch)))


def _keys(patch: str) -> Iterator[str]:
    for _, line in _changes(patch):
        if match := _KEY.match(line):
            yield match[1]


def _touched(patch: str, spans: Spans) -> Iterator[str]:
    for at, line in _changes(patch):
        start = _START.match(line)
        if start and start[3]:
            yield start[3]
        elif start:
            word, name = start[1], start[2]
            ends = {"class": f"class {name}", "import": "imports", "from": "imports"}
            yield ends.get(word, f"{name}()")
        elif line.strip() and not line.lstrip().startswith("#"):
            yield from (name for first, last, name in spans if first <= at <= last)


def _changes(patch: str) -> Iterator[tuple[int, str]]:
    """Yield every changed line with the number of the old line that it replaces or follows."""
    at = 0
    for line in patch.splitlines():
        if hunk := _HUNK.match(line):
            at = int(hunk[1])
        elif at and line[:1] == "-":
            yield at, line[1:]
            at += 1
        elif at and line[:1] == "+":
            yield max(at - 1, 1), line[1:]
        elif at:
            at += 1


def _reader(records: Records) -> Callable[[str, str], Spans]:
    """Return a function from a commit and a Python file to the lines of each part of it."""
    project = records.folder.parents[1]

    @cache
    def spans(commit: str, name: str) -> Spans:
        if not name.endswith(".py"):
            return []
        try:
            with Repo(project, search_parent_directories=True) as repo:
                path = (project / name).relative_to(Path(repo.working_dir).resolve()).as_posix()
                tree = ast.parse(repo.git.show(f"{commit}:{path}"))
        except (GitError, *BROKEN):
            return []
        found = []
        for node in tree.body:
            for part in names_of(node):
                found.append((node.lineno, node.end_lineno or node.lineno, part))
        return found

    return spans

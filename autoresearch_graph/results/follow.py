"""Readers of a running research, in this process or another; they write nothing."""

import time
from dataclasses import replace
from pathlib import Path

from autoresearch_graph.core.curves import Curve, readings
from autoresearch_graph.results.records import Records
from autoresearch_graph.storage import ledger
from autoresearch_graph.storage.status import Status

_CURVE_LINES = 1000  # of a log that are read
_CURVE_EVERY = 1.0  # seconds between two readings


class Curves:
    """The learning curve of a run under way, read from its log from time to time."""

    def __init__(self, folder: Path, metric: str) -> None:
        self._folder, self._metric = folder / "experiments", metric
        self._seen: tuple[Path, int] | None = None
        self._looked = 0.0
        self._curve: Curve | None = None

    def of(self, now: Status) -> Curve | None:
        """Return the curve so far of the run that began first; a long log is thinned out."""
        if not now.runs:
            return None
        path = self._folder / f"{now.runs[0].trial.number:04d}" / now.runs[0].log
        seen = (path, path.stat().st_size if path.exists() else 0)
        changed = self._seen is None or self._seen[0] != path
        if seen != self._seen and (changed or time.monotonic() - self._looked > _CURVE_EVERY):
            self._seen, self._looked = seen, time.monotonic()
            self._curve = readings(_thinned(path), self._metric)
        return self._curve


class Follower:
    """A research that is read again as its ledger grows."""

    def __init__(self, records: Records) -> None:
        self._path = records.folder / "experiments.jsonl"
        self._size = -1
        self.records = records
        self.curves = Curves(records.folder, records.program.metric.name)

    def look(self) -> Records:
        """Return the current records."""
        size = self._path.stat().st_size if self._path.exists() else 0
        if size != self._size:
            self._size = size
            self.records = replace(self.records, experiments=ledger.read(self._path))
        return self.records


def _thinned(path: Path) -> str:
    lines = path.read_text("utf-8", errors="replace").split("\n") if path.exists() else []
    return "\n".join([*lines[:: len(lines) // _CURVE_LINES + 1], *lines[-2:]])

"""Look on while a research runs, here or in another process, without touching it."""

import time
from pathlib import Path

from rich.console import Console, RenderableType
from rich.live import Live

from autoresearch_graph import ledger
from autoresearch_graph.lines import plain
from autoresearch_graph.now import Now, read_now
from autoresearch_graph.picture import picture
from autoresearch_graph.proposers.curve import Curve, readings
from autoresearch_graph.records import Records, find
from autoresearch_graph.start import Settings, is_running

_LOOK = 0.5
_CURVE_LINES = 1000
_CURVE_EVERY = 1.0


class Curves:
    """The learning curve of a run under way, read from its log now and then."""

    def __init__(self, folder: Path, metric: str) -> None:
        self._folder, self._metric = folder / "experiments", metric
        self._seen: tuple[Path, int] | None = None
        self._looked = 0.0
        self._curve: Curve | None = None

    def of(self, now: Now) -> Curve | None:
        """The curve of the run that began first, so far; a long log is thinned out."""
        if not now.runs:
            return None
        path = self._folder / f"{now.runs[0].trial.number:04d}" / now.runs[0].log
        seen = (path, path.stat().st_size if path.exists() else 0)
        changed = self._seen is None or self._seen[0] != path
        if seen != self._seen and (changed or time.monotonic() - self._looked > _CURVE_EVERY):
            self._seen, self._looked = seen, time.monotonic()
            self._curve = readings(_thinned(path), self._metric)
        return self._curve


class Onlooker:
    """A research as its files tell it, read again as they change."""

    def __init__(self, records: Records) -> None:
        self._first, self._path = records, records.folder / "experiments.jsonl"
        self._size = -1
        self.records = records
        self.curves = Curves(records.folder, records.program.metric.name)

    def look(self) -> Records:
        """The records as of now."""
        size = self._path.stat().st_size if self._path.exists() else 0
        if size != self._size:
            rows, first = ledger.read(self._path), self._first
            self._size = size
            self.records = Records(
                folder=first.folder, base=first.base, program=first.program, experiments=rows
            )
        return self.records

    def picture(self, console: Console) -> RenderableType:
        """What a terminal shows."""
        now = read_now(self.records.folder) or Now()
        return picture(self.look(), now, self.curves.of(now), console)


def watch(settings: Settings, console: Console) -> str:
    """Show a research until it ends: a live view in a terminal, else a line a verdict.

    Returns the summary. The one of that tag, or the latest; InputError where there is none.
    """
    onlooker = Onlooker(find(settings))
    folder = onlooker.records.folder
    if console.is_terminal:
        with Live(
            console=console,
            get_renderable=lambda: onlooker.picture(console),
            refresh_per_second=1 / _LOOK,
        ):
            while is_running(folder):
                time.sleep(_LOOK)
    else:
        told = 0
        while told < len(onlooker.look().experiments) or is_running(folder):
            records = onlooker.records
            for experiment in records.experiments[told:]:
                text = plain(records, experiment)
                console.print(text, soft_wrap=True, highlight=False, markup=False)
                told += 1
            time.sleep(_LOOK)
    ended = "" if is_running(folder) else f"{folder.name} is not running\n"
    return f"{ended}{onlooker.look().summary()}"


def _thinned(path: Path) -> str:
    lines = path.read_text("utf-8", errors="replace").split("\n") if path.exists() else []
    return "\n".join([*lines[:: len(lines) // _CURVE_LINES + 1], *lines[-2:]])

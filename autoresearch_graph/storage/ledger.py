"""The ledger: experiments.jsonl, and results.tsv in karpathy/autoresearch's five columns."""

import os
from array import array
from collections.abc import Iterator, Sequence
from itertools import islice
from math import nan
from pathlib import Path
from typing import overload

from autoresearch_graph.core.experiment import Experiment
from autoresearch_graph.core.values import is_json
from autoresearch_graph.errors import LabError
from autoresearch_graph.storage.files import append, replace

_KEPT = 256  # rows in memory
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # and their full width


class Rows(Sequence[Experiment]):
    """Rows of a ledger's file: the latest are in memory, earlier ones are read when needed.

    A research of ten thousand experiments takes no more memory than one of a few hundred.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ends = array("q", [0])
        self._latest: dict[int, Experiment] = {}

    def add(self, experiment: Experiment, size: int) -> None:
        """Add a row that has `size` bytes in the file."""
        self._latest[len(self)] = experiment
        self._latest.pop(len(self) - _KEPT, None)
        self._ends.append(self._ends[-1] + size)

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __iter__(self) -> Iterator[Experiment]:
        count, older = len(self), max(0, len(self) - _KEPT)
        if older:
            with self._path.open("rb") as file:
                yield from map(Experiment.model_validate_json, islice(file, older))
        for index in range(older, count):
            yield self._row(index)

    @overload
    def __getitem__(self, index: int) -> Experiment: ...
    @overload
    def __getitem__(self, index: slice) -> list[Experiment]: ...
    def __getitem__(self, index: int | slice) -> Experiment | list[Experiment]:
        wanted = range(len(self))[index]
        if isinstance(wanted, int):
            return self._row(wanted)
        return [self._row(number) for number in wanted]

    def _row(self, index: int) -> Experiment:
        if index in self._latest:
            return self._latest[index]
        begin, end = self._ends[index : index + 2]
        with self._path.open("rb") as file:
            file.seek(begin)
            return Experiment.model_validate_json(file.read(end - begin))


class Ledger:
    """Every judged experiment, in order; a line is appended and fsynced once.

    A partial last line, left by a power loss, is cut off when the ledger is opened: its experiment
    is judged again. A whole row is never cut off. results.tsv follows the ledger. LabError if
    another process removed or changed the ledger; nothing is written anew then.
    `heard` are the ids of all messages of a person in its rows.
    """

    def __init__(self, folder: Path, *, metric: str) -> None:
        self._path = folder / "experiments.jsonl"
        self._table = folder / "results.tsv"
        self._header = f"commit\t{metric}\tmemory_gb\tstatus\tdescription\n"
        self.experiments = Rows(self._path)
        self._numbers: set[int] = set()
        self.heard: set[str] = set()
        self._size = 0
        lines = [self._header]
        for experiment, size in _parse(self._path):
            self._take(experiment, size)
            lines.append(_row(experiment))
        if self._path.exists():
            os.truncate(self._path, self._size)
        self._rewrite_table("".join(lines))

    def __contains__(self, number: int) -> bool:
        return number in self._numbers

    def append(self, experiment: Experiment) -> None:
        """Add a row; a no-op for a number that is in the ledger. Idempotent."""
        if experiment.number in self:
            return
        line = experiment.model_dump_json() + "\n"
        if (self._path.stat().st_size if self._path.exists() else 0) != self._size:
            raise LabError(
                f"{self._path} was changed by somebody else; put it back as it was",
                code="ledger-changed",
            )
        append(self._path, line)
        append(self._table, _row(experiment))
        self._take(experiment, len(line.encode()))

    def _take(self, experiment: Experiment, size: int) -> None:
        self.experiments.add(experiment, size)
        self._numbers.add(experiment.number)
        self.heard |= {message.id for message in experiment.steering}
        self._size += size

    def _rewrite_table(self, table: str) -> None:
        """Write results.tsv anew if it does not follow the ledger."""
        if not self._table.exists() or self._table.read_bytes() != table.encode():
            replace(self._table, table)


def read(path: Path) -> list[Experiment]:
    """Read a ledger without changing it; LabError for a row that cannot be read."""
    return [experiment for experiment, _ in _parse(path)]


def _parse(path: Path) -> Iterator[tuple[Experiment, int]]:
    """Yield the experiments of a ledger's whole lines, each with the bytes of its line."""
    if not path.exists():
        return
    size = path.stat().st_size
    with path.open("rb") as file:
        for number, line in enumerate(iter(file.readline, b""), start=1):
            is_last = file.tell() == size
            if is_last and not (line.endswith(b"\n") and is_json(line)):
                return
            yield Experiment.from_json(line, place=f"{path}:{number}: this line"), len(line)


def _row(experiment: Experiment) -> str:
    # pandas reads a field that begins with a quotation mark to the next one, over line ends.
    description = " ".join(experiment.description.split()).replace('"', "'")
    # A spreadsheet runs a cell that begins so as a formula; an apostrophe makes it a text.
    description = f"'{description}" if description.startswith(_FORMULA) else description
    unknown = 0.0 if experiment.status == "crash" else nan  # a discard without a run has no value
    metric = unknown if experiment.metric is None else experiment.metric
    memory = 0.0 if experiment.status == "crash" else experiment.memory_gb
    cells = (experiment.commit[:7], f"{metric:.6f}", f"{memory:.1f}", experiment.status)
    return "\t".join((*cells, description)) + "\n"

"""What was tried: experiments.jsonl, and results.tsv in karpathy/autoresearch's five columns."""

import os
from math import nan
from pathlib import Path

from pydantic import ValidationError

from autoresearch_graph.errors import LabError
from autoresearch_graph.experiment import Experiment
from autoresearch_graph.files import append, replace


class Ledger:
    """Every experiment that was judged, in order; a line is appended and fsynced once.

    A torn last line, left by a loss of power, is cut off when the ledger is opened: the
    experiment that it belonged to is judged again. results.tsv follows the ledger. A ledger that
    somebody removed or changed meanwhile is a LabError: what was in it is not written anew.
    `heard` are the ids of all messages of a person that its rows take up.
    """

    def __init__(self, folder: Path, *, metric: str) -> None:
        self._path = folder / "experiments.jsonl"
        self._table = folder / "results.tsv"
        self._header = f"commit\t{metric}\tmemory_gb\tstatus\tdescription\n"
        self.experiments, whole = _parse(self._path)
        self._numbers = {experiment.number for experiment in self.experiments}
        self.heard = {message.id for e in self.experiments for message in e.steering}
        if self._path.exists():
            os.truncate(self._path, whole)
        self._size = whole
        self._rewrite_table()

    def __contains__(self, number: int) -> bool:
        return number in self._numbers

    def append(self, experiment: Experiment) -> None:
        """Add a row; a no-op for a number that is in the ledger, so running twice is harmless."""
        if experiment.number in self:
            return
        line = experiment.model_dump_json() + "\n"
        if (self._path.stat().st_size if self._path.exists() else 0) != self._size:
            raise LabError(f"{self._path} was changed by somebody else; put it back as it was")
        append(self._path, line)
        self._size += len(line.encode())
        append(self._table, _row(experiment))
        self.experiments.append(experiment)
        self._numbers.add(experiment.number)
        self.heard |= {message.id for message in experiment.steering}

    def _rewrite_table(self) -> None:
        """Write results.tsv anew where it does not follow the ledger."""
        table = self._header + "".join(_row(experiment) for experiment in self.experiments)
        if not self._table.exists() or self._table.read_bytes() != table.encode():
            replace(self._table, table)


def read(path: Path) -> list[Experiment]:
    """Read a ledger without changing it; LabError for a damaged line in the middle."""
    return _parse(path)[0]


def _parse(path: Path) -> tuple[list[Experiment], int]:
    """Read the experiments of a ledger, and how many of its bytes are whole lines."""
    experiments: list[Experiment] = []
    whole = 0
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    for number, line in enumerate(lines, start=1):
        try:
            experiments.append(Experiment.model_validate_json(line))
        except ValidationError as error:
            if number == len(lines):
                break
            raise LabError(
                f"{path}:{number}: this line is damaged; mend it or remove it"
            ) from error
        if not line.endswith(b"\n"):
            experiments.pop()
            break
        whole += len(line)
    return experiments, whole


def _row(experiment: Experiment) -> str:
    # pandas reads a field that begins with a quotation mark to the next one, over line ends.
    description = " ".join(experiment.description.split()).replace('"', "'")
    unknown = 0.0 if experiment.status == "crash" else nan  # a discard without a run has no value
    metric = unknown if experiment.metric is None else experiment.metric
    memory = 0.0 if experiment.status == "crash" else experiment.memory_gb
    cells = (experiment.commit[:7], f"{metric:.6f}", f"{memory:.1f}", experiment.status)
    return "\t".join((*cells, description)) + "\n"

"""What the ledger teaches a search: the constants of every experiment and how it ended."""

import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from autoresearch_graph.asset.constants import find, skeleton
from autoresearch_graph.asset.literals import Constant, Scalar
from autoresearch_graph.core.brief import Brief
from autoresearch_graph.core.experiment import Crashed, Experiment, Measured
from autoresearch_graph.core.judging import breaks
from autoresearch_graph.core.program import Constraint, Program
from autoresearch_graph.errors import InputError

Values = Mapping[str, Scalar]
End = Literal["measured", "barred", "pending", "unknown"]
NOT_BY_A_CONSTANT = frozenset({"syntax", "import", "protected", "checkout"})


@dataclass(frozen=True, slots=True)
class Reading:
    """The constants of one text, and a fingerprint of all the rest of it."""

    values: Values
    rest: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """A text that was proposed: `metric` is the mean of its runs where it was measured.

    Barred: a run crashed, was ended at its limit or broke a constraint, so the search keeps
    away. Unknown: it failed by an error that no constant makes.
    """

    reading: Reading
    end: End
    metric: float = 0.0


def reading(text: str, constants: Sequence[Constant]) -> Reading:
    """The reading of a text in which these constants were found."""
    rest = skeleton(text, constants).encode(errors="replace")
    values = {constant.name: constant.value for constant in constants}
    return Reading(values, sys.intern(hashlib.sha256(rest).hexdigest()))


def _reading_of(text: str, path: str) -> Reading:
    """The reading of any text; one that cannot be parsed has no constants."""
    try:
        return reading(text, find(text, path))
    except InputError:
        return reading(text, ())


class History:
    """Every attempt so far; each row of the ledger is looked at once, and each commit's text."""

    def __init__(self) -> None:
        self._readings: dict[str, Reading] = {}
        self._past: list[Attempt] = []
        self._last = ""
        self._bounds: tuple[Constraint, ...] = ()

    def attempts(self, brief: Brief) -> list[Attempt]:
        """All that was tried or is under way, in the order of its number."""
        return [*self._finished(brief), *self._in_flight(brief)]

    def _finished(self, brief: Brief) -> list[Attempt]:
        """The attempts of the ledger; all anew for another ledger, or under other constraints."""
        known, bounds = len(self._past), brief.program.constraints
        is_same = bounds == self._bounds and known <= len(brief.ledger)
        if known and not (is_same and brief.ledger[known - 1].commit == self._last):
            self._past = []
        for experiment in brief.ledger[len(self._past) :]:
            found = self._read(brief, experiment.number, experiment.commit)
            self._past.append(Attempt(found, _end(experiment, brief.program), _mean(experiment)))
            self._last = experiment.commit
        self._bounds = bounds
        return self._past

    def _in_flight(self, brief: Brief) -> Iterator[Attempt]:
        for proposal in brief.in_flight:
            if proposal.number != brief.number:
                yield Attempt(self._read(brief, proposal.number, proposal.commit), "pending")

    def _read(self, brief: Brief, number: int, commit: str) -> Reading:
        if commit not in self._readings:
            self._readings[commit] = _reading_of(brief.history.text(number), brief.program.asset)
        return self._readings[commit]


def _end(experiment: Experiment, program: Program) -> End:
    if experiment.status == "crash":
        causes = {o.cause for o in experiment.trials if isinstance(o, Crashed)}
        return "unknown" if causes & NOT_BY_A_CONSTANT else "barred"
    if not _measured(experiment):
        return "barred" if experiment.trials else "unknown"  # ended early, or never run
    broken = breaks(_measured(experiment)[-1], program.constraints)
    return "barred" if broken and experiment.status != "keep" else "measured"


def _mean(experiment: Experiment) -> float:
    return fmean([run.metric for run in _measured(experiment)] or [experiment.metric or 0.0])


def _measured(experiment: Experiment) -> list[Measured]:
    return [outcome for outcome in experiment.trials if isinstance(outcome, Measured)]

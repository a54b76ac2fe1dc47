"""Attempts of a search: the constants of every experiment in the ledger, and how it ended."""

import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from autoresearch_graph.asset.constants import find, skeleton
from autoresearch_graph.asset.literals import Constant, Scalar
from autoresearch_graph.core.brief import Brief
from autoresearch_graph.core.experiment import Crashed, Experiment, Measured
from autoresearch_graph.core.judging import breaks
from autoresearch_graph.core.program import Program
from autoresearch_graph.errors import InputError

Values = Mapping[str, Scalar]
End = Literal["measured", "infeasible", "pending", "unknown"]
NOT_BY_A_CONSTANT = frozenset({"syntax", "import", "protected", "checkout"})


@dataclass(frozen=True, slots=True)
class Reading:
    """The constants of one text, and a fingerprint of all the rest of it."""

    values: Values
    rest: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """A text that was proposed: `metric` is the mean of its runs where it was measured.

    Infeasible: a run crashed, was ended at its limit or broke a constraint, so the search keeps
    away. Unknown: it failed by an error that no constant makes.
    """

    reading: Reading
    end: End
    metric: float = 0.0


def reading(text: str, constants: Sequence[Constant]) -> Reading:
    """Return the reading of a text in which these constants were found."""
    rest = skeleton(text, constants).encode(errors="replace")
    values = {constant.name: constant.value for constant in constants}
    return Reading(values, sys.intern(hashlib.sha256(rest).hexdigest()))


class Attempts:
    """Reader of every attempt so far; the text of each commit is read once."""

    def __init__(self) -> None:
        self._readings: dict[str, Reading] = {}

    def read(self, brief: Brief) -> list[Attempt]:
        """Return all that was tried or is under way, in the order of its number."""
        found = []
        for experiment in brief.ledger:
            own = self._reading(brief, experiment.number, experiment.commit)
            found.append(Attempt(own, _end(experiment, brief.program), _mean(experiment)))
        for proposal in brief.in_flight:
            if proposal.number != brief.number:
                own = self._reading(brief, proposal.number, proposal.commit)
                found.append(Attempt(own, "pending"))
        return found

    def _reading(self, brief: Brief, number: int, commit: str) -> Reading:
        """Return the reading of a commit; a text that cannot be parsed has no constants."""
        if commit not in self._readings:
            text = brief.history.text(number)
            try:
                constants = find(text, brief.program.asset)
            except InputError:
                constants = ()
            self._readings[commit] = reading(text, constants)
        return self._readings[commit]


def _end(experiment: Experiment, program: Program) -> End:
    if experiment.status == "crash":
        causes = {each.cause for each in experiment.trials if isinstance(each, Crashed)}
        return "unknown" if causes & NOT_BY_A_CONSTANT else "infeasible"
    measured = _measured(experiment)
    if not measured:
        return "infeasible" if experiment.trials else "unknown"  # ended early, or never run
    broken = breaks(measured[-1], program.constraints)
    return "infeasible" if broken and experiment.status != "keep" else "measured"


def _mean(experiment: Experiment) -> float:
    metrics = [run.metric for run in _measured(experiment)]
    return fmean(metrics or [experiment.metric or 0.0])


def _measured(experiment: Experiment) -> list[Measured]:
    return [outcome for outcome in experiment.trials if isinstance(outcome, Measured)]

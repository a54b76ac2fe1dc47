"""Findings of the search about the constants, for the model that it takes turns with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from autoresearch_graph.asset.constants import find
from autoresearch_graph.asset.literals import Constant, Scalar
from autoresearch_graph.core.brief import Brief
from autoresearch_graph.core.experiment import Experiment
from autoresearch_graph.core.formatting import Figures
from autoresearch_graph.core.text import one_line
from autoresearch_graph.errors import InputError
from autoresearch_graph.proposers.search.attempts import Attempts

_SHOWN = 12  # constants
_FEW = 3  # constants that change together
_CHOICES = 5  # values without an order that are listed


@dataclass(frozen=True)
class Change:
    """A constant set to another value; `gain` is over the text that it was changed in.

    `upward` is None for values without an order, `alone` means that few others changed with it.
    """

    experiment: Experiment
    value: Scalar
    upward: bool | None
    gain: float | None
    alone: bool


def findings(brief: Brief, attempts: Attempts) -> list[str]:
    """Return a line for each of the twelve constants that the search has changed most often.

    Only the incumbent's constants count. The results of raising and lowering come from experiments
    that changed three constants at most: where all change together, none of them is to blame.
    """
    if not any(experiment.author == "search" for experiment in brief.ledger):
        return []
    try:
        constants = find(brief.text, brief.program.asset)
    except InputError:
        return []
    changes: dict[str, list[Change]] = {constant.name: [] for constant in constants}
    for name, change in _changes(brief, attempts):
        if name in changes:
            changes[name].append(change)
    changed = [constant for constant in constants if changes[constant.name]]
    changed.sort(key=lambda constant: -len(changes[constant.name]))
    return [_line(each, changes[each.name], brief.figures) for each in changed[:_SHOWN]]


def _changes(brief: Brief, attempts: Attempts) -> Iterator[tuple[str, Change]]:
    numbers = [experiment.number for experiment in brief.ledger]
    rows = dict(zip(numbers, attempts.read(brief), strict=False))
    by_commit = {experiment.commit: experiment for experiment in brief.ledger}
    for experiment in brief.ledger:
        parent = by_commit.get(experiment.parent)
        if experiment.author != "search" or parent is None:
            continue
        before = rows[parent.number].reading.values
        after = rows[experiment.number].reading.values
        changed = [name for name in after if name in before and after[name] != before[name]]
        for name in changed:
            yield (
                name,
                Change(
                    experiment=experiment,
                    value=after[name],
                    upward=_upward(before[name], after[name]),
                    gain=brief.gains.get(experiment.number),
                    alone=len(changed) <= _FEW,
                ),
            )


def _upward(before: Scalar, after: Scalar) -> bool | None:
    if isinstance(before, str | bool) or isinstance(after, str | bool):
        return None
    return after > before


def _line(constant: Constant, changes: Sequence[Change], figures: Figures) -> str:
    name = one_line(constant.name)[:60]
    tries = f"{len(changes)} {'try' if len(changes) == 1 else 'tries'}"
    tried = f"{name}: now {_literal(constant.value)}; {tries}, {_range(changes)}"
    return "; ".join([tried, _best(changes, figures), *_trends(changes, figures)])


def _range(changes: Sequence[Change]) -> str:
    values = list(dict.fromkeys(_literal(change.value) for change in changes))
    numbers = [each.value for each in changes if not isinstance(each.value, str | bool)]
    if numbers and len(values) > 1:
        return f"{_literal(min(numbers))} to {_literal(max(numbers))}"
    return ", ".join(values[:_CHOICES])


def _best(changes: Sequence[Change], figures: Figures) -> str:
    """Return the largest gain, of changes of few constants where there are any."""
    measured = [change for change in changes if change.gain is not None]
    if not measured:
        return "all crashed"
    alone = [change for change in measured if change.alone]
    best = max(alone or measured, key=lambda change: change.gain or 0.0)
    value = _literal(best.value)
    return f"best {value}, {figures.change(best.gain or 0.0)} (experiment {best.experiment.number})"


def _trends(changes: Sequence[Change], figures: Figures) -> Iterator[str]:
    for word, upward in (("raised", True), ("lowered", False)):
        same = [change for change in changes if change.upward is upward and change.alone]
        gains = [change.gain for change in same if change.gain is not None]
        if gains:
            kept = sum(change.experiment.status == "keep" for change in same)
            yield f"{word} in {len(same)}, {kept} kept, median {figures.change(median(gains))}"


def _literal(value: Scalar) -> str:
    if isinstance(value, str):
        return repr(one_line(value)[:30])
    return str(value) if isinstance(value, bool) else f"{value:.4g}"

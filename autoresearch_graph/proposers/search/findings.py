"""What the search has found about the constants, for the model that it takes turns with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from autoresearch_graph.asset.changes import gains
from autoresearch_graph.asset.constants import find
from autoresearch_graph.asset.literals import Constant, Scalar
from autoresearch_graph.core.brief import Brief
from autoresearch_graph.core.experiment import Experiment
from autoresearch_graph.core.formatting import Figures
from autoresearch_graph.core.text import one_line
from autoresearch_graph.errors import InputError
from autoresearch_graph.proposers.search.history import History

_SHOWN = 12
_FEW = 3
_CHOICES = 5


@dataclass(frozen=True)
class Move:
    """A constant set to another value; `gain` is against the text that it was changed in.

    `upward` is None for what has no order, `alone` says that few others changed with it.
    """

    experiment: Experiment
    value: Scalar
    upward: bool | None
    gain: float | None
    alone: bool


@dataclass
class Found:
    """What became of the moves of one constant."""

    constant: Constant
    moves: list[Move] = field(default_factory=list)


def findings(brief: Brief, history: History, figures: Figures) -> list[str]:
    """A line for each of the twelve constants that the search has moved most often.

    Only the incumbent's constants count. How raising and lowering went is told from experiments
    that moved three constants at most: where all are moved together, none of them is to blame.
    """
    if not any(experiment.author == "search" for experiment in brief.ledger):
        return []
    try:
        constants = find(brief.text, brief.program.asset)
    except InputError:
        return []
    found = {constant.name: Found(constant) for constant in constants}
    for name, move in _moves(brief, history):
        if name in found:
            found[name].moves.append(move)
    most = sorted((f for f in found.values() if f.moves), key=lambda f: -len(f.moves))
    return [_line(each, figures) for each in most[:_SHOWN]]


def _moves(brief: Brief, history: History) -> Iterator[tuple[str, Move]]:
    rows = dict(zip((e.number for e in brief.ledger), history.attempts(brief), strict=False))
    better_by = gains(brief)
    by_commit = {e.commit: e for e in brief.ledger}
    for experiment in brief.ledger:
        parent = by_commit.get(experiment.parent)
        if experiment.author != "search" or parent is None:
            continue
        old, new = rows[parent.number].reading.values, rows[experiment.number].reading.values
        moved = [name for name in new if name in old and new[name] != old[name]]
        for name in moved:
            upward = _upward(old[name], new[name])
            alone = len(moved) <= _FEW
            yield name, Move(experiment, new[name], upward, better_by.get(experiment.number), alone)


def _upward(old: Scalar, new: Scalar) -> bool | None:
    if isinstance(old, str | bool) or isinstance(new, str | bool):
        return None
    return new > old


def _line(found: Found, figures: Figures) -> str:
    name = one_line(found.constant.name)[:60]
    tries = f"{len(found.moves)} {'try' if len(found.moves) == 1 else 'tries'}"
    tried = f"{name}: now {_literal(found.constant.value)}; {tries}, {_range(found.moves)}"
    return "; ".join([tried, _best(found.moves, figures), *_trends(found.moves, figures)])


def _range(moves: Sequence[Move]) -> str:
    values = list(dict.fromkeys(_literal(move.value) for move in moves))
    numbers = [m.value for m in moves if not isinstance(m.value, str | bool)]
    if numbers and len(values) > 1:
        return f"{_literal(min(numbers))} to {_literal(max(numbers))}"
    return ", ".join(values[:_CHOICES])


def _best(moves: Sequence[Move], figures: Figures) -> str:
    """The largest gain with one of these values, of moves of few constants where there are any."""
    measured = [m for m in moves if m.gain is not None]
    if not measured:
        return "all crashed"
    best = max([m for m in measured if m.alone] or measured, key=lambda m: m.gain or 0.0)
    value = _literal(best.value)
    return f"best {value}, {figures.change(best.gain or 0.0)} (experiment {best.experiment.number})"


def _trends(moves: Sequence[Move], figures: Figures) -> Iterator[str]:
    for word, upward in (("raised", True), ("lowered", False)):
        same = [m for m in moves if m.upward is upward and m.alone]
        gains = [m.gain for m in same if m.gain is not None]
        if gains:
            kept = sum(m.experiment.status == "keep" for m in same)
            yield f"{word} in {len(same)}, {kept} kept, median {figures.change(median(gains))}"


def _literal(value: Scalar) -> str:
    if isinstance(value, str):
        return repr(one_line(value)[:30])
    return str(value) if isinstance(value, bool) else f"{value:.4g}"

"""Optuna's view of a search: what it is told, and what it suggests next."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from math import inf
from statistics import median
from typing import TYPE_CHECKING, Any, Literal, TypeGuard

from autoresearch_graph.asset.literals import Scalar
from autoresearch_graph.core.values import Direction
from autoresearch_graph.proposers.search.history import Attempt, Values
from autoresearch_graph.proposers.search.space import Range, Steps

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial

Sampler = Literal["Gaussian process", "TPE"]
Space = Mapping[str, Range]
MOST_CONSTANTS = 20
MOST_RESULTS = 150
BEST = 50
LATEST = 250
OUTLIER = 3.0


def model(space: Space, results: int) -> Sampler:
    """Which sampler suits such a search: the first is better on little and needs torch."""
    numbers = sum(not isinstance(r, Steps) or r.ordered for r in space.values())
    small = numbers <= MOST_CONSTANTS and results < MOST_RESULTS
    torch = find_spec("torch") is not None and find_spec("scipy") is not None
    return "Gaussian process" if small and torch else "TPE"


def suggestions(
    space: Space, attempts: Sequence[Attempt], direction: Direction, *, kind: Sampler, seed: int
) -> Iterator[Values]:
    """New values for the constants of `space`, without end; each call knows the earlier ones.

    Attempts under way, and suggestions that were not taken, count as running: the sampler
    keeps away from them without being told a number. Of a long ledger the best and the latest
    results are told.
    """
    with _quiet():
        study = _study(space, attempts, direction, _sampler(kind, seed))
        distributions = {name: _distribution(values) for name, values in space.items()}
    while True:
        with _quiet():
            trial = study.ask(distributions)
        yield {name: _value(space[name], trial.params[name]) for name in space}


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna says nothing within, neither in its log nor about experimental samplers."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)


def _study(
    space: Space, attempts: Sequence[Attempt], direction: Direction, sampler: "BaseSampler"
) -> "Study":
    import optuna

    study = optuna.create_study(
        sampler=sampler, direction="minimize" if direction == "lower" else "maximize"
    )
    told = _worth_telling(attempts, direction)
    under_way = [attempt for attempt in attempts if attempt.end == "pending"]
    study.add_trials([_trial(space, attempt) for attempt in (*told, *under_way)])
    return study


def _sampler(kind: Sampler, seed: int) -> "BaseSampler":
    from optuna.samplers import GPSampler, TPESampler

    if kind == "TPE":
        return TPESampler(seed=seed, n_startup_trials=1, multivariate=True, constant_liar=True)
    return GPSampler(seed=seed, n_startup_trials=1, warn_independent_sampling=False)


def _worth_telling(attempts: Sequence[Attempt], direction: Direction) -> list[Attempt]:
    """The best and the latest results, an outlier on the bad side cut to a bound.

    A run that diverged but gave a number would else flatten all other differences (10 constants,
    40 experiments, some of which diverge: from 1.33 to 1.09 without the bound, to 1.01 with it).
    """
    measured = [attempt for attempt in attempts if attempt.end == "measured"]
    sign = 1 if direction == "lower" else -1
    best_first = sorted(measured[:-LATEST], key=lambda attempt: sign * attempt.metric)
    told = [*best_first[:BEST], *measured[-LATEST:]]
    losses = [sign * attempt.metric for attempt in told]
    bound = _bound(losses)
    return [replace(a, metric=sign * min(x, bound)) for a, x in zip(told, losses, strict=True)]


def _bound(losses: Sequence[float]) -> float:
    """OUTLIER times as far above the median as the best is below it."""
    if not losses or (middle := median(losses)) == min(losses):
        return inf
    return middle + OUTLIER * (middle - min(losses))


def _trial(space: Space, attempt: Attempt) -> "FrozenTrial":
    from optuna.trial import TrialState, create_trial

    measured = attempt.end == "measured"
    return create_trial(
        state=TrialState.COMPLETE if measured else TrialState.RUNNING,
        value=attempt.metric if measured else None,
        params={name: _parameter(space[name], attempt.reading.values[name]) for name in space},
        distributions={name: _distribution(values) for name, values in space.items()},
    )


def _distribution(values: Range) -> "BaseDistribution":
    """Steps count as positions too: told as integers, a proposal took four times as long."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if _is_unordered(values):
        return CategoricalDistribution(values.values)
    return FloatDistribution(0.0, 1.0)


def _parameter(values: Range, value: Scalar) -> Scalar:
    return value if _is_unordered(values) else values.position(value)


def _value(values: Range, parameter: Any) -> Scalar:
    return parameter if _is_unordered(values) else values.at(parameter)


def _is_unordered(values: Range) -> TypeGuard[Steps]:
    return isinstance(values, Steps) and not values.ordered

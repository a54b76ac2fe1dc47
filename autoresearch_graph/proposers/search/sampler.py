"""Optuna as sampler: a study of the attempts, and its suggestions."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from math import inf
from statistics import median
from typing import TYPE_CHECKING, Literal

from autoresearch_graph.core.values import Direction
from autoresearch_graph.proposers.search.attempts import Attempt, Values
from autoresearch_graph.proposers.search.space import Range, Steps

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial

Sampler = Literal["Gaussian process", "TPE"]
Space = Mapping[str, Range]
MOST_CONSTANTS = 20  # with an order, that a Gaussian process copes with
MOST_RESULTS = 150  # settings, above which a Gaussian process takes too long
BEST = 50  # results of a long ledger that the study gets, and its latest
LATEST = 250
OUTLIER = 3.0  # times the distance from the median to the best


def choose_sampler(space: Space, results: int) -> Sampler:
    """Choose the sampler: a Gaussian process is better on few results, and needs torch."""
    ordered = sum(range_.ordered for range_ in space.values())
    is_small = ordered <= MOST_CONSTANTS and results < MOST_RESULTS
    has_torch = find_spec("torch") is not None and find_spec("scipy") is not None
    return "Gaussian process" if is_small and has_torch else "TPE"


def suggestions(
    space: Space, attempts: Sequence[Attempt], direction: Direction, *, kind: Sampler, seed: int
) -> Iterator[Values]:
    """Yield new values for the constants of `space`, without end.

    Attempts under way, and earlier suggestions, count as running: the sampler keeps away from
    them without a result. Of a long ledger the study gets the best and the latest results.
    """
    with _quiet():
        study = _study(space, attempts, direction, _sampler(kind, seed))
        distributions = _distributions(space)
    while True:
        with _quiet():
            trial = study.ask(distributions)
        yield {
            name: range_.at(trial.params[name]) if range_.ordered else trial.params[name]
            for name, range_ in space.items()
        }


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Optuna: its log, and its warnings about experimental samplers."""
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
    results = _chosen_results(attempts, direction)
    pending = [attempt for attempt in attempts if attempt.end == "pending"]
    study.add_trials([_trial(space, attempt) for attempt in (*results, *pending)])
    return study


def _sampler(kind: Sampler, seed: int) -> "BaseSampler":
    from optuna.samplers import GPSampler, TPESampler

    if kind == "TPE":
        return TPESampler(seed=seed, n_startup_trials=1, multivariate=True, constant_liar=True)
    return GPSampler(seed=seed, n_startup_trials=1, warn_independent_sampling=False)


def _chosen_results(attempts: Sequence[Attempt], direction: Direction) -> list[Attempt]:
    """Return the best and the latest results, an outlier on the bad side cut to a bound.

    A run that diverged but gave a number would else flatten all other differences (10 constants,
    40 experiments, some of which diverge: from 1.33 to 1.09 without the bound, to 1.01 with it).
    """
    measured = [attempt for attempt in attempts if attempt.end == "measured"]
    sign = 1 if direction == "lower" else -1
    best_first = sorted(measured[:-LATEST], key=lambda attempt: sign * attempt.metric)
    chosen = [*best_first[:BEST], *measured[-LATEST:]]
    bound = _bound([sign * attempt.metric for attempt in chosen])
    return [replace(each, metric=sign * min(sign * each.metric, bound)) for each in chosen]


def _bound(losses: Sequence[float]) -> float:
    """Return the value OUTLIER times as far above the median as the best is below it."""
    if not losses or (middle := median(losses)) == min(losses):
        return inf
    return middle + OUTLIER * (middle - min(losses))


def _trial(space: Space, attempt: Attempt) -> "FrozenTrial":
    from optuna.trial import TrialState, create_trial

    measured, values = attempt.end == "measured", attempt.reading.values
    return create_trial(
        state=TrialState.COMPLETE if measured else TrialState.RUNNING,
        value=attempt.metric if measured else None,
        params={
            name: range_.position(values[name]) if range_.ordered else values[name]
            for name, range_ in space.items()
        },
        distributions=_distributions(space),
    )


def _distributions(space: Space) -> dict[str, "BaseDistribution"]:
    """Return Optuna's ranges: positions, for with integers a proposal took four times as long."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    found: dict[str, BaseDistribution] = {}
    for name, range_ in space.items():
        if isinstance(range_, Steps) and not range_.ordered:
            found[name] = CategoricalDistribution(range_.values)
        else:
            found[name] = FloatDistribution(0.0, 1.0)
    return found

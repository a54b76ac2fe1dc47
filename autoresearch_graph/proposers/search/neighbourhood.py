"""Neighbourhood of the incumbent: the space around it, and what was tried in it."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import product
from math import prod
from random import Random

from autoresearch_graph.asset.literals import Constant, Scalar
from autoresearch_graph.proposers.search.attempts import Attempt, Reading, Values
from autoresearch_graph.proposers.search.space import Range, Steps, between, distance, follow

MOST_CHANGES = 3  # constants in a small step
MOST_COMBINATIONS = 5_000  # settings of a space that is searched to its end
DRAWS = 2_000  # settings of a larger space
ALIKE = 0.01  # share of a range; a smaller distance is none
CLEARLY = 2.0  # ratio of squared distances


class Neighbourhood:
    """The ranges of the incumbent's constants, and the attempts that have all of them.

    An attempt outside the ranges, or of a text without one of the constants, teaches nothing
    here; it still counts as tried.
    """

    def __init__(
        self, constants: Sequence[Constant], incumbent: Reading, attempts: Sequence[Attempt]
    ) -> None:
        origins: dict[str, Scalar] = {}
        for attempt in attempts:
            for name, value in attempt.reading.values.items():
                origins.setdefault(name, value)
        self.space: dict[str, Range] = {
            constant.name: follow(constant, origins.get(constant.name, constant.value))
            for constant in constants
        }
        self.incumbent = incumbent.values
        self.attempts = [each for each in attempts if self._holds(each.reading.values)]
        same = [each.reading.values for each in attempts if each.reading.rest == incumbent.rest]
        self._tried = {self._key(values) for values in (incumbent.values, *same)}

    @cached_property
    def results(self) -> int:
        """The number of different settings that were measured."""
        return len({self._key(values) for values in self._settings("measured")})

    @property
    def size(self) -> int | None:
        """The number of settings; None where a constant may be any number."""
        steps = [len(each.values) for each in self.space.values() if isinstance(each, Steps)]
        return prod(steps) if len(steps) == len(self.space) else None

    def is_new(self, values: Values) -> bool:
        """Return True if the incumbent's text with these values was never tried."""
        return self._key(values) not in self._tried

    def is_safe(self, values: Values) -> bool:
        """Return True if a setting that was measured is clearly nearer than an infeasible one."""
        if not self._infeasible:
            return True
        here = self._positions(values)
        measured = min((self._gap(here, there) for there in self._measured), default=0.0)
        return CLEARLY * measured <= min(self._gap(here, there) for there in self._infeasible)

    def distances(self, values: Values) -> dict[str, float]:
        """Return the distance, from 0 to 1, of each constant that differs from the incumbent's."""
        found = {}
        for name, range_ in self.space.items():
            if values[name] != self.incumbent[name]:
                found[name] = distance(range_, self.incumbent[name], values[name])
        return found

    def snap(self, values: Values) -> Values:
        """Return the values, with the incumbent's in place of those that hardly differ."""
        distances = self.distances(values)
        kept = {name: self.incumbent[name] for name, gap in distances.items() if gap < ALIKE}
        return {**values, **kept}

    def towards(self, values: Values, share: float) -> Values:
        """Return the setting a share of the way from the incumbent to these values."""
        return {
            name: between(range_, self.incumbent[name], values[name], share)
            for name, range_ in self.space.items()
        }

    def steps(self, generator: Random) -> Iterator[Values]:
        """Yield without end the incumbent with one to three constants changed a little."""
        names = list(self.space)
        while True:
            chosen = generator.sample(names, generator.randint(1, min(MOST_CHANGES, len(names))))
            near = {name: self.space[name].near(self.incumbent[name], generator) for name in chosen}
            yield {**self.incumbent, **near}

    def everything(self, generator: Random) -> Iterator[Values]:
        """Yield all settings of a small space in random order, else many at random."""
        if self.size is not None and self.size <= MOST_COMBINATIONS:
            steps = [each.values for each in self.space.values() if isinstance(each, Steps)]
            settings = list(product(*steps))
            generator.shuffle(settings)
            for setting in settings:
                yield dict(zip(self.space, setting, strict=True))
        else:
            for _ in range(DRAWS):
                yield {name: values.draw(generator) for name, values in self.space.items()}

    def _settings(self, end: str) -> list[Values]:
        return [attempt.reading.values for attempt in self.attempts if attempt.end == end]

    def _holds(self, values: Values) -> bool:
        space = self.space.items()
        return all(name in values and range_.holds(values[name]) for name, range_ in space)

    def _key(self, values: Values) -> tuple[Scalar, ...]:
        return tuple(values[name] for name in self.space)

    def _positions(self, values: Values) -> list[float]:
        return [range_.position(values[name]) for name, range_ in self.space.items()]

    @cached_property
    def _measured(self) -> list[list[float]]:
        return [self._positions(values) for values in self._settings("measured")]

    @cached_property
    def _infeasible(self) -> list[list[float]]:
        """Positions of failures; a setting that was measured too did not fail by its constants."""
        failed = [self._positions(values) for values in self._settings("infeasible")]
        return [position for position in failed if position not in self._measured]

    @cached_property
    def _ordered(self) -> list[bool]:
        return [range_.ordered for range_ in self.space.values()]

    def _gap(self, here: list[float], there: list[float]) -> float:
        """Return the squared distance; unordered values that differ are as far apart as can be."""
        axes = zip(here, there, self._ordered, strict=True)
        return sum((a - b) ** 2 if ordered else float(a != b) for a, b, ordered in axes)

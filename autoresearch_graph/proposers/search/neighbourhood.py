"""The terrain of a search: the space around the incumbent, and what was tried in it."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import product
from math import prod
from random import Random

from autoresearch_graph.asset.literals import Constant, Scalar
from autoresearch_graph.proposers.search.history import Attempt, Reading, Values
from autoresearch_graph.proposers.search.space import Range, Steps, follow

MOST_CHANGES = 3
MOST_COMBINATIONS = 5_000
DRAWS = 2_000
ALIKE = 0.01
CLEARLY = 2.0


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
            c.name: follow(c, origins.get(c.name, c.value)) for c in constants
        }
        self.incumbent = incumbent.values
        self.attempts = [attempt for attempt in attempts if self._holds(attempt.reading.values)]
        same = [a.reading.values for a in attempts if a.reading.rest == incumbent.rest]
        self._tried = {self._key(values) for values in (incumbent.values, *same)}

    @cached_property
    def results(self) -> int:
        """How many different settings were measured."""
        measured = (a.reading.values for a in self.attempts if a.end == "measured")
        return len({self._key(values) for values in measured})

    @property
    def size(self) -> int | None:
        """How many settings there are; None where a constant may be any number."""
        steps = [len(r.values) for r in self.space.values() if isinstance(r, Steps)]
        return prod(steps) if len(steps) == len(self.space) else None

    def is_new(self, values: Values) -> bool:
        """Whether the incumbent's text with these values was never tried."""
        return self._key(values) not in self._tried

    def is_safe(self, values: Values) -> bool:
        """Whether a setting that was measured is clearly nearer than one that is barred."""
        if not self._barred:
            return True
        here = self._positions(values)
        measured = min((self._gap(here, there) for there in self._measured), default=0.0)
        return CLEARLY * measured <= min(self._gap(here, there) for there in self._barred)

    def moved(self, values: Values) -> dict[str, float]:
        """How far each constant that differs from the incumbent's is moved, from 0 to 1."""
        gaps = {
            name: range_.distance(self.incumbent[name], values[name])
            for name, range_ in self.space.items()
        }
        return {name: gap for name, gap in gaps.items() if values[name] != self.incumbent[name]}

    def snapped(self, values: Values) -> Values:
        """The values, where the incumbent's are kept that differ by next to nothing."""
        moved = self.moved(values)
        kept = {name: self.incumbent[name] for name, gap in moved.items() if gap < ALIKE}
        return {**values, **kept}

    def towards(self, values: Values, share: float) -> Values:
        """The setting that lies a share of the way from the incumbent to these values."""
        return {
            name: range_.between(self.incumbent[name], values[name], share)
            for name, range_ in self.space.items()
        }

    def steps(self, rng: Random) -> Iterator[Values]:
        """Without end: the incumbent with one to three constants moved a little."""
        names = list(self.space)
        while True:
            moved = rng.sample(names, rng.randint(1, min(MOST_CHANGES, len(names))))
            near = {name: self.space[name].near(self.incumbent[name], rng) for name in moved}
            yield {**self.incumbent, **near}

    def everything(self, rng: Random) -> Iterator[Values]:
        """All settings of a small space in random order, else many at random."""
        if self.size is not None and self.size <= MOST_COMBINATIONS:
            steps = [r.values for r in self.space.values() if isinstance(r, Steps)]
            settings = list(product(*steps))
            rng.shuffle(settings)
            yield from (dict(zip(self.space, setting, strict=True)) for setting in settings)
        else:
            for _ in range(DRAWS):
                yield {name: values.any(rng) for name, values in self.space.items()}

    def _holds(self, values: Values) -> bool:
        space = self.space.items()
        return all(name in values and range_.holds(values[name]) for name, range_ in space)

    def _key(self, values: Values) -> tuple[Scalar, ...]:
        return tuple(values[name] for name in self.space)

    def _positions(self, values: Values) -> list[float]:
        return [range_.position(values[name]) for name, range_ in self.space.items()]

    @cached_property
    def _measured(self) -> list[list[float]]:
        return [self._positions(a.reading.values) for a in self.attempts if a.end == "measured"]

    @cached_property
    def _barred(self) -> list[list[float]]:
        """Where it failed; a setting that was measured too did not fail by its constants."""
        infeasible = [self._positions(a.reading.values) for a in self.attempts if a.end == "barred"]
        return [place for place in infeasible if place not in self._measured]

    @cached_property
    def _ordered(self) -> list[bool]:
        return [not isinstance(r, Steps) or r.ordered for r in self.space.values()]

    def _gap(self, here: list[float], there: list[float]) -> float:
        """The squared distance; unordered values that differ are as far apart as can be."""
        axes = zip(here, there, self._ordered, strict=True)
        return sum((a - b) ** 2 if ordered else float(a != b) for a, b, ordered in axes)

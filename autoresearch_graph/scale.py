"""Which values are of interest: all but the wild ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import quantiles

_LARGEST = 1e100
_LEAST_SPAN = 1e-12
_MARGIN = 0.04


@dataclass(frozen=True)
class Scale:
    """All numbers from `low` to `high`."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether the value lies on the scale."""
        return self.low <= value <= self.high

    def clamp(self, value: float) -> float:
        """The value, or the end of the scale that is next to it."""
        return min(max(value, self.low), self.high)

    @property
    def span(self) -> float:
        """From its lower end to its upper one."""
        return self.high - self.low


def scale_of(values: Iterable[float], kept: Iterable[float]) -> Scale:
    """A scale on which the kept values can be told apart, whatever the others did.

    Values more than three quartile ranges away from the middle half are left out, kept ones
    (a poor baseline) only from twenty on.
    """
    usable = sorted(value for value in values if abs(value) < _LARGEST)
    near = _near(usable, usable, 3) + _near([v for v in kept if abs(v) < _LARGEST], usable, 20)
    low, high = min(near, default=0.0), max(near, default=1.0)
    if high - low <= _LEAST_SPAN * max(abs(low), abs(high), _LEAST_SPAN):
        low, high = low - (abs(low) * 0.1 or 1.0), high + (abs(high) * 0.1 or 1.0)
    margin = _MARGIN * (high - low)
    return Scale(low - margin, high + margin)


def _near(values: Sequence[float], all_values: Sequence[float], ranges: float) -> list[float]:
    """The values within so many quartile ranges of the middle half; all where that is a point."""
    if len(all_values) < 4:
        return list(values)
    low, _, high = quantiles(all_values, n=4)
    reach = ranges * (high - low)
    return [v for v in values if not reach or low - reach <= v <= high + reach]

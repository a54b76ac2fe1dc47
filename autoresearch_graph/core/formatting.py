"""Rounding of metric figures to their noise, scales of pictures, and durations.

Figures are rounded to a step of at most half the noise (sigma, one standard deviation of a run).
Decisions and the ledger use unrounded values.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import floor, log10
from statistics import quantiles

_DIGITS = 6  # significant digits of a figure without a step
_MOST_DIGITS = 12  # of a figure for people
_FINE, _FINEST = 1e-3, 1e-6  # of the range of all values: steps without noise, and with little
_NUMBER = re.compile(r"(?<![\w.])(?<!experiment )[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?!\.?\w)")


@dataclass(frozen=True)
class Figures:
    """A rounding of figures to multiples of `step`, or to six digits if it is None.

    A figure of more than `digits` digits at that step is also shown with six.
    """

    step: float | None = None
    digits: int = _DIGITS

    def value(self, number: float) -> str:
        """Format a value of the metric."""
        if not self.step or abs(number) >= self.step * 10**self.digits:
            return f"{number:.{_DIGITS}g}"
        return f"{round(number / self.step) * self.step + 0.0:.{self._decimals}f}"

    def difference(self, number: float) -> str:
        """Format a difference, without its sign; a small one as `less than` the step."""
        if self.step and abs(number) < self.step / 2:
            return f"less than {self.step:g}"
        return self.value(abs(number)) if self.step else f"{abs(number):.3g}"

    def change(self, gain: float) -> str:
        """Format a gain (positive is better) in words."""
        if not gain or (self.step and abs(gain) < self.step / 2):
            return "no different"
        return f"{self.difference(gain)} {'better' if gain > 0 else 'worse'}"

    def within(self, text: str, values: Sequence[float], differences: Sequence[float] = ()) -> str:
        """Return the text with these values and differences rounded.

        A number in the text stands for the nearest value that prints like it, with so many digits.
        Not covered: figures that were computed from them.
        """
        if not self.step:
            return text
        shown: list[tuple[float, Callable[[float], str]]] = [
            *((value, self.value) for value in values),
            *((abs(gain), self.difference) for gain in differences),
        ]

        def rounded(match: re.Match[str]) -> str:
            printed = match[0]
            if not self._is_finer(printed):
                return printed
            known = [pair for pair in shown if _says(printed, pair[0])]
            number, show = min(
                known, key=lambda pair: abs(pair[0] - float(printed)), default=(0, str)
            )
            return show(number) if known else printed

        return _NUMBER.sub(rounded, text)

    @cached_property
    def _decimals(self) -> int:
        return max(0, -floor(log10(self.step or 1.0)))

    def _is_finer(self, said: str) -> bool:
        """Return True if a number has more decimals than are known; `3 runs` has not."""
        decimals = len(said.partition(".")[2])
        return "e" in said.lower() or decimals > self._decimals or (self.step or 0.0) > 1


def of_noise(sigma: float) -> Figures:
    """Return the rounding for a model: the step is 1, 2 or 5 times a power of ten."""
    return Figures(_round_step(sigma / 2) if sigma else None)


def for_people(sigma: float, values: Iterable[float], kept: Iterable[float]) -> Figures:
    """Return the rounding for people: whole decimals, as many as the noise allows.

    Without noise the last one is a thousandth of the range of all values, outliers aside, and none
    that every value lacks; with very little noise a millionth.
    """
    values = list(values)
    span = scale_of(values, kept).span
    if sigma:
        return in_decimals(max(sigma / 2, _FINEST * span))
    return in_decimals(max(_FINE * span, 10.0 ** min(map(_last_place, values), default=-_DIGITS)))


def _last_place(value: float) -> int:
    """Return the power of ten of a value's last digit: -2 of 47.67."""
    return -len(f"{value:.{_MOST_DIGITS}f}".rstrip("0").partition(".")[2])


def in_decimals(step: float) -> Figures:
    """Return a rounding with as many decimals as show this step."""
    return Figures(min(1.0, float(f"1e{floor(log10(step))}")), _MOST_DIGITS)


def _round_step(most: float) -> float:
    """Return the largest of 1, 2 or 5 times a power of ten that is not above `most`."""
    power = floor(log10(most))
    factor = next(f for f in (5, 2, 1) if f * 10.0**power <= most * (1 + 1e-9) or f == 1)
    return float(f"{factor}e{power}")


def _says(said: str, known: float) -> bool:
    """Return True if the number, printed with three digits or more, is `known` to as many."""
    if any(f"{known:.{digits}g}" == said for digits in range(3, 8)):
        return True
    whole, _, decimals = said.partition(".")
    return len(whole.lstrip("+-0") + decimals) > 2 and f"{known:.{len(decimals)}f}" == said


_LARGEST = 1e100  # of a value in a picture, whose arithmetic must not overflow
_LEAST_SPAN = 1e-12  # of the values: below that they are equal
_MARGIN = 0.04  # of the span, above and below


@dataclass(frozen=True)
class Scale:
    """All numbers from `low` to `high`."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Return True if the value lies on the scale."""
        return self.low <= value <= self.high

    def clamp(self, value: float) -> float:
        """Return the value, or the nearest end of the scale."""
        return min(max(value, self.low), self.high)

    @property
    def span(self) -> float:
        """The distance of its ends."""
        return self.high - self.low


def scale_of(values: Iterable[float], kept: Iterable[float]) -> Scale:
    """Return a scale on which the kept values are distinct, whatever the others are.

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
    """Return the values within `ranges` quartile ranges of the middle half; all if that is 0."""
    if len(all_values) < 4:
        return list(values)
    low, _, high = quantiles(all_values, n=4)
    reach = ranges * (high - low)
    return [v for v in values if not reach or low - reach <= v <= high + reach]


def duration(seconds: float) -> str:
    """Return a time in words, such as `45.2 s`, `2.5 min`, `17 min` or `1 h 5 min`."""
    minutes = seconds / 60
    if seconds < 120:
        return f"{seconds:.3g} s"
    if minutes < 10:
        return f"{minutes:.2g} min"
    hours, rest = divmod(round(minutes), 60)
    if hours < 2:
        return f"{minutes:.0f} min"
    return f"{hours} h {rest} min" if rest else f"{hours} h"

"""Figures of the metric as they are shown: no finer than its noise lets them mean something.

They are rounded to a step that is not above half the noise (sigma, one standard deviation of a
run). What is decided and what the ledger has is never rounded.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import floor, log10
from statistics import quantiles

_DIGITS = 6
_MOST_DIGITS = 12
_FINE, _FINEST = 1e-3, 1e-6
_NUMBER = re.compile(r"(?<![\w.])(?<!experiment )[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?!\.?\w)")


@dataclass(frozen=True)
class Figures:
    """Rounds figures of the metric to multiples of `step`, or to six digits where it is None.

    A figure of more than `digits` digits at that step is shown with six, too.
    """

    step: float | None = None
    digits: int = _DIGITS

    def value(self, number: float) -> str:
        """A value of the metric."""
        if not self.step or abs(number) >= self.step * 10**self.digits:
            return f"{number:.{_DIGITS}g}"
        return f"{round(number / self.step) * self.step + 0.0:.{self._decimals}f}"

    def difference(self, number: float) -> str:
        """A difference, without its sign; one that rounds to nothing is said to be small."""
        if self.step and abs(number) < self.step / 2:
            return f"less than {self.step:g}"
        return self.value(abs(number)) if self.step else f"{abs(number):.3g}"

    def change(self, gain: float) -> str:
        """A gain (positive is better) in words."""
        if not gain or (self.step and abs(gain) < self.step / 2):
            return "no different"
        return f"{self.difference(gain)} {'better' if gain > 0 else 'worse'}"

    def within(self, text: str, values: Sequence[float], differences: Sequence[float] = ()) -> str:
        """The text with these values and differences rounded where it says one of them.

        A number says the nearest value that prints like it, with so many digits. Not covered:
        figures that were computed from them.
        """
        if not self.step:
            return text
        shown: list[tuple[float, Callable[[float], str]]] = [
            *((value, self.value) for value in values),
            *((abs(gain), self.difference) for gain in differences),
        ]

        def rounded(match: re.Match[str]) -> str:
            said = match[0]
            known = [pair for pair in shown if _says(said, pair[0])] if self._is_finer(said) else []
            number, show = min(known, key=lambda k: abs(k[0] - float(said)), default=(0, str))
            return show(number) if known else said

        return _NUMBER.sub(rounded, text)

    @cached_property
    def _decimals(self) -> int:
        return max(0, -floor(log10(self.step or 1.0)))

    def _is_finer(self, said: str) -> bool:
        """Whether a number is said with more than there is to know: `3 runs` is not."""
        decimals = len(said.partition(".")[2])
        return "e" in said.lower() or decimals > self._decimals or (self.step or 0.0) > 1


def of_noise(sigma: float) -> Figures:
    """For a model: the step is 1, 2 or 5 times a power of ten."""
    return Figures(_round_step(sigma / 2) if sigma else None)


def for_people(sigma: float, values: Iterable[float], kept: Iterable[float]) -> Figures:
    """For people: whole decimals, as many as the noise allows.

    Without noise the last one is a thousandth of the range of all values, the wild ones aside,
    and none that every value lacks; with very little of it a millionth.
    """
    values = list(values)
    span = scale_of(values, kept).span
    if sigma:
        return in_decimals(max(sigma / 2, _FINEST * span))
    return in_decimals(max(_FINE * span, 10.0 ** min(map(_last_place, values), default=-_DIGITS)))


def _last_place(value: float) -> int:
    """The power of ten of a value's last digit: -2 of 47.67."""
    return -len(f"{value:.{_MOST_DIGITS}f}".rstrip("0").partition(".")[2])


def in_decimals(step: float) -> Figures:
    """With so many decimals that they tell this step."""
    return Figures(min(1.0, float(f"1e{floor(log10(step))}")), _MOST_DIGITS)


def _round_step(most: float) -> float:
    """The largest of 1, 2 or 5 times a power of ten that is not above `most`."""
    power = floor(log10(most))
    factor = next(f for f in (5, 2, 1) if f * 10.0**power <= most * (1 + 1e-9) or f == 1)
    return float(f"{factor}e{power}")


def _says(said: str, known: float) -> bool:
    """Whether the number, as printed with three digits or more, is `known` to so many digits."""
    if any(f"{known:.{digits}g}" == said for digits in range(3, 8)):
        return True
    whole, _, decimals = said.partition(".")
    return len(whole.lstrip("+-0") + decimals) > 2 and f"{known:.{len(decimals)}f}" == said


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

"""Search range of a constant, guessed from its name and its value."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import ClassVar, Literal

from autoresearch_graph.asset.literals import Constant, Scalar

DIGITS = 3  # significant ones of a suggested value
TAIL_DIGITS = 2  # of its distance to 1
STEP = 0.15  # standard deviation of a small step, as a share of the range


def tidy(value: float, digits: int = DIGITS) -> float:
    """Round a value to so many significant digits."""
    return float(f"{value:.{digits - 1}e}")


@dataclass(frozen=True, slots=True)
class Steps:
    """A few values; `ordered` ones have neighbours, others are all equally far apart."""

    values: tuple[Scalar, ...]
    ordered: bool = True

    def holds(self, value: Scalar) -> bool:
        """Return True if the value is one of the steps."""
        return value in self.values

    def position(self, value: Scalar) -> float:
        """Return the position of a value, from 0 to 1."""
        return self.values.index(value) / max(1, len(self.values) - 1)

    def at(self, position: float) -> Scalar:
        """Return the value nearest to a position."""
        return self.values[round(position * (len(self.values) - 1))]

    def near(self, value: Scalar, generator: Random) -> Scalar:
        """Draw another value, one or two steps away where there is an order."""
        if not self.ordered:
            return generator.choice([other for other in self.values if other != value])
        index = self.values.index(value) + generator.choice((-2, -1, -1, 1, 1, 2))
        return self.values[min(max(index, 0), len(self.values) - 1)]

    def draw(self, generator: Random) -> Scalar:
        """Draw any of the values."""
        return generator.choice(self.values)


@dataclass(frozen=True, slots=True)
class Interval:
    """All numbers from `low` to `high`: both positive or both negative where the scale is log.

    `tail` is a log scale of the distance to 1, for values such as 0.9, 0.99 and 0.999.
    """

    low: float
    high: float
    scale: Literal["linear", "log", "tail"] = "linear"
    whole: bool = False
    ordered: ClassVar[bool] = True

    def holds(self, value: Scalar) -> bool:
        """Return True if the value is a number between the bounds."""
        return not isinstance(value, bool | str) and self.low <= value <= self.high

    def position(self, value: Scalar) -> float:
        """Return the position of a value, from 0 to 1."""
        position = (self._line(float(value)) - self._line(self.low)) / self._length()
        return min(max(position, 0.0), 1.0)

    def at(self, position: float) -> Scalar:
        """Return the value at a position, rounded as a person would write it."""
        place = self._line(self.low) + position * self._length()
        match self.scale:
            case "linear":
                value = tidy(place)
            case "log":
                value = tidy(math.copysign(math.exp(place), self.low))
            case "tail":
                value = round(1 - tidy(math.exp(-place), TAIL_DIGITS), 12)
        value = min(max(value, self.low), self.high)
        return round(value) if self.whole else value

    def near(self, value: Scalar, generator: Random) -> Scalar:
        """Draw another value close by."""
        position = self.position(value) + generator.gauss(0, STEP)
        return self.at(min(max(position, 0.0), 1.0))

    def draw(self, generator: Random) -> Scalar:
        """Draw any of the values."""
        return self.at(generator.random())

    def _line(self, value: float) -> float:
        match self.scale:
            case "linear":
                return value
            case "log":
                return math.log(abs(value))
            case "tail":
                return -math.log(1 - value)

    def _length(self) -> float:
        return self._line(self.high) - self._line(self.low)


Range = Steps | Interval


def distance(values: Range, one: Scalar, other: Scalar) -> float:
    """Return the distance of two values of a range, at most 1."""
    if not values.ordered:
        return float(one != other)
    return abs(values.position(one) - values.position(other))


def between(values: Range, start: Scalar, end: Scalar, share: float) -> Scalar:
    """Return the value a share of the way from start to end; without an order, the end."""
    if not values.ordered:
        return end
    here, there = values.position(start), values.position(end)
    return values.at(here + share * (there - here))


def joined(one: Range, other: Range) -> Range:
    """Return a range that holds both, where they are of one kind; else the second."""
    match one, other:
        case Steps(ordered=True), Steps(ordered=True):
            return Steps(tuple(sorted({*one.values, *other.values}, key=float)))
        case Interval(), Interval() if (one.scale, one.whole) == (other.scale, other.whole):
            low, high = min(one.low, other.low), max(one.high, other.high)
            return Interval(low, high, one.scale, one.whole)
    return other


WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
SPAN = 8  # times the value, or an eighth of it: the reach of a log scale
EDGE = 0.1  # share of a range
NEARLY_ONE = 1 - 1e-9


@dataclass(frozen=True)
class Rule:
    """A row: names with a word that starts so (any name if empty), least <= value < below."""

    words: str
    least: float
    below: float
    gives: Callable[[float], Range]

    def fits(self, words: list[str], value: float) -> bool:
        """Return True if the row is for this name and value."""
        starts = tuple(self.words.split())
        named = not starts or any(word.startswith(starts) for word in words)
        return named and self.least <= value < self.below


def _to(high: float) -> Callable[[float], Range]:
    return lambda value: Interval(0.0, high)


def _around(value: float) -> Range:
    return Interval(tidy(value / SPAN), tidy(value * SPAN), "log")


def _share(value: float) -> Range:
    return Interval(0.0, 1.0)


def _tail(value: float) -> Range:
    nearest, farthest = (1 - value) / SPAN, min((1 - value) * SPAN, 0.9)
    return Interval(tidy(1 - farthest), round(1 - nearest, 12), "tail")


def _whole(values: range) -> Range:
    return Steps(tuple(values))


def _count(value: float) -> Range:
    return _whole(range(max(1, int(value) // 3), 2 * int(value) + 3))


def _doublings(value: int) -> Range:
    least = max(1, value // SPAN)
    doublings = (value * SPAN // least).bit_length()
    return Steps(tuple(least << power for power in range(doublings)))


def _multiples(value: int) -> Range:
    """Return multiples of the value's largest power of two (at most 64), half an octave apart."""
    unit = min(value & -value, 64)
    wanted = [value * 2 ** (half_octaves / 2) for half_octaves in range(-6, 7)]
    multiples = [max(1, round(each / unit)) * unit for each in wanted]
    return Steps(tuple(dict.fromkeys(multiples)))


def _around_whole(value: int) -> Range:
    return Interval(max(1, value // SPAN), value * SPAN, "log", whole=True)


FLOATS = (
    # the name has a word in   value from  to below    range
    Rule("drop", 0, 0.5, _to(0.5)),
    Rule("drop", 0.5, 1, _share),
    Rule("beta momentum ema", 0, 0.5, _to(0.95)),
    Rule("beta momentum ema", 0.5, NEARLY_ONE, _tail),
    Rule("warm cool frac prob ratio thresh", 0, 1e-9, _to(0.5)),
    Rule("warm cool frac prob ratio thresh", 0, 1.001, _share),
    Rule("smooth", 0, 0.4, _to(0.4)),
    Rule("decay", 0, 1e-12, _to(0.3)),
    Rule("lr learning", 0, 1e-12, _to(0.1)),
    Rule("", 0, 1e-12, _share),
    Rule("lr learning rate scale clip", 0, math.inf, _around),
    Rule("", 0.8, NEARLY_ONE, _tail),
    Rule("", 0, math.inf, _around),
)
WHOLES = (
    Rule("use enable", 0, 2, lambda value: _whole(range(2))),
    Rule("step iter warm cool", 0, 1, lambda value: Interval(0, 200, whole=True)),
    Rule("", 0, 1, lambda value: _whole(range(5))),
    Rule("depth layer", 1, 20, _count),
    Rule("", 1, 4, _count),
)


def guess(constant: Constant) -> Range:
    """Return the range of a constant, by the first of these that applies.

    Choices in a comment; False and True; `b**k`: three exponents to both sides (one unless b is
    2); a negative number: the mirrored range; else the first row of FLOATS or WHOLES that fits
    the words of its name and its value; of whole numbers that no row knows, powers of two take
    doublings, those below 20 every number up to twice the value, multiples of 8 multiples of
    their largest power of two. Doublings, multiples and log scales reach from an eighth of the
    value to eight times it.
    """
    value = constant.value
    if constant.choices:
        return _chosen(constant.choices)
    if isinstance(value, bool | str):
        return Steps((False, True), ordered=False)
    if "**" in constant.raw and value > 0:
        return _powers(int(constant.raw.split("**")[0]), value)
    if value < 0:
        return _mirrored(guess(replace(constant, value=-value)))
    words = [word.lower() for word in WORDS.findall(constant.name)]
    for rule in FLOATS if isinstance(value, float) else WHOLES:
        if rule.fits(words, value):
            return rule.gives(value)
    return _whole_range(int(value))


def _whole_range(value: int) -> Range:
    if value & (value - 1) == 0:
        return _doublings(value)
    if value < 20:
        return _count(value)
    return _multiples(value) if value % 8 == 0 else _around_whole(value)


def _chosen(choices: tuple[Scalar, ...]) -> Range:
    if any(isinstance(choice, bool | str) for choice in choices):
        return Steps(choices, ordered=False)
    return Steps(tuple(sorted(choices, key=float)))


def _powers(base: int, value: float) -> Range:
    exponent = round(math.log(value, base))
    reach = 3 if base == 2 else 1
    exponents = range(max(1, exponent - reach), exponent + reach + 1)
    return Steps(tuple(base**each for each in exponents))


def _mirrored(positive: Range) -> Range:
    match positive:
        case Steps(values=values):
            return Steps(tuple(-value for value in reversed(values) if not isinstance(value, str)))
        case Interval(low=low, high=high, scale="tail"):
            return Interval(-high, -low)
        case Interval(low=low, high=high, scale=scale, whole=whole):
            return Interval(-high, -low, scale, whole)


def follow(constant: Constant, origin: Scalar) -> Range:
    """Return the range guessed from the value a constant had first.

    Where the incumbent's value has come near an end of it, or left it, the range guessed from
    that value is joined to it.
    """
    current, value = guess(constant), constant.value
    if constant.choices or not _comparable(origin, value):
        return current
    first = guess(replace(constant, value=origin))
    if first.holds(value) and EDGE <= first.position(value) <= 1 - EDGE:
        return first
    return joined(first, current)


def _comparable(origin: Scalar, value: Scalar) -> bool:
    """Return True if both are numbers of one type, and of one sign."""
    if isinstance(origin, bool | str) or isinstance(value, bool | str):
        return False
    return type(origin) is type(value) and (origin < 0) == (value < 0)

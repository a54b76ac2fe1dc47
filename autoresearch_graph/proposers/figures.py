"""How the metric's figures are shown to a model: no finer than its noise lets them mean something.

A model that reads 1.48123 and 1.48098 takes the second for better. Where two runs of one file
differ by 0.005, that is a guess. So figures are rounded to a step: the largest of 1, 2 or 5 times
a power of ten that is not above half the noise (sigma, one standard deviation).

Sigma is, in this order: what the brief says; the spread of experiments that were run several
times; the program's minimum improvement. Where there is none of them, or the metric repeats
itself exactly, six significant digits are shown.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import floor, log10, sqrt
from statistics import fmean

from autoresearch_graph.experiment import Experiment, Measured
from autoresearch_graph.proposers import Brief

_DIGITS = 6
_NUMBER = re.compile(r"(?<![\w.])(?<!experiment )[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?!\.?\w)")


@dataclass(frozen=True)
class Figures:
    """Rounds figures of the metric to multiples of `step`, or to six digits where it is None."""

    step: float | None = None

    def value(self, number: float) -> str:
        """A value of the metric. It never gets more than six significant digits."""
        if not self.step or abs(number) >= self.step * 10**_DIGITS:
            return f"{number:.{_DIGITS}g}"
        decimals = max(0, -floor(log10(self.step)))
        return f"{round(number / self.step) * self.step + 0.0:.{decimals}f}"

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
            known = [pair for pair in shown if _says(said, pair[0])]
            number, show = min(known, key=lambda k: abs(k[0] - float(said)), default=(0, str))
            return show(number) if known else said

        return _NUMBER.sub(rounded, text)


def figures(brief: Brief) -> Figures:
    """How this brief's figures are rounded."""
    sigma = _sigma(brief)
    return Figures(_round_step(sigma / 2) if sigma else None)


def _sigma(brief: Brief) -> float:
    """The noise of one run, or 0 where the metric has none or nothing is known of it."""
    if brief.sigma is not None:
        return brief.sigma
    measured = _spread(brief.ledger)
    return brief.program.noise.minimum_improvement if measured is None else measured


def _spread(ledger: Sequence[Experiment]) -> float | None:
    """The pooled standard deviation of the runs of one text; None where nothing was repeated.

    Of a candidate the first run is left out: it was confirmed because it was good.
    """
    squares, freedom = 0.0, 0
    for runs in _repeated(ledger):
        mean = fmean(runs)
        squares += sum((run - mean) ** 2 for run in runs)
        freedom += len(runs) - 1
    return sqrt(squares / freedom) if freedom else None


def _repeated(ledger: Sequence[Experiment]) -> Iterator[list[float]]:
    for experiment in ledger:
        runs = [run.metric for run in experiment.trials if isinstance(run, Measured)]
        fresh = runs if experiment.number == 0 else runs[1:]
        if len(fresh) > 1:
            yield fresh


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

"""Search proposer: it tunes the constants of the asset without model, key or network.

It starts with small steps from the incumbent; then Optuna's sampler reads the whole ledger.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random

from autoresearch_graph.asset.constants import find_some, rewrite
from autoresearch_graph.asset.literals import Constant, write
from autoresearch_graph.core.brief import Brief, Exhausted
from autoresearch_graph.core.experiment import Draft
from autoresearch_graph.proposers.search.attempts import Attempts, Values, reading
from autoresearch_graph.proposers.search.neighbourhood import Neighbourhood
from autoresearch_graph.proposers.search.sampler import Sampler, choose_sampler, suggestions

FIRST_STEPS = 8  # measured settings before the sampler is asked
ASKS: dict[Sampler, int] = {"Gaussian process": 3, "TPE": 20}  # suggestions an experiment
PARTS = (0.5, 0.25)  # of the way to a suggestion that may be infeasible
STEPS = 200  # small steps that are drawn before anything at random
LONGEST = 120  # characters of a description


@dataclass(frozen=True, slots=True)
class Suggestion:
    """New values and their hypothesis; a last resort may lie beside a crash."""

    values: Values
    hypothesis: str
    last_resort: bool = False


class Search:
    """Proposer of new values for the constants of the incumbent, never twice the same.

    The same brief gets the same draft: chance is seeded with the experiment's number, and what
    is kept between calls only saves reading texts again.
    """

    def __init__(self) -> None:
        self._attempts = Attempts()

    def propose(self, brief: Brief) -> Draft:
        """Draft the next experiment; InputError where the incumbent has no constants."""
        constants = find_some(brief.text, brief.program.asset)
        attempts = self._attempts.read(brief)
        neighbourhood = Neighbourhood(constants, reading(brief.text, constants), attempts)
        for suggestion in _suggestions(neighbourhood, brief):
            if not neighbourhood.is_new(suggestion.values):
                continue
            if suggestion.last_resort or neighbourhood.is_safe(suggestion.values):
                return _draft(brief, constants, neighbourhood, suggestion)
        names = ", ".join(constant.name for constant in constants)
        raise Exhausted(f"No setting of {names} that was not tried is left within their ranges.")


def _suggestions(neighbourhood: Neighbourhood, brief: Brief) -> Iterator[Suggestion]:
    """Yield the sampler's suggestions, then small steps, then anything."""
    generator = Random(brief.number)
    results = neighbourhood.results
    if results > FIRST_STEPS:
        yield from _sampled(neighbourhood, brief)
        reason = "what the sampler suggested had been tried or lies beside a failure"
    else:
        settings = "setting is" if results == 1 else "settings are"
        reason = f"{results} measured {settings} too few for the sampler"
    for values in islice(neighbourhood.steps(generator), STEPS):
        yield Suggestion(values, f"A small step from the incumbent; {reason}.")
    reason = "The sampler and small steps led only to what was tried or lies beside a failure"
    for values in neighbourhood.everything(generator):
        yield Suggestion(values, f"Drawn at random. {reason}.", last_resort=True)


def _sampled(neighbourhood: Neighbourhood, brief: Brief) -> Iterator[Suggestion]:
    """Yield the sampler's suggestions, each with parts of the way to it."""
    metric, space, results = brief.program.metric, neighbourhood.space, neighbourhood.results
    sampler = choose_sampler(space, results)
    reason = (
        f"Fitted to {results} measured settings, the sampler ({sampler}) expects a "
        f"{metric.direction} {metric.name} "
    )
    asked = suggestions(
        space, neighbourhood.attempts, metric.direction, kind=sampler, seed=brief.number
    )
    for values in islice(asked, ASKS[sampler]):
        whole = neighbourhood.snap(values)
        yield Suggestion(whole, f"{reason}here, or knows too little to rule it out.")
        for share in PARTS:
            yield Suggestion(
                neighbourhood.snap(neighbourhood.towards(values, share)),
                f"{reason}in a direction of which this is {share:.0%}: all of it would be beside a "
                "failure.",
            )


def _draft(
    brief: Brief,
    constants: Sequence[Constant],
    neighbourhood: Neighbourhood,
    suggestion: Suggestion,
) -> Draft:
    values = suggestion.values
    distances = neighbourhood.distances(values)
    raws = {constant.name: constant.raw for constant in constants}
    names = sorted(distances, key=lambda name: distances[name], reverse=True)
    changes = [f"{name} {raws[name]} → {write(raws[name], values[name])}" for name in names]
    return Draft(
        text=rewrite(brief.text, brief.program.asset, values),
        description=_line(changes),
        hypothesis=suggestion.hypothesis,
        author="search",
    )


def _line(changes: Sequence[str]) -> str:
    """Return as many changes as fit a line, the largest first, and the number of the others."""
    for shown in range(len(changes), 0, -1):
        more = [f"{len(changes) - shown} more"] if shown < len(changes) else []
        line = ", ".join([*changes[:shown], *more])
        if len(line) <= LONGEST:
            return line
    return changes[0][: LONGEST - 1] + "…"

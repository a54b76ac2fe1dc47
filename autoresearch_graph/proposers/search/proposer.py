"""The search proposer: no model, no key, no network; it tunes the constants of the asset.

First small steps from the incumbent, then what Optuna's sampler makes of the whole ledger.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random

from autoresearch_graph.asset.constants import find_some, rewrite
from autoresearch_graph.asset.literals import Constant, write
from autoresearch_graph.core.brief import Brief, Exhausted
from autoresearch_graph.core.experiment import Draft
from autoresearch_graph.proposers.search.history import History, Values, reading
from autoresearch_graph.proposers.search.neighbourhood import Neighbourhood
from autoresearch_graph.proposers.search.sampler import Sampler, model, suggestions

FIRST_STEPS = 8
ASKS: dict[Sampler, int] = {"Gaussian process": 3, "TPE": 20}
PARTS = (0.5, 0.25)
STEPS = 200
LONGEST = 120


@dataclass(frozen=True, slots=True)
class Idea:
    """New values and why; a last resort may lie beside a crash."""

    values: Values
    hypothesis: str
    last_resort: bool = False


class Search:
    """Proposes new values for the constants of the incumbent, never twice the same.

    The same brief gets the same draft: chance is seeded with the experiment's number, and what
    is kept between calls only saves reading texts again.
    """

    def __init__(self) -> None:
        self._history = History()

    def propose(self, brief: Brief) -> Draft:
        """Draft the next experiment; InputError where the incumbent has no constants."""
        constants = find_some(brief.text, brief.program.asset)
        attempts = self._history.attempts(brief)
        terrain = Neighbourhood(constants, reading(brief.text, constants), attempts)
        for idea in _ideas(terrain, brief):
            if not terrain.is_new(idea.values):
                continue
            if idea.last_resort or terrain.is_safe(idea.values):
                return _draft(brief, constants, terrain, idea)
        names = ", ".join(constant.name for constant in constants)
        raise Exhausted(f"No setting of {names} that was not tried is left within their ranges.")


def _ideas(terrain: Neighbourhood, brief: Brief) -> Iterator[Idea]:
    rng = Random(brief.number)
    results = terrain.results
    if results > FIRST_STEPS:
        yield from _suggested(terrain, brief)
        why = "what the sampler suggested had been tried or lies beside a failure"
    else:
        settings = "setting is" if results == 1 else "settings are"
        why = f"{results} measured {settings} too few for the sampler"
    for values in islice(terrain.steps(rng), STEPS):
        yield Idea(values, f"A small step from the incumbent; {why}.")
    for values in terrain.everything(rng):
        why = "The sampler and small steps led only to what was tried or lies beside a failure"
        yield Idea(values, f"Drawn at random. {why}.", last_resort=True)


def _suggested(terrain: Neighbourhood, brief: Brief) -> Iterator[Idea]:
    metric, results = brief.program.metric, terrain.results
    kind = model(terrain.space, results)
    reason = (
        f"Fitted to {results} measured settings, the sampler ({kind}) expects a {metric.direction} "
        f"{metric.name} "
    )
    asked = suggestions(
        terrain.space, terrain.attempts, metric.direction, kind=kind, seed=brief.number
    )
    for values in islice(asked, ASKS[kind]):
        yield Idea(terrain.snapped(values), f"{reason}here, or knows too little to rule it out.")
        for share in PARTS:
            part = terrain.snapped(terrain.towards(values, share))
            why = (
                f"in a direction of which this is {share:.0%}: all of it would be beside a failure."
            )
            yield Idea(part, f"{reason}{why}")


def _draft(
    brief: Brief, constants: Sequence[Constant], terrain: Neighbourhood, idea: Idea
) -> Draft:
    moved = terrain.moved(idea.values)
    raws = {constant.name: constant.raw for constant in constants}
    names = sorted(moved, key=lambda name: moved[name], reverse=True)
    changes = [f"{name} {raws[name]} → {write(raws[name], idea.values[name])}" for name in names]
    return Draft(
        text=rewrite(brief.text, brief.program.asset, idea.values),
        description=_line(changes),
        hypothesis=idea.hypothesis,
        author="search",
    )


def _line(changes: Sequence[str]) -> str:
    """As many changes as fit a line, the largest first, and how many more there are."""
    for shown in range(len(changes), 0, -1):
        more = [f"{len(changes) - shown} more"] if shown < len(changes) else []
        line = ", ".join([*changes[:shown], *more])
        if len(line) <= LONGEST:
            return line
    return changes[0][: LONGEST - 1] + "…"

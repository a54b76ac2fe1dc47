"""Wait for the next outcome, whichever trial it comes from."""

import asyncio
from typing import TYPE_CHECKING

from autoresearch_graph.core.experiment import Outcome, Trial
from autoresearch_graph.nodes.messages import take_messages
from autoresearch_graph.state import State, Update

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab

_SLICE = 0.25


def collect(state: State, lab: "Lab") -> Update:
    """Wait, showing the progress of every run; starts again what a killed lab left running."""
    lab.go_on(state)
    while (ended := lab.workshop.wait(_SLICE)) is None:
        _show(lab)
    return _collected(state, *ended) | take_messages(state, lab)


async def collect_async(state: State, lab: "Lab") -> Update:
    """Do the same without blocking the event loop, so that the wait can be cancelled."""
    await asyncio.to_thread(lab.go_on, state)
    while (ended := await asyncio.to_thread(lab.workshop.wait, _SLICE)) is None:
        await asyncio.to_thread(_show, lab)
    return _collected(state, *ended) | await asyncio.to_thread(take_messages, state, lab)


def _show(lab: "Lab") -> None:
    lab.note(lab.workshop.progress())


def _collected(state: State, trial: Trial, outcome: Outcome) -> Update:
    candidate, best = state.candidate(trial.owner), state.incumbent
    where = "outcomes" if trial.made_for is None else "incumbent_runs"
    if trial.made_for is not None and best and best.number != trial.number:
        where = "superseded_runs"
    outcomes = (*getattr(candidate, where), outcome)
    ended = candidate.model_copy(update={where: outcomes})
    return {
        "running": tuple(other for other in state.running if other != trial),
        "candidates": tuple(ended if c == candidate else c for c in state.candidates),
        "collected": trial.owner,
    }

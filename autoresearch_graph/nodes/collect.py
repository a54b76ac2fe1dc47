"""Wait for the next outcome, whichever trial it comes from."""

import asyncio
from typing import TYPE_CHECKING

from autoresearch_graph.core.experiment import Outcome, Trial
from autoresearch_graph.nodes.messages import take_messages
from autoresearch_graph.nodes.train import restart
from autoresearch_graph.state import State, Update

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab

_SLICE = 0.25  # seconds between two looks at the progress of the runs


def collect(state: State, lab: "Lab") -> Update:
    """Wait, showing the progress of every run; starts again what a killed lab left running."""
    restart(state, lab)
    while (ended := lab.pool.wait(_SLICE)) is None:
        _show_progress(lab)
    return _collected(state, *ended) | take_messages(state, lab)


async def collect_async(state: State, lab: "Lab") -> Update:
    """Do the same without blocking the event loop, so that the wait can be cancelled."""
    await asyncio.to_thread(restart, state, lab)
    while (ended := await asyncio.to_thread(lab.pool.wait, _SLICE)) is None:
        await asyncio.to_thread(_show_progress, lab)
    return _collected(state, *ended) | await asyncio.to_thread(take_messages, state, lab)


def _show_progress(lab: "Lab") -> None:
    runs = lab.pool.progress()
    lab.store.status.progress(runs)
    for progress in runs:
        lab.host.show(progress)


def _collected(state: State, trial: Trial, outcome: Outcome) -> Update:
    """File an outcome: of the candidate, or of the incumbent, which may have been replaced."""
    candidate, incumbent = state.candidate(trial.owner), state.incumbent
    kind = "outcomes" if trial.made_for is None else "incumbent_runs"
    if trial.made_for is not None and incumbent and incumbent.number != trial.number:
        kind = "superseded_runs"
    outcomes = (*getattr(candidate, kind), outcome)
    return {
        "running": tuple(other for other in state.running if other != trial),
        "candidates": state.replaced(candidate.model_copy(update={kind: outcomes})),
        "collected": trial.owner,
    }

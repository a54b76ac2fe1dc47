"""Start the time-boxed run of the next trial."""

from typing import TYPE_CHECKING

from autoresearch_graph.core.experiment import Trial
from autoresearch_graph.state import State, Update

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab


def train(state: State, lab: "Lab") -> Update:
    """Hand the next trial of the queue to the pool, which ignores one that it knows."""
    trial = state.next_trial
    if trial is None:
        raise ValueError("no trial may be started")
    _start(trial, state, lab)
    queue = tuple(other for other in state.queue if other != trial)
    return {"queue": queue, "running": (*state.running, trial)}


def restart(state: State, lab: "Lab") -> None:
    """Start again what a killed lab left running, as far as there are executors. Idempotent."""
    for trial in state.running:
        _start(trial, state, lab)


def _start(trial: Trial, state: State, lab: "Lab") -> None:
    lab.pool.start_trial(trial, state, lab.program.current, lab.ledger.experiments)

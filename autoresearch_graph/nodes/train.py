"""Start the time-boxed run of the next trial."""

from typing import TYPE_CHECKING

from autoresearch_graph.state import State, Update

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab


def train(state: State, lab: "Lab") -> Update:
    """Hand the first trial of the queue to the pool, which ignores one that it knows."""
    trial, *queue = state.queue
    lab.start(trial, state.commit(trial))
    return {"queue": queue, "running": (*state.running, trial)}

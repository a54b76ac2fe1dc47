"""Read program.md again, so that a person steers by editing it, and look whether to stop."""

from typing import TYPE_CHECKING

from autoresearch_graph.state import State, Update, from_ledger
from autoresearch_graph.stopping import stop_reason

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab


def read_program(state: State, lab: "Lab") -> Update:
    """Begin a cycle; where state and ledger disagree, the ledger is right.

    They disagree on a new thread for an old research, and after a checkpoint was lost.
    """
    before = state
    if state.tally.judged != len(lab.ledger.experiments):
        state = from_ledger(lab.ledger.experiments)
    state = state.requeued()
    update: Update = {} if state == before else dict(state)
    lab.reread_program()
    tally = state.tally.model_copy(update={"seconds": state.tally.seconds + lab.lap()})
    stop = state.exhausted or stop_reason(lab.program, tally, state.incumbent)
    return update | {
        "tag": lab.tag,
        "tally": tally,
        "stop": stop,
        "workers": lab.pool.workers,
        "review": lab.review,
    }

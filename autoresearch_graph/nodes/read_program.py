"""Read program.md again, so that a person steers by editing it, and look whether to stop."""

from typing import TYPE_CHECKING

from autoresearch_graph.core.stopping import stop_reason
from autoresearch_graph.nodes.messages import take_messages
from autoresearch_graph.state import State, Update, from_ledger

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab

_SMALL = 50  # lines: two rewrites of so short a text seldom leave a line between their changes


def read_program(state: State, lab: "Lab") -> Update:
    """Begin a cycle; where state and ledger disagree, the ledger is right.

    They disagree on a new thread for an old research, and after a checkpoint was lost. While a
    person wants a pause, it waits here once what has begun is judged; that is no work.
    """
    before = state
    if state.tally.judged != len(lab.ledger.experiments):
        state = from_ledger(lab.ledger.experiments)
    state = state.requeued()
    update: Update = {} if state == before else dict(state)
    tally = state.tally.model_copy(update={"seconds": state.tally.seconds + lab.lap()})
    tally = tally.with_costs(lab.spent(state))
    while True:
        lab.reread_program()
        heard = take_messages(state, lab)
        stop = heard["halt"] or stop_reason(lab.program, tally, state.incumbent)
        held = lab.inbox.is_paused
        if stop or state.has_begun or not held:
            break
        lab.rest()
    if not state.candidates:
        stop = stop or state.exhausted
    return update | {
        **heard,
        "tag": lab.tag,
        "tally": tally,
        "stop": stop,
        "held": held,
        "limit": lab.program.stopping.experiments,
        "workers": lab.workshop.workers,
        "ahead": 0 if _collides(state, lab) else lab.ahead,
        "review": lab.review,
    }


def _collides(state: State, lab: "Lab") -> bool:
    """True if a proposal written ahead was not run, and the asset is so small that the next is not.

    Such a proposal cost a model's tokens; the next is written when the one before is judged.
    """
    if not lab.ahead or state.incumbent is None:
        return False
    rows = (row for row in lab.ledger.experiments if row.author == "model" and not row.trials)
    if all(row.status != "discard" or row.review == "rejected" for row in rows):
        return False
    return lab.workspace.text(state.incumbent.commit).count("\n") <= _SMALL

"""Read program.md again, so that a person steers by editing it, and check whether to stop."""

from typing import TYPE_CHECKING

from autoresearch_graph.core.brief import Abandoned
from autoresearch_graph.core.stopping import Tally, stop_reason
from autoresearch_graph.nodes.messages import take_messages
from autoresearch_graph.state import State, Update, from_ledger

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab

_SMALL = 50  # lines: two rewrites of so short a text seldom leave a line between their changes
_PAUSE = 0.5  # seconds between two looks at the inbox during a pause


def read_program(state: State, lab: "Lab") -> Update:
    """Begin a cycle; if state and ledger disagree, the ledger is right.

    They disagree on a new thread for an old research, and after a checkpoint was lost.
    """
    before, rows = state, lab.ledger.experiments
    if state.tally.judged != len(rows):
        state = from_ledger(rows)
    state = state.requeued()
    update: Update = {} if state == before else dict(state)
    tally = state.tally.model_copy(update={"seconds": state.tally.seconds + lab.host.lap()})
    tally = tally.with_costs(lab.store.spending.costs(rows, under_way=state.numbers))
    orders = _orders(state, tally, lab)
    while orders["held"] and not (orders["stop"] or state.has_begun):
        _pause(lab)
        orders = _orders(state, tally, lab)
    if not state.candidates:
        orders["stop"] = orders["stop"] or state.exhausted
    return update | {
        **orders,
        "tag": lab.store.tag,
        "tally": tally,
        "limit": lab.program.current.stopping.experiments,
        "workers": lab.pool.workers,
        "ahead": 0 if _collides(state, lab) else lab.host.ahead,
        "review": lab.host.review,
    }


def _orders(state: State, tally: Tally, lab: "Lab") -> Update:
    """Read program.md and the inbox: whether to stop, and whether a person wants a pause."""
    if notice := lab.program.reread():
        lab.host.tell(notice)
    messages = take_messages(state, lab)
    stop = messages["halt"] or stop_reason(lab.program.current, tally, state.incumbent)
    return {**messages, "stop": stop, "held": lab.store.inbox.is_paused}


def _pause(lab: "Lab") -> None:
    """Wait a moment, which is no work; raises Abandoned if the lab is closed meanwhile."""
    if lab.store.status.pause():
        lab.host.tell("paused; go on with: autoresearch resume")
    if lab.host.closing.wait(_PAUSE):
        raise Abandoned
    lab.host.lap()


def _collides(state: State, lab: "Lab") -> bool:
    """Return True if proposals written ahead collide, as on a very small asset.

    Such a proposal cost a model's tokens; the next is written when the one before is judged.
    """
    if not lab.host.ahead or state.incumbent is None:
        return False
    rows = (row for row in lab.ledger.experiments if row.author == "model" and not row.trials)
    if all(row.status != "discard" or row.review == "rejected" for row in rows):
        return False
    return lab.workspace.text(state.incumbent.commit).count("\n") <= _SMALL

"""What read_program and collect have in common: hearing what a person said meanwhile."""

from typing import TYPE_CHECKING

from autoresearch_graph.state import State, Update

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab

STOPPED = "stopped by a person"


def take_messages(state: State, lab: "Lab") -> Update:
    """Take note of messages that no ledger row and no experiment under way has.

    Guidance and texts wait in the state until a proposal takes them up. An order is obeyed once
    and goes into the next ledger row. The same if it runs twice.
    """
    under_way = {m.id for candidate in state.candidates for m in candidate.proposal.steering}
    used = lab.ledger.heard | under_way if under_way else lab.ledger.heard
    messages = [m for m in lab.inbox.messages() if m.id not in used]
    obeyed = {m.id for m in state.obeyed}
    orders = [m for m in messages if m.is_order and m.id not in obeyed]
    stop = any(m.wish == "stop" for m in orders)
    return {
        "heard": tuple(m for m in messages if not m.is_order),
        "obeyed": (*state.obeyed, *orders),
        "halt": STOPPED if stop else state.halt,
    }

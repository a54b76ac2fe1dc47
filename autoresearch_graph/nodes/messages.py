"""Messages of a person, as `read_program` and `collect` take them from the inbox."""

from typing import TYPE_CHECKING

from autoresearch_graph.state import State, Update

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab

STOPPED = "stopped by a person"


def take_messages(state: State, lab: "Lab") -> Update:
    """Take the messages that neither a ledger row nor an experiment under way has. Idempotent.

    Guidance and texts are pending in the state until a proposal uses them. An order is applied
    once and goes into the next ledger row.
    """
    used = lab.ledger.heard.union(
        message.id for candidate in state.candidates for message in candidate.proposal.steering
    )
    messages = [message for message in lab.store.inbox.messages() if message.id not in used]
    applied = {message.id for message in state.obeyed}
    orders = [message for message in messages if message.is_order and message.id not in applied]
    stop = any(message.wish == "stop" for message in orders)
    return {
        "heard": tuple(message for message in messages if not message.is_order),
        "obeyed": (*state.obeyed, *orders),
        "halt": STOPPED if stop else state.halt,
    }

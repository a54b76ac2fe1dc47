"""Messages of a person, as `read_program` and `collect` take them from the inbox."""

from typing import TYPE_CHECKING

from autoresearch_graph.core.experiment import Message
from autoresearch_graph.state import State, Update

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab

STOPPED = "stopped by a person"


def take_messages(state: State, lab: "Lab") -> Update:
    """Take the messages that neither a ledger row nor an experiment under way has. Idempotent.

    Guidance and texts are pending in the state until a proposal uses them. An order is applied
    once and goes into the next ledger row.
    """
    pending, halt = list[Message](), state.halt
    applied = list(state.obeyed)
    for message in _unused(state, lab):
        if not message.is_order:
            pending.append(message)
            continue
        applied.append(message)
        if message.wish == "stop":
            halt = STOPPED
    return {"heard": tuple(pending), "obeyed": tuple(applied), "halt": halt}


def _unused(state: State, lab: "Lab") -> list[Message]:
    """Return the messages that neither the ledger nor the state has used, in order."""
    used = {message.id for message in state.obeyed} | lab.ledger.heard
    for candidate in state.candidates:
        used |= {message.id for message in candidate.proposal.steering}
    return [message for message in lab.store.inbox.messages() if message.id not in used]

"""Keep the judged experiment: it is the incumbent now."""

from typing import TYPE_CHECKING

from autoresearch_graph.core.experiment import Verdict
from autoresearch_graph.nodes.record import record
from autoresearch_graph.state import State, Update

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab


def keep(state: State, lab: "Lab") -> Update:
    """Move the branch to the proposal and record it: git, then ledger, then state."""
    proposal = state.candidate(state.collected).proposal
    match state.decision:
        case Verdict(status="keep", metric=float()) as verdict:
            lab.keep(proposal.commit)
            lab.run_holdout(proposal)
            return record(state, verdict, lab)
        case decision:
            raise ValueError(f"only a measured verdict can be kept, not {decision}")

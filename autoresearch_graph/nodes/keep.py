"""Keep the judged experiment: it becomes the incumbent."""

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
            move_branch(proposal.commit, lab)
            lab.pool.run_holdout(proposal, lab.program.current)
            return record(state, verdict, lab)
        case decision:
            raise ValueError(f"only a measured verdict can be kept, not {decision}")


def move_branch(commit: str, lab: "Lab") -> None:
    """Move the branch to a kept commit, unless the person has it checked out. Idempotent.

    A branch that was not moved is moved by the next keep, or at the end.
    """
    branch = f"autoresearch/{lab.store.tag}"
    if lab.workspace.is_checked_out:
        lab.host.tell(f"you are on {branch}; it is not moved while you are")
        return
    if foreign := lab.workspace.moved_away(commit):
        lab.host.tell(
            f"somebody moved {branch} to {foreign[:12]}; it goes back to what was kept, "
            f"and theirs can be had with: git branch NAME {foreign[:12]}"
        )
    lab.workspace.keep(commit)

"""Revert the judged experiment: the branch stays at the incumbent, the ref keeps the idea."""

from typing import TYPE_CHECKING

from autoresearch_graph.core.experiment import Verdict
from autoresearch_graph.nodes.record import record
from autoresearch_graph.state import State, Update

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab


def revert(state: State, lab: "Lab") -> Update:
    """Put the incumbent's text back into an idle worktree and record the verdict."""
    match state.decision:
        case Verdict() as verdict:
            if state.incumbent is not None:
                lab.pool.restore_worktree(lab.workspace.text(state.incumbent.commit))
            return record(state, verdict, lab)
        case decision:
            raise ValueError(f"only a verdict can be recorded, not {decision}")

"""Rebase a proposal onto the incumbent that was kept since it was written."""

from typing import TYPE_CHECKING

from autoresearch_graph.asset.merge import merged
from autoresearch_graph.asset.syntax import fingerprint
from autoresearch_graph.core.experiment import Incumbent
from autoresearch_graph.nodes.submit import resubmit
from autoresearch_graph.state import State, Update

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab


def merge(state: State, lab: "Lab") -> Update:
    """Merge the proposal that would run next, three ways; without a merge it does not run.

    A change that collides goes back to its author: the ledger has it with its diff, and a model
    sees both. One that was measured already, and was good, stands as it is in place of what it
    collides with, and is measured against it.
    """
    trial, incumbent = state.next_trial, state.incumbent
    if trial is None or incumbent is None:
        raise ValueError("there is nothing to merge")
    candidate = state.candidate(trial.owner)
    proposal = candidate.proposal
    base = lab.workspace.text(proposal.parent)
    ours = lab.workspace.text(incumbent.commit)
    theirs = lab.workspace.text(proposal.commit)
    text = merged(base, ours, theirs, asset=lab.program.current.asset)
    if text is None and candidate.superseded_runs:
        text = theirs
    if text is None:
        flaw = f"it changes the same lines as experiment {incumbent.number}"
        return state.not_run(candidate, f"not run: {flaw}, which was kept meanwhile")
    if flaw := _flaw(text, ours, incumbent, lab):
        return state.not_run(candidate, f"not run: {flaw}")
    return {"candidates": state.replaced(resubmit(candidate, text, lab, onto=incumbent))}


def _flaw(text: str, ours: str, incumbent: Incumbent, lab: "Lab") -> str:
    """Return the reason for which a merged text is not worth a run; empty if it is."""
    kept = incumbent.number
    if text == ours:
        return f"all of it is in experiment {kept}, which was kept meanwhile"
    if unfit := lab.workspace.unfit(text, incumbent.commit):
        return f"merged onto experiment {kept}, kept meanwhile, it cannot be run: {unfit}"
    if (number := _same_as(text, lab)) is not None:
        return f"merged onto experiment {kept}, which was kept meanwhile, it is experiment {number}"
    return ""


def _same_as(text: str, lab: "Lab") -> int | None:
    """Return the number of the experiment that ran the same but for comments and spacing."""
    asset = lab.program.current.asset
    commits = {row.number: row.commit for row in lab.ledger.experiments}
    known = lab.store.seen.numbers(commits, lab.workspace.text_of, path=asset)
    return known.get(fingerprint(text, asset))

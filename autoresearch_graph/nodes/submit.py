"""Submission of a draft: its commit, its patch, and the candidate that will run."""

from typing import TYPE_CHECKING

from autoresearch_graph.asset.syntax import saved_lines
from autoresearch_graph.core.experiment import Candidate, Draft, Incumbent, Proposal

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab


def submit(draft: Draft, number: int, against: Incumbent, lab: "Lab") -> Candidate:
    """Commit a draft as experiment `number` on top of the incumbent. Idempotent."""
    parent = against.commit
    return candidate_of(
        lab.workspace.commit_proposal(draft, number=number, parent=parent), against, lab
    )


def resubmit(
    candidate: Candidate, text: str, lab: "Lab", *, onto: Incumbent | None = None
) -> Candidate:
    """Commit another text for the idea of a candidate, for the same parent or a newer incumbent."""
    old, against = candidate.proposal, candidate.against
    idea = old.model_dump(include=Draft.model_fields.keys() - {"text"})
    written_for = None if onto is None else against.number if against else 0
    proposal = lab.workspace.commit_proposal(
        Draft(**idea, text=text),
        number=old.number,
        parent=onto.commit if onto else old.parent,
        written_for=written_for,
    )
    new = candidate_of(proposal, against, lab)
    return candidate.model_copy(update={"proposal": new.proposal, "saved": new.saved})


def candidate_of(proposal: Proposal, against: Incumbent | None, lab: "Lab") -> Candidate:
    """Make a candidate of a committed proposal, and write its patch beside it. Idempotent."""
    asset = lab.program.current.asset
    old, new = lab.workspace.text(proposal.parent), lab.workspace.text(proposal.commit)
    lab.store.artifacts.write_patch(proposal.number, asset, old=old, new=new)
    return Candidate(proposal=proposal, against=against, saved=saved_lines(new, old, asset))

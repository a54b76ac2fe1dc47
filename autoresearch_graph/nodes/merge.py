"""Put a change that was made to an earlier incumbent onto the one that was kept since."""

from typing import TYPE_CHECKING

from autoresearch_graph.asset.merge import merged
from autoresearch_graph.core.experiment import Candidate, Draft, Verdict
from autoresearch_graph.state import State, Update

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab


def merge(state: State, lab: "Lab") -> Update:
    """Merge the proposal that would run next, three ways; one that cannot be is not run.

    A change that collides goes back to its author: the ledger has it with its diff, and a model
    sees both. One that was measured already, and was good, stands as it is in place of what it
    collides with, and is measured against it.
    """
    trial, incumbent = state.next_trial, state.incumbent
    if trial is None or incumbent is None:
        raise ValueError("there is nothing to merge")
    candidate = state.candidate(trial.owner)
    old = candidate.proposal
    base, ours, theirs = (lab.workspace.text(c) for c in (old.parent, incumbent.commit, old.commit))
    text = merged(base, ours, theirs, asset=lab.program.asset)
    if text is None and candidate.superseded_runs:
        text = theirs
    if why := _useless(text, ours, state, lab):
        return _not_run(state, candidate, why)
    idea = old.model_dump(include=Draft.model_fields.keys() - {"text"})
    proposal = lab.workspace.commit_proposal(
        Draft(**idea, text=text),
        number=old.number,
        parent=incumbent.commit,
        written_for=candidate.against.number if candidate.against else 0,
    )
    lab.write_patch(proposal)
    now = candidate.model_copy(update={"proposal": proposal, "saved": lab.saved_lines(proposal)})
    return {"candidates": tuple(now if c == candidate else c for c in state.candidates)}


def _useless(text: str | None, incumbent: str, state: State, lab: "Lab") -> str:
    """Why a merged text is not worth a run; nothing if it is."""
    kept = state.incumbent.number if state.incumbent else 0
    if text is None:
        return f"it changes the same lines as experiment {kept}, which was kept meanwhile"
    if text == incumbent:
        return f"all of it is in experiment {kept}, which was kept meanwhile"
    if state.incumbent and (why := lab.workspace.unfit(text, state.incumbent.commit)):
        return f"merged onto experiment {kept}, kept meanwhile, it cannot be run: {why}"
    if (number := lab.tried(text)) is not None:
        return f"merged onto experiment {kept}, which was kept meanwhile, it is experiment {number}"
    return ""


def _not_run(state: State, candidate: Candidate, why: str) -> Update:
    number = candidate.proposal.number
    return {
        "queue": tuple(trial for trial in state.queue if trial.owner != number),
        "collected": number,
        "decision": Verdict(status="discard", reason=f"not run: {why}"),
    }

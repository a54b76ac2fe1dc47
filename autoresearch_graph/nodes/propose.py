"""Have the next experiment proposed, and commit it."""

from typing import TYPE_CHECKING

from autoresearch_graph.asset.files import files_of
from autoresearch_graph.core.brief import Edit, Exhausted
from autoresearch_graph.core.experiment import Candidate, Draft, Proposal, Trial, Verdict
from autoresearch_graph.proposers.step_back import step_back
from autoresearch_graph.state import State, Update

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab


def propose(state: State, lab: "Lab", edit: Edit) -> Update:
    """Add a candidate and queue its first trial; number 0 is the untouched baseline.

    Where the incumbent is due to be measured again, it is run right before. The baseline gets as
    many of its runs at once as there are workers: as crowded as what will be compared with it.

    Running twice makes one proposal: what was committed under the number is taken up again.
    A model that proposes does it through `edit`, which runs a graph of its own. A draft that cannot
    be committed is a discard without a run.
    """
    lab.go_on(state)
    number = state.next_number
    while number in lab.ledger:
        number += 1
    try:
        proposal, unfit = _proposal(number, state, lab, edit)
    except Exhausted as reason:
        return {"exhausted": str(reason), "gave_up": reason.gave_up}
    lab.write_patch(proposal)
    candidate = Candidate(
        proposal=proposal, against=state.incumbent, saved=lab.saved_lines(proposal)
    )
    under_way = {"next_number": number + 1, "candidates": (*state.candidates, candidate)}
    if unfit:
        verdict = Verdict(status="discard", reason=f"not run: {unfit}")
        return {**under_way, "collected": number, "decision": verdict}
    due = state.standing.due(lab.program.noise) and not state.is_measured_again
    extra = state.incumbent_trials(number) if due else ()
    runs = 1 if state.incumbent else min(state.workers, lab.program.noise.baseline_runs)
    trials = (Trial(number=number, repeat=repeat) for repeat in range(runs))
    return {**under_way, "queue": (*state.queue, *extra, *trials)}


def _proposal(number: int, state: State, lab: "Lab", edit: Edit) -> tuple[Proposal, str]:
    """The committed proposal, and why its text is not the one that was drafted, if it is not."""
    if state.incumbent is None:
        return lab.workspace.commit_baseline(), ""
    parent = state.incumbent.commit
    earlier = lab.workspace.proposal(number)
    if earlier and earlier.parent == parent:
        return earlier, ""
    draft = _own(state, lab, parent) or _proposed(number, state, lab, edit)
    unfit = lab.workspace.unfit(draft.text, parent)
    if unfit:
        draft = draft.model_copy(update={"text": lab.workspace.text(parent)})
    return lab.workspace.commit_proposal(draft, number=number, parent=parent), unfit


def _own(state: State, lab: "Lab", parent: str) -> Draft | None:
    """The first text of a person's own that waits; other files of the asset stay as they are."""
    for message in state.heard:
        if message.wish == "propose":
            whole = files_of(lab.workspace.text(parent), lab.program.asset)
            own = files_of(lab.inbox.text(message), lab.program.asset)
            text = whole.updated(own).pack()
            words = message.words
            return Draft(author="person", description=words, text=text, steering=(message,))
    return None


def _proposed(number: int, state: State, lab: "Lab", edit: Edit) -> Draft:
    """A step back, or what the proposer drafts; guidance counts as told where a model drafted."""
    brief = lab.brief(number, state, edit)
    draft = step_back(brief, state.tally.since_keep) or lab.proposer.propose(brief)
    told = state.guidance if draft.author == "model" else ()
    return draft.model_copy(update={"steering": told})

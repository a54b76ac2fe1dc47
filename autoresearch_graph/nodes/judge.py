"""Judge the experiment whose trial has just ended."""

from typing import TYPE_CHECKING

from autoresearch_graph import judging
from autoresearch_graph.experiment import Again, Candidate, Verdict
from autoresearch_graph.state import State, Update

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab


def judge(state: State, lab: "Lab") -> Update:
    """Decide on a verdict, or on another trial, which is queued.

    What the incumbent gave next to this experiment counts already. Where it moved it is run once
    more before the experiment's own run, lest one odd run be taken for a drift of the machine.
    """
    candidate = state.candidate(state.collected)
    number = candidate.proposal.number
    if state.is_waiting(number):
        moved = len(candidate.beside) == 1 and state.standing.has_moved(candidate.beside)
        more = state.beside(number) if moved else ()
        again = Again(reason="the incumbent was measured again")
        return {"decision": again, "queue": (*more, *state.queue)}
    now = state.standing.measured_again(candidate.beside)
    decision = judging.judge(candidate, now.incumbent, lab.program, now.spread)
    if isinstance(decision, Again):
        return {"decision": decision, "queue": (*state.queue, candidate.next_trial)}
    return {"decision": _with_drift(state, candidate, decision, lab)}


def _with_drift(state: State, candidate: Candidate, verdict: Verdict, lab: "Lab") -> Verdict:
    """Say it where the incumbent's value was taken anew."""
    now = state.standing.measured_again(candidate.beside).incumbent
    if now is None or state.incumbent is None or not state.standing.has_drifted(candidate.beside):
        return verdict
    told = (
        f"the machine drifted: experiment {now.number}, measured again, gives {now.metric:.6g} "
        f"instead of {state.incumbent.metric:.6g}, and later values are compared with that"
    )
    lab.tell(told)
    return verdict.model_copy(update={"reason": f"{verdict.reason}; {told}"})

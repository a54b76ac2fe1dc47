"""Judge the experiment whose trial has just ended."""

from typing import TYPE_CHECKING

from autoresearch_graph import judging
from autoresearch_graph.experiment import Again, Candidate, Trial, Verdict
from autoresearch_graph.state import State, Update

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab


def judge(state: State, lab: "Lab") -> Update:
    """Decide on a verdict, or on another trial, which is queued before all others.

    What the incumbent gave next to this experiment counts already. Where it moved it is run once
    more, lest one odd run be taken for a drift of the machine.
    """
    candidate = state.candidate(state.collected)
    number = candidate.proposal.number
    if more := _moved(state, candidate):
        return _again(state, "the incumbent is measured again", *more)
    if state.is_waiting(number):
        return _again(state, "another of its runs goes on")
    if state.is_stale(number):
        return _judge_stale(state, candidate, lab)
    now = state.standing.measured_again(candidate.beside)
    decision = judging.judge(candidate, now.incumbent, lab.program, now.spread)
    if isinstance(decision, Again):
        return _again(state, decision.reason, candidate.next_trial)
    return {"decision": _with_drift(state, candidate, decision, lab)}


def _moved(state: State, candidate: Candidate) -> tuple[Trial, ...]:
    """A second run of the incumbent where the first, next to this experiment, was far off."""
    waits = any(t.beside == candidate.proposal.number for t in (*state.queue, *state.running))
    if waits or len(candidate.beside) != 1 or not state.standing.has_moved(candidate.beside):
        return ()
    return state.beside(candidate.proposal.number)


def _judge_stale(state: State, candidate: Candidate, lab: "Lab") -> Update:
    """Judge a change by the incumbent that it was made to, though another was kept meanwhile.

    What is good for that one is merged onto the new one, and measured anew: gains are combined,
    and none is kept that was not measured against what it replaces.
    """
    decision = judging.judge(candidate, candidate.against, lab.program, state.spread)
    if isinstance(decision, Verdict) and decision.status != "keep":
        return {"decision": decision}
    anew = candidate.model_copy(
        update={"outcomes": (), "stale": (*candidate.stale, *candidate.outcomes)}
    )
    again = _again(state, f"{decision.reason}; to be merged onto the incumbent", anew.next_trial)
    return again | {"candidates": tuple(anew if c == candidate else c for c in state.candidates)}


def _again(state: State, reason: str, *trials: Trial) -> Update:
    return {"decision": Again(reason=reason), "queue": (*trials, *state.queue)}


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

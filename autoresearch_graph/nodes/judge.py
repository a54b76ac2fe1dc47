"""Judge the experiment whose trial has just ended."""

from random import Random
from typing import TYPE_CHECKING

from autoresearch_graph.core.experiment import Again, Candidate, Measured, Trial, Verdict
from autoresearch_graph.state import State, Update

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab


def judge(state: State, lab: "Lab") -> Update:
    """Decide on a verdict, or on another trial, which is queued before all others.

    A candidate that is to be confirmed runs in turns with the incumbent, in random order, so that
    a drift of the machine moves both. What the incumbent gave next to this experiment counts
    already; where it moved there is one more run of it, lest one odd run be taken for a drift.
    """
    candidate = state.candidate(state.collected)
    number = candidate.proposal.number
    if more := _moved(state, candidate, lab):
        return _again(state, "the incumbent is measured again", *more)
    if state.is_waiting(number):
        return _again(state, "another of its runs goes on")
    if state.is_stale(number):
        return _judge_stale(state, candidate, lab)
    now = state.standing.measured_again(candidate.beside)
    decision = lab.judge.judge(candidate, now.incumbent, lab.program.current, now.spread)
    if isinstance(decision, Again):
        return _again(state, decision.reason, *_next(state, candidate, lab))
    return {"decision": _with_drift(state, candidate, decision, lab)}


def _next(state: State, candidate: Candidate, lab: "Lab") -> tuple[Trial, ...]:
    """One more run of the candidate and, by a rule that weighs the noise, one of the incumbent.

    The order is random, and turned round for every second pair: a steady drift then favours
    neither. It is the same when a killed lab goes on.
    """
    turns = (candidate.next_trial, *state.beside(candidate.proposal.number))
    if not lab.program.current.noise.weighs:
        return turns[:1]
    pair = len(candidate.outcomes) - 1
    coin = Random(f"{state.tag} {candidate.proposal.number} {pair // 2}")
    is_turned = (coin.random() < 1 / 2) != (pair % 2 == 1)
    return turns[::-1] if is_turned else turns


def _moved(state: State, candidate: Candidate, lab: "Lab") -> tuple[Trial, ...]:
    """A second run of the incumbent where the first, next to this experiment, was far off.

    One that is in turns with the candidate has it beside.
    """
    number, beside = candidate.proposal.number, candidate.beside
    failed = not all(isinstance(outcome, Measured) for outcome in candidate.outcomes)
    if state.is_waiting(number) or failed or len(beside) != 1:
        return ()
    if not state.standing.has_moved(beside):
        return ()
    return _next(state, candidate, lab) if candidate.rivals else state.beside(number)


def _judge_stale(state: State, candidate: Candidate, lab: "Lab") -> Update:
    """Judge a change by the incumbent that it was made to, though another was kept meanwhile.

    What is good for that one is merged onto the new one, and measured anew: gains are combined,
    and none is kept that was not measured against what it replaces.
    """
    decision = lab.judge.judge(candidate, candidate.against, lab.program.current, state.spread)
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
    lab.host.tell(told)
    return verdict.model_copy(update={"reason": f"{verdict.reason}; {told}"})

"""Judge the experiment whose trial has just ended."""

from random import Random
from typing import TYPE_CHECKING

from autoresearch_graph.core.experiment import Again, Candidate, Measured, Trial, Verdict
from autoresearch_graph.state import State, Update

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab


def judge(state: State, lab: "Lab") -> Update:
    """Decide on a verdict, or on another trial, which is queued before all others.

    A candidate in confirmation runs in turns with the incumbent, in random order, so that a drift
    of the machine moves both. The incumbent's runs next to this experiment count already. If its
    value moved, it runs once more: one odd run is no drift.
    """
    candidate = state.candidate(state.collected)
    number = candidate.proposal.number
    if more := _moved(state, candidate, lab):
        return _again(state, "the incumbent is measured again", *more)
    if state.is_waiting(number):
        return _again(state, "another of its runs goes on")
    if state.is_superseded(number):
        return _judge_superseded(state, candidate, lab)
    estimate = state.standing.measured_again(candidate.incumbent_runs)
    program = lab.program.current
    decision = lab.judge.judge(candidate, estimate.incumbent, program, estimate.spread)
    if isinstance(decision, Again):
        return _again(state, decision.reason, *_next(state, candidate, lab))
    return {"decision": _with_drift(state, candidate, decision, lab)}


def _next(state: State, candidate: Candidate, lab: "Lab") -> tuple[Trial, ...]:
    """Return one more run of the candidate and, if the rule weighs noise, one of the incumbent.

    The order is random, and reversed for every second pair: a steady drift then favours neither. It
    is the same when a killed lab goes on.
    """
    turns = (candidate.next_trial, *state.incumbent_trials(candidate.proposal.number))
    if not lab.program.current.noise.weighs:
        return turns[:1]
    pair = len(candidate.outcomes) - 1
    coin = Random(f"{state.tag} {candidate.proposal.number} {pair // 2}")
    is_turned = (coin.random() < 1 / 2) != (pair % 2 == 1)
    return turns[::-1] if is_turned else turns


def _moved(state: State, candidate: Candidate, lab: "Lab") -> tuple[Trial, ...]:
    """Return a second run of the incumbent if the first, next to this experiment, was far off.

    If the two run in turns, the candidate runs once more, too.
    """
    number, runs = candidate.proposal.number, candidate.incumbent_runs
    failed = not all(isinstance(outcome, Measured) for outcome in candidate.outcomes)
    if state.is_waiting(number) or failed or len(runs) != 1:
        return ()
    if not state.standing.has_moved(runs):
        return ()
    return _next(state, candidate, lab) if candidate.paired_runs else state.incumbent_trials(number)


def _judge_superseded(state: State, candidate: Candidate, lab: "Lab") -> Update:
    """Judge a change by the incumbent that it was made to, though another was kept meanwhile.

    A good change is merged onto the new incumbent and measured anew: gains are combined, and none
    is kept that was not measured against what it replaces.
    """
    decision = lab.judge.judge(candidate, candidate.against, lab.program.current, state.spread)
    if isinstance(decision, Verdict) and decision.status != "keep":
        return {"decision": decision}
    anew = candidate.superseding("outcomes")
    again = _again(state, f"{decision.reason}; to be merged onto the incumbent", anew.next_trial)
    return again | {"candidates": state.replaced(anew)}


def _again(state: State, reason: str, *trials: Trial) -> Update:
    return {"decision": Again(reason=reason), "queue": (*trials, *state.queue)}


def _with_drift(state: State, candidate: Candidate, verdict: Verdict, lab: "Lab") -> Verdict:
    """Report a drift of the incumbent's value, in the reason of the verdict too."""
    before, after = (
        state.incumbent,
        state.standing.measured_again(candidate.incumbent_runs).incumbent,
    )
    if before is None or after is None or not state.standing.has_drifted(candidate.incumbent_runs):
        return verdict
    drift = (
        f"the machine drifted: experiment {after.number}, measured again, gives {after.metric:.6g} "
        f"instead of {before.metric:.6g}, and later values are compared with that"
    )
    lab.host.tell(drift)
    return verdict.model_copy(update={"reason": f"{verdict.reason}; {drift}"})

"""Keep, discard or crash: the rule, in one place."""

from statistics import fmean

from autoresearch_graph.experiment import (
    Again,
    Candidate,
    Crashed,
    Incumbent,
    Measured,
    TimedOut,
    Verdict,
)
from autoresearch_graph.program.model import Constraint, Program

_USED = ("seconds", "memory_gb", "cpu_seconds", "processes", "disk_gb")


def judge(candidate: Candidate, incumbent: Incumbent | None, program: Program) -> Verdict | Again:
    """Judge an experiment by the outcomes of its trials so far.

    A candidate is kept when it improves on the incumbent by strictly more than the program's
    minimum improvement; a tie is a discard. Where the program asks for confirmations, a first
    run that would be kept is followed by so many fresh ones, and their mean decides: the first
    run was selected for being good, and would flatter (docs/decisions/0004).
    """
    match candidate.outcomes[-1]:
        case Crashed(reason=reason):
            return Verdict(status="crash", reason=reason)
        case TimedOut(limit=limit):
            return Verdict(status="crash", reason=f"killed at its limit of {limit:g} s")
    runs = [o for o in candidate.outcomes if isinstance(o, Measured)]
    if incumbent is None:
        return _baseline(runs, program)
    last, bounds = runs[-1], program.constraints
    if broken := _unreported(last, bounds) or _broken(last, bounds):
        return Verdict(status="discard", reason=broken, metric=runs[-1].metric)
    fresh = runs[1:] if program.noise.confirmations else runs
    if not fresh or len(fresh) < program.noise.confirmations:
        return _screen(runs[0], incumbent, program)
    return _compare(fmean(run.metric for run in fresh), incumbent, program)


def _baseline(runs: list[Measured], program: Program) -> Verdict | Again:
    if unreported := _unreported(runs[-1], program.constraints):
        return Verdict(status="crash", reason=unreported)
    if len(runs) < program.noise.baseline_runs:
        return Again(reason=f"run {len(runs)} of {program.noise.baseline_runs} of the baseline")
    note = _broken(runs[-1], program.constraints)
    reason = "the untouched asset, to be improved on" + (f"; {note}" if note else "")
    return Verdict(status="keep", reason=reason, metric=fmean(run.metric for run in runs))


def _screen(first: Measured, incumbent: Incumbent, program: Program) -> Verdict | Again:
    verdict = _compare(first.metric, incumbent, program)
    if verdict.status == "keep":
        return Again(reason=f"{verdict.reason}; to be confirmed by fresh runs")
    return verdict


def _compare(value: float, incumbent: Incumbent, program: Program) -> Verdict:
    metric, least = program.metric, program.noise.minimum_improvement
    gain = metric.improvement(value, incumbent.metric)
    against = f"the incumbent's {incumbent.metric:.6g} (experiment {incumbent.number})"
    if gain > max(least, 0.0):
        reason = f"{metric.name} {value:.6g} is better than {against} by {gain:.3g}"
        return Verdict(status="keep", reason=reason, metric=value)
    if gain > 0:
        reason = f"better than {against} by {gain:.3g}, not more than the least of {least:g}"
    elif gain == 0:
        reason = f"{metric.name} {value:.6g} equals {against}: a tie is a discard"
    else:
        reason = f"{metric.name} {value:.6g} is worse than {against} by {-gain:.3g}"
    return Verdict(status="discard", reason=reason, metric=value)


def _unreported(run: Measured, constraints: tuple[Constraint, ...]) -> str | None:
    """The first constraint that cannot be checked, as a sentence."""
    for constraint in constraints:
        if constraint.name not in _known(run):
            return f"the run reports no {constraint.name}, so {constraint} cannot be checked"
    return None


def _broken(run: Measured, constraints: tuple[Constraint, ...]) -> str | None:
    """The first constraint that does not hold, as a sentence."""
    known = _known(run)
    for constraint in constraints:
        if constraint.name in known and not constraint.holds(known[constraint.name]):
            return f"{constraint.name} is {known[constraint.name]:g}, which breaks {constraint}"
    return None


def _known(run: Measured) -> dict[str, float]:
    return {name: getattr(run, name) for name in _USED} | run.metrics

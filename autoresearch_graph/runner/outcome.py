"""From how the commands ended and what they printed to an outcome; pure, costs left at zero.

Where output was left out for its size, the metric counts only from the part after the gap: an
earlier mention may not be the last one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autoresearch_graph.checkout import ITSELF
from autoresearch_graph.experiment import FINGERPRINT, Cause, Crashed, Hopeless, Measured, TimedOut
from autoresearch_graph.hopeless import curve_of
from autoresearch_graph.output import Reading, bounded, how_to_print, read_items, read_metrics
from autoresearch_graph.program.model import Program
from autoresearch_graph.runner.box import Ended
from autoresearch_graph.runner.diagnosis import diagnose, exception_in, sentence
from autoresearch_graph.runner.log import LEFT_OUT

_METRICS = 32

Name = Literal["check", "run", "evaluation", "holdout"]
_CAUSE: dict[Name, Cause] = {"check": "check", "evaluation": "evaluation", "holdout": "evaluation"}


@dataclass(frozen=True)
class Step:
    """One command of a trial: how it ended, what it printed, the protected files it changed.

    `folder` is where it worked.
    """

    name: Name
    ended: Ended
    text: str
    changed: Sequence[str]
    folder: Path


def failure(step: Step, *, limit: float) -> Crashed | TimedOut | Hopeless | None:
    """Why the step failed, or None if it ended well and left the protected files alone."""
    if step.changed:
        which = f"{', '.join(step.changed)}, which {'is' if len(step.changed) == 1 else 'are'}"
        reason = sentence(f"the {step.name} changed {which} protected")
        cause: Cause = "checkout" if tuple(step.changed) == ITSELF else "protected"
        return Crashed(cause=cause, reason=reason)
    if breach := step.ended.breach:
        return _crashed(step, breach.cause, breach.reason)
    if step.ended.exit_code is None:
        return _ended(step, limit)
    if step.ended.exit_code == 0:
        return None
    cause, reason = diagnose(step.ended.exit_code, step.text, memory_gb=step.ended.memory_gb)
    return _crashed(step, cause, reason)


def _ended(step: Step, limit: float) -> Crashed | TimedOut | Hopeless:
    """What comes of a step that the runner ended."""
    if step.ended.hopeless:
        return Hopeless(reason=step.ended.hopeless)
    if step.name == "run":
        return TimedOut(limit=limit)
    reason = f"the {step.name} did not end within {limit:g} s"
    return Crashed(cause=_CAUSE[step.name], reason=reason)


def _crashed(step: Step, cause: Cause, reason: str) -> Crashed:
    if step.name == "run":
        return Crashed(cause=cause, reason=reason)
    place = exception_in(step.text, step.folder) or f"exit code {step.ended.exit_code}"
    reason = sentence(f"the {step.name} failed: {reason}")
    return Crashed(cause=_CAUSE[step.name], reason=reason, place=place)


def measure(program: Program, *, run: Step, scorer: Step) -> Measured | Crashed:
    """The metric as `scorer` (the run itself, or its evaluation) printed it.

    The other numbers of the run are kept beside it, for constraints and for the ledger; where
    both report one, the scorer's counts.
    """
    name = program.metric.name
    reported = _reported(scorer, program)
    told = reported.get(name)
    if told is None:
        reason = f"the {scorer.name} ended well but printed no `{name}: <number>`"
        reason = sentence(reason + how_to_print(scorer.text, name))
        return Crashed(cause="no metric" if scorer is run else "evaluation", reason=reason)
    if not math.isfinite(told.value):
        reason = f"the {scorer.name} reported {name} as {told.value}, which is not finite"
        return Crashed(cause="not finite", reason=reason)
    numbers = (_reported(run, program) | reported).items()
    finite = {key: number for key, number in numbers if math.isfinite(number.value)}
    kept = bounded(finite, _METRICS, wanted=_wanted(program))
    return Measured(
        metric=told.value,
        metrics={key: number.value for key, number in kept.items()},
        unit=told.unit,
        units={key: number.unit for key, number in kept.items() if number.unit and key != name},
        items=read_items(scorer.text, name),
        curve=curve_of(run.text),
    )


def _reported(step: Step, program: Program) -> dict[str, Reading]:
    gap = max(0, step.text.rfind(LEFT_OUT))
    early = read_metrics(step.text[:gap], wanted=_wanted(program))
    early.pop(program.metric.name, None)
    return early | read_metrics(step.text[gap:], wanted=_wanted(program))


def _wanted(program: Program) -> set[str]:
    return {program.metric.name, FINGERPRINT, *(limit.name for limit in program.constraints)}

"""Whether a run kept its time box, which only the asset itself can keep.

An edit could train for as long as it is let live, and be better by time alone. What it says of its
time is its own word, so it is compared with what the untouched asset took.
"""

from collections.abc import Sequence

from autoresearch_graph.experiment import Crashed, Measured, Outcome, Ran

MARGIN = 1.2
_LEAST = 2.0  # seconds of CPU, which may be more where runs are short


def held_to(box: float, outcome: Outcome, untouched: Sequence[Outcome]) -> Outcome:
    """The outcome of a run; a crash where it did not keep its time box (`box`, seconds).

    Beyond the box, that is one that took a fifth longer than the quickest run of the untouched
    asset, and a fifth more CPU time than any: a busy machine stretches the clock and hardly the
    CPU time, more threads only that. Not covered: what works on an accelerator while the CPU
    sleeps, and up to a fifth, which an honest change may need to start and to end.
    """
    usual = [run for run in untouched if isinstance(run, Measured)]
    if not usual or not isinstance(outcome, Measured):
        return outcome
    cpu, wall = max(run.cpu_seconds for run in usual), min(run.seconds for run in usual)
    took_longer = outcome.seconds > max(box, MARGIN * wall)
    if not took_longer or outcome.cpu_seconds <= MARGIN * cpu + _LEAST:
        return outcome
    used = {name: getattr(outcome, name) for name in Ran.model_fields}
    told = f"it took {outcome.cpu_seconds:.3g} s of CPU time, the untouched asset at most {cpu:.3g}"
    reason = f"{told}, and the time box is {box:g} s"
    return Crashed(cause="time box", reason=reason, **used)

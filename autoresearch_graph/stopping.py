"""When a research ends: the criteria of program.md against the running totals."""

from autoresearch_graph.experiment import Incumbent
from autoresearch_graph.program.model import Program, Stopping, in_units
from autoresearch_graph.state import Tally
from autoresearch_graph.value import Value


def stop_reason(program: Program, tally: Tally, incumbent: Incumbent | None) -> str | None:
    """The first stopping criterion that is met, as a sentence; None to go on."""
    limits = program.stopping
    if incumbent is None:
        return "the baseline gave no metric to improve on" if tally.judged else None
    if limits.target is not None and program.metric.reaches(incumbent.metric, limits.target):
        return f"{program.metric.name} {incumbent.metric:.6g} reached the target {limits.target:g}"
    totals = (
        (tally.experiments, limits.experiments, "{:g} experiments"),
        (tally.seconds, limits.seconds, f"{in_units(limits.seconds or 0.0)} of work"),
        (tally.since_keep, limits.without_improvement, "{:g} experiments without improvement"),
        (tally.tokens, limits.tokens, "{:,} tokens"),
        (tally.dollars, limits.dollars, "${:.2f}"),
    )
    for total, limit, sentence in totals:
        if limit is not None and total >= limit:
            told = sentence.format(limit)
            return f"done after {told.replace('experiments', 'experiment') if limit == 1 else told}"
    return None


class Left(Value):
    """How far one criterion is, in words; `seconds` of work until it is met, at the pace so far."""

    words: str
    seconds: float | None = None


def left(limits: Stopping, tally: Tally, metric: float | None) -> list[Left]:
    """Every criterion that is set; without improvement it may be met later than it says."""
    totals = (
        (tally.experiments, limits.experiments, "{:d} of {:d} experiments", tally.judged),
        (
            tally.since_keep,
            limits.without_improvement,
            "{:d} of {:d} without improvement",
            tally.judged,
        ),
        (tally.tokens, limits.tokens, "{:,d} of {:,d} tokens", tally.tokens),
        (tally.dollars, limits.dollars, "${:.2f} of ${:.2f}", tally.dollars),
    )
    found = []
    if limits.seconds is not None:
        words = f"{in_units(limits.seconds)} of work"
        found.append(Left(words=words, seconds=max(0.0, limits.seconds - tally.seconds)))
    for total, limit, words, pace in totals:
        if limit is not None:
            more = (limit - total) / pace * tally.seconds if pace else None
            told = words.format(total, limit)
            found.append(Left(words=told, seconds=None if more is None else max(0.0, more)))
    if limits.target is not None:
        at = "" if metric is None else f"{metric:.6g}, "
        found.append(Left(words=f"{at}target {limits.target:g}"))
    return found

"""Stopping criteria of program.md, compared with the running totals."""

from collections.abc import Sequence

from autoresearch_graph.core.experiment import Experiment, Incumbent
from autoresearch_graph.core.formatting import duration
from autoresearch_graph.core.program import Program, Stopping
from autoresearch_graph.core.values import Cost, Value


class Tally(Value):
    """Running totals for the stopping criteria; `seconds` is working time, not wall clock.

    `judged` counts every ledger row, `experiments` all but the baseline. `tokens` and `dollars`
    include answers that led to no ledger row; `dollars` leaves out those without a known price.
    """

    judged: int = 0
    experiments: int = 0
    kept: int = 0
    crashed: int = 0
    since_keep: int = 0
    seconds: float = 0.0
    tokens: int = 0
    dollars: float = 0.0

    def with_experiment(self, experiment: Experiment) -> "Tally":
        """Return the totals after one more ledger row."""
        kept = experiment.status == "keep"
        counted = experiment.number > 0
        return Tally(
            judged=self.judged + 1,
            experiments=self.experiments + counted,
            kept=self.kept + (kept and counted),
            crashed=self.crashed + (experiment.status == "crash"),
            since_keep=0 if kept else self.since_keep + counted,
            seconds=self.seconds,
            tokens=self.tokens,
            dollars=self.dollars,
        )

    def with_costs(self, costs: Sequence[Cost]) -> "Tally":
        """Return the totals with these costs."""
        tokens, dollars = sum(c.tokens for c in costs), sum(c.dollars or 0.0 for c in costs)
        return self.model_copy(update={"tokens": tokens, "dollars": dollars})


def stop_reason(program: Program, tally: Tally, incumbent: Incumbent | None) -> str | None:
    """Return the first stopping criterion that is met, as a sentence; None to go on."""
    limits = program.stopping
    if incumbent is None:
        return "the baseline gave no metric to improve on" if tally.judged else None
    if limits.target is not None and program.metric.reaches(incumbent.metric, limits.target):
        return f"{program.metric.name} {incumbent.metric:.6g} reached the target {limits.target:g}"
    totals = (
        (tally.experiments, limits.experiments, "{:g} experiments"),
        (tally.seconds, limits.seconds, f"{duration(limits.seconds or 0.0)} of work"),
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
    """One criterion, in words; `seconds` of work until it is met, at the pace so far."""

    words: str
    seconds: float | None = None


def left(limits: Stopping, tally: Tally, metric: float | None) -> list[Left]:
    """Return all criteria that are set; an improvement puts off the one without improvement."""
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
        words = f"{duration(limits.seconds)} of work"
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

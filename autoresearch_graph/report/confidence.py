"""Sentences on how sure a gain is: evidence for it, and reasons for doubt."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from autoresearch_graph.core.experiment import Measured
from autoresearch_graph.core.formatting import of_noise
from autoresearch_graph.results.holdout import pruned_runs
from autoresearch_graph.results.records import UNCONFINED_NOTE, Records
from autoresearch_graph.runner.leakage import oracle_of_items


@dataclass(frozen=True)
class Remark:
    """A sentence; `doubt` marks a reason for doubt, `command` is one that would tell more."""

    text: str
    doubt: bool = False
    command: str = ""


def confidence(records: Records) -> list[Remark]:
    """Return remarks on the gain; without a gain, possible causes of that."""
    best = records.incumbent
    if best is None or best.number == 0 or records.baseline is None:
        return list(_doubts(records.drifted, records.unread))
    parts = (_noise, _runs, _replication, _holdout, _lab, _measuring)
    return [remark for part in parts for remark in part(records)]


def _doubts(*sentences: str) -> Iterator[Remark]:
    for sentence in filter(None, sentences):
        yield Remark(f"{sentence[:1].upper()}{sentence[1:]}", doubt=True)


def _noise(records: Records) -> Iterator[Remark]:
    """Compare the gain with the noise of one run."""
    now, unit = records.estimates[-1], records.program.metric.name
    if now.sigma:
        known = now.spread.freedom
        yield Remark(
            f"The gain is {abs(records.gain) / now.sigma:.3g} times the noise of one run: "
            f"a standard deviation of {now.sigma:.2g}, known from {known} "
            f"comparison{'s' if known > 1 else ''} of runs of the same text"
        )
    elif now.spread.freedom:
        yield Remark(f"Repeated runs gave the same {unit} every time: no noise was seen")
    elif records.program.noise.rule == "deterministic":
        yield Remark(f"program.md says that {unit} is the same every time, and no run was repeated")
    else:
        yield Remark(f"No run was repeated, so the noise of {unit} is not known", doubt=True)


def _runs(records: Records) -> Iterator[Remark]:
    """Tell the number of runs behind the best value, and doubts about their items."""
    now, noise = records.estimates[-1], records.program.noise
    runs = now.incumbent.runs if now.incumbent else 1
    basis = "one run" if runs == 1 else f"the mean of {runs} runs"
    yield Remark(f"The best value rests on {basis}", doubt=runs == 1 and now.sigma > 0)
    first = (run for run in records.experiments[0].trials if isinstance(run, Measured))
    items = next((run.items for run in first), ())
    step = of_noise(max(now.sigma, noise.minimum_improvement)).step
    yield from _doubts(oracle_of_items(items, step, records.program))


def _replication(records: Records) -> Iterator[Remark]:
    """Tell the result of `verify`, or the command to get one."""
    found = records.replication
    if found:
        yield Remark(f"Run again afterwards: {found}")
        yield from _doubts(found.warning(records.program.metric))
    else:
        yield Remark(
            "It was not run again yet. The best of many values is partly luck; fresh runs tell "
            "how much of it remains",
            command=f"autoresearch verify --tag {shlex.quote(records.tag)}",
        )


def _holdout(records: Records) -> Iterator[Remark]:
    """Tell the values of the holdout."""
    name, held, say = records.program.metric.name, records.held_out, records.figures.value
    yield from _doubts(records.unanswered)
    if held:
        yield Remark(
            f"On the holdout, which no decision depends on, {name} went from {say(held.baseline)} "
            f"to {say(held.incumbent)}, {held.change}"
        )
        if held.warning:
            yield Remark(f"Metric and holdout disagree: {held.warning}", doubt=True)


def _lab(records: Records) -> Iterator[Remark]:
    """Tell of drift, walls and pruning."""
    if records.drift:
        yield from _doubts(f"{records.drifted}; each keep was compared with runs of its own time")
    runs = (run for row in records.experiments for run in row.trials)
    boxes = sorted({run.sandbox for run in runs if run.sandbox})
    if boxes:
        yield Remark(f"The runs were confined by: {', '.join(boxes)}")
    if records.is_unconfined:
        yield from _doubts(f"{UNCONFINED_NOTE} (‡)")
    if pruned := pruned_runs(records.experiments):
        yield Remark(pruned)


def _measuring(records: Records) -> Iterator[Remark]:
    """Tell whether the run or an evaluation reported the metric."""
    name = records.program.metric.name
    if any(e.self_reported for e in records.experiments if e.metric is not None):
        yield Remark(
            f"{name} is self-reported (†): the run itself printed it, so the file that was being "
            "improved could have printed anything. Read what was kept before you believe it; an "
            "Evaluation command in program.md closes this gap",
            doubt=True,
        )
    elif records.program.evaluation:
        yield Remark(f"{name} was measured by the evaluation, not by the run itself")

"""How sure a gain is: what speaks for it and what against, a sentence each."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from autoresearch_graph.core.experiment import Measured
from autoresearch_graph.core.formatting import of_noise
from autoresearch_graph.results.holdout import hopeless_runs
from autoresearch_graph.results.records import UNCONFINED_NOTE, Records
from autoresearch_graph.runner.leakage import oracle_of_items


@dataclass(frozen=True)
class Told:
    """A sentence, whether it is a reason for doubt, and the command that would tell more."""

    text: str
    doubt: bool = False
    command: str = ""


def confidence(records: Records) -> list[Told]:
    """What is known of how sure the gain is; where there is none, what may be the cause of that."""
    best = records.incumbent
    if best is None or best.number == 0 or records.baseline is None:
        doubts = (records.drifted, records.unread)
        return [Told(_sentence(doubt), doubt=True) for doubt in doubts if doubt]
    return [*_noise(records), *_again(records), *_elsewhere(records), *_lab(records)]


def _noise(records: Records) -> Iterator[Told]:
    """The gain in units of the noise of one run; how often the best was run."""
    now, unit = records.standings[-1], records.program.metric.name
    runs = now.incumbent.runs if now.incumbent else 1
    often = "one run" if runs == 1 else f"the mean of {runs} runs"
    if now.sigma:
        known = now.spread.freedom
        yield Told(
            f"The gain is {abs(records.gain) / now.sigma:.3g} times the noise of one run: "
            f"a standard deviation of {now.sigma:.2g}, known from {known} "
            f"comparison{'s' if known > 1 else ''} of runs that differ by luck alone"
        )
    elif now.spread.freedom:
        yield Told(f"Repeated runs gave the same {unit} every time: there is no noise to speak of")
    elif records.program.noise.rule == "deterministic":
        yield Told(f"program.md says that {unit} is the same every time, and no run was repeated")
    else:
        yield Told(f"No run was repeated, so the noise of {unit} is not known", doubt=True)
    yield Told(f"The best value rests on {often}", doubt=runs == 1 and now.sigma > 0)
    first = (run for run in records.experiments[0].trials if isinstance(run, Measured))
    items = next((run.items for run in first), ())
    step = of_noise(max(now.sigma, records.program.noise.minimum_improvement)).step
    if warning := oracle_of_items(items, step, records.program):
        yield Told(_sentence(warning), doubt=True)


def _again(records: Records) -> Iterator[Told]:
    """What `verify` found, or that it was not asked."""
    found = records.replication
    if found:
        yield Told(f"Run again afterwards: {found}")
        if warning := found.warning(records.program.metric):
            yield Told(_sentence(warning), doubt=True)
    else:
        tag = shlex.quote(records.tag)
        yield Told(
            "Nobody has run it again. The best of many flatters; fresh runs tell how much of it "
            "remains",
            command=f"autoresearch verify --tag {tag}",
        )


def _elsewhere(records: Records) -> Iterator[Told]:
    """What the holdout says."""
    name, held, say = records.program.metric.name, records.held_out, records.figures.value
    if records.unanswered:
        yield Told(_sentence(records.unanswered), doubt=True)
    if held:
        change = f"{'better' if held.gain > 0 else 'worse'} by {abs(held.gain):.3g}"
        yield Told(
            f"On the holdout, which no decision depends on, {name} went from {say(held.baseline)} "
            f"to {say(held.incumbent)}, {change if held.gain else 'no better'}"
        )
        if held.warning:
            yield Told(f"Metric and holdout part: {held.warning}", doubt=True)


def _lab(records: Records) -> Iterator[Told]:
    """Drift, walls, and who measured."""
    if records.drift:
        told = f"{_sentence(records.drifted)}; what is kept was compared with runs of its own time"
        yield Told(told, doubt=True)
    boxes = sorted({t.sandbox for e in records.experiments for t in e.trials if t.sandbox})
    if boxes:
        yield Told(f"What held the runs: {', '.join(boxes)}")
    if records.is_unconfined:
        yield Told(f"{UNCONFINED_NOTE[:1].upper()}{UNCONFINED_NOTE[1:]} (‡)", doubt=True)
    if hopeless := hopeless_runs(records.experiments):
        yield Told(hopeless)
    name = records.program.metric.name
    if any(e.self_reported for e in records.experiments if e.metric is not None):
        yield Told(
            f"{name} is self-reported (†): the run itself printed it, so the file that was being "
            "improved could have printed anything. Read what was kept before you believe it; an "
            "Evaluation command in program.md closes this gap",
            doubt=True,
        )
    elif records.program.evaluation:
        yield Told(f"{name} was measured by the evaluation, not by the run itself")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]

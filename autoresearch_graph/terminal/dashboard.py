"""A research at one moment as a person sees it in a terminal."""

import time
from collections.abc import Iterator
from functools import partial
from math import isfinite, log10

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from autoresearch_graph.core.curves import Curve
from autoresearch_graph.core.experiment import Trial
from autoresearch_graph.core.formatting import duration
from autoresearch_graph.core.stopping import left
from autoresearch_graph.core.text import clean, one_line
from autoresearch_graph.results.records import Records
from autoresearch_graph.storage.status import Run, Status
from autoresearch_graph.terminal.tables import experiments_table

_BARS = "▁▂▃▄▅▆▇█"
_VERDICTS = 8
_CURVE = 32
_DECADES = 100


def picture(records: Records, now: Status, curve: Curve | None, console: Console) -> Group:
    """All there is to see, in as many lines as the terminal has: fewer verdicts where it is low."""
    above, below = list(_head(records, now)), list(_under_way(now, curve, console.width))
    below += list(_limits(records, now)) if now.doing != "ended" else []
    if not records.experiments:
        return Group(*above, "", *below)
    taken = sum(len(console.render_lines(part)) for part in (*above, *below))
    verdicts = verdicts_table(records, console, room=console.height - taken - 4)
    return Group(*above, "", verdicts, *(["", *below] if below else []))


def verdicts_table(records: Records, console: Console, *, room: int) -> Table:
    """The last verdicts with their reasons, as many as fit into `room` lines, and at least one."""
    shown = records.experiments[-_VERDICTS:]
    told = partial(experiments_table, records, costs=False, width=console.width)
    table = told(shown)
    while len(shown) > 1 and len(console.render_lines(table)) > room:
        shown = shown[1:]
        table = told(shown)
    return table


def sparkline(curve: Curve, width: int = _CURVE) -> str:
    """The values of a curve as bars, evenly picked; logarithms where they span decades."""
    values = [value for value in curve.values if isfinite(value)]
    if values and min(values) > 0 and max(values) > _DECADES * min(values):
        values = [log10(value) for value in values]
    count = min(width, len(values))
    picked = [values[round(i * (len(values) - 1) / max(1, count - 1))] for i in range(count)]
    low, high = min(picked, default=0.0), max(picked, default=0.0)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BARS[round((value - low) * scale)] for value in picked)


def _head(records: Records, now: Status) -> Iterator[RenderableType]:
    """The name, the rate, and how far the incumbent is from the baseline."""
    metric, tally, best = records.program.metric, now.tally, records.incumbent
    say = records.figures.value
    rate = tally.judged / tally.seconds * 3600 if tally.seconds else 0.0
    facts = [f"{metric.name}, {metric.direction} is better"]
    facts += ["unwalled"] if records.is_unconfined else []
    facts += [f"{rate:,.{0 if rate >= 10 else 1}f} experiments an hour"] if rate else []
    facts += [records.spent] if records.spent else []
    yield Text.assemble((records.tag, "bold"), "  ", "; ".join(facts))
    if best is None or best.metric is None or records.baseline is None:
        yield Text("the baseline is not measured yet", "dim")
    elif best.number == 0:
        yield Text(f"{say(best.metric)}: the baseline; nothing was better so far")
    else:
        share = f" ({records.gain / abs(records.baseline):.1%})" if records.baseline else ""
        yield Text.assemble(
            (say(best.metric), "bold green"),
            f": experiment {best.number}, better than the baseline {say(records.baseline)} "
            f"by {records.figures.difference(records.gain)}{share}",
        )


def _under_way(now: Status, curve: Curve | None, width: int) -> Iterator[RenderableType]:
    """What is done right now; a run with its clock and its learning curve."""
    if now.doing in _WAITS:
        since = duration(max(0, round(time.time() - now.since)))
        yield Text(_WAITS[now.doing].format(since=since, proposer=now.proposer), "bold")
    if now.doing == "ended":
        return
    if len(now.runs) > 1:
        yield from (part for run in now.runs for part in _run(run, now, width))
        return
    number = now.runs[0].trial.owner if now.runs else None
    proposal = now.proposal(number) if number is not None else next(reversed(now.proposals), None)
    if proposal is not None and (now.runs or now.doing not in _WAITS):
        yield Text(f"experiment {proposal.number}: {clean(proposal.description)}", "bold")
        if proposal.hypothesis:
            words = one_line(proposal.hypothesis)
            yield Text(words if len(words) < 3 * width else f"{words[: 3 * width]} ...")
    for run in now.runs:
        yield _clock(run, now, width)
        if again := _again(run.trial):
            yield Text(again, "dim")
        if curve and len(curve.values) > 1:
            told = f"{curve.name} {curve.values[0]:.4g} → {curve.values[-1]:.4g}"
            yield Text.assemble(
                (sparkline(curve), "cyan"), f" {told} ({curve.clock} {curve.at[-1]})"
            )
        yield Text(run.line[: width - 1], "dim")


def _run(run: Run, now: Status, width: int) -> Iterator[RenderableType]:
    """One of several runs, in three lines."""
    proposal = now.proposal(run.trial.owner)
    what = clean(proposal.description) if proposal else ""
    again = f" ({_again(run.trial)})" if _again(run.trial) else ""
    yield Text(f"experiment {run.trial.owner}: {what}{again}"[: width - 1], "bold")
    yield _clock(run, now, width)
    yield Text(run.line[: width - 1], "dim")


def _clock(run: Run, now: Status, width: int) -> RenderableType:
    bar = Table.grid(padding=(0, 1))
    done = min(run.seconds, now.budget)
    told = f"{run.seconds:.0f} of {now.budget:.0f} s, killed at {now.limit:.0f} s"
    bar.add_row(
        ProgressBar(total=now.budget, completed=done, width=max(10, width - 42)),
        Text(told, "yellow" if run.seconds > now.budget else ""),
    )
    return bar


_WAITS = {
    "paused": "paused for {since}; go on with: autoresearch resume",
    "starting": "starting",
    "proposing": "the next proposal is being written by {proposer}, {since}",
}


def _again(trial: Trial) -> str:
    """Which of several runs it is."""
    if trial.made_for is not None:
        return f"the incumbent, experiment {trial.number}, is run again beside it"
    return f"run {trial.repeat + 1} of it" if trial.repeat else ""


def _limits(records: Records, now: Status) -> Iterator[RenderableType]:
    """What is left by each stopping criterion."""
    best = records.incumbent
    limits = left(now.stopping, now.tally, best.metric if best else None)
    gone = now.runs[0].seconds if now.runs else 0.0
    told = [
        f"{limit.words} ({duration(max(0, round(limit.seconds - gone)))} left)"
        if limit.seconds
        else limit.words
        for limit in limits
    ]
    yield Text(f"ends at: {'; '.join(told) or 'autoresearch stop'}", "dim")

"""Dashboard of a research at one moment, for a terminal."""

import time
from collections.abc import Iterator
from functools import partial
from math import isfinite, log10

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from autoresearch_graph.core.curves import Curve
from autoresearch_graph.core.experiment import Proposal, Trial
from autoresearch_graph.core.formatting import duration
from autoresearch_graph.core.stopping import Tally, left
from autoresearch_graph.core.text import clean, one_line
from autoresearch_graph.results.records import Records
from autoresearch_graph.storage.status import Run, Status
from autoresearch_graph.terminal.tables import experiments_table

_BARS = "▁▂▃▄▅▆▇█"
_VERDICTS = 8  # that are shown at most
_CURVE = 32  # characters
_DECADES = 100  # largest over smallest value, from which on bars are logarithmic


def picture(records: Records, now: Status, curve: Curve | None, console: Console) -> Group:
    """Return the dashboard, with as many verdicts as the terminal has lines for."""
    above, below = list(_head(records, now)), list(_under_way(now, curve, console.width))
    below += list(_limits(records, now)) if now.doing != "ended" else []
    if not records.experiments:
        return Group(*above, "", *below)
    taken = sum(len(console.render_lines(part)) for part in (*above, *below))
    verdicts = verdicts_table(records, console, room=console.height - taken - 4)
    return Group(*above, "", verdicts, *(["", *below] if below else []))


def verdicts_table(records: Records, console: Console, *, room: int) -> Table:
    """Return the last verdicts with reasons, as many as fit into `room` lines, at least one."""
    shown = records.experiments[-_VERDICTS:]
    told = partial(experiments_table, records, costs=False, width=console.width)
    table = told(shown)
    while len(shown) > 1 and len(console.render_lines(table)) > room:
        shown = shown[1:]
        table = told(shown)
    return table


def sparkline(curve: Curve, width: int = _CURVE) -> str:
    """Draw values of a curve, evenly picked, as bars; their logarithms if they span decades."""
    values = [value for value in curve.values if isfinite(value)]
    if values and min(values) > 0 and max(values) > _DECADES * min(values):
        values = [log10(value) for value in values]
    count = min(width, len(values))
    picked = [values[round(i * (len(values) - 1) / max(1, count - 1))] for i in range(count)]
    low, high = min(picked, default=0.0), max(picked, default=0.0)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BARS[round((value - low) * scale)] for value in picked)


def _head(records: Records, now: Status) -> Iterator[RenderableType]:
    """Yield the name, the rate, and the gain of the incumbent on the baseline."""
    metric, best, say = records.program.metric, records.incumbent, records.figures.value
    facts = (
        f"{metric.name}, {metric.direction} is better",
        "unwalled" * records.is_unconfined,
        _rate(now.tally),
        records.spent,
    )
    yield Text.assemble((records.tag, "bold"), "  ", "; ".join(filter(None, facts)))
    if best is None or best.metric is None or records.baseline is None:
        yield Text("the baseline is not measured yet", "dim")
    elif best.number == 0:
        yield Text(f"{say(best.metric)}: the baseline; nothing was better so far")
    else:
        gain = f"{records.improvement} than the baseline {say(records.baseline)}"
        yield Text.assemble((say(best.metric), "bold green"), f": experiment {best.number}, {gain}")


def _rate(tally: Tally) -> str:
    rate = tally.judged / tally.seconds * 3600 if tally.seconds else 0.0
    return f"{rate:,.{0 if rate >= 10 else 1}f} experiments an hour" if rate else ""


def _under_way(now: Status, curve: Curve | None, width: int) -> Iterator[RenderableType]:
    """Yield the current activity; a single run with its clock and its learning curve."""
    if now.doing in _WAITS:
        since = duration(max(0, round(time.time() - now.since)))
        yield Text(_WAITS[now.doing].format(since=since, proposer=now.proposer), "bold")
    if now.doing == "ended":
        return
    if len(now.runs) > 1:
        for run in now.runs:
            yield from _one_of_several(run, now, width)
    elif now.runs:
        yield from _proposal(now.proposal(now.runs[0].trial.owner), width)
        yield from _single(now.runs[0], now, curve, width)
    elif now.doing not in _WAITS:
        yield from _proposal(next(reversed(now.proposals), None), width)


def _proposal(proposal: Proposal | None, width: int) -> Iterator[RenderableType]:
    """Yield the description of a proposal, and up to three lines of its hypothesis."""
    if proposal is None:
        return
    yield Text(f"experiment {proposal.number}: {clean(proposal.description)}", "bold")
    if proposal.hypothesis:
        words = one_line(proposal.hypothesis)
        yield Text(words if len(words) < 3 * width else f"{words[: 3 * width]} ...")


def _single(run: Run, now: Status, curve: Curve | None, width: int) -> Iterator[RenderableType]:
    yield _clock(run, now, width)
    if again := _again(run.trial):
        yield Text(again, "dim")
    if curve and len(curve.values) > 1:
        ends = f"{curve.name} {curve.values[0]:.4g} → {curve.values[-1]:.4g}"
        yield Text.assemble((sparkline(curve), "cyan"), f" {ends} ({curve.clock} {curve.at[-1]})")
    yield Text(run.line[: width - 1], "dim")


def _one_of_several(run: Run, now: Status, width: int) -> Iterator[RenderableType]:
    """Yield a run in three lines."""
    proposal = now.proposal(run.trial.owner)
    what = clean(proposal.description) if proposal else ""
    again = f" ({_again(run.trial)})" if _again(run.trial) else ""
    yield Text(f"experiment {run.trial.owner}: {what}{again}"[: width - 1], "bold")
    yield _clock(run, now, width)
    yield Text(run.line[: width - 1], "dim")


def _clock(run: Run, now: Status, width: int) -> RenderableType:
    done = min(run.seconds, now.budget)
    bar = ProgressBar(total=now.budget, completed=done, width=max(10, width - 42))
    clock = f"{run.seconds:.0f} of {now.budget:.0f} s, killed at {now.limit:.0f} s"
    grid = Table.grid(padding=(0, 1))
    grid.add_row(bar, Text(clock, "yellow" if run.seconds > now.budget else ""))
    return grid


_WAITS = {
    "paused": "paused for {since}; go on with: autoresearch resume",
    "starting": "starting",
    "proposing": "the next proposal is being written by {proposer}, {since}",
}


def _again(trial: Trial) -> str:
    """Say which of several runs of an experiment it is; empty for the first."""
    if trial.made_for is not None:
        return f"the incumbent, experiment {trial.number}, is run again beside it"
    return f"run {trial.repeat + 1} of it" if trial.repeat else ""


def _limits(records: Records, now: Status) -> Iterator[RenderableType]:
    """Yield each stopping criterion, with the time that is left."""
    best = records.incumbent
    elapsed = now.runs[0].seconds if now.runs else 0.0
    criteria = []
    for limit in left(now.stopping, now.tally, best.metric if best else None):
        remaining = max(0, round((limit.seconds or 0.0) - elapsed))
        time_left = f" ({duration(remaining)} left)" if limit.seconds else ""
        criteria.append(f"{limit.words}{time_left}")
    yield Text(f"ends at: {'; '.join(criteria) or 'autoresearch stop'}", "dim")

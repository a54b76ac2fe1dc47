"""Experiments as people read them in a terminal."""

import json
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from autoresearch_graph.core.experiment import Experiment, Outcome
from autoresearch_graph.core.output import without_items
from autoresearch_graph.core.text import clean, without_keys
from autoresearch_graph.core.values import in_dollars, in_words
from autoresearch_graph.errors import InputError
from autoresearch_graph.results.records import UNCONFINED_NOTE, Records

_COLOURS = {"keep": "green", "discard": "yellow", "crash": "red"}
_LOG_LINES = 20
_WIDE = 64
Cells = tuple[str | Text, ...]


def experiments_table(
    records: Records, experiments: Sequence[Experiment], *, costs: bool = True, width: int = _WIDE
) -> Table:
    """One row an experiment, with its verdict and the reason; in a narrow terminal without why."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("#", justify="right")
    table.add_column("verdict", no_wrap=True)
    table.add_column(records.program.metric.name, justify="right")
    roomy = width >= _WIDE
    paid = roomy and costs and any(e.is_paid for e in experiments)
    for column in (("seconds",) if roomy else ()) + (("tokens", "dollars") if paid else ()):
        table.add_column(column, justify="right")
    table.add_column("what was tried", ratio=2)
    if roomy:
        table.add_column("why", ratio=3, style="dim")
    for e in experiments:
        value = "" if e.metric is None else records.figures.value(e.metric)
        value += "‡" * bool(records.mark(e))
        cost = (f"{e.tokens:,}", in_dollars(e.dollars)) if e.is_paid else ("", "")
        facts: Cells = (str(e.number), Text(e.status, _COLOURS[e.status]), value)
        facts += (f"{e.seconds:.1f}",) if roomy else ()
        cells: Cells = (*facts, *(cost if paid else ()), e.description)
        cells += (records.reason(e),) if roomy else ()
        table.add_row(*(c if isinstance(c, Text) else Text(c) for c in cells))
    if any(map(records.mark, experiments)):
        table.caption = f"‡ {UNCONFINED_NOTE}"
    return table


def authors_table(records: Records) -> Group:
    """What the proposals of each author came to, and what they cost."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    cost = records.cost
    paid = ("tokens", "dollars", "tokens a keep", "dollars a keep") if cost.is_paid else ()
    for column in ("author", "proposals", "kept", "gain", *paid):
        table.add_column(column, justify="left" if column == "author" else "right")
    for y in records.by_author():
        each = y.cost.each(y.kept)
        shares = (f"{each.tokens:,}", in_dollars(each.dollars)) if each else ("", "")
        spent = (f"{y.cost.tokens:,}", in_dollars(y.cost.dollars), *shares) if paid else ()
        table.add_row(
            y.author, str(y.proposals), str(y.kept), records.figures.value(y.gain), *spent
        )
    return Group(table, Text(f"tokens: {cost.usage}", "dim")) if paid else Group(table)


def experiment_page(records: Records, number: int) -> Group:
    """One experiment: idea, verdict, outcome of every trial, diff and the end of its log."""
    e = records.experiment(number)
    parts: list[RenderableType] = [
        Text(f"experiment {e.number}: {e.description}", "bold"),
        Text(f"{e.status}: {e.reason}", _COLOURS[e.status]),
        Text(f"hypothesis   {e.hypothesis}"),
        Text(f"author       {' '.join(filter(None, (e.author, e.usage.model)))}"),
        *([Text(f"cost         {in_words(e)}: {e.usage}")] if e.is_paid else []),
        Text(f"commit       {e.commit[:12]} on {e.parent[:12]}"),
    ]
    if e.written_for is not None:
        parts.append(
            Text(
                f"merged       written for experiment {e.written_for}, put onto the one kept since"
            )
        )
    if e.undoes is not None:
        parts.append(Text(f"undoes       experiment {e.undoes}"))
    if e.review:
        parts.append(Text(f"review       {e.review} by a person"))
    parts += [Text(f"{m.wish:12s} {m.words or 'said'} ({m.at})") for m in e.steering]
    for what, trial in (
        *(("trial", t) for t in e.trials),
        *(("incumbent", t) for t in e.incumbent_runs),
        *(("before", t) for t in e.superseded_runs),
    ):
        parts.append(Text(f"{what:12s} {trial.kind}: {_result(trial)} ({_cost(trial)})"))
    if e.metrics:
        parts.append(Text("reported     " + ", ".join(f"{k} {v:g}" for k, v in e.metrics.items())))
    if url := records.file(number, "trace.url"):
        parts.append(Text(f"trace        {url}"))
    if e.self_reported:
        parts.append(Text("             the metric is self-reported by the run", "dim"))
    if records.mark(e):
        parts.append(Text(f"             {UNCONFINED_NOTE}", "dim"))
    if patch := records.file(number, "diff.patch"):
        parts += ["", Syntax(clean(patch), "diff", background_color="default")]
    if log := records.file(number, "log.txt"):
        tail = "\n".join(without_keys(without_items(log)).splitlines()[-_LOG_LINES:])
        parts += ["", Text("the end of its log", "bold"), Text(tail, "dim")]
    return Group(*parts)


def _result(trial: Outcome) -> str:
    """Return the facts that a trial ended with: its metric, or the reason for having none."""
    shown = {"metric", "cause", "reason", "limit", "would_prune"}
    facts = trial.model_dump(include=shown, by_alias=False)
    figures = {name: f"{v:.6g}" if isinstance(v, float) else v for name, v in facts.items()}
    return ", ".join(f"{name.replace('_', ' ')} {v}" for name, v in figures.items() if v != "")


def _cost(trial: Outcome) -> str:
    """Tell the cost of a trial, and the place that it ran at."""
    cost = f"{trial.seconds:.1f} s, {trial.cpu_seconds:.1f} s of CPU, {trial.memory_gb:.2f} GiB"
    cost += f", after a check of {trial.check_seconds:.1f} s" * bool(trial.check_seconds)
    cost += f", {trial.sandbox}" * bool(trial.sandbox)
    cost += f", on {trial.node}" * bool(trial.node)
    return cost + f", begun on {', '.join(trial.lost)}, lost since" * bool(trial.lost)


def conversation_page(records: Records, number: int) -> Group:
    """What the model was told, said and called; InputError where no model proposed."""
    text = records.file(number, "conversation.json")
    if not text:
        raise InputError(
            f"experiment {number} has no conversation: its author is "
            f"{records.experiment(number).author}"
        )
    from langchain_core.messages import messages_from_dict

    parts: list[RenderableType] = []
    for message in messages_from_dict(json.loads(text)):
        parts += ["", Text(message.type, "bold"), Text(clean(message.text))]
        for call in getattr(message, "tool_calls", []):
            arguments = "\n".join(f"  {name}: {value}" for name, value in call["args"].items())
            parts.append(Text(clean(f"{call['name']}\n{arguments}"), "cyan"))
    return Group(*parts)

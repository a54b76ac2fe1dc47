"""Tables and pages of experiments for a terminal."""

import json
from collections.abc import Iterator, Sequence

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
_LOG_LINES = 20  # of a log that are shown
_WIDE = 64  # characters of a terminal in which there is room for reasons


def experiments_table(
    records: Records, experiments: Sequence[Experiment], *, costs: bool = True, width: int = _WIDE
) -> Table:
    """Return a row for each experiment with its verdict; in a narrow terminal without reasons."""
    is_wide = width >= _WIDE
    is_paid = is_wide and costs and any(row.is_paid for row in experiments)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("#", justify="right")
    table.add_column("verdict", no_wrap=True)
    for column in (records.program.metric.name, *["seconds"] * is_wide):
        table.add_column(column, justify="right")
    for column in ("tokens", "dollars") if is_paid else ():
        table.add_column(column, justify="right")
    table.add_column("what was tried", ratio=2)
    if is_wide:
        table.add_column("why", ratio=3, style="dim")
    for row in experiments:
        table.add_row(*_cells(records, row, is_wide=is_wide, is_paid=is_paid))
    if any(map(records.mark, experiments)):
        table.caption = f"‡ {UNCONFINED_NOTE}"
    return table


def _cells(records: Records, row: Experiment, *, is_wide: bool, is_paid: bool) -> list[Text]:
    value = "" if row.metric is None else records.figures.value(row.metric)
    cells = [value + "‡" * bool(records.mark(row)), *[f"{row.seconds:.1f}"] * is_wide]
    if is_paid:
        cells += [f"{row.tokens:,}", in_dollars(row.dollars)] if row.is_paid else ["", ""]
    cells += [row.description, *[records.reason(row)] * is_wide]
    return [Text(str(row.number)), Text(row.status, _COLOURS[row.status]), *map(Text, cells)]


def authors_table(records: Records) -> Group:
    """Return the number, gains and cost of each author's proposals."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    cost = records.cost
    paid = ("tokens", "dollars", "tokens a keep", "dollars a keep") if cost.is_paid else ()
    for column in ("author", "proposals", "kept", "gain", *paid):
        table.add_column(column, justify="left" if column == "author" else "right")
    for own in records.by_author():
        cells = [own.author, str(own.proposals), str(own.kept), records.figures.value(own.gain)]
        if paid:
            each = own.cost.each(own.kept)
            cells += [f"{own.cost.tokens:,}", in_dollars(own.cost.dollars)]
            cells += [f"{each.tokens:,}", in_dollars(each.dollars)] if each else ["", ""]
        table.add_row(*cells)
    return Group(table, Text(f"tokens: {cost.usage}", "dim")) if paid else Group(table)


def experiment_page(records: Records, number: int) -> Group:
    """Return one experiment: idea, verdict, outcomes of all trials, diff and the end of its log."""
    row = records.experiment(number)
    parts: list[RenderableType] = [
        Text(f"experiment {row.number}: {row.description}", "bold"),
        Text(f"{row.status}: {row.reason}", _COLOURS[row.status]),
        *_facts(row, records.file(number, "trace.url")),
    ]
    if row.self_reported:
        parts.append(Text("             the metric is self-reported by the run", "dim"))
    if records.mark(row):
        parts.append(Text(f"             {UNCONFINED_NOTE}", "dim"))
    if patch := records.file(number, "diff.patch"):
        parts += ["", Syntax(clean(patch), "diff", background_color="default")]
    if log := records.file(number, "log.txt"):
        tail = "\n".join(without_keys(without_items(log)).splitlines()[-_LOG_LINES:])
        parts += ["", Text("the end of its log", "bold"), Text(tail, "dim")]
    return Group(*parts)


def _facts(row: Experiment, url: str) -> Iterator[Text]:
    """Yield a line for each fact that an experiment has, after its name."""
    facts = [
        ("hypothesis", row.hypothesis),
        ("author", " ".join(filter(None, (row.author, row.usage.model)))),
        ("cost", f"{in_words(row)}: {row.usage}" if row.is_paid else None),
        ("commit", f"{row.commit[:12]} on {row.parent[:12]}"),
        ("merged", None if row.written_for is None else _merged(row.written_for)),
        ("undoes", None if row.undoes is None else f"experiment {row.undoes}"),
        ("review", f"{row.review} by a person" if row.review else None),
    ]
    facts += [(note.wish, f"{note.words or 'said'} ({note.at})") for note in row.steering]
    for name, trials in (
        ("trial", row.trials),
        ("incumbent", row.incumbent_runs),
        ("before", row.superseded_runs),
    ):
        facts += [(name, _outcome(run)) for run in trials]
    reported = ", ".join(f"{name} {value:g}" for name, value in row.metrics.items())
    facts += [("reported", reported or None), ("trace", url or None)]
    for name, fact in facts:
        if fact is not None:
            yield Text(f"{name:12s} {fact}")


def _merged(number: int) -> str:
    return f"written for experiment {number}, put onto the one kept since"


def _result(trial: Outcome) -> str:
    """Return the facts that a trial ended with: its metric, or the reason for having none."""
    shown = {"metric", "cause", "reason", "limit", "would_prune"}
    facts = trial.model_dump(include=shown, by_alias=False)
    figures = {name: f"{v:.6g}" if isinstance(v, float) else v for name, v in facts.items()}
    return ", ".join(f"{name.replace('_', ' ')} {v}" for name, v in figures.items() if v != "")


def _outcome(trial: Outcome) -> str:
    """Return the result of a trial, its resources, its sandbox and its node."""
    cost = f"{trial.seconds:.1f} s, {trial.cpu_seconds:.1f} s of CPU, {trial.memory_gb:.2f} GiB"
    cost += f", after a check of {trial.check_seconds:.1f} s" * bool(trial.check_seconds)
    cost += f", {trial.sandbox}" * bool(trial.sandbox)
    cost += f", on {trial.node}" * bool(trial.node)
    cost += f", begun on {', '.join(trial.lost)}, lost since" * bool(trial.lost)
    return f"{trial.kind}: {_result(trial)} ({cost})"


def conversation_page(records: Records, number: int) -> Group:
    """Return the messages and calls of a model; InputError if no model proposed."""
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

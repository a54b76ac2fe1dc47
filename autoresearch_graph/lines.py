"""What a research tells where there is no terminal: an event a line, as words or as JSON."""

import json
from collections.abc import Callable
from typing import Any

from autoresearch_graph.experiment import Experiment
from autoresearch_graph.output import clean
from autoresearch_graph.records import Records

Event = dict[str, Any]
Line = Callable[[Event], str | None]


def in_words(event: Event) -> str | None:
    """Verdicts and notices; the rest is left out."""
    match event["event"]:
        case "verdict" | "notice" | "end":
            return str(event["text"])
    return None


def in_json(event: Event) -> str | None:
    """Every event as one JSON object."""
    return json.dumps(event)


def only_the_end(event: Event) -> str | None:
    """How it ended, and nothing else."""
    return str(event["text"]) if event["event"] == "end" else None


def plain(records: Records, e: Experiment) -> str:
    """A verdict in a line."""
    value = "" if e.metric is None else f" {records.figures.value(e.metric)}{records.mark(e)}"
    told = f"{e.number:4d} {e.status:8s}{value} {e.description} | {records.reason(e)}"
    return " ".join(clean(told).splitlines())

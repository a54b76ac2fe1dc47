"""The stopping criteria: when a research ends."""

from collections.abc import Callable, Iterator

from autoresearch_graph.errors import ProgramError
from autoresearch_graph.metric import Metric
from autoresearch_graph.program.criteria import (
    ACCEPTED,
    Criterion,
    criteria,
    is_of_the_whole,
    understood,
)
from autoresearch_graph.program.dialects import never_stops
from autoresearch_graph.program.document import Document, without_numbering
from autoresearch_graph.program.flags import Flags
from autoresearch_graph.program.front_matter import Entry
from autoresearch_graph.program.headings import Section
from autoresearch_graph.program.markdown import Block
from autoresearch_graph.program.model import Stopping
from autoresearch_graph.program.quantities import duration
from autoresearch_graph.program.statements import Statement, agree

Stated = tuple[str, Statement[float]]
Reader = Callable[[str, Metric], tuple[Criterion, ...]]

_PHRASES = {
    "experiments": "{} experiments",
    "hours": "{} hours",
    "without_improvement": "{} experiments without improvement",
    "target": "target {}",
    "tokens": "{} tokens",
    "dollars": "${}",
}
_NAMES = {"seconds": "time", "without_improvement": "experiments without improvement"}


def read_stopping(
    document: Document, metric: Metric, flags: Flags
) -> tuple[Stopping, dict[str, int]] | None:
    """The criteria and their lines; a flag narrows a criterion or adds it, and widens none."""
    stated = tuple(_stated(document, metric))
    chosen = _chosen(stated)
    never = next((statement for field, statement in stated if field == "never"), None)
    values = {field: statement.value for field, statement in chosen.items()}
    for field, limit in _limits(flags):
        if limit < values.get(field, float("inf")):
            values[field] = limit
            chosen.pop(field, None)
    if not values and never is None:
        return None
    return Stopping.model_validate(values), _lines(chosen, never)


def _limits(flags: Flags) -> Iterator[tuple[str, float]]:
    for name, field, unit in (("experiments", "experiments", 1), ("hours", "seconds", 3600)):
        limit = getattr(flags, name)
        if limit is not None and limit <= 0:
            raise ProgramError(f"--{name} is {limit:g}; it must be more than 0")
        if limit is not None:
            yield field, limit * unit


def _chosen(stated: tuple[Stated, ...]) -> dict[str, Statement[float]]:
    """One statement for each field; ProgramError where two differ, or one is `never stop`."""
    chosen: dict[str, Statement[float]] = {}
    for field in dict.fromkeys(field for field, _ in stated):
        same = (statement for key, statement in stated if key == field)
        if statement := agree(f"limit on {_NAMES.get(field, field)}", same):
            chosen[field] = statement
    never = chosen.pop("never", None)
    if never and chosen:
        other = next(iter(chosen.values()))
        raise ProgramError(
            f"`{never}` is here but `{other}` on line {other.line}; keep one of them",
            line=never.line,
        )
    return chosen


def _lines(chosen: dict[str, Statement[float]], never: Statement[float] | None) -> dict[str, int]:
    lines = {f"stopping.{field}": s.line for field, s in chosen.items() if s.line}
    first = min(lines.values(), default=never.line if never else None)
    return {"stopping": first, **lines} if first else lines


def _stated(document: Document, metric: Metric) -> Iterator[Stated]:
    if entry := document.front.get("stopping"):
        yield from _front(entry, metric)
    elif sections := document.proper("stopping"):
        for section in sections:
            yield from _in_section(section, metric)
        yield from _budgeted(document, metric)
    else:
        ended = [s for block in document.loose_blocks("stopping") for s in _loose(block, metric)]
        yield from (*ended, *_budgeted(document, metric)) or (
            ("never", Statement(0.0, said.line, "never stop"))
            for said in never_stops(document.blocks)
        )


def _front(entry: Entry, metric: Metric) -> Iterator[Stated]:
    if isinstance(entry.value, str | tuple):
        for item in entry.items():
            yield from _at(item.line, understood, item.text(), metric)
        return
    for key, value in entry.keys(*_PHRASES).items():
        text = value.text().removeprefix("$")
        phrase = text if key == "hours" and duration(text) else _PHRASES[key].format(text)
        yield from _at(value.line, understood, phrase, metric)


def _in_section(section: Section, metric: Metric) -> list[Stated]:
    """Each list item must be understood; a paragraph may be an introduction to them."""
    found: list[Stated] = []
    for block in section.blocks:
        reader = understood if block.kind == "item" else criteria
        found += _at(block.line, reader, without_numbering(block), metric)
    if not found:
        raise ProgramError(
            f"`{section.title}` gives no criterion that can be read; write {ACCEPTED}",
            line=section.line,
        )
    return found


def _budgeted(document: Document, metric: Metric) -> Iterator[Stated]:
    """What the section on the time box says of the whole research."""
    for section in document.proper("time_box"):
        for block in section.body:
            if is_of_the_whole(block.text):
                yield from _at(block.line, criteria, block.text, metric)


def _loose(block: Block, metric: Metric) -> list[Stated]:
    try:
        return list(_at(block.line, criteria, block.text, metric))
    except ProgramError:
        return []


def _at(line: int, reader: Reader, text: str, metric: Metric) -> Iterator[Stated]:
    try:
        found = reader(text, metric)
    except ProgramError as error:
        raise ProgramError(str(error), line=line) from None
    for criterion in found:
        yield criterion.field, Statement(criterion.value, line, criterion.said)

"""Facts that are scattered in prose, as in the program.md files that exist.

They count only where no heading and no front matter speaks. The words are those of
karpathy/autoresearch and its ports: "the goal is simple: get the lowest val_bpb", a search for
the metric in a log, "a fixed time budget of 5 minutes", "launch it simply as", "never stop".
"""

import re
from collections.abc import Iterable, Iterator

from autoresearch_graph.core.values import Direction
from autoresearch_graph.program.document import sentences
from autoresearch_graph.program.goals import NAME, goals, labelled, sentence_directions
from autoresearch_graph.program.markdown import Block
from autoresearch_graph.program.quantities import Duration, durations
from autoresearch_graph.program.shell import has_log, without_log
from autoresearch_graph.program.statements import Statement

_GREP = re.compile(rf"\bgrep\s+(?:-\w+\s+)*[\"']?\^(?:METRIC\s+)?({NAME})\s*[:=]")
_LAUNCH = re.compile(
    r"\blaunch\w*\b[^`]*`(?P<launched>[^`]+)`"
    r"|\brun\s+(?:the\s+|each\s+|one\s+|an\s+)?(?:experiment|eval\w*|training|benchmark|backtest)"
    r"\b[^`]*`(?P<run>[^`]+)`"
    r"|\b(?:experiment|run|benchmark)\s+command\s*:\s*`(?P<command>[^`]+)`",
    re.IGNORECASE,
)
_READERS = ("grep", "tail", "cat", "head", "git")
_BUDGET = re.compile(
    r"budget(?:\s+(?:of|is)|\s*:)\s+(?:~|about\s+|approximately\s+)?$"
    r"|\btime\s+budget\W+[^.]*\b(?:complete|finish|take|run)\w*\s+(?:in|for|within)\s+(?:~|about\s+)?$",
    re.IGNORECASE,
)
_BUDGET_AFTER = re.compile(r"^(?:\s+\w+)?\s+budget\b", re.IGNORECASE)
_ITEM = re.compile(r"(?:^|[,;]|\bat most)\s*$", re.IGNORECASE)
_EACH = re.compile(r"\s+(?:per|each|for (?:each|every))\s+(?:run|experiment)\b", re.IGNORECASE)
_AIM = re.compile(r"\b(?:goal|objective)\b", re.IGNORECASE)
_NEVER = re.compile(r"^\W*(?:never stop|loop forever)\b", re.IGNORECASE)


def scattered_names(blocks: Iterable[Block]) -> Iterator[Statement[str]]:
    """The metric's name: what is first looked for in a log, else what a goal is about."""
    blocks = tuple(blocks)
    yield from (
        tuple(_looked_for(blocks))
        or tuple(labelled(blocks))
        or tuple(goal.statement() for goal in goals(blocks) if goal.names_a_metric)
    )


def scattered_directions(blocks: Iterable[Block], metric: str) -> Iterator[Statement[Direction]]:
    """The direction: what is said of the metric, else of the goal, else anywhere."""
    blocks = tuple(blocks)
    about = [Statement(g.direction, g.line) for g in goals(blocks) if g.is_about(metric)]
    if about or all(name.value != metric for name in scattered_names(blocks)):
        yield from about
        return
    said = [d for block in blocks if block.kind != "code" for d in sentence_directions(block)]
    aims = [direction for direction, sentence in said if _AIM.search(sentence)]
    yield from aims or [direction for direction, _ in said]


def scattered_commands(blocks: Iterable[Block]) -> Iterator[Statement[str]]:
    """The experiment command: what is launched, and what is sent to a log."""
    for block in blocks:
        if block.kind == "code":
            continue
        for sentence, line in sentences(block):
            if launch := _LAUNCH.search(sentence):
                said = launch["launched"] or launch["run"] or launch["command"]
                yield from _command(said, line)
        for span in block.spans:
            if has_log(span.text) and span.text.split()[0] not in _READERS:
                yield from _command(span.text, span.line)


def scattered_time_boxes(blocks: Iterable[Block]) -> Iterator[tuple[Duration, int]]:
    """The time box with its line: "a fixed time budget of 5 minutes", "Budget: 120 s".

    Where there is none, what a list item grants: "5 min per run".
    """
    blocks = tuple(blocks)
    yield from tuple(_budgets(blocks)) or _granted(blocks)


def _granted(blocks: Iterable[Block]) -> Iterator[tuple[Duration, int]]:
    for block in blocks:
        for found in durations(block.text) if block.kind == "item" else ():
            before, after = block.text[: found.start], block.text[found.end :]
            if _ITEM.search(before) and _EACH.match(after):
                yield found, block.line_at(found.start)


def _budgets(blocks: Iterable[Block]) -> Iterator[tuple[Duration, int]]:
    for block in blocks:
        for sentence, line in sentences(block) if block.kind != "code" else ():
            for found in durations(sentence):
                before, after = sentence[: found.start], sentence[found.end :]
                fixed = re.search(r"\b(?:fixed|time)\s*$", before) and _BUDGET_AFTER.match(after)
                if fixed or _BUDGET.search(before):
                    yield found, line


def never_stops(blocks: Iterable[Block]) -> Iterator[Statement[bool]]:
    """Whether a block begins with "never stop" or "loop forever"."""
    return (Statement(True, block.line) for block in blocks if _NEVER.match(block.text))


def _looked_for(blocks: Iterable[Block]) -> Iterator[Statement[str]]:
    for block in blocks:
        for match in _GREP.finditer(block.text):
            yield Statement(match[1], block.line_at(match.start()))


def _command(said: str, line: int) -> Iterator[Statement[str]]:
    """A command with a placeholder cannot be run."""
    command = without_log(said).strip()
    if command and not re.search(r"<\w|\{\w", command):
        yield Statement(command, line)

"""The time box: how long a run may take, and when it is killed."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.criteria import is_of_the_whole
from autoresearch_graph.program.dialects import scattered_time_boxes
from autoresearch_graph.program.document import Document, sentences, without_numbering
from autoresearch_graph.program.headings import Section
from autoresearch_graph.program.markdown import Block
from autoresearch_graph.program.model import TimeBox
from autoresearch_graph.program.quantities import WEEK, Duration, duration, durations, unread
from autoresearch_graph.program.statements import Statement, agree, with_flag

_KILLED = re.compile(
    r"\b(?:kill\w*|terminat\w*|abort\w*|hard\s+(?:limit|cap|stop)|(?P<timeout>time-?out))"
    r"(?:\s+(?:it|them|the\s+run))?[\s:]*(?:(?:after|at|of|is|beyond)\s+)?(?:about\s+)?[~>]?\s*$",
    re.IGNORECASE,
)
_BEYOND = re.compile(
    r"(?:\bexceed\w*|\b(?:longer|more)\s+than|\bover|\bbeyond|\bpast|\bhangs?\s+for|>)\s*[~>]?\s*$",
    re.IGNORECASE,
)


_AFTER = re.compile(r"\b(?:after|beyond|past)\s+(?:about\s+)?[~>]?$", re.IGNORECASE)
_IS_KILLED = re.compile(
    r"[\s.]*(?:(?:it|the\s+run)\s+(?:is|will\s+be)\s+|then\s+)?"
    r"(?:kill\w*|terminat\w*|abort\w*)(?!\s+(?:after|at)\b)",
    re.IGNORECASE,
)


def read_seconds(document: Document, supplied: str | None) -> Statement[float] | None:
    """The time box in seconds; where only the limit is said that ends a run, it is the time box."""
    flag = None if supplied is None else _whole(supplied, "--time-box", None)
    stated = agree("time box", _boxes(document))
    if stated is None and flag is None and not document.proper("time_box"):
        stated = agree("limit after which a run is killed", _limits(document))
    return with_flag("time box", "--time-box", flag, stated)


def read_kill_after(document: Document, supplied: str | None) -> Statement[float] | None:
    """When a run is killed, in seconds."""
    flag = None if supplied is None else _whole(supplied, "--kill-after", None)
    stated = agree("limit after which a run is killed", _limits(document))
    return with_flag("limit after which a run is killed", "--kill-after", flag, stated)


def time_box(seconds: Statement[float], kill_after: Statement[float] | None) -> TimeBox:
    """Both together; a run is killed after twice its time box where nothing else is said."""
    if kill_after is None:
        return TimeBox(seconds=seconds.value, kill_after=2 * seconds.value)
    if kill_after.value < seconds.value:
        raise ProgramError(
            f"a run is killed after {kill_after.value:g} s, before its time box of "
            f"{seconds.value:g} s has passed; let it be killed later",
            line=kill_after.line or seconds.line,
        )
    return TimeBox(seconds=seconds.value, kill_after=kill_after.value)


def _boxes(document: Document) -> tuple[Statement[float], ...]:
    if entry := document.front.get("time_box"):
        return (_whole(entry.text(), "`time_box`", entry.line),)
    sections = document.proper("time_box")
    stated = tuple(box for section in sections for box in _section_boxes(section))
    if stated and not sections[0].label:
        return stated
    scattered = scattered_time_boxes(document.blocks)
    return (*stated, *(checked(found, line) for found, line in scattered))


def _limits(document: Document) -> tuple[Statement[float], ...]:
    if entry := document.front.get("kill_after"):
        return (_whole(entry.text(), "`kill_after`", entry.line),)
    blocks = tuple(block for s in document.proper("time_box") for block in s.blocks)
    stated = [checked(found, line) for found, line, killed in _found(blocks) if killed]
    text = (block for block in document.blocks if block.kind != "code")
    everywhere = (block for block in text if re.search(r"\bkill", block.text, re.IGNORECASE))
    return tuple(stated) or tuple(
        checked(found, line) for found, line, killed in _found(everywhere) if killed
    )


def _section_boxes(section: Section) -> Iterator[Statement[float]]:
    for block in section.blocks:
        if block.kind == "heading" or not is_of_the_whole(block.text):
            _check_all_read(block)
    found = _found(section.blocks)
    yield from (checked(box, line) for box, line, killed in found if not killed)


def _check_all_read(block: Block) -> None:
    """ProgramError where a number is left that belongs to no duration."""
    rest = block.text
    for found in durations(rest):
        blank = re.sub(r"[^\n]", " ", found.said)
        rest = f"{rest[: found.start]}{blank}{rest[found.end :]}"
    begin = len(rest) - len(without_numbering(replace(block, text=rest)))
    if left := unread(rest[begin:]):
        line = block.line_at(begin + left.start())
        raise _no_duration(f"`{' '.join(left[0].split())}`", line)


def _found(blocks: Iterable[Block]) -> Iterator[tuple[Duration, int, bool]]:
    """All durations with their line, and whether it is the one after which a run is killed."""
    for block in blocks:
        for sentence, line in sentences(block):
            for found in durations(sentence):
                killed = _kills(sentence, found, in_heading=block.kind == "heading")
                yield found, line + sentence.count("\n", 0, found.start), killed


def _kills(sentence: str, found: Duration, *, in_heading: bool) -> bool:
    """The heading `Timeout: 5 minutes` gives the time box itself."""
    before = sentence[: found.start]
    if killed := _KILLED.search(before):
        return not (killed["timeout"] and in_heading)
    if _AFTER.search(before) and _IS_KILLED.match(sentence, found.end):
        return True
    return bool(_BEYOND.search(before) and re.search(r"\bkill", sentence, re.IGNORECASE))


def _whole(text: str, what: str, line: int | None) -> Statement[float]:
    if found := duration(text):
        return checked(found, line)
    raise _no_duration(f"{what} is `{text}`, which", line)


def _no_duration(what: str, line: int | None) -> ProgramError:
    return ProgramError(
        f"{what} is no duration; write it with its unit, as in `5 minutes`, `90 s` or `1h 30m`",
        line=line,
    )


def checked(found: Duration, line: int | None) -> Statement[float]:
    """A duration as a statement; ProgramError where no run could last for it."""
    if found.is_range:
        raise ProgramError(f"`{found.said}` is a range; give one duration", line=line)
    if not 0 < found.seconds <= WEEK:
        raise ProgramError(f"`{found.said}` must be more than 0 and at most 7 days", line=line)
    return Statement(found.seconds, line, found.said)

"""The limits of a program.md: stopping criteria of the research, time box of a run."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from autoresearch_graph.core.program import Flags, Stopping, TimeBox
from autoresearch_graph.core.values import Metric
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.document import Document, Section, sentences, without_numbering
from autoresearch_graph.program.front_matter import Entry
from autoresearch_graph.program.markdown import Block
from autoresearch_graph.program.quantities import (
    COUNT,
    NUMBER,
    WEEK,
    Duration,
    Statement,
    agree,
    bad_value,
    contradiction,
    duration,
    durations,
    number,
    unread,
    with_flag,
)

ACCEPTED = (
    "`100 experiments`, `8 hours`, `20 experiments without improvement`, `target: 0.97`, "
    "`2M tokens`, `$10` or `never stop`"
)
_N = rf"(?<![\w.,-])(?P<n>{NUMBER})"
_COUNTED = r"(?:experiments?|iterations?)"
_GAIN = r"(?:any\s+|an\s+)?improvement"
_ENDS = rf"(?:\s+(?:consecutive\s+)?{_COUNTED}\b|(?=\s*(?:$|[^\w\s:-](?!\d)|(?:or|and)\b)))"
_SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "b": 1e9, "billion": 1e9}
_SCALE = rf"(?P<scale>{'|'.join(_SCALES)})?"
_FORMS = (
    (
        "without_improvement",
        rf"(?P<n>{COUNT})\s+(?:consecutive\s+)?{_COUNTED}\s+(?:in\s+a\s+row\s+)?"
        rf"(?:without|with\s+no)\s+{_GAIN}"
        rf"|\b(?:no|without)\s+{_GAIN}(?:\s+(?:for|in|over|after|within)|\s*[:|])\s*"
        rf"(?:the\s+last\s+)?(?P<m>{COUNT}){_ENDS}"
        rf"|\b(?:plateau\w*|stuck|stagnat\w*|stall\w*|no\s+progress)"
        rf"(?:\s+(?:of|for|in|after|over))?[\s:|]*(?P<o>{COUNT}){_ENDS}",
    ),
    ("tokens", rf"{_N}\s*{_SCALE}\s*tokens?\b"),
    (
        "dollars",
        rf"(?<!-)\$\s*(?P<n>{NUMBER})(?!\w)|(?<![\w.,-])(?P<m>{NUMBER})\s*(?:dollars?|usd)\b",
    ),
    (
        "experiments",
        rf"(?P<n>{COUNT})\s+{_COUNTED}\b|\b(?:experiments|iterations)\s*[:=|]\s*(?P<m>{COUNT})",
    ),
)
_OF_ONE = re.compile(r"\b(?:one|1|an?|each|every|per)\s+(?:experiment|iteration|run)\b", re.I)
_NEVER = re.compile(
    r"\bnever\s+stop|\buntil\s+(?:\w+\s+){0,3}(?:interrupt|stop)"
    r"|^\W*(?:never|none|no limit|forever|indefinitely)\W*$",
    re.IGNORECASE,
)
_STUCK = re.compile(
    r"\b(?:improv\w*|stuck|stagnat\w*|stall\w*|plateau\w*|progress|better|gains?|in\s+a\s+row|without"
    r"|consecutive\w*|since|nothing|fail\w*|crash\w*|discard\w*|keeps?|kept)\b",
    re.IGNORECASE,
)
_RELATIONS = {
    "lower": r"<=|≤|<|below|under|less than|lower than|at most|down to",
    "higher": r">=|≥|>|above|over|more than|higher than|greater than|at least|up to",
}


@dataclass(frozen=True)
class Criterion:
    """A field of Stopping with its value, as it was said; `never` has the value 0."""

    field: str
    value: float
    said: str


def criteria(text: str, metric: Metric) -> tuple[Criterion, ...]:
    """Return all criteria of a text; round brackets hold comments.

    Raise ProgramError if a number is left over, or if a limit is on something else than all
    experiments and the whole time.
    """
    found: list[Criterion] = []
    rest = _targets(re.sub(r"\([^()]*\)", " ", text), metric, found)
    for field, pattern in _FORMS:
        rest = _counted(rest, field, pattern, found)
    for span in reversed(durations(rest)):
        if span.is_range:
            raise bad_value(f"`{span.said}` is a range; give one duration", None)
        found.append(Criterion("seconds", span.seconds, span.said))
        rest = f"{rest[: span.start]} {rest[span.end :]}"
    is_limited = bool({"experiments", "seconds"} & {criterion.field for criterion in found})
    if unread(rest) or (is_limited and _STUCK.search(rest)):
        raise ProgramError(f"`{_short(text)}` is not understood; write {ACCEPTED}")
    if not found and (never := _NEVER.search(rest)):
        found.append(Criterion("never", 0, never[0].strip()))
    return tuple(_positive(criterion) for criterion in found)


def is_of_the_whole(text: str) -> bool:
    """Return True if a text limits the experiments, tokens or dollars, and tells no time.

    A text about one experiment limits none.
    """
    said = any(re.search(pattern, text, re.IGNORECASE) for _, pattern in _FORMS)
    return said and not durations(text) and not _OF_ONE.search(text)


def understood(text: str, metric: Metric) -> tuple[Criterion, ...]:
    """Return all criteria of a text that must hold one."""
    if found := criteria(text, metric):
        return found
    raise ProgramError(f"`{_short(text)}` is not understood; write {ACCEPTED}")


def _counted(text: str, field: str, pattern: str, found: list[Criterion]) -> str:
    for match in re.finditer(pattern, text, re.IGNORECASE):
        groups = match.groupdict()
        said = next(groups[key] for key in ("n", "m", "o") if groups.get(key))
        scale = _SCALES[groups["scale"].lower()] if groups.get("scale") else 1.0
        value = number(said) * scale
        limit = value if field == "dollars" else round(value)
        found.append(Criterion(field, limit, match[0].strip()))
    return re.sub(pattern, " ", text, flags=re.IGNORECASE)


def _targets(text: str, metric: Metric, found: list[Criterion]) -> str:
    """Collect the numbers after the metric's name or the word target, and remove them."""
    relations = "|".join(f"(?P<{which}>{words})" for which, words in _RELATIONS.items())
    pattern = re.compile(
        rf"(?:`(?P<span>[^`\s]+)`|`?(?<!\w){re.escape(metric.name)}(?!\w)`?|\btarget\b)"
        rf"[^`\d\n.;]{{0,40}}?(?:{relations})?\s*`?(?P<n>-?{NUMBER})(?![\d.,]*\d)`?"
        rf"(?!\s*(?:{_COUNTED}|(?:{'|'.join(_SCALES)})?\s*tokens?\b))(?P<unit>\s?%|\s?[a-z]+)?",
        re.IGNORECASE,
    )
    for match in pattern.finditer(text):
        _check_target(match, metric)
        found.append(Criterion("target", number(match["n"]), match[0].strip()))
    return pattern.sub(" ", text)


def _check_target(match: re.Match[str], metric: Metric) -> None:
    said = match[0].strip()
    if match["span"] and match["span"] != metric.name:
        raise bad_value(f"`{match['span']}` is not the metric, which is `{metric.name}`", None)
    if match["higher" if metric.direction == "lower" else "lower"]:
        raise bad_value(
            f"{said} cannot be a target: {metric.direction} is better for {metric.name}", None
        )
    if match["unit"] and (match["unit"].strip() == "%" or durations(match["n"] + match["unit"])):
        raise bad_value(f"{said} has a unit; give the target as {metric.name} is reported", None)


def _positive(criterion: Criterion) -> Criterion:
    if criterion.value <= 0 and criterion.field not in ("target", "never"):
        raise bad_value(f"`{criterion.said}` must be more than 0", None)
    return criterion


def _short(text: str) -> str:
    return " ".join(text.split())[:80]


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
    """Return the criteria and their lines; a flag narrows or adds one, and widens none."""
    stated = tuple(_stated(document, metric))
    chosen = _chosen(stated)
    never = next((statement for field, statement in stated if field == "never"), None)
    values = {field: statement.value for field, statement in chosen.items()}
    for field, limit in _limits(flags, metric):
        if field == "never":
            never = never or Statement(0.0, None, "never stop")
        elif field not in values or (field != "target" and limit < values[field]):
            values[field] = limit
            chosen.pop(field, None)
    if not values and never is None:
        return None
    return Stopping.model_validate(values), _lines(chosen, never)


def _limits(flags: Flags, metric: Metric) -> Iterator[tuple[str, float]]:
    for text in flags.stop:
        for criterion in understood(text, metric):
            yield criterion.field, criterion.value
    for name, field, unit in (("experiments", "experiments", 1), ("hours", "seconds", 3600)):
        limit = getattr(flags, name)
        if limit is not None and limit <= 0:
            raise bad_value(f"--{name} is {limit:g}; it must be more than 0", None)
        if limit is not None:
            yield field, limit * unit


def _chosen(stated: tuple[Stated, ...]) -> dict[str, Statement[float]]:
    """Return one statement for each field.

    Raise ProgramError if two differ, or if one of several is `never stop`.
    """
    chosen: dict[str, Statement[float]] = {}
    for field in dict.fromkeys(field for field, _ in stated):
        same = (statement for key, statement in stated if key == field)
        if statement := agree(f"limit on {_NAMES.get(field, field)}", same):
            chosen[field] = statement
    never = chosen.pop("never", None)
    if never and chosen:
        other = next(iter(chosen.values()))
        raise contradiction(
            f"`{never}` is here but `{other}` on line {other.line}; keep one of them", never.line
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
        for list_item in entry.items():
            yield from _at(list_item.line, understood, list_item.text(), metric)
        return
    for key_name, value in entry.keys(*_PHRASES).items():
        text = value.text().removeprefix("$")
        phrase = text if key_name == "hours" and duration(text) else _PHRASES[key_name].format(text)
        yield from _at(value.line, understood, phrase, metric)


def _in_section(section: Section, metric: Metric) -> list[Stated]:
    """Return the criteria of a section; each list item must be understood."""
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
    """Yield the criteria that the section on the time box gives for the whole research."""
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
        raise error.placed(line=line) from None
    for criterion in found:
        yield criterion.field, Statement(criterion.value, line, criterion.said)


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
    """Return the time box in seconds; a lone kill limit is the time box."""
    from_flag = None if supplied is None else _whole(supplied, "--time-box", None)
    stated = agree("time box", _boxes(document))
    if stated is None and from_flag is None and not document.proper("time_box"):
        stated = agree("limit after which a run is killed", _run_limits(document))
    return with_flag("time box", "--time-box", from_flag, stated)


def read_kill_after(document: Document, supplied: str | None) -> Statement[float] | None:
    """Return the seconds after which a run is killed."""
    from_flag = None if supplied is None else _whole(supplied, "--kill-after", None)
    stated = agree("limit after which a run is killed", _run_limits(document))
    return with_flag("limit after which a run is killed", "--kill-after", from_flag, stated)


def time_box(seconds: Statement[float], kill_after: Statement[float] | None) -> TimeBox:
    """Combine both; by default a run is killed after twice its time box."""
    if kill_after is None:
        return TimeBox(seconds=seconds.value, kill_after=2 * seconds.value)
    if kill_after.value < seconds.value:
        raise contradiction(
            f"a run is killed after {kill_after.value:g} s, before the end of its time box of "
            f"{seconds.value:g} s; raise the first or lower the second",
            kill_after.line or seconds.line,
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


def _run_limits(document: Document) -> tuple[Statement[float], ...]:
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
    """Raise ProgramError if a number belongs to no duration."""
    rest = block.text
    for found in durations(rest):
        blank = re.sub(r"[^\n]", " ", found.said)
        rest = f"{rest[: found.start]}{blank}{rest[found.end :]}"
    begin = len(rest) - len(without_numbering(replace(block, text=rest)))
    if left := unread(rest[begin:]):
        line_number = block.line_at(begin + left.start())
        raise _no_duration(f"`{' '.join(left[0].split())}`", line_number)


def _found(blocks: Iterable[Block]) -> Iterator[tuple[Duration, int, bool]]:
    """Yield all durations with their line, and True for a kill limit."""
    for block in blocks:
        for sentence, line_number in sentences(block):
            for found in durations(sentence):
                killed = _kills(sentence, found, in_heading=block.kind == "heading")
                yield found, line_number + sentence.count("\n", 0, found.start), killed


def _kills(sentence: str, found: Duration, *, in_heading: bool) -> bool:
    """Return True for a kill limit; the heading `Timeout: 5 minutes` gives the time box."""
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
    return bad_value(
        f"{what} is not a duration; write it with its unit, as in `5 minutes`, `90 s` or `1h 30m`",
        line,
    )


def checked(found: Duration, line: int | None) -> Statement[float]:
    """Return a duration as a statement; raise ProgramError if no run could last for it."""
    if found.is_range:
        raise bad_value(f"`{found.said}` is a range; give one duration", line)
    if not 0 < found.seconds <= WEEK:
        raise bad_value(f"`{found.said}` must be more than 0 and at most 7 days", line)
    return Statement(found.seconds, line, found.said)


_BUDGET = re.compile(
    r"budget(?:\s+(?:of|is)|\s*:)\s+(?:~|about\s+|approximately\s+)?$"
    r"|\btime\s+budget\W+[^.]*\b(?:complete|finish|take|run)\w*\s+(?:in|for|within)\s+(?:~|about\s+)?$",
    re.IGNORECASE,
)
_BUDGET_AFTER = re.compile(r"^(?:\s+\w+)?\s+budget\b", re.IGNORECASE)
_ITEM = re.compile(r"(?:^|[,;]|\bat most)\s*$", re.IGNORECASE)
_EACH = re.compile(r"\s+(?:per|each|for (?:each|every))\s+(?:run|experiment)\b", re.IGNORECASE)
_ENDLESS = re.compile(r"^\W*(?:never stop|loop forever)\b", re.IGNORECASE)


def scattered_time_boxes(blocks: Iterable[Block]) -> Iterator[tuple[Duration, int]]:
    """Yield the time box with its line: "a fixed time budget of 5 minutes", "Budget: 120 s".

    If there is none, yield the grant of a list item: "5 min per run".
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
        for sentence, line_number in sentences(block) if block.kind != "code" else ():
            for found in durations(sentence):
                before, after = sentence[: found.start], sentence[found.end :]
                fixed = re.search(r"\b(?:fixed|time)\s*$", before) and _BUDGET_AFTER.match(after)
                if fixed or _BUDGET.search(before):
                    yield found, line_number


def never_stops(blocks: Iterable[Block]) -> Iterator[Statement[bool]]:
    """Yield a statement for each block that begins with "never stop" or "loop forever"."""
    return (Statement(True, block.line) for block in blocks if _ENDLESS.match(block.text))

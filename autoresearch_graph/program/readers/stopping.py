"""The stopping criteria of a program.md: of its sections, its budget, or its prose."""

import re
from collections.abc import Iterable, Iterator

from autoresearch_graph.core.program import Flags, Stopping
from autoresearch_graph.core.values import Metric
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.readers.limits import PROSE, STOPS, WORDS, placed, said_in
from autoresearch_graph.program.text.document import Document, Section, without_numbering
from autoresearch_graph.program.text.front_matter import Entry
from autoresearch_graph.program.text.markdown import Block
from autoresearch_graph.program.text.quantities import (
    AMOUNTS,
    COUNT,
    COUNTED,
    NUMBER,
    NUMBERED,
    PER_RUN,
    RELATIONS,
    SCALES,
    Statement,
    agree,
    as_written,
    bad_value,
    contradiction,
    duration,
    durations,
    number,
    unread,
)

ACCEPTED = (
    "`100 experiments`, `8 hours`, `20 experiments without improvement`, `target: 0.97`, "
    "`2M tokens`, `$10` or `never stop`"
)
_STUCK = re.compile(
    r"\b(?:no|not|without|zero|none|nothing|never)\b(?:\s+[a-z]+){0,4}?\s+"
    r"(?:improv\w*|gains?|progress|better|keeps?|kept|new best)\b"
    r"|\b(?:plateau\w*|stuck|stagnat\w*|stall\w*|patience|unsuccessful|failed|rejected|discarded"
    r"|non-improving|nothing improves)\b",
    re.IGNORECASE,
)
_DOUBT = re.compile(
    r"\b(?:improv\w*|better|progress|gains?|keeps?|kept|in a row|consecutive\w*|since|without"
    r"|at least|before|fail\w*|crash\w*|discard\w*|succe\w*)\b",
    re.IGNORECASE,
)
_ESTIMATE = re.compile(
    r"\b(?:expect|estimat|allows?)\w*\b|(?:/|\b(?:per|an|each|every)\s+)\s*(?:hour|day|night|minute)"
    r"|\bat a time\b|\bso far\b|\b(?:in parallel|concurrent\w*)\b",
    re.IGNORECASE,
)
_ALTERNATIVES = re.compile(r"[;\n]|,(?!\d)|\.\s|\bor\b", re.IGNORECASE)
_GOES_ON = (
    r"(?=\W*$|\s*[.!:;,)—-]|\s+(?:until|unless|on|by|once|(?:the\s+)?(?:experiment(?:s|ation)?\s+)?loop"
    r"|iterating|experimenting|looping|running|working|trying|improving|optimi[sz]ing|experiments)\b)"
)
_PEOPLE = (
    r"(?:(?:the|a|an|my|your|human|humans|user|person|operator|owner|researcher|you|they|we|i|are|is"
    r"|gets?|be|being|been|have|has|it is|manually|explicitly|externally|someone|somebody|told|tell"
    r"|tells|says?|to|asked|by)\s+){0,5}"
)
_ENDLESS = re.compile(
    rf"\b(?:never|do\s+not|don't)\s+stop(?:s|ping)?{_GOES_ON}"
    rf"|\b{COUNTED}\s*[:=|]\s*(?:unlimited|infinite|∞|no limit)"
    rf"|\b(?:until|unless|till)\s+{_PEOPLE}(?:interrupt\w*|stop(?:s|ped)?|cancel\w*|halt\w*)\b"
    r"(?!\s+(?:improv|mak|see|gett|decreas|chang|(?:the|a)\s+(?!loop|research|experiment)))"
    r"|(?<!not )(?<!never )(?<!could )(?<!would )(?<!might )(?<!may )(?<!can )(?<!will )(?<!to )"
    r"\b(?:loop|repeat|continue|iterate|go on|keep going|keep \w+ing|loop runs|run the loop"
    r"|run this loop|run experiments|experiment|run autonomously|run)\b"
    r"(?:\s+(?:this|the|these|those|steps?|cycle|loop|process|experiments?|running|from|above|below"
    r"|following|it|autonomously|research|again|all|of|and|to|[\d-]+)){0,5}"
    r"\s+(?:forever|indefinitely|endlessly|infinitely)\b",
    re.IGNORECASE,
)
_IF_UNLIMITED = re.compile(
    r"\bif\s+(?:no|all|none|there (?:is|are) no)\b|\bno limits? (?:is|are|was) (?:set|given)", re.I
)
_OF_AN_END = ("stop", "experiments", "iterations", "end", "finish", "terminate", "halt", "quit")
_OF_NO_END = (
    "stop", "forever", "indefinitely", "endlessly", "infinite", "interrupt", "cancel", "halt",
    "unlimited", "∞", "no limit",
)  # fmt: skip
_NONE = re.compile(r"^\W*(?:never|none|no limit|forever|indefinitely)\W*$", re.IGNORECASE)
_RELATIONS = {
    "lower": f"{RELATIONS['<=']}|{RELATIONS['<']}|down to",
    "higher": f"{RELATIONS['>=']}|{RELATIONS['>']}|up to",
}
_PHRASES = {
    "experiments": "{} experiments",
    "hours": "{} hours",
    "without_improvement": "{} experiments without improvement",
    "target": "target {}",
    "tokens": "{} tokens",
    "dollars": "${}",
}
_FIELDS = {"seconds": "time", "without_improvement": "experiments without improvement"}
Stated = tuple[str, Statement[float]]


def read_stopping(
    document: Document, metric: Metric, flags: Flags
) -> tuple[Stopping, dict[str, int]] | None:
    """Return the criteria and their lines; a flag narrows or adds one, and widens none."""
    limits = tuple(_from_flags(flags, metric))
    stated = _stated(document, metric, is_settled=bool(limits))
    chosen = _chosen(stated)
    for field, limit in limits:
        present = chosen.get(field)
        if present is None or _is_narrower(field, limit, present.value, metric):
            chosen[field] = Statement(limit, None)
    never = next((said for field, said in stated if field == "never"), chosen.pop("never", None))
    if not chosen and never is None:
        return None
    lines = {f"stopping.{field}": said.line for field, said in chosen.items() if said.line}
    first = min(lines.values(), default=never.line if never else None)
    values = {field: said.value for field, said in chosen.items()}
    return Stopping.model_validate(values), {"stopping": first, **lines} if first else lines


def unread_criteria(document: Document, metric: Metric) -> tuple[str, ...]:
    """Return the criteria that only a person can judge: no number of ours ends the research."""
    if "stopping" in document.front:
        return ()
    return tuple(_in_sections(document, metric, is_settled=True)[1])


def _is_narrower(field: str, limit: float, than: float, metric: Metric) -> bool:
    """Return True if a limit ends the research earlier: a metric falls to a high target first."""
    return limit > than if field == "target" and metric.direction == "lower" else limit < than


def _from_flags(flags: Flags, metric: Metric) -> Iterator[tuple[str, float]]:
    for name, field, unit in (("experiments", "experiments", 1), ("hours", "seconds", 3600)):
        limit = getattr(flags, name)
        if limit is not None and limit <= 0:
            raise bad_value(f"--{name} is {limit:g}; it must be more than 0", None)
        if limit is not None:
            yield field, limit * unit
    for text in flags.stop:
        try:
            yield from ((field, value) for field, value, _ in _understood(text, metric))
        except ProgramError as error:
            raise bad_value(f"--stop: {error}", None) from None


def _chosen(stated: tuple[Stated, ...]) -> dict[str, Statement[float]]:
    """Return one statement for each field.

    Raise ProgramError if two differ, or if one of several is `never stop`.
    """
    chosen: dict[str, Statement[float]] = {}
    for field in dict.fromkeys(field for field, _ in stated):
        same = (statement for key, statement in stated if key == field)
        if statement := agree(f"limit on {_FIELDS.get(field, field)}", same):
            chosen[field] = statement
    never = chosen.pop("never", None)
    if never and chosen:
        other = next(iter(chosen.values()))
        raise contradiction(
            f"`{never}` is here but `{other}` on line {other.line}; keep one of them", never.line
        )
    return chosen


def _stated(document: Document, metric: Metric, *, is_settled: bool) -> tuple[Stated, ...]:
    """Return the criteria of the front matter, else of sections and the budget, else of prose."""
    if entry := document.front.get("stopping"):
        return tuple(_front(entry, metric))
    found = (*_in_sections(document, metric, is_settled)[0], *_in_budget(document, metric))
    if found or document.proper("stopping"):
        return found
    return tuple(_in_prose(document.blocks, metric))


def _in_sections(
    document: Document, metric: Metric, is_settled: bool
) -> tuple[list[Stated], list[str]]:
    """Return the criteria of the sections, and the blocks that are not understood.

    Raise ProgramError if a proper section has no limit that can be read, unless that is settled.
    """
    proper = document.proper("stopping")
    found: list[Stated] = []
    unclear: list[ProgramError] = []
    prose: list[str] = []
    for block in (b for section in proper or document.loose("stopping") for b in section.blocks):
        try:
            found += _in_block(block, metric)
        except ProgramError as error:
            placed_error = error.placed(line=block.line)
            if proper and _is_wrong(error, block, is_settled):
                raise placed_error from None
            unclear.append(placed_error)
            prose.append(_short(block.said or block.text))
    if proper and not is_settled:
        _check_limited(proper[0], found, unclear)
    return found, prose


def _is_wrong(error: ProgramError, block: Block, is_settled: bool) -> bool:
    return error.code == "bad-value" or (not is_settled and _is_a_limit(block.text))


def _check_limited(section: Section, found: list[Stated], unclear: list[ProgramError]) -> None:
    """Raise ProgramError if sections have no criterion, or `never` beside an unclear one."""
    if unclear and all(field == "never" for field, _ in found):
        raise unclear[0]
    if not found:
        raise ProgramError(
            f"`{section.title}` gives no criterion that can be read; write {ACCEPTED}, or "
            "give --experiments or --hours",
            line=section.line,
        )


_LEADS = re.compile(r"\W*(?:(?:stop|after|max\w*|at|most|up|to|until|total)\W+)*", re.IGNORECASE)


def _is_a_limit(text: str) -> bool:
    """Return True for a criterion in numbers that is not understood, as no person judges it."""
    left = unread(text)
    begins = left and _LEADS.fullmatch(text[: left.start()])
    return bool(begins or durations(text) or (left and _DOUBT.search(text)))


def _front(entry: Entry, metric: Metric) -> Iterator[Stated]:
    if isinstance(entry.value, str | tuple):
        texts = [(item.text(), item.line) for item in entry.items()]
    else:
        texts = [(_phrase(name, key), key.line) for name, key in entry.keys(*_PHRASES).items()]
    for text, line in texts:
        try:
            found = _understood(text, metric)
        except ProgramError as error:
            raise error.placed(line=line) from None
        yield from ((field, Statement(value, line, said)) for field, value, said in found)


def _phrase(name: str, entry: Entry) -> str:
    text = entry.text().removeprefix("$")
    return text if name == "hours" and duration(text) else _PHRASES[name].format(text)


def _in_block(block: Block, metric: Metric) -> Iterator[Stated]:
    """Yield the criteria of a block, of which an item must have one."""
    text = without_numbering(block)
    found = (_understood if block.kind in ("item", "row") else _criteria)(text, metric)
    for field, value, said in found:
        yield field, Statement(value, block.line, as_written(block, said, block.line))


def _in_budget(document: Document, metric: Metric) -> Iterator[Stated]:
    """Yield the limits of the whole research that the section on the time box gives."""
    for section in document.proper("time_box"):
        for block in section.body:
            for sentence, line in said_in(block) if NUMBERED.search(block.text) else ():
                stops = bool(STOPS.match(sentence))
                for clause in re.split(r"[,;]|\bor\b", sentence):
                    yield from _of_the_whole(clause, line, block, metric, stops=stops)


def _of_the_whole(
    clause: str, line: int, block: Block, metric: Metric, *, stops: bool
) -> Iterator[Stated]:
    """Yield the limits of a clause but those of a run."""
    rest = clause
    for found in reversed(durations(clause)):
        if not stops and placed(clause, found, line).role != "whole":
            rest = f"{rest[: found.start]}{rest[found.end :]}"
    if not (durations(rest) or AMOUNTS.search(rest)):
        return
    yield from _at(line, block, rest, metric, is_prose=False)


def _at(line: int, block: Block, text: str, metric: Metric, *, is_prose: bool) -> Iterator[Stated]:
    """Yield the criteria of a text; one that is not understood is none."""
    try:
        found = _criteria(text, metric)
    except ProgramError as error:
        if is_prose or error.code != "bad-value":
            return
        raise error.placed(line=line) from None
    for field, value, said in found:
        if not (is_prose and field == "seconds" and value < 3600):  # minutes may be a run's
            yield field, Statement(value, line, as_written(block, said, line))


_OF_AN_IDEA = re.compile(r"\b(?:attempts?|fix\w*|bugs?|debug\w*|ideas?)\b", re.IGNORECASE)
_FINALLY = re.compile(
    r"\b(?:loop|run|session)\b[^.`]{0,20}\b(?:up to|at most|max(?:imum)?(?:\s+of)?|no more than)"
    rf"\s+{COUNT}\s+(?:experiments|iterations)\b|"
    r",\s*(?:then\s+)?stop\b(?=\W*$|\s+the\s+(?:loop|research))"
    r"|^\W*(?:max(?:imum)?|total|number of|limit)?\W*(?:experiments|iterations)\W{0,4}\d+\W*$"
    r"|^\W*(?:max(?:imum)?|budget|limit|total)\W+(?:of\s+)?"
    rf"{COUNT}\s+(?:experiments|iterations)\W*$",
    re.IGNORECASE,
)


def _in_prose(blocks: Iterable[Block], metric: Metric) -> Iterator[Stated]:
    """Yield what ends the research, or that nothing does, of sentences that say so."""
    for block in blocks:
        if block.kind == "code" and block.language not in PROSE:
            continue
        text = block.text.lower()
        if _has(text, _OF_AN_END) and NUMBERED.search(text):
            yield from _in_sentences(block, metric)
        endless = _has(text, _OF_NO_END) and _ENDLESS.search(block.text)
        if endless and not _IF_UNLIMITED.search(text):
            yield "never", Statement(0.0, block.line_at(endless.start()), endless[0])


def _has(text: str, words: Iterable[str]) -> bool:
    return any(word in text for word in words)


def _in_sentences(block: Block, metric: Metric) -> Iterator[Stated]:
    for sentence, line in said_in(block):
        plain = re.sub(r"\([^()]*\)", " ", sentence)
        if (STOPS.match(plain) or _FINALLY.search(plain)) and not _OF_AN_IDEA.search(plain):
            yield from _at(line, block, plain, metric, is_prose=True)


Criterion = tuple[str, float, str]


def _understood(text: str, metric: Metric) -> list[Criterion]:
    """Return all criteria of a text that must hold one."""
    if found := _criteria(text, metric):
        return found
    raise _unclear(text)


def _criteria(text: str, metric: Metric) -> list[Criterion]:
    """Return all criteria of a text, each with its field and words; round brackets hold comments.

    Raise ProgramError if a number is left over, or if a limit is on something else than all
    experiments and the whole time.
    """
    found: list[Criterion] = []
    rest = _targets(re.sub(r"\([^()]*\)", " ", text), metric, found)
    targets = len(found)
    doubtful = False
    for clause in _ALTERNATIVES.split(rest):
        limits, left = _in_clause(clause)
        doubtful |= bool(unread(left) or _DOUBT.search(left) or _STUCK.search(left))
        found += limits
    if doubtful and (found or unread(rest)):
        raise _unclear(text)
    for _, value, said in found[targets:]:
        if value <= 0:
            raise bad_value(f"`{said}` must be more than 0", None)
    if not found:
        found += _never(rest)
    return found


def _never(text: str) -> list[Criterion]:
    endless = _ENDLESS.search(text) or _NONE.search(text)
    return [("never", 0.0, endless[0].strip())] if endless else []


def _in_clause(clause: str) -> tuple[list[Criterion], str]:
    """Return the limits of a clause, and what is left of it; an estimate is no limit."""
    is_one = re.fullmatch(rf"\W*1\s+{COUNTED}\W*", clause, re.IGNORECASE)
    if _ESTIMATE.search(clause) or (PER_RUN.search(clause) and not is_one):
        return [], clause
    amounts = tuple(AMOUNTS.finditer(clause))
    is_stuck = bool(_STUCK.search(clause)) or any(match["vain"] for match in amounts)
    found: list[Criterion] = []
    rest = clause
    for match in reversed(amounts):
        if {*(match["kind"] or "").lower().split()} <= WORDS["kinds"]:
            found.append(_amount(match, is_stuck=is_stuck))
            rest = f"{rest[: match.start()]} {rest[match.end() :]}"
    return _without_gain(clause, found, rest) if is_stuck else _with_time(found, rest)


def _without_gain(clause: str, found: list[Criterion], rest: str) -> tuple[list[Criterion], str]:
    """Return the one count of `patience 5` or `3 runs without gain`, and what is left."""
    bare = () if found else re.findall(COUNT, rest)
    if len(bare) == 1 and re.search(rf"{COUNT}(?:\s+in a row)?\W*(?:$|with)", rest):
        found = [("without_improvement", number(bare[0]), clause.strip())]
        rest = re.sub(COUNT, " ", rest)
    if [field for field, _, _ in found] != ["without_improvement"]:
        return [], clause
    return found, _DOUBT.sub(" ", _STUCK.sub(" ", rest))


def _with_time(found: list[Criterion], rest: str) -> tuple[list[Criterion], str]:
    for span in reversed(durations(rest)):
        if span.is_range:
            raise bad_value(f"`{span.said}` is a range; give one duration", None)
        found.append(("seconds", span.seconds, span.said))
        rest = f"{rest[: span.start]} {rest[span.end :]}"
    return found, rest


def _amount(match: re.Match[str], *, is_stuck: bool) -> Criterion:
    said = match[0].strip()
    if match["tokens"]:
        scale = SCALES[match["scale"].lower()] if match["scale"] else 1.0
        return "tokens", round(number(match["tokens"]) * scale), said
    if match["dollars"] or match["money"]:
        return "dollars", number(match["dollars"] or match["money"]), said
    field = "without_improvement" if is_stuck or match["vain"] else "experiments"
    return field, number(match["count"] or match["after"]), said


def _targets(text: str, metric: Metric, found: list[Criterion]) -> str:
    """Collect the numbers after the metric's name or the word target, and remove them."""
    relations = "|".join(f"(?P<{which}>{words})" for which, words in _RELATIONS.items())
    pattern = re.compile(
        rf"(?:`(?P<span>[^`\s]+)`|`?(?<!\w){re.escape(metric.name)}(?!\w)`?|\btarget\b)"
        rf"[^`\d\n.;]{{0,40}}?(?:{relations})?\s*`?(?P<n>-?{NUMBER})(?![\d.,]*\d)`?(?:\s?/\s?\d+\b)?"
        rf"(?!\s*(?:{COUNTED}|(?:{'|'.join(SCALES)})?\s*tokens?\b))(?P<unit>\s?%|\s?[a-z]+)?",
        re.IGNORECASE,
    )
    for match in pattern.finditer(text):
        said = match[0].strip()
        if match["span"] and match["span"] != metric.name:
            raise bad_value(f"`{match['span']}` is not the metric, which is `{metric.name}`", None)
        if match["higher" if metric.direction == "lower" else "lower"]:
            raise bad_value(
                f"{said} cannot be a target: {metric.direction} is better for {metric.name}", None
            )
        unit = match["unit"] or ""
        if unit.strip() == "%" or durations(match["n"] + unit):
            raise bad_value(
                f"{said} has a unit; give the target as {metric.name} is reported", None
            )
        found.append(("target", number(match["n"]), said))
    return pattern.sub(" ", text)


def _unclear(text: str) -> ProgramError:
    return ProgramError(
        f"`{_short(text)}` is not understood; write {ACCEPTED}, or give --experiments or --hours"
    )


def _short(text: str) -> str:
    return " ".join(text.split())[:80]

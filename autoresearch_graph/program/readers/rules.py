"""Rules of a program.md: noise, constraints, early end."""

import re
from collections.abc import Iterator
from typing import Any

from autoresearch_graph.core.program import Constraint, Noise, Relation
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.paths import Place
from autoresearch_graph.program.readers.metrics import NAME
from autoresearch_graph.program.text.document import Document, sentences, without_numbering
from autoresearch_graph.program.text.front_matter import Entry
from autoresearch_graph.program.text.markdown import Block
from autoresearch_graph.program.text.quantities import (
    COUNT,
    NUMBER,
    RELATIONS,
    Statement,
    agree,
    bad_value,
    contradiction,
    duration,
    number,
    unread,
)

Stated = tuple[str, Statement[Any]]
RULES = ("fast", "balanced", "strict", "deterministic")
_RULE = re.compile(
    rf"(?:^\W*|\b(?:rule|noise)(?:\s+is)?\W{{1,3}})`?\b(?P<rule>{'|'.join(RULES)})\b`?"
    r"(?=\W*$|\s*[:.,;(-]|\s+(?:rule|metric)\b)"
    r"|(?<!not )\b(?:metric|number|score|run|result|value|`\w+`)s?\s+(?:is|are)\s+"
    r"`?(?P<said>deterministic)\b",
    re.IGNORECASE,
)
_UNCLEAR = re.compile(r"(?<!not )(?<!non-)(?<!nearly )(?<!almost )\bdeterministic\b", re.IGNORECASE)
_SIGNED = rf"(?<![\w.,])-?{NUMBER}"
_TIMES = rf"(?:(?:{COUNT})(?=\s+times?\b)|once|twice|thrice)"
_N = rf"(?<![\w.,-]){NUMBER}(?![\d.,]*\d)"
_GAIN = rf"{_N}(?=\s*(?:$|[^\w\s%]|(?:and|or|in|is|to|for|on|as|with|before|better|counts?)\b))"
_FORMS = (  # a blank stands for any white space
    (
        "plausible",
        r"\bplausible(?: (?:range|values?))?(?: (?:is|are))?(?: (?:from|between))?\W{1,3}"
        rf"(?P<n>{_SIGNED})\s*(?:to|and|-|\.\.)\s*(?P<high>{_SIGNED})(?![\d.,]*\d)",
    ),
    (
        "baseline_runs",
        rf"\bbaseline(?: is)?(?: (?:run|repeated|measured))?\W{{1,3}}(?P<n>{_TIMES})(?: times?)?",
    ),
    ("baseline_runs", rf"\bbaseline (?:runs|repeats)\W{{1,3}}(?P<n>{COUNT})"),
    ("baseline_runs", rf"(?P<n>{COUNT}) (?:baseline runs?|runs? of the baseline)\b"),
    ("minimum_improvement", rf"\bminimum improvement(?: (?:of|is))?\W{{1,3}}(?P<n>{_GAIN})"),
    ("minimum_improvement", rf"\bat least (?P<n>{_N}) (?:better|lower|higher|of improvement)\b"),
    (
        "minimum_improvement",
        rf"\b(?:improve\w*|better) (?:by )?(?:(?:at least|more than) )?(?P<n>{_GAIN})",
    ),
    ("confirmations", rf"(?P<n>{COUNT}) confirmation(?: runs?|s)?\b"),
    (
        "confirmations",
        r"\bconfirm\w*(?: (?:runs?|each|every|an?|the|any|all|improvements?|gains?|keeps?|it|them)"
        rf"\b)*\W{{1,3}}(?P<n>{_TIMES}|{COUNT}(?=\s*(?:$|[^\w\s]|runs?\b)))",
    ),
)
_NAMES = {
    "rule": "rule against noise",
    "plausible": "plausible range",
    "baseline_runs": "number of baseline runs",
    "minimum_improvement": "minimum improvement",
    "confirmations": "number of confirmation runs",
}
_ACCEPTED = (
    "`baseline 3 times`, `minimum improvement 0.002` (in the metric's unit), "
    "`2 confirmation runs`, `plausible range 0.9 to 1.2`, or `fast`, `balanced`, `strict` or "
    "`deterministic`"
)


def read_noise(document: Document) -> tuple[Noise, int | None]:
    """Return the noise and its first line."""
    entry = document.front.get("noise")
    stated = tuple(_front(entry) if entry else _in_sections(document))
    chosen: dict[str, Statement[Any]] = {}
    for field, what in _NAMES.items():
        if said := agree(what, (said for name, said in stated if name == field)):
            chosen[field] = said
    values = {field: said.value for field, said in chosen.items()}
    if values.get("baseline_runs") == 0:
        raise bad_value("the baseline must run at least once", chosen["baseline_runs"].line)
    if values.get("rule") in ("fast", "deterministic"):
        values.setdefault("baseline_runs", 1)
    noise = Noise.model_validate(values)
    lines = {field: said.line or 0 for field, said in chosen.items()}
    _check_rule(noise, lines)
    return noise, min(lines.values(), default=None)


def _check_rule(noise: Noise, lines: dict[str, int]) -> None:
    """Raise ProgramError with both lines if the rule conflicts with a number."""
    is_exact = noise.rule == "deterministic"
    for field, clashes, sentence in (
        ("baseline_runs", is_exact and noise.baseline_runs > 1,
         "a deterministic metric needs one run of the baseline"),
        ("confirmations", is_exact and noise.confirmations > 0,
         "a deterministic metric needs no confirmation runs"),
        ("baseline_runs", noise.weighs and noise.baseline_runs < 2,
         f"the noise that `{noise.rule}` weighs is not seen in one run of the baseline"),
    ):  # fmt: skip
        if clashes and lines.get(field) and (line := lines.get("rule")):
            raise contradiction(
                f"{sentence}, but line {line} says `{noise.rule}`; keep one of them", lines[field]
            )


def _front(entry: Entry) -> Iterator[Stated]:
    """Yield the statements of an entry: a rule alone, or a mapping."""
    is_rule = isinstance(entry.value, str)
    for key, value in ({"rule": entry} if is_rule else entry.keys(*_NAMES)).items():
        yield key, Statement(_front_value(key, value), value.line)


def _front_value(key: str, entry: Entry) -> Any:
    if key == "plausible":
        ends = [item.text() for item in entry.items()]
        if len(ends) == 2 and all(re.fullmatch(_SIGNED, end) for end in ends):
            return _range(ends[0], ends[1], entry.line)
        raise bad_value(f"`{key}` takes a list of two numbers, as in [0.9, 1.2]", entry.line)
    text = entry.text()
    if key != "rule":
        if re.fullmatch(NUMBER if key == "minimum_improvement" else COUNT, text):
            return number(text)
        raise bad_value(f"`{key}` is `{text}`, which is not a number", entry.line)
    if text in RULES:
        return text
    rules = ", ".join(RULES)
    raise bad_value(f"`{entry.key}` is `{text}`, which is not a rule; write {rules}", entry.line)


def _range(low: str, high: str, line: int) -> tuple[float, float]:
    first, last = _signed(low), _signed(high)
    if first >= last:
        raise bad_value(f"the plausible range from {low} to {high} is empty", line)
    return first, last


def _signed(text: str) -> float:
    return -number(text[1:]) if text.startswith("-") else number(text)


def _in_sections(document: Document) -> Iterator[Stated]:
    """Yield the statements of the sections; `Minimum improvement` may be a heading."""
    for section in document.proper("noise"):
        heading = f"{section.title}: " if "minimum" in section.title.lower() else ""
        for block in section.blocks:
            yield from _rule(block)
            text = without_numbering(block).replace("`", "")
            yield from _in_block(block, (heading if re.match(rf"\W*{NUMBER}", text) else "") + text)


def _rule(block: Block) -> Iterator[Stated]:
    """Yield the rule that a block names; a sentence may use such a word freely.

    Raise ProgramError if something unclear is called deterministic.
    """
    if match := _RULE.search(block.text):
        word = (match["rule"] or match["said"]).lower()
        yield "rule", Statement(word, block.line, word)
    elif _UNCLEAR.search(block.text):
        raise _unclear(
            block,
            "`deterministic` in a list item of its own, or that the metric is not deterministic",
        )


def _in_block(block: Block, text: str) -> Iterator[Stated]:
    """Yield the numbers of a block.

    Raise ProgramError if a number belongs to no form, or a confirmation has none.
    """
    confirmed = not re.search(r"(?<!no )\bconfirm", text, re.IGNORECASE)
    for field, form in _FORMS:
        pattern = re.compile(form.replace(" ", r"\s+"), re.IGNORECASE)
        for match in pattern.finditer(text):
            confirmed |= field == "confirmations"
            is_range = field == "plausible"
            value = (
                _range(match["n"], match["high"], block.line) if is_range else number(match["n"])
            )
            yield field, Statement(value, block.line, match[0].strip())
        text = pattern.sub(" ", text)
    leftover = re.sub(r"\([^)]*\)", " ", text)
    if not confirmed or unread(leftover) or re.search(rf"\b{_TIMES}", leftover, re.IGNORECASE):
        raise _unclear(block, _ACCEPTED)


def _unclear(block: Block, accepted: str) -> ProgramError:
    said = " ".join(block.text.split())
    return ProgramError(f"`{said}` is not understood; write {accepted}", line=block.line)


_DENIED: dict[str, Relation] = {"<=": ">", ">=": "<", "<": ">=", ">": "<="}
_FILLER = (
    r"(?:[\s(:|`]|\b(?:must|should|shall|has to|have to|stays?|remains?|be|is|are|kept)\b){0,12}"
)
_NEVER = rf"(?P<never>(?:(?:may|can)?\s*\b(?:not|never)\b|cannot\b){_FILLER})"
_AFTER = r"(?:always|at all times|and|at|in|on|for|during|throughout)\b"
_WORD = rf"(?!{_AFTER})[^\W\d_]+|%"
_CONSTRAINT = re.compile(
    r"[\s(]*(?:[^\W\d][\w ]{0,30}:\s*(?=`))?"
    rf"(?:(?:keep|hold|ensure|always|that|the)\s+)*(?P<span>`?)(?P<name>{NAME})"
    rf"{_FILLER}{_NEVER}?(?P<relation>{'|'.join(RELATIONS.values())})[\s|`]*(?P<bound>-?{NUMBER})"
    rf"(?P<more>(?:[.,:/-]\d[\d.,:]*)?)"
    rf"(?:`?\s?(?P<unit>{_WORD})|\s*\|\s*(?P<cell>{_WORD})(?=\s*(?:\||$)))?"
    rf"(?=[`\s]*(?:$|[,.;:)|](?!\d)|-\s|—|\n\s*`|{_AFTER}))",
    re.IGNORECASE,
)
_FORMULA = re.compile(r"[\s(]*\w+_\w+\s*[<>≤≥]")
_NEXT = re.compile(r"[`\s,;)]*(?:and\s+)?")
_SOFT = re.compile(
    r"\b(?:unless|except|ideally|prefer\w*|soft|if|when|optional\w*|was|were)\b", re.IGNORECASE
)
_SHOWN = 20


def read_constraints(
    document: Document, place: Place
) -> tuple[tuple[Statement[Constraint], ...], tuple[str, ...]]:
    """Return all constraints, and a line for each that is left to the model.

    Raise ProgramError if two give different bounds for the same thing.
    """
    unchecked: list[str] = []
    if entry := document.front.get("constraints"):
        found = list(_front_constraints(entry, place))
    else:
        blocks = [block for s in document.proper("constraints") for block in s.blocks]
        found = [said for block in blocks for said in _in_rule(block, place, unchecked)]
    bounds: dict[tuple[str, str], list[Statement[Constraint]]] = {}
    for said in found:
        bounds.setdefault((said.value.name, said.value.relation[0]), []).append(said)
    kept = (agree(f"bound for {name}", same) for (name, _), same in bounds.items())
    more = [f"and {len(unchecked) - _SHOWN} more"] if len(unchecked) > _SHOWN else []
    return tuple(filter(None, kept)), (*unchecked[:_SHOWN], *more)


def _front_constraints(entry: Entry, place: Place) -> Iterator[Statement[Constraint]]:
    for item in entry.items():
        found, remainder = _in_text(item.text(), item.line, place, spanned=False)
        if not found or unread(remainder):
            raise bad_value(
                f"`{item.text()}` is not a constraint; write it as in `peak_vram_mb <= 48000`",
                item.line,
            )
        yield from found


def _in_rule(block: Block, place: Place, unchecked: list[str]) -> Iterator[Statement[Constraint]]:
    """Yield the constraints of a block, and collect its prose; a heading's follow a colon."""
    prose: list[str] = []
    for sentence, line in sentences(block):
        rest = sentence.partition(":")[2].lstrip() if block.kind == "heading" else sentence
        found: list[Statement[Constraint]] = []
        if block.kind != "code":
            found, rest = _in_text(rest, line, place)
        yield from found
        if not found or unread(rest):
            prose.append(rest)
    if said := " ".join(" ".join(prose).split()):
        unchecked.append(said if len(said) <= 100 else f"{said[:97]}...")


def _in_text(
    text: str, line: int, place: Place, *, spanned: bool = True
) -> tuple[list[Statement[Constraint]], str]:
    """Return the constraints that a text begins with, and the rest.

    With `spanned`, a name must stand in a code span; a formula such as `peak_mb <= 3` need not.
    """
    found: list[Statement[Constraint]] = []
    index = 0
    while match := _CONSTRAINT.match(text, index):
        inside = match["span"] or (found and text.count("`", 0, match.start("name")) % 2)
        is_named = inside or not spanned or _FORMULA.match(match[0])
        constraint = _constraint(match, line, place) if is_named else None
        if constraint is None or _SOFT.search(text, match.end()):
            break
        found.append(Statement(constraint, line))
        following = _NEXT.match(text, match.end())
        index = following.end() if following else match.end()
    return found, text[index:]


def _constraint(match: re.Match[str], line: int, place: Place) -> Constraint | None:
    name, bound = match["name"], match["bound"]
    if re.search(r"[./]", name) and place.looks_like_path(name):
        return None
    if match["more"]:
        raise bad_value(
            f"`{bound}{match['more']}` is not a number; write it as in `0.9` or `48000`", line
        )
    value = _in_unit(bound, match["unit"] or match["cell"] or "", name)
    relation = next(
        sign
        for sign, words in RELATIONS.items()
        if re.fullmatch(words, match["relation"], re.IGNORECASE)
    )
    said = _DENIED[relation] if match["never"] else relation
    return None if value is None else Constraint(name=name, relation=said, bound=value)


def _in_unit(bound: str, unit: str, name: str) -> float | None:
    """Return a bound in the unit that ends the name, as in `latency_ms`; None in another unit."""
    suffix = name.lower().rsplit("_", 1)[-1]
    if not unit or unit.lower() == suffix:
        return number(bound)
    timed = duration(f"{bound} {unit}")
    return timed.seconds if timed and suffix in ("s", "sec", "secs", "seconds") else None


def read_early_end(document: Document) -> Statement[bool] | None:
    """Return the rule on early ends, if any; raise ProgramError for an unclear heading."""
    if entry := document.front.get("early_end"):
        said = [(entry.text(), entry.line)]
    else:
        sections = document.proper("early_end")
        said = [(" ".join(b.text for b in section.body), section.line) for section in sections]
    return agree("early end of hopeless runs", (_may_end(words, line) for words, line in said))


def _may_end(said: str, line: int) -> Statement[bool]:
    words = {*re.findall(r"\w+", said.lower())}
    denied = bool(words & {"no", "not", "never", "none", "off", "false"})
    if denied or words & {"may", "can", "are", "on", "yes", "true"}:
        return Statement(not denied, line)
    raise ProgramError(
        "it is unclear if hopeless runs may be ended early; write `they may` or `never`",
        line=line,
    )

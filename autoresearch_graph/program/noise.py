"""How the metric's noise is met: the rule, repeats of the baseline, a least gain, confirmations."""

import re
from collections.abc import Iterator

from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.document import Document, without_numbering
from autoresearch_graph.program.front_matter import Entry
from autoresearch_graph.program.headings import Section
from autoresearch_graph.program.markdown import Block
from autoresearch_graph.program.model import Noise
from autoresearch_graph.program.noise_rule import (
    Stated,
    checked,
    front_plausible,
    front_rule,
    plausible_in,
    rule_in,
)
from autoresearch_graph.program.quantities import COUNT, NUMBER, number, unread
from autoresearch_graph.program.statements import Statement, agree

_TIMES = rf"(?:(?:{COUNT})(?=\s+times?\b)|once|twice|thrice)"
_WHAT = r"(?:\s+(?:runs?|each|every|an?|the|any|all|improvements?|gains?|keeps?|it|them)\b)"
_N = rf"(?<![\w.,-]){NUMBER}(?![\d.,]*\d)"
_GAIN = rf"{_N}(?=\s*(?:$|[^\w\s%]|(?:and|or|in|is|to|for|on|as|with|before|better|counts?)\b))"
_FORMS = {
    "baseline_runs": (
        rf"\bbaseline(?:\s+is)?(?:\s+(?:run|repeated|measured))?\W{{1,3}}(?P<n>{_TIMES})(?:\s+times?)?",
        rf"\bbaseline\s+(?:runs|repeats)\W{{1,3}}(?P<n>{COUNT})",
        rf"(?P<n>{COUNT})\s+(?:baseline\s+runs?|runs?\s+of\s+the\s+baseline)\b",
    ),
    "minimum_improvement": (
        rf"\bminimum\s+improvement(?:\s+(?:of|is))?\W{{1,3}}(?P<n>{_GAIN})",
        rf"\bat\s+least\s+(?P<n>{_N})\s+(?:better|lower|higher|of\s+improvement)\b",
        rf"\b(?:improve\w*|better)\s+(?:by\s+)?(?:(?:at\s+least|more\s+than)\s+)?(?P<n>{_GAIN})",
    ),
    "confirmations": (
        rf"(?P<n>{COUNT})\s+confirmation(?:\s+runs?|s)?\b",
        rf"\bconfirm\w*{_WHAT}*\W{{1,3}}(?P<n>{_TIMES}|{COUNT}(?=\s*(?:$|[^\w\s]|runs?\b)))",
    ),
}
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
    """What is said about noise and the line that says it first."""
    stated = tuple(_stated(document))
    chosen = {
        field: agree(what, (s for key, s in stated if key == field))
        for field, what in _NAMES.items()
    }
    values = {field: statement.value for field, statement in chosen.items() if statement}
    lines = {field: statement.line for field, statement in chosen.items() if statement}
    if values.get("baseline_runs") == 0:
        raise ProgramError("the baseline must run once at least", line=lines["baseline_runs"])
    if values.get("rule") in ("fast", "deterministic"):
        values.setdefault("baseline_runs", 1)
    noise = checked(Noise.model_validate(values), lines)
    return noise, min((s.line or 0 for _, s in stated), default=None)


def _stated(document: Document) -> Iterator[Stated]:
    if entry := document.front.get("noise"):
        yield from _front(entry)
        return
    for section in document.proper("noise"):
        yield from _in_section(section)


def _front(entry: Entry) -> Iterator[Stated]:
    """A rule alone, or a mapping."""
    if isinstance(entry.value, str):
        yield "rule", front_rule(entry)
        return
    for key, value in entry.keys(*_NAMES).items():
        if key == "rule":
            yield key, front_rule(value)
        elif key == "plausible":
            yield key, front_plausible(value)
        else:
            yield key, _front_number(key, value)


def _front_number(key: str, value: Entry) -> Statement[float]:
    kind = NUMBER if key == "minimum_improvement" else COUNT
    if not re.fullmatch(kind, value.text()):
        raise ProgramError(f"`{key}` is `{value.text()}`, which is no number", line=value.line)
    return Statement(number(value.text()), value.line)


def _in_section(section: Section) -> Iterator[Stated]:
    """A number under the heading `Minimum improvement` belongs to it."""
    heading = f"{section.title}: " if re.search("minimum", section.title, re.IGNORECASE) else ""
    for block in section.blocks:
        if rule := rule_in(block):
            yield "rule", rule
        text = without_numbering(block).replace("`", "")
        plausible, text = plausible_in(text, block.line)
        if plausible:
            yield "plausible", plausible
        lead = heading if re.match(rf"\W*{NUMBER}", text) else ""
        yield from _in_block(block, lead + text)


def _in_block(block: Block, text: str) -> Iterator[Stated]:
    """ProgramError where a number is left that belongs to no form, or a confirmation has none."""
    confirmed = not re.search(r"(?<!no )\bconfirm", text, re.IGNORECASE)
    for field, patterns in _FORMS.items():
        for pattern in patterns:
            for match in re.finditer(pattern, text, re.IGNORECASE):
                confirmed |= field == "confirmations"
                yield field, Statement(number(match["n"]), block.line, match[0].strip())
            text = re.sub(pattern, " ", text, flags=re.IGNORECASE)
    left = re.sub(r"\([^)]*\)", " ", text)
    if not confirmed or unread(left) or re.search(rf"\b(?:{_TIMES})", left, re.IGNORECASE):
        raise ProgramError(
            f"`{' '.join(block.text.split())}` is not understood; write {_ACCEPTED}",
            line=block.line,
        )

"""The stopping criteria in a piece of text: "100 experiments", "8 hours", "2M tokens", ..."""

import re
from dataclasses import dataclass

from autoresearch_graph.errors import ProgramError
from autoresearch_graph.metric import Metric
from autoresearch_graph.program.quantities import COUNT, NUMBER, durations, number, unread

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
    """A field of Stopping and its value, as it was said; `never` has the value 0."""

    field: str
    value: float
    said: str


def criteria(text: str, metric: Metric) -> tuple[Criterion, ...]:
    """All criteria of a text; what stands in round brackets is a comment.

    ProgramError where a number is left over that belongs to none, or a limit is on something
    else than all experiments and the whole time.
    """
    found: list[Criterion] = []
    rest = _targets(re.sub(r"\([^()]*\)", " ", text), metric, found)
    for field, pattern in _FORMS:
        rest = _counted(rest, field, pattern, found)
    for span in reversed(durations(rest)):
        if span.is_range:
            raise ProgramError(f"`{span.said}` is a range; give one duration")
        found.append(Criterion("seconds", span.seconds, span.said))
        rest = f"{rest[: span.start]} {rest[span.end :]}"
    limited = any(criterion.field in ("experiments", "seconds") for criterion in found)
    if unread(rest) or (limited and _STUCK.search(rest)):
        raise ProgramError(f"`{_short(text)}` is not understood; write {ACCEPTED}")
    if not found and (never := _NEVER.search(rest)):
        found.append(Criterion("never", 0, never[0].strip()))
    return tuple(_positive(criterion) for criterion in found)


def is_of_the_whole(text: str) -> bool:
    """Whether a text limits the experiments, tokens or dollars, and tells no time.

    What is said of one experiment limits none.
    """
    said = any(re.search(pattern, text, re.IGNORECASE) for _, pattern in _FORMS)
    return said and not durations(text) and not _OF_ONE.search(text)


def understood(text: str, metric: Metric) -> tuple[Criterion, ...]:
    """All criteria of a text that must hold one."""
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
    """A target is a number after the metric's name or the word itself, in the metric's unit."""
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
        raise ProgramError(f"`{match['span']}` is not the metric, which is `{metric.name}`")
    if match["higher" if metric.direction == "lower" else "lower"]:
        raise ProgramError(f"{said} is no target: {metric.direction} is better for {metric.name}")
    if match["unit"] and (match["unit"].strip() == "%" or durations(match["n"] + match["unit"])):
        raise ProgramError(f"{said} has a unit; give the target as {metric.name} is reported")


def _positive(criterion: Criterion) -> Criterion:
    if criterion.value <= 0 and criterion.field not in ("target", "never"):
        raise ProgramError(f"`{criterion.said}` must be more than 0")
    return criterion


def _short(text: str) -> str:
    return " ".join(text.split())[:80]

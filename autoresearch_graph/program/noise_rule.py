"""Which rule meets the noise, and the range of values that may be believed at once."""

import re

from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.front_matter import Entry
from autoresearch_graph.program.markdown import Block
from autoresearch_graph.program.model import Noise
from autoresearch_graph.program.quantities import NUMBER, number
from autoresearch_graph.program.statements import Statement

Range = tuple[float, float]
Stated = tuple[str, Statement[str] | Statement[float] | Statement[Range]]

RULES = ("fast", "balanced", "strict", "deterministic")
_WORD = rf"`?\b(?P<rule>{'|'.join(RULES)})\b`?"
_RULE = re.compile(
    rf"(?:^\W*|\b(?:rule|noise)(?:\s+is)?\W{{1,3}}){_WORD}(?=\W*$|\s*[:.,;(-]|\s+(?:rule|metric)\b)"
    rf"|(?<!not )\b(?:metric|number|score|run|result|value|`\w+`)s?\s+(?:is|are)\s+"
    rf"`?(?P<said>deterministic)\b",
    re.IGNORECASE,
)
_UNCLEAR = re.compile(r"(?<!not )(?<!non-)(?<!nearly )(?<!almost )\bdeterministic\b", re.IGNORECASE)
_SIGNED = rf"(?<![\w.,])-?{NUMBER}"
_PLAUSIBLE = re.compile(
    rf"\bplausible(?:\s+(?:range|values?))?(?:\s+(?:is|are))?(?:\s+(?:from|between))?\W{{1,3}}"
    rf"(?P<low>{_SIGNED})\s*(?:to|and|-|\.\.)\s*(?P<high>{_SIGNED})(?![\d.,]*\d)",
    re.IGNORECASE,
)


def rule_in(block: Block) -> Statement[str] | None:
    """The rule that a block names; a sentence that only uses such a word names none.

    ProgramError where something is called deterministic, and it is not clear what.
    """
    match = _RULE.search(block.text)
    if match is None and _UNCLEAR.search(block.text):
        raise ProgramError(
            f"`{' '.join(block.text.split())}` is not understood; write `deterministic` in a list "
            "item of its own, or that the metric is not deterministic",
            line=block.line,
        )
    if match is None:
        return None
    word = (match["rule"] or match["said"]).lower()
    return Statement(word, block.line, word)


def plausible_in(text: str, line: int) -> tuple[Statement[Range] | None, str]:
    """The plausible range that a text gives, and the text without it."""
    match = _PLAUSIBLE.search(text)
    if match is None:
        return None, text
    stated = Statement(_range(match["low"], match["high"], line), line, match[0].strip())
    return stated, text.replace(match[0], " ")


def front_rule(entry: Entry) -> Statement[str]:
    """The rule in the front matter."""
    if entry.text() not in RULES:
        raise ProgramError(
            f"`{entry.key}` is `{entry.text()}`, which is no rule; write {', '.join(RULES)}",
            line=entry.line,
        )
    return Statement(entry.text(), entry.line)


def front_plausible(entry: Entry) -> Statement[Range]:
    """The plausible range in the front matter: a list of two numbers."""
    ends = [item.text() for item in entry.items()]
    if len(ends) != 2 or not all(re.fullmatch(_SIGNED, end) for end in ends):
        raise ProgramError(
            f"`{entry.key}` takes a list of two numbers, as in [0.9, 1.2]", line=entry.line
        )
    return Statement(_range(ends[0], ends[1], entry.line), entry.line)


def checked(noise: Noise, lines: dict[str, int | None]) -> Noise:
    """The noise, where what is said of it goes together; ProgramError with both lines if not."""
    line = lines.get("rule")
    if line is None:
        return noise
    clashes = (
        ("baseline_runs", noise.rule == "deterministic" and noise.baseline_runs > 1,
         "a deterministic metric needs one run of the baseline"),
        ("confirmations", noise.rule == "deterministic" and noise.confirmations > 0,
         "a deterministic metric needs no confirmation runs"),
        ("baseline_runs", noise.weighs and noise.baseline_runs < 2,
         f"the noise that `{noise.rule}` weighs is not seen in one run of the baseline"),
    )  # fmt: skip
    for field, clash, sentence in clashes:
        if clash and lines.get(field):
            raise ProgramError(
                f"{sentence}, but line {line} says `{noise.rule}`; keep one of them",
                line=lines[field],
            )
    return noise


def _range(low: str, high: str, line: int) -> Range:
    ends = _signed(low), _signed(high)
    if ends[0] >= ends[1]:
        raise ProgramError(f"the plausible range from {low} to {high} is empty", line=line)
    return ends


def _signed(text: str) -> float:
    return -number(text[1:]) if text.startswith("-") else number(text)

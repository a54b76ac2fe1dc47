"""What prose says about files: which one may be edited, which may not.

Only what is said of a path itself counts: the object of a verb ("Modify `a.py`", "never touch
`b.py`"), or the subject of its list item or sentence ("`a.py`: the file you edit. `b.py` is
read-only"). A list item means what the paragraph or heading before it says ("You may not edit:").
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from autoresearch_graph.program.document import sentences
from autoresearch_graph.program.headings import named
from autoresearch_graph.program.markdown import Block

PATHS = r"`[^`]+`(?:(?:\s*,\s*(?:and\s+|or\s+)?|\s+(?:and|or)\s+)`[^`]+`)*"
_VERB = r"(?:edit|modify|change|touch)"
_OBJECT = re.compile(
    rf"\b{_VERB}(?:s|ed|ing)?(?:\s+only)?(?:\s+(?:the|files?|in))*:?\s+(?P<paths>{PATHS})", re.I
)
_SUBJECT = re.compile(rf"^\W*(?P<paths>{PATHS})")
_EDITABLE = re.compile(
    rf"\bfile\s+(?:that\s+)?(?:you|the\s+\w+)\s+(?:\w+\s+)?(?:{_VERB}|optimi[sz]e)s?\b"
    r"|\bonly\s+(?:mutable|editable)\s+file\b|\beditable:\s+yes\b",
    re.I,
)
_NOT = r"\b(?:not|never|cannot|can't|don't|mustn't|nothing|neither|nor)\b"
_FIXED = re.compile(
    rf"{_NOT}\s+(?:\w+\s+)?(?:{_VERB}|modified|edited|changed|touched)\b"
    r"(?:\s+(?:it|them|this)\b)?(?!\s+(?:the\s+)?[`\w])"
    r"|\bread[- ]?only\b|\bimmutable\b|\boff[- ]limits\b|\bhands[- ]off\b|\beditable:\s+no\b"
    r"|\b(?:not?|non)[- ](?:editable|modifiable|mutable|writable)\b"
    r"|\b(?:stays?|remains?|kept|leaves?|left|keep)\s+(?:it\s+|them\s+)?"
    r"(?:as\s+(?:it|they|is)\b|alone\b|untouched\b|unchanged\b)",
    re.I,
)
# Words of a label, a cell or a sentence that forbid to edit the files beside it.
_KEPT = (
    r"read[- ]?only|frozen|fixed|locked|immutable|off[- ]limits|hands[- ]off|forbidden|prohibited"
    r"|untouchable|sacred|protected|sealed|unchanged|ground[- ]truth|out of (?:scope|bounds)"
)
_KEEPS = re.compile(
    rf"\W*(?:(?!no)\w+\s+)?(?:{_KEPT})(?:\s+(?:files?|paths?|code|during\b[^:`]*))?\W*(?:\([^)`]*\))?[\W_]*",
    re.I,
)
_STATE = re.compile(
    rf"(?:^\W*|\b(?:is|are|be|stays?|remains?|kept|keep|it)\s+(?:\w+\s+)?|[:(,|]\W*|\s[-—]+\s)(?:{_KEPT}|context|reference)"
    r"(?=\W*(?:$|[.,;:!)(|])|\s+(?:-|during|and|for|by|while|throughout)\s)",
    re.I,
)
_REFUSED = re.compile(r"\W*(?:no|don't|do not|never|not)\W*", re.I)
_CELL = re.compile(
    rf"\W*(?:{_KEPT}|context|nobody|ro|humans? only)\b(?!-)[^|]{{0,20}}",
    re.I,
)
_ALL_DENIED = re.compile(
    rf"\b(?:{_KEPT}|context|reference|out|excluded?|leave|non?|never|not|cannot|can't|don't|mustn't"
    r"|nothing|neither|nor|nobody)\b|[❌✗✘🔒🚫⛔🛑]|~~",
    re.I,
)
EXCEPT = re.compile(r"\b(?:except|but|besides|other than|apart from)\b(?: for)?\W*$", re.I)
_ALL_ELSE = re.compile(
    r"\b(?:(?:all|every|any|no|the)\s+)*(?:others?|rest)\b.*"
    rf"|\b(?:all|everything|anything|nothing)\s+else\b.*|\bnot\s+(?:{_KEPT})\b",
    re.I | re.DOTALL,
)
_JOINED = re.compile(r"\W*(?:and|or|with|plus|as well as)\b", re.I)
_NEXT = re.compile(r"[^.;,|(]*:[\W_]*$")  # the label of the path that follows
_SHORT = 6  # words of a label without a colon; a sentence has more
_ALL_ALLOWED = re.compile(
    r"^in$|\b(?:assets?|edit\w*|modif\w+|mutable|change\w*|writable|allowed|free|open|tunable|may|can"
    r"|targets?|in[- ]scope|rw|read[/-]write)\b",
    re.I,
)
_NEVER_STOP = re.compile(r"\b(?:never|don't|do\s+not)\s+stop\b", re.I)
_ONLY = re.compile(r"(?<!read[- ])\bonly\b", re.I)
_OTHERS = re.compile(
    r"\bonly\s+(?:the\s+|an?\s+)?(?:owner|human|maintainer|person|people|user|team|organi[sz]er|author"
    r"|admin)s?\b",
    re.I,
)
_ALONE = re.compile(
    rf"\bonly\s+(?:\w+\s+)?file\b|\bonly\s+{_VERB}|\b{_VERB}\s+only\b|\bsingle\s+file\b", re.I
)
_ALLOWS = re.compile(r"\b(?:can|may)\b", re.I)


@dataclass(frozen=True)
class Claim:
    """That a path may be edited, or may not; `alone` where it is said to be the only one."""

    path: str
    editable: bool
    line: int
    alone: bool = False


def claims(blocks: Iterable[Block]) -> Iterator[Claim]:
    """All claims of the blocks, in their order."""
    before = ""
    for block in blocks:
        opens = block.kind == "item" and is_label(block)
        if block.kind in ("heading", "paragraph") or opens:
            before = f"{block.text}:" if block.kind == "heading" else block.text
        if block.kind != "code":
            yield from _claims(block, before if block.kind in ("item", "row") else "")


def is_label(block: Block) -> bool:
    """Whether a block names no file and is short, or leads over to the blocks below it."""
    text = block.text.strip("*_ \n")
    short = len(text.split()) <= _SHORT and text[-1:] not in (".", "!", "?")
    leads = text.endswith(":") or re.search(r"\b(?:below|following)\b", text, re.I)
    return "`" not in text and bool(short or leads)


def meaning(label: str) -> bool | None:
    """Whether the files beside a label, a sub-heading or a cell may be edited; None: unknown."""
    words = _NEVER_STOP.sub("", label).strip(" *:|-\n")
    if _ALL_DENIED.search(words) or named(words) == "protected":
        return False
    return True if _ALL_ALLOWED.search(words) or named(words) == "asset" else None


def _claims(block: Block, before: str) -> Iterator[Claim]:
    """A sentence that names no path is about the one that the block spoke of before."""
    spoken = ""
    for sentence, line in sentences(block):
        lead = _SUBJECT.match(sentence)
        names = re.findall(r"`[^`]+`", sentence)
        if lead or len(names) == 1:
            spoken = lead["paths"] if lead else names[0]
        if objects := _OBJECT.search(sentence):
            yield from _each(
                objects["paths"], _of_object(sentence, objects, before), line, sentence
            )
        elif spoken and (lead or len(names) < 2):
            verdict = _of_subject(sentence, spoken, before if lead else "")
            yield from _each(spoken, verdict, line, sentence)
        yield from _denied(sentence, line)


def _denied(sentence: str, line: int) -> Iterator[Claim]:
    """The paths of a sentence that its own words beside them deny, wherever they stand."""
    groups = [*re.finditer(PATHS, sentence)]
    start = 0
    for at, group in enumerate(groups, 1):
        end = groups[at].start() if at < len(groups) else len(sentence)
        lead, tail = sentence[start : group.start()], sentence[group.end() : end]
        refused = at == len(groups) and _REFUSED.fullmatch(tail)
        tail = tail if at == len(groups) else _NEXT.sub("", tail)
        never = re.search(rf"{_NOT}\s+(?:\w+\s+)?{_VERB}\w*\s+(?:the\s+)?$|\bnor\s+$", lead, re.I)
        label = re.split(r"[.;]\s|\n", lead)[-1]
        kept = label.rstrip("* ").endswith(":") and _KEEPS.fullmatch(label)
        cells = any(map(_CELL.fullmatch, tail.split("|")[1:]))
        exempt = EXCEPT.search(lead)
        if not exempt and (never or kept or cells or refused or _is_denied(tail)):
            yield from _each(group[0], False, line, sentence)
        start = group.end()


def _is_denied(tail: str) -> bool:
    """Whether words that follow a path say that it stays as it is, and not that all else does."""
    own = tail if _JOINED.match(tail) else _ALL_ELSE.sub("", tail)
    return bool(_FIXED.search(own) or _STATE.search(own) or _OTHERS.search(own))


def _of_object(sentence: str, objects: re.Match[str], before: str) -> bool | None:
    lead, tail = sentence[: objects.start()], sentence[objects.end() :]
    if re.search(_NOT, lead, re.I) or _OTHERS.search(lead) or _is_denied(tail.partition("`")[0]):
        return False
    if _ONLY.search(sentence[: objects.end()]) or re.match(r"\s+only\W*$", tail):
        return True
    listed = _of_list(before)
    if listed is False and "`" in tail:
        return False
    if _EDITABLE.search(sentence) or (listed is None and _ONLY.search(sentence)):
        return True
    return listed


def _of_subject(sentence: str, spoken: str, before: str) -> bool | None:
    """What a sentence says of the paths that it begins with, names alone, or goes on about."""
    if _EDITABLE.search(sentence):
        return True
    lead, named, tail = sentence.partition(spoken)
    if named and EXCEPT.search(lead):
        return None
    own = tail if named and _JOINED.match(tail) else _ALL_ELSE.sub("", tail if named else lead)
    denied = _FIXED.search(own) or (named and _FIXED.search(lead))
    if denied or (before.endswith(":") and _KEEPS.fullmatch(before)):
        return False
    return _of_list(before) if re.search(_VERB, before, re.I) else None


def _of_list(before: str) -> bool | None:
    """What the words before a list mean for its items: may they be edited?"""
    if re.search(_NOT, _NEVER_STOP.sub("", before), re.I):
        return False
    return True if _ALLOWS.search(before) else None


def _each(paths: str, editable: bool | None, line: int, sentence: str) -> Iterator[Claim]:
    alone = bool(editable and _ALONE.search(sentence))
    if editable is not None:
        yield from (Claim(path, editable, line, alone) for path in re.findall(r"`([^`]+)`", paths))

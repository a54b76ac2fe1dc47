"""What prose says about files: which one may be edited, which may not.

Only what is said of a path itself counts: the object of a verb ("Modify `a.py`", "never touch
`b.py`"), or the subject of its list item or sentence ("`a.py`: the file you edit. `b.py` is
read-only"). A list item means what the paragraph or heading before it says ("You may not edit:").
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from autoresearch_graph.program.document import sentences
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
    r"|\bread[- ]only\b|\bimmutable\b|\boff[- ]limits\b|\beditable:\s+no\b",
    re.I,
)
_NEVER_STOP = re.compile(r"\b(?:never|don't|do\s+not)\s+stop\b", re.I)
_ONLY = re.compile(r"\bonly\b", re.I)
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
        if block.kind in ("heading", "paragraph"):
            before = block.text
        if block.kind != "code":
            yield from _claims(block, before if block.kind in ("item", "row") else "")


def _claims(block: Block, before: str) -> Iterator[Claim]:
    """A sentence that names no path is about the one that the block spoke of before."""
    spoken = ""
    for sentence, line in sentences(block):
        lead = _SUBJECT.match(sentence)
        names = re.findall(r"`[^`]+`", sentence)
        if lead or len(names) == 1:
            spoken = lead["paths"] if lead else names[0]
        if objects := _OBJECT.search(sentence):
            verdict = _of_object(sentence, sentence[: objects.start()], before)
            yield from _each(objects["paths"], verdict, line, sentence)
        elif lead or len(names) < 2:
            verdict = _of_subject(sentence, before if lead else "")
            yield from _each(spoken, verdict, line, sentence)


def _of_object(sentence: str, lead: str, before: str) -> bool | None:
    if re.search(_NOT, lead, re.I):
        return False
    if _ONLY.search(sentence) or _EDITABLE.search(sentence):
        return True
    return _of_list(before)


def _of_subject(sentence: str, before: str) -> bool | None:
    if _EDITABLE.search(sentence):
        return True
    if _FIXED.search(sentence):
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

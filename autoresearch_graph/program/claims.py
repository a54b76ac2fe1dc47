"""Claims on files in prose: permission or prohibition to edit a path.

A claim counts only on a path itself: the object of a verb ("Modify `a.py`", "never touch `b.py`"),
or the subject of its list item or sentence ("`a.py`: the file you edit. `b.py` is read-only"). A
list item means what the paragraph or heading before it says ("You may not edit:").
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from autoresearch_graph.program.document import named, sentences
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
_NOT = (
    r"\b(?:not|never|cannot|can't|don't|mustn't|nothing|neither|nor)\b"
    r"(?!\s+(?:have|need|hesitate|forget)\b)"
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
_CHANGED = r"(?:edit|modif|chang|touch|alter|overw|rewr|updat|tamper|mess|adjust|tun|optimi|mov)\w*"
_END = r"(?=\W{0,9}(?:$|[.,;:!)(|\]])|\s(?:[-—]|during|and|for|by|while|throughout)\s)"
_STAYS = (
    rf"(?:(?:{_KEPT}|context|reference|constant|unmodified|untouched|intact|unaltered|alone|be"
    rf"|as\s+(?:it|they|is)|for humans|locked up)\b(?:\s(?:is|are)\b)?{_END}"
    rf"|\bthe\s+(?:{_KEPT})\s+\w+)"
)
_BARRED = (
    rf"(?:(?:not|never|cannot|can't|n't)\b\s*(?:\w+\s+){{0,3}}?"
    rf"(?:(?:{_CHANGED}"
    r"|(?:allowed|permitted)(?!\s+to\s+(?!be\b|edit))|in scope|yours|part of the asset)\b"
    r"(?:\s+(?:it|them|this|any of (?:it|them))\b)?(?!\s+(?:the\s+)?(?!(?:by|in|during|at|to)\b)"
    r"[`\w])"
    r"|(?:edit|modifi|mut|writ)able\b)|\b(?:no|non)[- ](?:edit|modifi|mut|writ)able\b)"
)
_AUXILIARY = (
    r"(?:\b(?:is|are|be|must|should|shall|may|can|has to|have to|needs? to|will|does|do|we|you|to"
    r"|it|they|ist|sind|est|es|é|en|son|sont|são|darf|は|を|に|是"
    r"|stays?|remains?|kept|keep|leave|left|this|them|these|both|one|please|exactly|also|always|\w+ly|which"
    r"|that|all|files?|folder|script|module|itself)\b[^\w.;]{0,5}){0,8}"
)
# What may follow the subject of a clause: `is read-only`, `(fixed)`, `: do not edit it`.
_TAIL = re.compile(
    r"(?:\s+(?:and|with|plus|as well as)\s+(?!is\b|are\b|must\b|stay|remain)[^`.;,]{0,60}?"
    r"(?=\s(?:is|are|must)\b))?"
    rf"[^\w.;]{{0,9}}{_AUXILIARY}(?:{_STAYS}|{_BARRED})"
    rf"|[^.;`]*(?:\(|\[|\|)\W{{0,5}}(?:{_KEPT})\b{_END}|[^.;`]*\beditable:\s+no\b"
    rf"|[^`]*[.,;:—-]\s+(?:which|it|they|please)?\s?{_AUXILIARY}(?:{_BARRED})"
    rf"|[^.;:,`]{{0,60}}\s(?:and|und|et|y|e)\s{_AUXILIARY}(?:{_STAYS}|{_BARRED})"
    rf"|[^.;`]*[,;]\s+(?:which|it|they)\s{_AUXILIARY}(?:{_STAYS})",
    re.I,
)
_LEAD = re.compile(
    rf"(?:{_NOT}(?!\s+(?:commit|push)\b)|\b(?:avoid|refrain|forbidden|prohibited|cheating"
    rf"|no|nobody)\b)[^.;:`]{{0,60}}?\b(?:{_CHANGED}|write|writing)"
    r"(?:[\s,]+(?:to|with|in|the|any|of|files?|rename|delete|or|and)\b)*:?\s+$"
    r"|\b(?:nor|(?:but|and)\s+(?:not|never)|stay away from|hands off)\s+(?:the\s+)?$",
    re.I,
)
_LEAVE = re.compile(r"\b(?:leave|keep|treat|consider|regard)\s+(?:the\s+)?(?:file\s+)?$", re.I)
_MAKING = re.compile(
    rf"^\W*(?:any\s+)?(?:{_CHANGED}|writing)\s+(?:(?:to|in|of|with|the|file)\s+)*$", re.I
)
_FORBIDS = re.compile(
    r"\s+(?:is|are)\s+(?:\w+\s)?(?:not|never|forbidden|prohibited|rejected|cheating|off)\b", re.I
)
# Before a path that is neither subject nor object.
_WITHIN = re.compile(
    r"\b(?:in|of|by|from|outside|inside|within|with|under|for|to|than|on|at|into|that|what|how"
    r"|(?:is|are)\s+not|\w+s)\s+(?:the\s+)?(?:file\s+)?$",
    re.I,
)
_RELATIVE = re.compile(r"\s*(?:,\s*(?:which|that|it)\b|[(\[|:;—-])", re.I)
_IF = re.compile(r"\W*(?:\d+\W+)?(?:if|when|unless|until|once|in case)\b", re.I)
_GOES_ON = re.compile(
    r"\W*(?:it|they|this|these|both|please|you|do|don't|never|not|keep|leave|no|must|hands|off|read"
    r"|immutable)\b",
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
NEVER_STOP = re.compile(r"\b(?:never|don't|do\s+not)\s+stop\b", re.I)
_ONLY = re.compile(r"(?<!read[- ])\bonly\b", re.I)
_OTHERS = re.compile(
    r"\bonly\s+(?:the\s+|an?\s+)?(?:owner|human|maintainer|person|people|user|team|organi[sz]er|author"
    r"|admin)s?\b",
    re.I,
)
_ALONE = re.compile(
    rf"\bonly\s+(?:\w+\s+)?file\b|\bonly\s+{_VERB}|\b{_VERB}\s+only\b|\bsingle\s+file\b", re.I
)
_YOU = re.compile(r"\byou\s+(?:(?:may|can)\s+)?$", re.I)
_FREE = re.compile(rf"\W*only\s+{PATHS}\s+(?:may|can)\s+be\s+(?:modified|edited|changed)\b", re.I)
_LISTED = re.compile(r"[\s,&/]*(?:(?:and|or|nor|plus|of course|above all)\b[\s,]*)*", re.I)
_KEPT_ABOVE = re.compile(rf"\b(?:{_KEPT})\b|{_NOT}", re.I)
_ALLOWS = re.compile(r"\b(?:can|may)\b", re.I)


@dataclass(frozen=True)
class Claim:
    """Permission or prohibition to edit a path; `alone` if it is called the only one."""

    path: str
    editable: bool
    line: int
    alone: bool = False


def claims(blocks: Iterable[Block]) -> Iterator[Claim]:
    """Yield all claims of the blocks, in order."""
    before = heading = ""
    for block in blocks:
        heading = block.text if block.kind == "heading" else heading
        opens = block.kind == "item" and is_label(block)
        if block.kind in ("heading", "paragraph") or opens:
            before = f"{block.text}:" if block.kind == "heading" else block.text
        if block.kind != "code":
            yield from _claims(block, before if block.kind in ("item", "row") else "", heading)


def is_label(block: Block) -> bool:
    """Return True if a block names no file and is short, or leads over to the blocks below."""
    text = block.text.strip("*_ \n")
    short = len(text.split()) <= _SHORT and text[-1:] not in (".", "!", "?")
    leads = text.endswith(":") or re.search(r"\b(?:below|following)\b", text, re.I)
    return "`" not in text and bool(short or leads)


def meaning(label: str) -> bool | None:
    """Return True if the files beside a label or cell may be edited, None if unknown."""
    words = NEVER_STOP.sub("", label).strip(" *:|-\n")
    if _ALL_DENIED.search(words) or named(words) == "protected":
        return False
    return True if _ALL_ALLOWED.search(words) or named(words) == "asset" else None


def _claims(block: Block, before: str, heading: str) -> Iterator[Claim]:
    """Yield the claims of a block; a sentence without a path is about the one before."""
    spoken = ""
    for sentence, line_number in sentences(block):
        leading = _SUBJECT.match(sentence)
        names = re.findall(r"`[^`]+`", sentence)
        if leading or len(names) == 1:
            spoken = leading["paths"] if leading else names[0]
        objects = [*_OBJECT.finditer(sentence)]
        for each in objects:
            yield from _each(
                each["paths"], _of_object(sentence, each, before), line_number, sentence
            )
        if spoken and not objects and (leading or len(names) < 2):
            verdict = _of_subject(sentence, spoken, before if leading else "")
            yield from _each(spoken, verdict, line_number, sentence)
        yield from _of_groups(sentence, line_number, before or heading)


def _of_groups(sentence: str, line: int, above: str) -> Iterator[Claim]:
    """Yield the paths that the words beside them deny, or except from a rule."""
    groups = [*re.finditer(PATHS, sentence)]
    start = 0
    denied: bool | None = None
    for at, group in enumerate(groups, 1):
        end = groups[at].start() if at < len(groups) else len(sentence)
        lead, tail = sentence[start : group.start()], sentence[group.end() : end]
        if EXCEPT.search(lead):
            denied = is_excepted(f"{lead} {tail}", above)
        elif at == 1 or not _LISTED.fullmatch(lead):
            denied = not _IF.match(sentence) and _is_denied(lead, tail, last=at == len(groups))
        if denied is not None and (denied or EXCEPT.search(lead)):
            yield from _each(group[0], not denied, line, sentence)
        start = group.end()


def is_excepted(words: str, above: str) -> bool | None:
    """Return True if `all but this` denies this, as it does if all else is allowed."""
    if _ALL_DENIED.search(EXCEPT.sub("", words)) or _KEPT_ABOVE.search(above):
        return False
    allowed = re.search(rf"\b{_CHANGED}|\b(?:yours|free|all|any|every)", words, re.I)
    return True if allowed else None


def _is_denied(lead: str, tail: str, *, last: bool) -> bool:
    """Return True if a path between these words is subject or object of a prohibition."""
    tail = tail if last else _NEXT.sub("", tail)
    label = re.split(r"[.;]\s|\n", lead)[-1]
    if _is_kept_by(label, tail) or (last and _REFUSED.fullmatch(tail)):
        return True
    if _LEAD.search(lead) or (_MAKING.search(label) and _FORBIDS.match(tail)):
        return True
    if _LEAVE.search(lead):
        return bool(re.match(rf"\W*(?:as\s+)?{_STAYS}", tail, re.I))
    if _WITHIN.search(lead) and not _RELATIVE.match(tail):
        return False
    return _stays(tail if last else f"{tail}`")


def _is_kept_by(label: str, tail: str) -> bool:
    """Return True if the label before a path, or a cell after it, says that it is kept."""
    if label.rstrip("* ").endswith(":") and _KEEPS.fullmatch(label):
        return True
    return any(map(_CELL.fullmatch, tail.split("|")[1:]))


def _stays(tail: str) -> bool:
    """Return True if words after a path fix it, and not all the rest."""
    own = tail if _JOINED.match(tail) else _ALL_ELSE.sub("", tail)
    return bool(_TAIL.match(own) or _OTHERS.search(own))


def _of_object(sentence: str, objects: re.Match[str], before: str) -> bool | None:
    """Return True if a sentence allows to edit the object of its verb, None if unknown."""
    leading, trailing = sentence[: objects.start()].rpartition("`")[2], sentence[objects.end() :]
    if _IF.match(sentence):
        return None
    denials = (re.search(_NOT, leading, re.I), _OTHERS.search(leading))
    if any(denials) or _stays(trailing[: trailing.find("`") + 1] or trailing):
        return False
    if _ONLY.search(sentence[: objects.end()]) or re.match(r"\s+only\W*$", trailing):
        return True
    listed = _of_list(before)
    if listed is False and "`" in trailing:
        return False
    if _EDITABLE.search(sentence):
        return True
    is_offered = listed is None and (_ONLY.search(sentence) or _YOU.search(leading))
    return True if is_offered else listed


def _of_subject(sentence: str, spoken: str, before: str) -> bool | None:
    """Return True if a sentence allows to edit its subject, None if unknown."""
    if _EDITABLE.search(sentence) or _FREE.match(sentence):
        return True
    leading, named, _ = sentence.partition(spoken)
    if EXCEPT.search(leading) and named:
        return None
    denied = not named and _GOES_ON.match(sentence) and _stays(f" {sentence}")
    if denied or (before.endswith(":") and _KEEPS.fullmatch(before)):
        return False
    return _of_list(before) if re.search(_VERB, before, re.I) else None


def _of_list(before: str) -> bool | None:
    """Return True if the words before a list allow to edit its items, None if unknown."""
    if re.search(_NOT, NEVER_STOP.sub("", before), re.I):
        return False
    return True if _ALLOWS.search(before) else None


def _each(paths: str, editable: bool | None, line: int, sentence: str) -> Iterator[Claim]:
    alone = bool(editable and _ALONE.search(sentence))
    if editable is not None:
        yield from (Claim(path, editable, line, alone) for path in re.findall(r"`([^`]+)`", paths))

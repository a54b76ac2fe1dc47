"""Facts in prose, as in the program.md files that exist: claims on files, goals, scattered parts.

A claim counts only on a path itself: the object of a verb ("Modify `a.py`", "never touch `b.py`"),
or the subject of its list item or sentence ("`a.py`: the file you edit. `b.py` is read-only"). A
list item means what the paragraph or heading before it says ("You may not edit:").

Scattered parts count only if no heading and no front matter speaks. The words are those of
karpathy/autoresearch and its ports: "the goal is simple: get the lowest val_bpb", a search for
the metric in a log, "a fixed time budget of 5 minutes", "launch it simply as", "never stop".
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from autoresearch_graph.core.values import Direction
from autoresearch_graph.program.document import named, sentences
from autoresearch_graph.program.markdown import Block
from autoresearch_graph.program.quantities import Duration, Statement, durations
from autoresearch_graph.program.shell import has_log, without_log

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


NAME = r"[A-Za-z_](?:[\w.@/-]*[\w@])?"
_BETTER = r"(?:\s+(?:is|=|are|means)|,?\s+the)\s+better"
_LOWER = rf"(?:lower|smaller|less|fewer|shorter){_BETTER}|minimi[sz]\w*|lowest|smallest|fewest|↓"
_HIGHER = (
    rf"(?:higher|larger|bigger|greater|more){_BETTER}|maximi[sz]\w*|highest|largest|greatest|↑"
)
_DENIED = r"(?:\b(?:not|never|nor)|n't)\s+(?:the\s+)?$"
_LABEL = r"direction\W{1,4}"
_DIRECTION = re.compile(
    rf"(?<!\w)(?:(?P<lower>{_LOWER}|{_LABEL}(?:low|min|down|small)\w*)"
    rf"|(?P<higher>{_HIGHER}|{_LABEL}(?:high|max|up|larg)\w*))(?!\w)",
    re.IGNORECASE,
)
_NAMED = rf"(?P<name>`{NAME}`|{NAME})"
_STATEMENTS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:get|reach|achieve|obtain|find|is|are|for|:)\s+(?:the\s+)?(?P<said>lowest|smallest|"
        rf"fewest|highest|largest|greatest)\s+(?:possible\s+)?{_NAMED}",
        rf"\b(?P<said>minimi[sz]|maximi[sz])(?:e|es|ing)\s+(?:the\s+)?{_NAMED}",
        rf"{_NAMED}\s*(?:\(|,|—|:|\|)\s*[^`.()]{{0,40}}?(?P<said>(?:lower|smaller|less|fewer|"
        rf"shorter|higher|larger|bigger|greater|more){_BETTER})",
    )
)
_LABELLED = re.compile(
    rf"\b(?:primary(?:\s+(?:metric|score|objective))?|metric|score)\W{{0,2}}:\W{{0,3}}"
    rf"{_NAMED}(?=\s*(?:[(,—|.;]|$))",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Goal:
    """A name with its direction."""

    name: str
    direction: Direction
    line: int

    def is_about(self, metric: str) -> bool:
        """Return True if the name is the metric's, also with spaces or hyphens."""
        return _spelling(self.name) == _spelling(metric)

    @property
    def names_a_metric(self) -> bool:
        """True if the name is more than a word of the sentence."""
        return self.name.startswith("`") or "_" in self.name

    def statement(self) -> Statement[str]:
        """Return the name as a statement."""
        return Statement(self.name.strip("`"), self.line)


def directions(block: Block) -> Iterator[Statement[Direction]]:
    """Yield all directions that a block gives in words."""
    for match in _said(block.text):
        yield Statement(_which(match), block.line_at(match.start()), match[0])


def sentence_directions(block: Block) -> Iterator[tuple[Statement[Direction], str]]:
    """Yield all directions of a block, each with its sentence."""
    for sentence, line_number in sentences(block):
        for match in _said(sentence):
            where = line_number + sentence.count("\n", 0, match.start())
            yield Statement(_which(match), where, match[0]), sentence


def direction(words: str) -> Direction | None:
    """Return the meaning of a word or phrase: `lower`, `max`, `higher is better`."""
    match = next(_said(f"direction: {words}"), None) or next(_said(words), None)
    return _which(match) if match else None


def goals(blocks: Iterable[Block]) -> Iterator[Goal]:
    """Yield all names with a direction in the same sentence."""
    for block in blocks:
        if block.kind != "code":
            for sentence, line_number in sentences(block):
                yield from _goals(sentence, line_number)


def labelled(blocks: Iterable[Block]) -> Iterator[Statement[str]]:
    """Yield all names after a label such as `Primary metric:`."""
    for block in blocks:
        for match in _LABELLED.finditer(block.text) if block.kind != "code" else ():
            yield Statement(match["name"].strip("`"), block.line_at(match.start("name")))


def _goals(sentence: str, line: int) -> Iterator[Goal]:
    for pattern in _STATEMENTS:
        for match in pattern.finditer(sentence):
            if re.search(_DENIED, sentence[: match.start("said")], re.IGNORECASE):
                continue
            if said := direction(match["said"] + "e" * match["said"].endswith(("s", "z"))):
                yield Goal(match["name"], said, line + sentence.count("\n", 0, match.start()))


def _said(text: str) -> Iterator[re.Match[str]]:
    """Yield all directions of a text; `not lower is better` gives none."""
    for match in _DIRECTION.finditer(text):
        if not re.search(_DENIED, text[: match.start()], re.IGNORECASE):
            yield match


def _which(match: re.Match[str]) -> Direction:
    return "lower" if match["lower"] else "higher"


def _spelling(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name.lower()).strip()


_GREP = re.compile(rf"\bgrep\s+(?:-\w+\s+)*[\"']?\^(?:METRIC\s+)?({NAME})\s*[:=]")
_LAUNCH = re.compile(
    r"\blaunch\w*\b[^`]*`(?P<launched>[^`]+)`"
    r"|\brun\s+(?:the\s+|each\s+|one\s+|an\s+)?(?:experiment|eval\w*|training|benchmark|backtest)"
    r"\b[^`]*`(?P<run>[^`]+)`"
    r"|\b(?:experiment|run|benchmark)\s+command\s*:\s*`(?P<command>[^`]+)`",
    re.IGNORECASE,
)
_READERS = ("grep", "tail", "cat", "head", "git")
_BUDGET = re.compile(
    r"budget(?:\s+(?:of|is)|\s*:)\s+(?:~|about\s+|approximately\s+)?$"
    r"|\btime\s+budget\W+[^.]*\b(?:complete|finish|take|run)\w*\s+(?:in|for|within)\s+(?:~|about\s+)?$",
    re.IGNORECASE,
)
_BUDGET_AFTER = re.compile(r"^(?:\s+\w+)?\s+budget\b", re.IGNORECASE)
_ITEM = re.compile(r"(?:^|[,;]|\bat most)\s*$", re.IGNORECASE)
_EACH = re.compile(r"\s+(?:per|each|for (?:each|every))\s+(?:run|experiment)\b", re.IGNORECASE)
_AIM = re.compile(r"\b(?:goal|objective)\b", re.IGNORECASE)
_NEVER = re.compile(r"^\W*(?:never stop|loop forever)\b", re.IGNORECASE)


def scattered_names(blocks: Iterable[Block]) -> Iterator[Statement[str]]:
    """Yield the metric's name: the one searched for in a log, else that of a goal."""
    blocks = tuple(blocks)
    yield from (
        tuple(_looked_for(blocks))
        or tuple(labelled(blocks))
        or tuple(goal.statement() for goal in goals(blocks) if goal.names_a_metric)
    )


def scattered_directions(blocks: Iterable[Block], metric: str) -> Iterator[Statement[Direction]]:
    """Yield the direction of the metric, else of the goal, else any."""
    blocks = tuple(blocks)
    about = [Statement(g.direction, g.line) for g in goals(blocks) if g.is_about(metric)]
    if about or all(name.value != metric for name in scattered_names(blocks)):
        yield from about
        return
    said = [d for block in blocks if block.kind != "code" for d in sentence_directions(block)]
    aims = [direction for direction, sentence in said if _AIM.search(sentence)]
    yield from aims or [direction for direction, _ in said]


def scattered_commands(blocks: Iterable[Block]) -> Iterator[Statement[str]]:
    """Yield the experiment command: the one launched, or sent to a log."""
    for block in blocks:
        if block.kind == "code":
            continue
        for sentence, line_number in sentences(block):
            if launch := _LAUNCH.search(sentence):
                said = launch["launched"] or launch["run"] or launch["command"]
                yield from _command(said, line_number)
        for code_span in block.spans:
            if has_log(code_span.text) and code_span.text.split()[0] not in _READERS:
                yield from _command(code_span.text, code_span.line)


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
    return (Statement(True, block.line) for block in blocks if _NEVER.match(block.text))


def _looked_for(blocks: Iterable[Block]) -> Iterator[Statement[str]]:
    for block in blocks:
        for match in _GREP.finditer(block.text):
            yield Statement(match[1], block.line_at(match.start()))


def _command(said: str, line: int) -> Iterator[Statement[str]]:
    """Yield a command; one with a placeholder cannot be run."""
    command = without_log(said).strip()
    if command and not re.search(r"<\w|\{\w", command):
        yield Statement(command, line)

"""The limits of a run in a program.md: its time box, and when it is killed.

Each duration gets a role by the words before and after it, which durations.yaml lists.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise, takewhile
from pathlib import Path

import yaml

from autoresearch_graph.core.program import TimeBox
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.text.document import Document, Section, sentences, without_numbering
from autoresearch_graph.program.text.markdown import Block
from autoresearch_graph.program.text.quantities import (
    AMOUNTS,
    PER_RUN,
    WEEK,
    Duration,
    Statement,
    agree,
    as_written,
    bad_value,
    contradiction,
    duration,
    durations,
    may_be_timed,
    unread,
    with_flag,
)

WORDS = {
    name: frozenset(words.split())
    for name, words in yaml.safe_load(
        Path(__file__).with_name("durations.yaml").read_text("utf-8")
    ).items()
}
_RUNS, _EACH, _LINKS = WORDS["runs"], WORDS["each"], WORDS["links"]
_VERBS = WORDS["verbs"] | WORDS["direct verbs"]
_TOKEN = re.compile(r"[^\W\d_]+(?:'t)?|[~<>≤=:|/$%]|\d[\d.,]*")
_CLAUSE = re.compile(r"\([^()]*\)|[,;()]")
_ENDS = ("kill", "terminat", "abort")
_KILLS = re.compile(
    r"\b(?:kill|terminat|abort|cancel|(?:treat|count)\w*(?: it| them)? as (?:a )?(?:fail|crash))",
    re.IGNORECASE,
)
STOPS = re.compile(
    r"(?:[^.:`]{0,30}(?::|—|\s-)\s+)?\W*(?:the\s+(?:loop|research|agent)\s+)?(?:you\s+)?"
    r"(?:should\s+|must\s+|then\s+)?(?:stop|end|finish|terminate|halt|quit)s?\b"
    r"(?!\s+(?:the\s+|a\s+|any\s+|that\s+|this\s+)?"
    r"(?:run|training|experiment|it|process|server)\b)(?:\s+\w+){0,3}?\s+(?:after|when|once|if|at)\b",
    re.IGNORECASE,
)
_SETTING = re.compile(
    r"(?<![\w-])TIME_(?:BUDGET|LIMIT|BOX)(?:_(?P<unit>S|SECS?|SECONDS|MIN|MINUTES|HOURS))?`?"
    r"\s*[:=]\s*`?(?P<amount>\d+)(?P<sixty>\s*\*\s*60)?(?:\s?s\b)?(?![\w.*])"
)
_COMMAND = re.compile(
    r"(?<![\w-])timeout\s+(?:-\S+\s+)*(?P<amount>\d+)(?P<unit>[smhd]?)(?P<sixty>)\s+[a-z./]"
)
_SIZES = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_COUNTS = re.compile(r"\d|(?:two|three|four|five|six|seven|eight|nine|ten|not|never)$")
_FEW = re.compile(r"\b(?:few|several|couple of)\s+(?:minutes|seconds|hours)|数分|几分钟|数秒", re.I)
_NEW_LABEL = re.compile(r"\n(?=\W*[A-Z][\w -]{0,40}:)")
_INSTRUCTS = re.compile(r"\b(?:budget|limit|kill|each|every|per|must)\b", re.IGNORECASE)
PROSE = ("", "text", "txt", "md", "markdown")


@dataclass(frozen=True)
class Timed:
    """A duration with its line and its role.

    The role is box (of a run), about (how long a run takes), kill, command (that limits itself),
    whole (of the research) or other.
    """

    role: str
    found: Duration
    line: int
    of_run: bool = False

    def statement(self) -> Statement[float]:
        """Return it; raise ProgramError if no run could last for it."""
        return _checked(self.found, self.line)


def read_seconds(document: Document, supplied: str | None) -> Statement[float] | None:
    """Return the time box in seconds.

    A kill limit is the time box if no other duration is said of a run.
    """
    from_flag = None if supplied is None else _whole(supplied, "--time-box", "--time-box", None)
    stated = agree("time box", _boxes(document, is_settled=from_flag is not None))
    return with_flag("time box", "--time-box", from_flag, stated)


def read_kill_after(document: Document, supplied: str | None) -> Statement[float] | None:
    """Return the seconds after which a run is killed."""
    from_flag = None if supplied is None else _whole(supplied, "--kill-after", "--kill-after", None)
    what = "limit after which a run is killed"
    return with_flag(what, "--kill-after", from_flag, agree(what, _kill_limits(document)))


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


def _boxes(document: Document, *, is_settled: bool) -> Iterator[Statement[float]]:
    """Yield the time boxes of the front matter, else of a section, else of prose.

    If a flag has settled it, what cannot be read and what a run is said to take do not count.
    """
    if entry := document.front.get("time_box"):
        yield _whole(entry.text(), "`time_box`", "--time-box", entry.line)
        return
    sections = document.proper("time_box")
    found = [timed for section in sections for timed in _in_section(section, is_settled)]
    if not found or sections[0].label:
        said = [timed for timed in _said(document.blocks) if not timed.found.is_range]
        boxes = [timed for timed in said if timed.role == "box"]
        if not (found or boxes or is_settled):
            boxes = _inferred(document, said, is_open=not sections)
        found += boxes
    yield from (timed.statement() for timed in found)


def _inferred(document: Document, said: list[Timed], *, is_open: bool) -> list[Timed]:
    """Return how long a run takes, or a limit of it if nothing else is said of a run."""
    if about := [timed for timed in said if timed.role == "about"]:
        return about
    vague = any(timed.of_run for timed in _said(document.blocks)) or any(
        _FEW.search(block.text) for block in document.blocks
    )
    limits: dict[str, list[Timed]] = {"kill": [], "command": []}
    for timed in _said(document.blocks) if is_open and not vague else ():
        limits.setdefault(timed.role, []).append(timed)
    return limits["kill"] or limits["command"]


def _kill_limits(document: Document) -> Iterator[Statement[float]]:
    if entry := document.front.get("kill_after"):
        yield _whole(entry.text(), "`kill_after`", "--kill-after", entry.line)
        return
    sections = document.proper("time_box")
    limits = [timed for s in sections for timed in _timed(s.blocks, in_section=True)]
    if not any(timed.role == "kill" for timed in limits):
        limits = [*_said(document.blocks)]
    yield from (timed.statement() for timed in limits if timed.role == "kill")


def _in_section(section: Section, is_settled: bool) -> list[Timed]:
    """Return the time boxes of a section: each duration that is no limit of another kind.

    Raise ProgramError if a number could be another time box.
    """
    said = _timed(section.blocks, in_section=True)
    found = [timed for timed in said if timed.role in ("box", "other", "about")]
    for block in section.blocks if not is_settled else ():
        _check_read(block, has_box=bool(found))
    return found


def _check_read(block: Block, *, has_box: bool) -> None:
    """Raise ProgramError for a number that could be a duration; of another measure it is none."""
    rest = _without_amounts(block.text)
    position = len(rest) - len(without_numbering(replace(block, text=rest)))
    while left := unread(rest[position:]):
        start, position = position + left.start(), position + left.end()
        word = re.sub(r"^[^A-Za-z]*", "", left[0]).lower()
        tokens = _TOKEN.findall(rest[max(0, start - 60) : start].lower())
        kills = any(_KILLS.match(token) or token in ("timeout", "hard") for token in tokens[-4:])
        if kills or not (
            _is_measure(word, rest[start - 1 : start], rest[position:])
            or (has_box and _is_named(word, tokens))
        ):
            where = block.line_at(start + len(left[0]) - len(left[0].lstrip()))
            said = " ".join(as_written(block, left[0], where).split())
            raise _no_duration(f"`{said}`", "--kill-after" if kills else "--time-box", where)


def _without_amounts(text: str) -> str:
    """Blank out the durations, the settings, and the amounts of runs, tokens and money."""
    counted = (match for match in AMOUNTS.finditer(text) if not PER_RUN.match(match[0]))
    spans = [match.span() for match in (*counted, *_SETTING.finditer(text))]
    for start, end in (*spans, *((found.start, found.end) for found in durations(text))):
        text = text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]
    return text


def _is_measure(word: str, sign: str, after: str) -> bool:
    """Return True for a number of something else than time: `$5`, `5 epochs`, `5%`."""
    after = after.lstrip()
    is_rate = after.startswith("per ") or (not word and after.startswith("%"))
    return sign in ("$", "€") or word in WORDS["measures"] or is_rate


def _is_named(word: str, before: list[str]) -> bool:
    """Return True for a number of something else than time or runs: `3 retries`, `stage 2`."""
    if word:
        return word not in WORDS["units of time"] and word.rstrip("s") + "s" not in _RUNS
    return (
        bool(before)
        and before[-1].isalpha()
        and before[-1] not in _LINKS | WORDS["beyond"] | {"after"}
    )


@lru_cache(maxsize=1)
def _said(blocks: tuple[Block, ...]) -> tuple[Timed, ...]:
    """Return all durations of a document."""
    return tuple(_timed(blocks))


def _timed(blocks: Iterable[Block], *, in_section: bool = False) -> Iterator[Timed]:
    """Yield all durations, each with its role."""
    for block in blocks:
        is_code = block.kind == "code"
        if is_code or "TIME_" in block.text or "`timeout " in block.text:
            yield from _settings(block.text, block.line)
        is_read = in_section or not is_code or block.language in PROSE
        if is_read and may_be_timed(block.text):
            yield from _in_words(block, is_strict=is_code and not in_section)


def _in_words(block: Block, *, is_strict: bool) -> Iterator[Timed]:
    """Yield the durations of all sentences; if `is_strict`, of those that instruct."""
    for (sentence, line), (following, _) in pairwise((*said_in(block), ("", 0))):
        if is_strict and not _INSTRUCTS.search(sentence):
            continue
        for found in durations(sentence):
            where = line + sentence.count("\n", 0, found.start)
            quoted = replace(found, said=as_written(block, found.said, where))
            is_heading = block.kind == "heading"
            yield placed(sentence, quoted, where, following[:30], heading=is_heading)


def said_in(block: Block) -> Iterator[tuple[str, int]]:
    """Yield the sentences of a block with their lines; a line with a label begins a new one."""
    if block.kind == "code":
        yield from ((line, block.line + at) for at, line in enumerate(block.text.split("\n")))
        return
    for sentence, line in sentences(block):
        for piece in _NEW_LABEL.split(sentence):
            yield piece, line + sentence.count("\n", 0, sentence.index(piece))


def _settings(text: str, line: int) -> Iterator[Timed]:
    """Yield what is set as in `TIME_BUDGET = 300` (in seconds) or `timeout 600 make`."""
    for role, pattern in (("box", _SETTING), ("command", _COMMAND)):
        for match in pattern.finditer(text):
            unit = _SIZES[(match["unit"] or "s")[0].lower()]
            seconds = float(match["amount"]) * unit * (60 if match["sixty"] else 1)
            found = Duration(seconds, match[0].strip(), match.start(), match.end(), False)
            yield Timed(role, found, line + text.count("\n", 0, match.start()))


def placed(
    sentence: str, found: Duration, line: int, next_: str = "", *, heading: bool = False
) -> Timed:
    """Return a duration with the role that the words of its sentence give it."""
    head = sentence[max(0, found.start - 200) : found.start].lower()
    tail = sentence[found.end : found.end + 100].lower()
    before, after = _TOKEN.findall(head), _TOKEN.findall(tail)
    left, right = _TOKEN.findall(_CLAUSE.split(head)[-1]), _TOKEN.findall(_CLAUSE.split(tail)[0])
    of_run = bool(_RUNS & {*before, *after})
    kills = bool(_KILLS.search(sentence) or _KILLS.match(next_.lstrip(" *>-")))
    others = WORDS["other subjects"] & {*left, *right[:3]}
    if re.search(r"\d\s?[smhdw]$", found.said):
        others |= WORDS["measures"] & {*left}
    if (others and "budget" not in left) or (before and _COUNTS.match(before[-1])):
        role = "other"
    elif STOPS.match(sentence) or _is_of_research(left, right):
        role = "whole"
    elif _is_kill_limit(before, right, kills=kills, in_heading=heading):
        role = "kill"
    elif WORDS["entire"] & {*left, *right} and not (_RUNS | {"runtime"}) & {*left, *right}:
        role = "whole"
    elif WORDS["beside a run"] & {*left, *right[1:4]}:
        role = "other"
    else:
        role = _role(before, after, found.said)
    return Timed(role, found, line, of_run and (role == "other" or found.is_range))


def _is_of_research(left: list[str], right: list[str]) -> bool:
    """Return True if a clause is about the whole research: `8 hours in all`, `one night`."""
    clause = [*left, *right]
    if ("in", "all") in pairwise(clause):
        return True
    return bool(WORDS["research"] & {*clause}) and not _names_a_run(clause)


def _names_a_run(tokens: list[str]) -> bool:
    """Return True if tokens have `each run`, `per training run`, but not `the experiment loop`."""
    return any(_is_one_run(tokens, at) for at in range(1, len(tokens)))


def _is_one_run(tokens: list[str], at: int) -> bool:
    if tokens[at] not in _RUNS or {*tokens[at + 1 : at + 2]} & WORDS["not a run"]:
        return False
    is_second = (
        at > 1 and tokens[at] != "runs" and tokens[at - 1] in _RUNS and tokens[at - 2] in _EACH
    )
    return tokens[at - 1] in _EACH or is_second


def _key(tokens: list[str], links: frozenset[str]) -> tuple[int, bool]:
    """Return the position of the last word that is no link, and True if a run is named after it."""
    at = len(tokens) - 1
    is_run = False
    while at >= 0:
        if tokens[at] in links or (at < len(tokens) - 1 and tokens[at] in ("clock", "wall")):
            at -= 1
        elif tokens[at] == "than" and _is_at_most(tokens, at):
            at -= 3 if tokens[at - 2] in WORDS["denials"] else 2
        elif at and _is_one_run(tokens, at):
            is_run = True
            at -= 2 if tokens[at - 1] in _EACH else 3
        elif tokens[at] in _RUNS and tokens[at] not in _VERBS:
            is_run = True
            at -= 1
        else:
            break
    return at, is_run


def _is_at_most(tokens: list[str], at: int) -> bool:
    """Return True for `less than` and `no more than`, at the position of `than`."""
    denied = WORDS["denials"] & {*tokens[max(0, at - 5) : at]}
    return tokens[at - 1] in ("less", "fewer") or bool(denied)


def _is_kill_limit(before: list[str], after: list[str], *, kills: bool, in_heading: bool) -> bool:
    """Return True for `killed after`, `a hard limit of`, `a 10 minute timeout`."""
    at, _ = _key(before, _LINKS | {"it", "them", "run", "runs", "after", "beyond", ">", "any"})
    key = before[at] if at >= 0 else ""
    hard = "hard" in before[max(0, at - 3) :]
    if key.startswith(_ENDS) or (key in WORDS["hard limits"] and hard):
        return True
    if key in ("timeout", "timeouts") or (key == "out" and before[at - 1].startswith("time")):
        return hard or not in_heading
    called = [word for word in after[:8] if word not in WORDS["between"]]
    if called[:1] == ["timeout"] or (called[:1] in (["hard"], ["kill"]) and called[1:2] != ["it"]):
        return True
    return _ends_beyond(before, after, kills=kills)


def _ends_beyond(before: list[str], after: list[str], *, kills: bool) -> bool:
    """Return True for `after 10 minutes it is killed`, and for `over 10 minutes` beside a kill."""
    last = next((word for word in reversed(before) if word not in ("about", "~", "a", "for")), "")
    done = [word for word in after[:6] if word not in WORDS["before a verb"]]
    if last in ("after", "beyond", "past") and done and done[0].startswith(_ENDS):
        return done[1:2] not in (["after"], ["at"])
    beyond = last in WORDS["beyond"] or last == "than" or last.startswith("hang")
    is_kill = beyond and kills and after[:1] not in (["with"], ["without"], ["while"])
    return is_kill and not {"idle", "output"} & {*before}


def _role(before: list[str], after: list[str], said: str) -> str:
    """Return box, about or other, by the words before a duration, else by those after it."""
    at, is_run = _key(before, _LINKS)
    key = before[at] if at >= 0 else ""
    links = {*before[at + 1 :]}
    if _is_noun_of_a_limit(before, at, is_run=is_run):
        return "box"
    if is_run and key not in _VERBS and (before[0] == "per" or {":", "|"} & _after_run(before)):
        return "box"
    if at > 0 and key not in _VERBS and "for" in links:  # Each run executes X for 60 s.
        key = next((word for word in before[max(0, at - 2) : at] if word in _VERBS), "")
    is_verb = key in WORDS["direct verbs"] or (key in _VERBS and WORDS["bounds"] & links)
    if is_verb and (is_run or key.startswith("train") or _names_runs(before[: max(at, 0)])):
        return _role_of_verb(key, {*before[max(0, at - 4) : at]}, links)
    return "box" if _is_granted(before, after, said) else "other"


def _is_noun_of_a_limit(before: list[str], at: int, *, is_run: bool) -> bool:
    """Return True for `a budget of`, `max runtime:`, `time per experiment:`."""
    near = {*before[max(0, at - 3) : max(0, at)]}
    if at < 0 or WORDS["no time"] & near:
        return False
    if before[at] in WORDS["limits"] | {"runtime"}:
        return True
    of_a_run = is_run or at == 0 or near & (WORDS["of a run"] | WORDS["limits"])
    return before[at] in WORDS["vague limits"] and bool(of_a_run)


def _names_runs(tokens: list[str]) -> bool:
    """Return True if runs are the subject: `each run`, `experiments`, and not the verb `run`."""
    return bool((_RUNS - {"run"}) & {*tokens}) or _names_a_run(tokens)


def _after_run(before: list[str]) -> set[str]:
    """Return the words between the last run that is named and the duration."""
    return set(takewhile(lambda word: word not in _RUNS, reversed(before)))


def _role_of_verb(verb: str, around: set[str], links: set[str]) -> str:
    if verb == "exceed":
        return "box" if WORDS["denials"] & around else "other"
    is_bound = bool(WORDS["modals"] & around or WORDS["at most"] & (links - {"<"}))
    if verb in ("completed", "finished"):
        return "box" if is_bound else "other"
    if verb in WORDS["observing"] and not is_bound:
        return "other" if "<" in links else "about"
    return "box"


def _is_granted(before: list[str], after: list[str], said: str) -> bool:
    """Return True for `5 minutes per run`, `5-minute runs`, `5 min of training budget`."""
    ahead = [w for w in after[:8] if w not in WORDS["between"] and not w[0].isdigit()] or [""]
    if {*ahead[:2]} & WORDS["limits"] and ahead[0] not in WORDS["no time"]:
        return True
    if ("-" in said or not said.rstrip().endswith("s")) and ahead[0] in _RUNS:
        return True
    if before and before[-1] in ("every", "after", "in", "than", ">", "over"):
        return False
    each = ahead[0] == "each" and _RUNS & {*before, *ahead}
    per_run = ahead[0] in _EACH and _names_a_run(ahead[:3])
    return bool(each or per_run or (after[:1] == ["/"] and _RUNS & {*after[1:2]}))


def _whole(text: str, what: str, flag: str, line: int | None) -> Statement[float]:
    if found := duration(text):
        return _checked(found, line)
    raise _no_duration(f"{what} is `{text}`, which", flag, line)


def _no_duration(what: str, flag: str, line: int | None) -> ProgramError:
    return bad_value(
        f"{what} is not a duration; write it with its unit, as in `5 minutes`, `90 s` or `1h 30m`, "
        f"or give {flag}",
        line,
    )


def _checked(found: Duration, line: int | None) -> Statement[float]:
    """Return a duration as a statement; raise ProgramError if no run could last for it."""
    if found.is_range:
        raise bad_value(f"`{found.said}` is a range; give one duration", line)
    if not 0 < found.seconds <= WEEK:
        raise bad_value(f"`{found.said}` must be more than 0 and at most 7 days", line)
    return Statement(found.seconds, line, found.said)

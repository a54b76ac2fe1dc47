"""The metric's name and its direction.

A sentence is read word by word. A verb (`minimise`), a superlative (`lowest`) or a comparison
(`lower is better`) gives a direction, said of the next name or of the one before it. That name
counts before one that is only mentioned; what stands after `of`, `for` or `by` is no name.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain, takewhile
from operator import attrgetter

from autoresearch_graph.core.output import read_metrics
from autoresearch_graph.core.values import Direction
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.text.document import Document, Section, sentences
from autoresearch_graph.program.text.front_matter import Entry
from autoresearch_graph.program.text.markdown import Block
from autoresearch_graph.program.text.quantities import Statement, agree, bad_value, with_flag

NAME = r"[A-Za-z_](?:[\w.@/-]*[\w@])?"
_TOKEN = re.compile(r"`[^`]*`|[^\W\d](?:[\w.@/-]*[\w@])?|\d[\w.,]*|[^\w\s]")
_LABELLED = re.compile(
    rf"\b(?P<label>primary(?:\s+(?:metric|score|objective))?|metric(?:\s+name)?|score|name)"
    rf"(?:\s*\([^)]*\))?\W{{0,2}}:\W{{0,3}}(?P<name>`{NAME}`|{NAME})(?=\s*(?:[(,—|.;]|-\s|$))",
    re.IGNORECASE | re.MULTILINE,
)
_GREP = re.compile(rf"\bgrep\s+(?:-\w+\s+)*[\"']?\^(?:METRIC\s+)?({NAME})\s*[:=]")


def _either(lower: str, higher: str) -> dict[str, Direction]:
    """Return the direction of each word."""
    return {**dict.fromkeys(lower.split(), "lower"), **dict.fromkeys(higher.split(), "higher")}


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FILES = _words("py md sh json yaml yml toml txt tsv csv log c h rs go js ts ipynb jsonl cfg ini")
_STRONG = _either("lowest smallest fewest shortest ↓ minimi", "highest largest greatest ↑ maximi")
_WEAK = _either("reduce decrease lower shrink shorten", "increase raise higher boost")
_COMPARED = _either("lower smaller less fewer shorter", "higher larger bigger greater more")
_STARTS = _either("low min down small desc", "high max up larg asc")
_OPPOSITE: dict[Direction, Direction] = {"lower": "higher", "higher": "lower"}
_ASKED = ("improve", "optimise", "optimize", "speed")  # verbs that give no direction
_IS = ("is", "are", "=", "==", "means")
_ARTICLES = _words("the a an its your our this possible up")
_DENIED = _words("not never nor without avoid cannot t by than may might")
_BEFORE = _words(
    "of for passes by in over from on with than via using per function script file class method"
    " command module variable flag option call calls run runs under at to see not"
)
_AFTER = _words(
    "throughput latency time speed performance runtime memory function script command file flag"
    " option method"
)
_ENDS = (*_BEFORE, *_IS, *_words(
    "while without so that which when if across as and or but subject given within until after"
    " against better it between"
))  # fmt: skip
_PRINTED = _words("printed reported logged shown emitted output recorded written")
_NAMING = {**dict.fromkeys(_PRINTED, "as"), "metric": "is"}
_AIMING = ("minimi", "maximi", "better")
_KEYS = (
    *_AIMING, "metric", "direction", *_STRONG, *_WEAK, *_ASKED, *_COMPARED, *_PRINTED,
)  # fmt: skip
_ROLES = (
    "secondary", "tertiary", "supporting", "optional", "other", "monitor", "guard", "track",
    "also ", "tie", "nice to", "stretch", "bonus", "diagnostic", "auxiliary", "additional",
    "constraint", "informational", "sanity",
)  # fmt: skip
_ROLE = 2  # words at most, as in `Secondary metric`
_ABOUT = _words("direction metric primary goal better")
_SELF = _words("primary ` metric score name")
_AIMS = _words("goal objective aim task metric optimise optimize")
_EXAMPLES = frozenset(_words("idea ideas try e.g example maybe perhaps tried could"))
_NO_NAMES = (
    *_words("min max minimize minimise maximize maximise up down true false result results none"),
    *_words("tbd todo see n/a"), *_WEAK, *_COMPARED,
)  # fmt: skip


Phrase = tuple[Direction | None, int, bool]


@dataclass(frozen=True)
class Claim:
    """A direction, with the name or the words that it is said of; a verb may give a name alone."""

    direction: Direction | None
    line: int
    said: str = ""
    names: tuple[str, ...] = ()
    words: str = ""
    strong: bool = True
    sentence: tuple[str, ...] = field(default=(), repr=False)

    def is_about(self, metric: str) -> bool:
        """Return True if it is said of the metric, also with blanks or hyphens in its name."""
        if self.names or self.words:
            return _spelling(metric) in map(_spelling, (*self.names, self.words))
        return self.said.lower().endswith("better") and metric in self.sentence

    @property
    def is_aim(self) -> bool:
        """True if its sentence is about a goal."""
        return any(word.lower() in _AIMS for word in self.sentence)

    @property
    def in_words(self) -> bool:
        """True if it is a sure goal that has words for a name."""
        return bool(self.words and self.strong and self.direction)

    @property
    def is_free(self) -> bool:
        """True if it is said of no name; a sure one may have words."""
        return not self.names and (self.strong or not self.words)

    @property
    def rank(self) -> tuple[bool, bool]:
        """The names of the claims of a highest rank count."""
        return self.is_printed, self.strong

    @property
    def is_printed(self) -> bool:
        """True if it tells how a number is printed; that may be any number."""
        return self.said.lower().endswith(" as")

    def named(self) -> list[Statement[str]]:
        """Return its names as statements."""
        return [Statement(name, self.line) for name in self.names]

    def statement(self) -> Statement[Direction]:
        """Return the direction as a statement."""
        assert self.direction
        said = self.said if self.said.lower().endswith("better") else ""
        return Statement(self.direction, self.line, said)


def read_name(document: Document, supplied: str | None) -> Statement[str] | None:
    """Return the metric's name: that of its section, of a goal, or of scattered prose.

    Raise ProgramError if it is said in words alone, and no output shows how it is printed.
    """
    from_flag = None if supplied is None else _named(supplied, "--metric", None)
    names = _names(document)
    if from_flag and len({name.value for name in names}) > 1:
        return next((name for name in names if name.value == from_flag.value), from_flag)
    if not (names or from_flag) and (claim := next(_in_words(document), None)):
        raise ProgramError(
            f'the metric is said in words here ("{claim.words}"); print it with a name of one '
            f"word, and write `{_snake(claim.words)}` in backticks, or give --metric",
            line=claim.line,
            code="missing-part",
        )
    return with_flag("metric", "--metric", from_flag, agree("metric", names))


def read_direction(
    document: Document, metric: str | None, supplied: str | None
) -> Statement[Direction] | None:
    """Return the better direction; words about another metric do not count."""
    from_flag = None if supplied is None else _understood(supplied, "--direction", None)
    stated = agree("direction", _directions(document, metric))
    return with_flag("direction", "--direction", from_flag, stated)


def direction(words: str) -> Direction | None:
    """Return the meaning of a word or phrase: `lower`, `max`, `higher is better`."""
    found = _label(words) or next((claim.direction for claim in _claims(words)), None)
    return found or _WEAK.get(words.strip().lower())


def _names(document: Document) -> tuple[Statement[str], ...]:
    """Return the name of front matter, else those of the text and of `the metric is x`."""
    if entry := _front(document).get("name"):
        return (_named(entry.text(), "`metric`", entry.line),)
    every = _all_claims(_without_secondary(document.blocks))
    declared = (claim for claim in every if claim.said.lower() == "metric is")
    return (*_read_names(document), *_goals(declared))


def _read_names(document: Document) -> tuple[Statement[str], ...]:
    loose = document.loose("metric")
    claims = list(_all_claims(chain.from_iterable(map(_primary, loose))))
    return (
        tuple(chain.from_iterable(map(_section_names, document.proper("metric"))))
        or tuple(_goals(claims) if not _rivals(claims) else ())
        or tuple(_printed_words(claims, _shown(document) if claims else ()))
        or tuple(chain.from_iterable(map(_loose_names, loose)))
        or tuple(_scattered_names(document))
    )


def _directions(document: Document, metric: str | None) -> tuple[Statement[Direction], ...]:
    if entry := _front(document).get("direction"):
        return (_understood(entry.text(), "`direction`", entry.line),)
    if metric is None:
        return ()
    sections = document.proper("metric")
    about = _all_claims(document.loose_blocks("metric"))
    if any(section.label for section in sections):
        every = _all_claims(_without_secondary(document.blocks))
        about = (claim for claim in every if claim.strong)
    stated = (*_section_directions(sections, metric), *_said_of(about, metric))
    return (
        stated
        or tuple(_section_directions(document.loose("metric"), metric))
        or _scattered_directions(document, metric)
    )


def _said_of(claims: Iterable[Claim], metric: str) -> tuple[Statement[Direction], ...]:
    about = (claim for claim in claims if claim.direction and claim.is_about(metric))
    return tuple(map(Claim.statement, about))


def _front(document: Document) -> Mapping[str, Entry]:
    """Return the name and the direction of the front matter; they may be one group."""
    metric, direction = (document.front.get(key) for key in ("metric", "direction"))
    is_group = metric is not None and not isinstance(metric.value, str)
    inner = metric.keys("name", "direction") if metric and is_group else {"name": metric}
    given = {**inner, "direction": direction or inner.get("direction")}
    return {key: entry for key, entry in given.items() if entry}


def _section_names(section: Section) -> Iterator[Statement[str]]:
    """Return the names with a direction beside them, else the first name."""
    blocks = _primary(section)
    named = [(block, names) for block in blocks if (names := _subjects(block))]
    defined = _defined(section)  # the rows below a formula are its terms
    said = ((block, names) for block, names in named if not defined or block.kind != "row")
    full = [names for block, names in said if _gives_direction(block)] or defined
    if blocks[0].kind != "heading" and _begins(blocks[0].text, ("primary",)):
        full = full[:1]
    alone = sum(block.kind != "heading" for block in blocks) == 1
    return chain.from_iterable(full or _leading(named, alone=alone))


Named = list[tuple[Block, list[Statement[str]]]]


def _leading(named: Named, *, alone: bool) -> list[list[Statement[str]]]:
    """Return the names that begin a block: all of a list, else the first."""
    begins = [names for block, names in named if alone or _begins(block.text, _SELF)]
    return begins if all(block.kind == "item" for block, _ in named) else begins[:1]


def _loose_names(section: Section) -> list[Statement[str]]:
    blocks = _primary(section)
    named = filter(None, map(_subjects, blocks))
    return next(named, []) if any(map(_gives_direction, blocks)) else []


def _gives_direction(block: Block) -> bool:
    return any(claim.direction for claim in _all_claims([block]))


def _section_directions(sections: Iterable[Section], metric: str) -> Iterator[Statement[Direction]]:
    for block in chain.from_iterable(map(_primary, sections)):
        names = [name.value for name in _subjects(block)]
        about = metric in names if names else block.kind != "row" or _begins(block.text, _ABOUT)
        yield from _block_directions(block, metric) if about else ()


def _block_directions(block: Block, metric: str) -> Iterator[Statement[Direction]]:
    claims = tuple(_all_claims([block]))
    printed = any(claim.is_printed and metric in claim.names for claim in claims)
    for claim in claims:
        if claim.direction and (printed or claim.is_free or claim.is_about(metric)):
            yield claim.statement()


def _defined(section: Section) -> list[list[Statement[str]]]:
    """Return the name of a formula in a code block: `score = 100 * hits / all`."""
    code = (block for block in section.body if block.kind == "code")
    found = ((block, re.match(rf"\s*(?P<name>{NAME})\s*=(?!=)", block.text)) for block in code)
    return [[Statement(match["name"], block.line)] for block, match in found if match][:1]


def _primary(section: Section) -> list[Block]:
    """Return the blocks from the primary metric to the secondary ones."""
    blocks = [block for block in section.blocks if block.kind != "code"]
    starts = (place for place, block in enumerate(blocks) if place and _is(("primary",), block))
    begin = next(starts, 0)
    head, *rest = blocks[begin:]
    return [head, *takewhile(lambda block: not _is(_ROLES, block), rest)]


def _is(roles: tuple[str, ...], block: Block) -> bool:
    """Return True if a block begins with a role, or a row has it as a cell."""
    cells = block.text.split(" | ") if block.kind == "row" else []
    alone = any(len(cell.split()) <= _ROLE and _begins(cell, roles) for cell in cells[1:])
    return alone or _begins(block.text, roles)


@lru_cache(8192)
def _begins(text: str, words: tuple[str, ...]) -> bool:
    plain = re.sub(r"^[^\w`]+", "", text).lower()
    return plain.removeprefix("the ").startswith(words)


def _subjects(block: Block) -> list[Statement[str]]:
    """Return what a block is about: the printed name, that of a goal, or the names in it."""
    claims = [claim for claim in _all_claims([block]) if claim.names]
    if best := max(map(attrgetter("rank"), claims), default=None):
        chosen = (claim for claim in claims if claim.rank == best)
        return list(chain.from_iterable(map(Claim.named, chosen)))
    if label := next(_labelled([block], ("primary", "metric", "score", "name")), None):
        return [label]
    names = _mentioned(block)
    return names[:1] if re.match(r"\W*`", block.text) else names


def _mentioned(block: Block) -> list[Statement[str]]:
    """Return the free names in backticks, and one that begins a sentence; each once."""
    found: dict[str, Statement[str]] = {}
    for sentence, line in _plain_sentences(block):
        tokens = list(_TOKEN.finditer(sentence))
        words = _TOKEN.findall(sentence)
        for place, token in enumerate(tokens):
            begins = not place or token[0].startswith("`")
            if begins and _is_name(words, place) and _is_free(words, place):
                name, below = token[0].strip("`"), sentence.count("\n", 0, token.start())
                found.setdefault(name, Statement(name, line + below))
    return list(found.values())


def _labelled(blocks: Iterable[Block], labels: tuple[str, ...]) -> Iterator[Statement[str]]:
    """Yield all names after a label such as `Primary metric:`."""
    for block in blocks:
        for match in _LABELLED.finditer(block.text) if ":" in block.text else ():
            name = match["name"].strip("`")
            if match["label"].lower().startswith(labels) and name.lower() not in _NO_NAMES:
                yield Statement(name, block.line_at(match.start("name")))


def _goals(claims: Iterable[Claim], *, weak: bool = True) -> Iterator[Statement[str]]:
    """Yield the names that a direction is said of; `weak` verbs count only in some places."""
    for claim in claims:
        aims = claim.is_aim or any(word.lower().startswith(_AIMING) for word in claim.sentence)
        sure = claim.strong or weak or (claim.is_aim and claim.direction)
        if aims if claim.is_printed else sure:
            yield from claim.named()


def _rivals(claims: list[Claim]) -> bool:
    """Return True if a goal in words stands before the first name, and shares no word with it."""
    named = next((claim for claim in claims if claim.names), None)
    if named is None:
        return False
    words = _spelling(named.names[0]).split()
    before = takewhile(lambda claim: not claim.names, claims)
    others = (claim for claim in before if claim.in_words and claim.sentence != named.sentence)
    return any(set(_spelling(claim.words).split()).isdisjoint(words) for claim in others)


def _scattered_names(document: Document) -> list[Statement[str]]:
    """Return the name: the one searched for in a log, labelled, or of a goal, or printed."""
    blocks = list(_without_secondary(document.blocks))
    claims = list(_all_claims(blocks))
    goals = list(_goals(claims, weak=False))
    if sought := list(_looked_for(document.blocks)):
        return _sought(sought, goals, claims)
    shown = _shown(document)
    known = {*shown}.union(*map(attrgetter("sentence"), claims))
    labels = _labelled(blocks, ("primary", "metric", "score"))
    sure = [name for name in labels if "_" in name.value or name.value in known]
    metrics = [name for name in shown.values() if name.said == "METRIC"]
    return sure or goals or _printed_words(claims, shown) or metrics[: len(metrics) == 1]


def _sought(
    sought: list[Statement[str]], goals: list[Statement[str]], claims: list[Claim]
) -> list[Statement[str]]:
    """Return the names that a text searches for: those of a goal, else all with the aims."""
    aimed = {goal.value for goal in goals}
    aims = (claim for claim in claims if claim.is_aim)
    both = [name for name in sought if name.value in aimed]
    return both or [*sought, *_goals(aims, weak=False)]


def _scattered_directions(document: Document, metric: str) -> tuple[Statement[Direction], ...]:
    """Return the direction of the metric, else of the goal, else any."""
    every = _all_claims(_without_secondary(document.blocks))
    said = [claim for claim in every if claim.strong or claim.is_aim]
    about = _said_of(said, metric)
    if about or all(name.value != metric for name in _scattered_names(document)):
        return about
    return _free_directions(said)


def _free_directions(claims: list[Claim]) -> tuple[Statement[Direction], ...]:
    """Return the directions that are said of no name; those of a goal count before the others."""
    free = [each for each in claims if each.strong and each.direction and not each.names]
    return tuple(map(Claim.statement, [claim for claim in free if claim.is_aim] or free))


def _without_secondary(blocks: Iterable[Block]) -> Iterator[Block]:
    """Yield the blocks, but for a secondary metric, and a list below such a label."""
    muted = False
    for block in blocks:
        if block.kind == "code":
            continue
        secondary = _is(_ROLES, block)
        muted = secondary or (muted and block.kind in ("item", "row"))
        if not muted:
            yield block
        muted = muted and (not secondary or block.kind in ("paragraph", "heading"))


def _looked_for(blocks: Iterable[Block]) -> Iterator[Statement[str]]:
    for block in blocks:
        for match in _GREP.finditer(block.text) if "grep" in block.text else ():
            if match[1].lower() not in _NO_NAMES:
                yield Statement(match[1], block.line_at(match.start()))


def _shown(document: Document) -> dict[str, Statement[str]]:
    """Return the names in outputs that a text shows, and those that it searches for."""
    found = {name.value: name for name in _looked_for(document.blocks)}
    for text, line in chain.from_iterable(map(_outputs, document.blocks)):
        for name, said in _printed(text):
            if said or name not in found:
                found[name] = Statement(name, line, said)
    return found


def _outputs(block: Block) -> Iterator[tuple[str, int]]:
    """Yield a code block, or code spans, that may show an output."""
    parts = [block] if block.kind == "code" else block.spans
    return ((part.text, part.line) for part in parts if ":" in part.text or "=" in part.text)


@lru_cache(8192)
def _printed(text: str) -> tuple[tuple[str, str], ...]:
    """Return the names in an output, each with METRIC if that word is before it."""
    declared = re.findall(rf"^\s*METRIC ({NAME})=", text, re.MULTILINE)
    return (*((name, "") for name in read_metrics(text)), *((name, "METRIC") for name in declared))


def _printed_words(claims: Iterable[Claim], shown: Iterable[str]) -> list[Statement[str]]:
    """Return the printed names of goals that are said in words: `PR AUC` is `pr_auc`."""
    names = {_spelling(name): name for name in shown}
    spelt = ((claim, names.get(_spelling(claim.words))) for claim in claims if claim.strong)
    return [Statement(name, claim.line) for claim, name in spelt if name and claim.words]


def _in_words(document: Document) -> Iterator[Claim]:
    sections = document.about("metric")
    primary = [block for section in sections for block in _primary(section)]
    for claim in _all_claims(primary or _without_secondary(document.blocks)):
        if claim.words and claim.direction and (primary or claim.is_aim):
            yield claim


def _all_claims(blocks: Iterable[Block]) -> Iterator[Claim]:
    for block in blocks:
        if block.kind != "code" and _may_claim(block.text):
            for claim in _claims_in(block.text):
                yield replace(claim, line=claim.line + block.line)


@lru_cache(8192)  # a text is read for the name, for the direction, and again when it changes
def _claims_in(text: str) -> tuple[Claim, ...]:
    return tuple(
        replace(claim, line=claim.line + line)
        for sentence, line in _plain_sentences(Block("paragraph", text, 0))
        for claim in _claims(sentence)
    )


def _plain_sentences(block: Block) -> Iterator[tuple[str, int]]:
    """Yield the sentences of a block without those on secondary metrics."""
    for sentence, line in sentences(block):
        lines = sentence.split("\n")
        plain = list(takewhile(lambda text: not _begins(text, _ROLES), lines))
        yield "\n".join(plain), line
        if len(plain) < len(lines):
            return


@lru_cache(8192)
def _may_claim(text: str) -> bool:
    small = text.lower()
    return any(key in small for key in _KEYS)


def _claims(sentence: str) -> tuple[Claim, ...]:
    """Return what a sentence says of names, in its order; its first line is 0."""
    tokens = list(_TOKEN.finditer(sentence))
    words = _TOKEN.findall(sentence)
    plain = tuple(word.strip("`") for word in words)
    ideas = not _EXAMPLES.isdisjoint(map(str.lower, words))
    claims: list[Claim] = []
    begin = 0
    for place, token in enumerate(tokens):
        found = _directed(words, place) if place >= begin else None
        if found is None:
            continue
        which, last, strong = found
        names, said_of = _object(words, place, last, begin)
        if strong or ((names or said_of) and not ideas and words[last + 1] != ":"):
            line = sentence.count("\n", 0, token.start())
            said = " ".join(sentence[token.start() : tokens[last].end()].split())
            claims.append(Claim(which, line, said, names, said_of, strong, plain))
            begin = last + 1
    return tuple(claims)


def _directed(words: list[str], place: int) -> Phrase | None:
    """Return the direction of a word, the last word of its phrase, and True if it is sure."""
    word = words[place].lower()
    if not _may_claim(word) or _is_denied(words, place):
        return None
    following = "".join(words[place + 1 : place + 2]).lower()
    if found := _comparison(words, place) or _after_label(words, place):
        return found
    if word in _NAMING and following == _NAMING[word]:
        return None, place + 1, True
    if sure := _STRONG.get(word) or _STRONG.get(word[:6]):
        return sure, place, True
    return (_WEAK.get(word), place, False) if word in (*_WEAK, *_ASKED) else None


def _comparison(words: list[str], place: int) -> Phrase | None:
    """Return the phrase `lower x is better`, or `lower_is_better`, which may be `false`."""
    first, _, rest = words[place].lower().strip("`").replace("_", "-").partition("-")
    which = _COMPARED.get(first)
    if which and rest.endswith("better"):
        denied = "".join(words[place + 2 : place + 3]).lower().strip("`") in ("false", "no")
        return _OPPOSITE[which] if denied else which, place, True
    last = _better(words, place) if words[place].lower() in _COMPARED else None
    return (which, last, True) if which and last else None


def _after_label(words: list[str], place: int) -> Phrase | None:
    """Return the phrase `direction: lower`."""
    labels = [_label(word.strip("`")) for word in words[place + 1 : place + 4]]
    if words[place].lower() != "direction" or not any(labels):
        return None
    below = next(below for below, label in enumerate(labels) if label)
    return labels[below], place + 1 + below, True


def _better(words: list[str], first: int) -> int | None:
    """Return the place of `better` after a comparative: `lower x is better`, `the lower, the`."""
    for place in range(first + 1, min(first + 7, len(words))):
        word = words[place].lower()
        if word == "better":
            return place if words[place - 1].lower() in (*_IS, "the") else None
        if word in _ENDS and word not in _IS:
            return None
    return None


def _label(word: str) -> Direction | None:
    small = word.strip().lower()
    return next((which for start, which in _STARTS.items() if small.startswith(start)), None)


def _is_denied(words: list[str], place: int) -> bool:
    before = [word.lower() for word in words[:place] if word.lower() not in ("the", "to")]
    return bool(before) and before[-1] in _DENIED


def _object(words: list[str], first: int, last: int, begin: int) -> tuple[tuple[str, ...], str]:
    """Return the names that a phrase is said of, or the words."""
    if words[last].lower() != "better":
        return _after(words, last + 1, len(words))
    names, said = _after(words, first + 1, last)
    if names or said:
        return names, said
    before = list(takewhile(lambda word: word != ";", reversed(words[begin:first])))
    for place in range(first - 1, first - 1 - len(before), -1):
        if _is_name(words, place) and _is_free(words, place):
            return _listed(words, place, begin, alone=before[0] == "("), ""
    if before[:1] and before[0] in ("(", ",", "-", ":", "|"):
        back = list(takewhile(lambda word: word[0].isalpha(), before[1:]))
        said = " ".join(reversed(back))
    return (), said


def _listed(words: list[str], place: int, begin: int, *, alone: bool) -> tuple[str, ...]:
    """Return a name, and those before it in `a, b and c` unless it stands `alone`."""
    names = [words[place].strip("`")]
    while not alone and place > begin + 1 and words[place - 1] in ("and", "&", ","):
        place -= 2
        names += [words[place].strip("`")] if _is_name(words, place) else []
    return tuple(reversed(names))


def _after(words: list[str], start: int, stop: int) -> tuple[tuple[str, ...], str]:
    """Return the names after a verb, or its object in words."""
    said: list[str] = []
    for place in range(start, stop):
        word = words[place].lower()
        if _is_name(words, place):
            return _and_more(words, place), ""
        if word == "of" and words[place - 1].endswith(("value", "values", "ation")):
            said = []
        elif _is_skipped(words, place, start, said):
            continue
        elif word in _ENDS or not word[0].isalpha() or len(said) == 4:
            break
        else:
            said.append(words[place])
    return (), " ".join(said)


def _is_skipped(words: list[str], place: int, start: int, said: list[str]) -> bool:
    """Return True for articles, commas, a colon after the verb, and a bracket before a name."""
    if words[place] == "(":
        return bool(said) and _is_name(words, place + 1)
    return words[place].lower() in (",", *_ARTICLES) or (words[place] == ":" and place == start)


def _and_more(words: list[str], place: int) -> tuple[str, ...]:
    """Return a name, and a second one after `and` that ends the clause."""
    names = [words[place].strip("`")]
    ends = place + 3 >= len(words) or not words[place + 3][0].isalnum()
    if words[place + 1 : place + 2] in (["and"], ["&"]) and ends and _is_name(words, place + 2):
        names.append(words[place + 2].strip("`"))
    return tuple(names)


def _is_name(words: list[str], place: int) -> bool:
    """Return True for a name in backticks or with `_`, but for a file and `f` in `f throughput`."""
    if place >= len(words) or not (words[place].startswith("`") or "_" in words[place]):
        return False
    name = words[place].strip("`")
    follows = words[place + 1].lower() if place + 1 < len(words) else ""
    canonical = name.lower().replace("_", "-")
    return (
        bool(re.fullmatch(NAME, name))
        and name.rpartition(".")[2] not in (_FILES if "." in name else ())
        and not (canonical.endswith("-better") or canonical in _NO_NAMES)
        and follows not in _AFTER
    )


def _is_free(words: list[str], place: int) -> bool:
    """Return True unless a name stands after `of`, `for`, `by` or `the function`."""
    before = [word.lower() for word in words[:place] if word.lower() not in _ARTICLES]
    while len(before) > 1 and before[-1] == "and" and before[-2].startswith("`"):
        before = before[:-2]
    return not before or before[-1] not in _BEFORE


def _spelling(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name.lower()).strip()


def _snake(words: str) -> str:
    return words if re.fullmatch(NAME, words) else _spelling(words).replace(" ", "_")


def _understood(words: str, what: str, line: int | None) -> Statement[Direction]:
    if which := direction(words):
        return Statement(which, line)
    raise bad_value(f"{what} is `{words}`; it must be lower or higher", line)


def _named(name: str, what: str, line: int | None) -> Statement[str]:
    if re.fullmatch(NAME, name.strip()):
        return Statement(name.strip(), line)
    raise bad_value(f"{what} is `{name}`; the metric's name is one word, as in `val_bpb`", line)

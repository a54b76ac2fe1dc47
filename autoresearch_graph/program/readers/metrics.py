"""The metric's name and its direction.

A sentence is read word by word. A verb (`minimise`), a superlative (`lowest`) or a comparison
(`lower is better`) gives a direction, said of the next name or of the one before it. That name
counts before one that is only mentioned; what stands after `of`, `for` or `by` is no name.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import takewhile

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
_FILES = (
    "py", "md", "sh", "json", "yaml", "yml", "toml", "txt", "tsv", "csv", "log", "c", "h", "rs",
    "go", "js", "ts", "ipynb", "jsonl", "cfg", "ini",
)  # fmt: skip

_LOWER: Direction = "lower"
_HIGHER: Direction = "higher"
_STRONG = {
    **dict.fromkeys(("lowest", "smallest", "fewest", "shortest", "↓"), _LOWER),
    **dict.fromkeys(("highest", "largest", "greatest", "↑"), _HIGHER),
}
_WEAK = {
    **dict.fromkeys(("reduce", "decrease", "lower", "shrink", "shorten"), _LOWER),
    **dict.fromkeys(("increase", "raise", "higher", "boost"), _HIGHER),
}
_OPPOSITE: dict[Direction, Direction] = {"lower": "higher", "higher": "lower"}
_ASKED = ("improve", "optimise", "optimize", "speed")  # verbs that give no direction
_COMPARED = {
    **dict.fromkeys(("lower", "smaller", "less", "fewer", "shorter"), _LOWER),
    **dict.fromkeys(("higher", "larger", "bigger", "greater", "more"), _HIGHER),
}
_LABELS = {
    **dict.fromkeys(("low", "min", "down", "small", "desc"), _LOWER),
    **dict.fromkeys(("high", "max", "up", "larg", "asc"), _HIGHER),
}
_IS = ("is", "are", "=", "==", "means", "the", ",")
_ARTICLES = ("the", "a", "an", "its", "your", "our", "this", "possible", "up", ":")
_DENIED = ("not", "never", "nor", "without", "avoid", "cannot", "t", "by", "than", "may", "might")
_BEFORE = (
    "of", "for", "passes", "by", "in", "over", "from", "on", "with", "than", "via", "using", "per",
    "function", "script", "file", "class", "method", "command", "module", "variable", "flag",
    "option", "call", "calls", "run", "runs", "run", "under", "at", "to", "see", "not",
)  # fmt: skip
_AFTER = (
    "throughput", "latency", "time", "speed", "performance", "runtime", "memory", "function",
    "script", "command", "file", "flag", "option", "method",
)  # fmt: skip
_ENDS = (
    *_BEFORE, "while", "without", "so", "that", "which", "when", "if", "across", "as", "and", "or",
    "but", "by", "is", "are", "subject", "under", "given", "within", "until", "after", "against",
    "better", "it", "between",
)  # fmt: skip
_PRINTED = ("printed", "reported", "logged", "shown", "emitted", "output", "recorded", "written")
_NAMING = {**dict.fromkeys(_PRINTED, "as"), "metric": "is"}
_KEYS = (
    "better", "metric", "minimi", "maximi", "direction", *_STRONG, *_WEAK, *_ASKED, *_COMPARED,
    *_PRINTED,
)  # fmt: skip
_ROLES = (
    "secondary", "tertiary", "supporting", "optional", "other", "monitor", "guard", "track",
    "also ", "tie", "nice to", "stretch", "bonus", "diagnostic", "auxiliary", "additional",
    "constraint", "informational", "sanity",
)  # fmt: skip
_ABOUT = ("direction", "metric", "primary", "goal", "better")
_SELF = ("primary", "`", "metric", "the metric", "score", "the score", "name")
_AIMS = ("goal", "objective", "aim", "task", "metric", "optimise", "optimize")
_EXAMPLES = ("idea", "ideas", "try", "e.g", "example", "maybe", "perhaps", "tried", "could")
_ROLE = 2  # words at most, as in `Secondary metric`


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
    def is_printed(self) -> bool:
        """True if it tells how a number is printed; that may be any number."""
        return self.said.lower().endswith(" as")

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
    if named := _front_name(document.front.get("metric")):
        return (named,)
    found = _read_names(document)
    every = _all_claims(_without_secondary(document.blocks))
    declared = tuple(_goals(claim for claim in every if claim.said.lower() == "metric is"))
    if any(name.value in {other.value for other in declared} for name in found):
        return found
    return found + declared


def _read_names(document: Document) -> tuple[Statement[str], ...]:
    loose = [block for section in document.loose("metric") for block in _primary(section)]
    claims = list(_all_claims(loose))
    return (
        tuple(name for section in document.proper("metric") for name in _section_names(section))
        or tuple(_goals(claims) if not _rivals(claims) else ())
        or tuple(_printed_words(claims, _shown(document) if claims else ()))
        or tuple(name for section in document.loose("metric") for name in _loose_names(section))
        or tuple(_scattered_names(document))
    )


def _directions(document: Document, metric: str | None) -> tuple[Statement[Direction], ...]:
    if entry := _front_direction(document):
        return (_understood(entry.text(), "`direction`", entry.line),)
    if metric is None:
        return ()
    sections = document.proper("metric")
    about = list(_all_claims(document.loose_blocks("metric")))
    if any(section.label for section in sections):
        about = [c for c in _all_claims(_without_secondary(document.blocks)) if c.strong]
    stated = (
        *_section_directions(sections, metric),
        *(claim.statement() for claim in about if claim.direction and claim.is_about(metric)),
    )
    loose = stated or tuple(_section_directions(document.loose("metric"), metric))
    return loose or tuple(_scattered_directions(document, metric))


def _front_name(entry: Entry | None) -> Statement[str] | None:
    if entry is None:
        return None
    if not isinstance(entry.value, str):
        return _front_name(entry.keys("name", "direction").get("name"))
    return _named(entry.text(), "`metric`", entry.line)


def _front_direction(document: Document) -> Entry | None:
    entry = document.front.get("metric")
    inner = entry.keys("name", "direction") if entry and not isinstance(entry.value, str) else {}
    return document.front.get("direction") or inner.get("direction")


def _section_names(section: Section) -> list[Statement[str]]:
    """Return the names with a direction beside them, else the first name."""
    blocks = _primary(section)
    named = [(block, names) for block in blocks if (names := _subjects(block))]
    defined = _defined(section)  # the rows below a formula are its terms
    said = ((block, names) for block, names in named if not defined or block.kind != "row")
    full = [names for block, names in said if _gives_direction(block)] or defined
    if blocks[0].kind != "heading" and _begins(blocks[0].text, ("primary",)):
        full = full[:1]
    alone = sum(block.kind != "heading" for block in blocks) == 1
    begins = [names for block, names in named if alone or _begins(block.text, _SELF)]
    items = all(block.kind == "item" for block, _ in named)
    plain = begins if items else begins[:1]
    return [name for names in full or plain for name in names]


def _loose_names(section: Section) -> list[Statement[str]]:
    blocks = _primary(section)
    named = [names for block in blocks if (names := _subjects(block))]
    return named[0] if named and any(map(_gives_direction, blocks)) else []


def _gives_direction(block: Block) -> bool:
    return any(claim.direction for claim in _all_claims([block]))


def _section_directions(sections: Iterable[Section], metric: str) -> Iterator[Statement[Direction]]:
    for block in (block for section in sections for block in _primary(section)):
        names = [name.value for name in _subjects(block)]
        if not names and block.kind == "row" and not _begins(block.text, _ABOUT):
            continue
        claims = list(_all_claims([block])) if metric in names or not names else []
        printed = any(claim.is_printed and metric in claim.names for claim in claims)
        for claim in claims:
            attached = not printed and (claim.names or (claim.words and not claim.strong))
            if claim.direction and (claim.is_about(metric) or not attached):
                yield claim.statement()


def _defined(section: Section) -> list[list[Statement[str]]]:
    """Return the name of a formula in a code block: `score = 100 * hits / all`."""
    code = (block for block in section.body if block.kind == "code")
    found = ((block, re.match(rf"\s*(?P<name>{NAME})\s*=(?!=)", block.text)) for block in code)
    return [[Statement(match["name"], block.line)] for block, match in found if match][:1]


def _primary(section: Section) -> list[Block]:
    """Return the blocks from the primary metric to the secondary ones."""
    blocks = [block for block in section.blocks if block.kind != "code"]
    starts = (i for i, block in enumerate(blocks) if i and _is(("primary",), block))
    begin = next(starts, 0)
    ends = (i for i, block in enumerate(blocks) if i > begin and _is(_ROLES, block))
    return blocks[begin : next(ends, len(blocks))]


def _is(roles: tuple[str, ...], block: Block) -> bool:
    """Return True if a block begins with a role, or a row has it as a cell."""
    cells = block.text.split(" | ") if block.kind == "row" else []
    alone = any(len(cell.split()) <= _ROLE and _begins(cell, roles) for cell in cells[1:])
    return alone or _begins(block.text, roles)


@lru_cache(8192)
def _begins(text: str, words: tuple[str, ...]) -> bool:
    plain = re.sub(r"^[^\w`]+", "", text).lower()
    return plain.startswith(words) or plain.removeprefix("the ").startswith(words)


def _subjects(block: Block) -> list[Statement[str]]:
    """Return what a block is about: the printed name, that of a goal, or the names in it."""
    claims = [claim for claim in _all_claims([block]) if claim.names]
    printed = [claim for claim in claims if claim.is_printed]
    if chosen := printed or [claim for claim in claims if claim.strong] or claims:
        return [Statement(name, claim.line) for claim in chosen for name in claim.names]
    if label := next(_labelled([block], ("primary", "metric", "score", "name")), None):
        return [label]
    found: dict[str, Statement[str]] = {}
    for sentence, line in _plain_sentences(block):
        for name, at in _mentioned(sentence, line):
            found.setdefault(name, Statement(name, at))
    leads = re.match(r"\W*`", block.text)
    return list(found.values())[: 1 if leads else None]


def _mentioned(sentence: str, line: int) -> Iterator[tuple[str, int]]:
    tokens = list(_TOKEN.finditer(sentence))
    words = [token[0] for token in tokens]
    for at, token in enumerate(tokens):
        if (token[0].startswith("`") or not at) and _is_name(words, at) and _is_free(words, at):
            yield token[0].strip("`"), line + sentence.count("\n", 0, token.start())


def _labelled(blocks: Iterable[Block], labels: tuple[str, ...]) -> Iterator[Statement[str]]:
    """Yield all names after a label such as `Primary metric:`."""
    for block in blocks:
        for match in _LABELLED.finditer(block.text) if ":" in block.text else ():
            name = match["name"].strip("`")
            if match["label"].lower().startswith(labels) and name.lower() not in _NO_NAMES:
                yield Statement(name, block.line_at(match.start("name")))


_NO_NAMES = (
    "min", "max", "minimize", "minimise", "maximize", "maximise", "up", "down", "true", "false",
    "result", "results", "none", "tbd", "todo", "see", "n/a", *_WEAK, *_COMPARED,
)  # fmt: skip


def _goals(claims: Iterable[Claim], *, weak: bool = True) -> Iterator[Statement[str]]:
    """Yield the names that a direction is said of; `weak` verbs count only in some places."""
    for claim in claims:
        aims = claim.is_aim or any(_may_aim(word) for word in claim.sentence)
        if aims if claim.is_printed else claim.strong or weak or (claim.is_aim and claim.direction):
            yield from (Statement(name, claim.line) for name in claim.names)


def _may_aim(word: str) -> bool:
    return word.lower().startswith(("minimi", "maximi", "better"))


def _rivals(claims: list[Claim]) -> bool:
    """Return True if a goal in words stands before the first name, and shares no word with it."""
    before = list(takewhile(lambda claim: not claim.names, claims))
    names = [_spelling(name) for claim in claims for name in claim.names][:1]
    own = next((claim.sentence for claim in claims if claim.names), ())
    others = [claim for claim in before if claim.sentence != own]
    said = [claim.words for claim in others if claim.words and claim.strong and claim.direction]
    return any(not set(_spelling(each).split()) & set(" ".join(names).split()) for each in said)


def _scattered_names(document: Document) -> list[Statement[str]]:
    """Return the name: the one searched for in a log, labelled, or of a goal, or printed."""
    blocks = list(_without_secondary(document.blocks))
    claims = list(_all_claims(blocks))
    goals = list(_goals(claims, weak=False))
    if sought := list(_looked_for(document.blocks)):
        aimed = [name for name in sought if name.value in {goal.value for goal in goals}]
        aims = [claim for claim in claims if claim.is_aim]
        others = [] if aimed else list(_goals(aims, weak=False))
        return aimed or sought + others
    shown = _shown(document)
    said = {word for claim in claims for word in claim.sentence}
    labels = _labelled(blocks, ("primary", "metric", "score"))
    sure = [name for name in labels if "_" in name.value or name.value in {*shown, *said}]
    metrics = [name for name in shown.values() if name.said == "METRIC"]
    return sure or goals or _printed_words(claims, shown) or metrics[: len(metrics) == 1]


def _scattered_directions(document: Document, metric: str) -> Iterator[Statement[Direction]]:
    """Yield the direction of the metric, else of the goal, else any."""
    claims = _all_claims(_without_secondary(document.blocks))
    said = [claim for claim in claims if claim.direction and (claim.strong or claim.is_aim)]
    about = [claim for claim in said if claim.is_about(metric)]
    if not about and any(name.value == metric for name in _scattered_names(document)):
        others = [claim for claim in said if claim.strong and not claim.names]
        about = [claim for claim in others if claim.is_aim] or others
    yield from (claim.statement() for claim in about)


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
    for block in document.blocks:
        texts = [(block.text, block.line)] if block.kind == "code" else []
        for text, line in texts or ((span.text, span.line) for span in block.spans):
            for name, said in _printed(text) if ":" in text or "=" in text else ():
                if said or name not in found:
                    found[name] = Statement(name, line, said)
    return found


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
        if plain:
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
    words = [token[0] for token in tokens]
    plain = tuple(word.strip("`") for word in words)
    ideas = any(word.lower() in _EXAMPLES for word in words)
    claims: list[Claim] = []
    begin = 0
    for at, token in enumerate(tokens):
        found = _directed(words, at) if at >= begin and _may_claim(words[at]) else None
        if found is None or _is_denied(words, at):
            continue
        which, last, strong = found
        names, said_of = _object(words, at, last, begin)
        if strong or not (ideas or not (names or said_of) or words[last + 1] == ":"):
            line = sentence.count("\n", 0, token.start())
            said = " ".join(sentence[token.start() : tokens[last].end()].split())
            claims.append(Claim(which, line, said, names, said_of, strong, plain))
            begin = last + 1
    return tuple(claims)


def _directed(words: list[str], at: int) -> Phrase | None:
    """Return the direction of a word, the last word of its phrase, and True if it is sure."""
    word = words[at].lower()
    following = [other.lower().strip("`") for other in words[at + 1 : at + 4]]
    found: Phrase | None = None
    first, _, rest = word.strip("`").replace("_", "-").partition("-")
    if first in _COMPARED and rest.endswith("better"):
        denied = following[1:2] in (["false"], ["no"])
        found = (_OPPOSITE[_COMPARED[first]] if denied else _COMPARED[first], at, True)
    elif word in _COMPARED and (last := _better(words, at)):
        found = (_COMPARED[word], last, True)
    elif word == "direction":
        places = [place for place, other in enumerate(following) if _label(other)]
        found = (_label(following[places[0]]), at + 1 + places[0], True) if places else None
    elif word in _NAMING and following[:1] == [_NAMING[word]]:
        found = (None, at + 1, True)
    elif word.startswith(("minimi", "maximi")):
        found = ("lower" if word.startswith("mini") else "higher", at, True)
    elif word in _STRONG:
        found = (_STRONG[word], at, True)
    elif word in (*_WEAK, *_ASKED):
        found = (_WEAK.get(word), at, False)
    return found


def _better(words: list[str], at: int) -> int | None:
    """Return the place of `better` after a comparative: `lower x is better`, `the lower, the`."""
    for place in range(at + 1, min(at + 7, len(words))):
        word = words[place].lower()
        if word == "better":
            return place if words[place - 1].lower() in _IS[:-1] else None
        if word in _ENDS and word not in _IS:
            return None
    return None


def _label(word: str) -> Direction | None:
    small = word.strip().lower()
    return next((which for start, which in _LABELS.items() if small.startswith(start)), None)


def _is_denied(words: list[str], at: int) -> bool:
    before = [word.lower() for word in words[:at] if word.lower() not in ("the", "to")]
    return bool(before) and before[-1] in _DENIED


def _object(words: list[str], at: int, last: int, begin: int) -> tuple[tuple[str, ...], str]:
    """Return the names that a phrase is said of, or the words."""
    if words[last].lower() != "better":
        return _after(words, last + 1, len(words))
    inside = _after(words, at + 1, last)
    if inside != ((), ""):
        return inside
    for place in range(at - 1, begin - 1, -1):
        if words[place] == ";":
            break
        if _is_name(words, place) and _is_free(words, place):
            return _listed(words, place, begin, alone=words[at - 1] == "("), ""
    if at > begin + 1 and words[at - 1] in ("(", ",", "-", ":", "|") and words[at - 2].isalpha():
        back = takewhile(lambda word: word[0].isalpha(), reversed(words[begin : at - 1]))
        return (), " ".join(reversed(list(back)))
    follows = words[last + 1 : last + 2]
    return _after(words, last + 2, len(words)) if follows in ([":"], ["for"]) else ((), "")


def _listed(words: list[str], at: int, begin: int, *, alone: bool) -> tuple[str, ...]:
    """Return a name, and those before it in `a, b and c` unless it stands `alone`."""
    names = [words[at].strip("`")]
    while not alone and at > begin + 1 and words[at - 1] in ("and", "&", ","):
        at -= 2
        names += [words[at].strip("`")] if _is_name(words, at) else []
    return tuple(reversed(names))


def _after(words: list[str], start: int, stop: int) -> tuple[tuple[str, ...], str]:
    """Return the names after a verb, or its object in words."""
    said: list[str] = []
    for at in range(start, stop):
        word = words[at].lower()
        if _is_name(words, at):
            return _and_more(words, at), ""
        if word in _IS[3:] or word in _ARTICLES[:-1] or (word == ":" and at == start):
            continue
        if word == "(" and said and at + 1 < stop and _is_name(words, at + 1):
            continue
        values = said[-1:] in (["value"], ["values"]) or words[at - 1].endswith("ation")
        if word == "of" and values:
            said = []
            continue
        if word in _ENDS or word in _IS or not word[0].isalpha() or len(said) == 4:
            break
        said.append(words[at])
    return (), " ".join(said)


def _and_more(words: list[str], at: int) -> tuple[str, ...]:
    """Return a name, and a second one after `and` that ends the clause."""
    names = [words[at].strip("`")]
    ends = at + 3 >= len(words) or not words[at + 3][0].isalnum()
    if words[at + 1 : at + 2] in (["and"], ["&"]) and ends and _is_name(words, at + 2):
        names.append(words[at + 2].strip("`"))
    return tuple(names)


def _is_name(words: list[str], at: int) -> bool:
    """Return True for a name in backticks or with `_`, but for a file and `f` in `f throughput`."""
    if at >= len(words) or not (words[at].startswith("`") or "_" in words[at]):
        return False
    name = words[at].strip("`")
    follows = words[at + 1].lower() if at + 1 < len(words) else ""
    canonical = name.lower().replace("_", "-")
    return (
        bool(re.fullmatch(NAME, name))
        and name.rpartition(".")[2] not in (_FILES if "." in name else ())
        and not (canonical.endswith("-better") or canonical in _NO_NAMES)
        and follows not in _AFTER
    )


def _is_free(words: list[str], at: int) -> bool:
    """Return True unless a name stands after `of`, `for`, `by` or `the function`."""
    before = [word.lower() for word in words[:at] if word.lower() not in _ARTICLES[:-1]]
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

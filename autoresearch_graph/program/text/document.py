"""A program.md in parts: front matter, recognised sections, and all blocks.

A label (`**Metric:** ...`, `Run: ...`, a row of a table of settings) is a whole synonym of a
heading at the beginning of a line, before a colon, a dash or the next cell. It counts if no heading
speaks, and only if its text begins as such a part does: many sentences begin with `Check:`.

The words of another language are put into English for reading (languages.py).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import islice

from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.text import front_matter, languages, markdown
from autoresearch_graph.program.text.front_matter import Entry
from autoresearch_graph.program.text.markdown import Block, Span
from autoresearch_graph.program.text.quantities import durations

PROPER = {
    "asset": (
        "asset", "editable asset", "editable file", "editable files", "file to edit",
        "target file",
    ),
    "protected": (
        "protected", "protected files", "protected paths", "off limits", "do not modify",
        "do not edit", "read only", "read only files", "what you cannot modify", "out of scope",
    ),
    "metric": ("metric", "metrics", "metric definition"),
    "experiment": (
        "experiment", "experiment command", "run", "run command", "how to run",
        "how to run it", "how to run the experiment", "how to run an experiment",
        "how to run one experiment", "fitness function",
    ),
    "evaluation": ("evaluation", "evaluation command", "evaluate", "scorer"),
    "holdout": ("holdout", "hold out", "holdout command"),
    "hidden": ("hidden", "hidden files", "hidden paths", "hidden data", "hidden from the run"),
    "check": ("check", "checks", "check command", "preflight", "guard"),
    "time_box": (
        "time box", "timebox", "time budget", "time limit", "timeout", "budget", "how long",
        "how long a run takes", "how long a run may take",
    ),
    "constraints": ("constraints", "constraint", "rules"),
    "noise": ("noise", "minimum improvement", "keep rule"),
    "stopping": (
        "stopping criteria", "stopping criterion", "stop", "stopping", "stop conditions",
        "stop condition", "stopping conditions", "stop criteria", "when to stop",
    ),
    "early_end": ("early end", "hopeless runs", "ending runs early"),
    "environment": ("environment", "environment variables"),
}  # fmt: skip
LOOSE = {
    "asset": (
        "target", "scope", "files in scope", "in scope files",
        "what you can modify", "what you may modify", "what you can edit", "files you may edit",
        "files you can edit", "what to change", "what to edit",
    ),
    "metric": (
        "goal", "goals", "objective", "objectives", "how we measure", "what to measure",
    ),
    "stopping": ("termination",),
}  # fmt: skip
_LEAD = re.compile(r"^(?:(?:the|a|an|your|our|my|main|one|only|single|hard|absolute|primary)\s+)+")
_FOLLOWS = re.compile(
    r"\s*(?:$|[^\w\s#]|(?:of|for|is|are|to|in|per|and|or|that|which|with|on|when|after|if)(?!\w))"
)


@dataclass(frozen=True)
class Section:
    """A recognised heading, with the blocks under it and under its sub-headings.

    The heading is the first block. A `loose` heading (Goal, Scope, ...) is also used for prose:
    it counts if no proper one speaks, and need not say anything. A `label` is a heading within
    a line; it counts if no heading speaks.
    """

    field: str
    loose: bool
    blocks: tuple[Block, ...]
    label: bool = False

    @property
    def title(self) -> str:
        """The heading's text, as it was written."""
        return self.blocks[0].said or self.blocks[0].text

    @property
    def line(self) -> int:
        """The heading's line."""
        return self.blocks[0].line

    @property
    def exact(self) -> bool:
        """True if the heading, up to a colon, is a name of the field and nothing else."""
        title = self.blocks[0].text.partition(":")[0]
        return not (self.loose or self.label) and named(_bare(title)) == self.field

    @property
    def body(self) -> tuple[Block, ...]:
        """The blocks below the heading."""
        return self.blocks[1:]


def sections(blocks: Iterable[Block]) -> tuple[Section, ...]:
    """Return the recognised sections; a recognised sub-heading opens its own.

    The title of the document opens none, so that `# Experiment: a small model` may be one.
    """
    blocks = tuple(blocks)
    title = _title(blocks)
    found: list[tuple[str, bool, list[Block]]] = []
    open_: list[tuple[int, list[Block]]] = []
    for block in blocks:
        if block.kind == "heading":
            open_ = [(level, below) for level, below in open_ if level < block.level]
            if block is not title and (known := _recognised(block)):
                found.append((*known, []))
                open_.append((block.level, found[-1][2]))
        if open_:
            open_[-1][1].append(block)
    return tuple(Section(field, loose, tuple(below)) for field, loose, below in found)


def _title(blocks: tuple[Block, ...]) -> Block | None:
    """Return the first heading, if all others are below it."""
    titles = [block for block in blocks if block.kind == "heading"]
    below = [other.level > titles[0].level for other in titles[1:]]
    return titles[0] if below and all(below) else None


def _recognised(block: Block) -> tuple[str, bool] | None:
    return (recognise(block.said) if block.said else None) or recognise(block.text)


def recognise(title: str) -> tuple[str, bool] | None:
    """Return the field of a heading and True if it is loose; the longest synonym wins.

    A heading matches if it begins with a synonym, after numbers, emoji and articles, and goes
    on with punctuation or a word such as `of`: `The experiment loop` is not Experiment.
    """
    hyphenless = re.sub(r"(?<=\w)-(?=\w)", " ", title.lower())
    words = re.sub(r"^[\W\d_]+", "", hyphenless)
    for start in (words, _LEAD.sub("", words, count=1)):
        for synonym, field, loose in _by_first_letter().get(start[:1], ()):
            if _begins(start, synonym):
                return field, loose
    return languages.recognise(title)


@cache
def _by_first_letter() -> Mapping[str, Sequence[tuple[str, str, bool]]]:
    """Return all synonyms with their fields by their first letter, the longest first."""
    known = [
        (synonym, field, names is LOOSE)
        for names in (PROPER, LOOSE)
        for field, synonyms in names.items()
        for synonym in synonyms
    ]
    found: dict[str, list[tuple[str, str, bool]]] = {}
    for entry in sorted(known, key=lambda each: -len(each[0])):
        found.setdefault(entry[0][0], []).append(entry)
    return found


@lru_cache(maxsize=1 << 14)
def named(label: str) -> str | None:
    """Return the field if a whole label is its name or a synonym."""
    words = _LEAD.sub("", re.sub(r"(?<=\w)-(?=\w)", " ", label.strip().lower()), count=1)
    known = _by_first_letter().get(words[:1], ())
    if found := next((f for synonym, f, loose in known if words == synonym and not loose), None):
        return found
    field, loose = languages.recognise(label) or (None, False)
    return None if loose else field


def _begins(words: str, synonym: str) -> bool:
    return words.startswith(synonym) and bool(_FOLLOWS.match(words, len(synonym)))


_LABEL = re.compile(r"[^\w`]*(?P<label>[^\W\d][^:|`\n—]{0,40}?)\s*(?::|\s\||\s—|\s-\s|$)\s*")


def _bare(title: str) -> str:
    """Return a title without numbers and emoji before it."""
    return re.sub(r"^[\W\d_]+|[\W_]+$", "", title)


_AS_SPAN = re.compile(r"[^\w`]*`")
_AS_CRITERION = re.compile(r"\W*(?:\d|never\b|after\b|stop\b|`|\$)", re.IGNORECASE)
_AS_RULE = re.compile(
    r"\W*(?:fast|balanced|strict|deterministic|baseline|confirm|minimum|plausible)", re.IGNORECASE
)
_AS_AIM = re.compile(r"[^.`]*`[^`]+`[^.]*\b(?:m(?:in|ax)imi[sz]|(?:lower|higher) is better)", re.I)
_NEAR = 12
_NO_LABELS = ("timeout", "guard", "budget")  # said of a kill limit, a person, or money


def labelled(blocks: Sequence[Block]) -> Iterator[Section]:
    """Yield the sections that labels open: the rest of the line, or the blocks below it."""
    for index, block in enumerate(blocks):
        if block.kind not in ("heading", "code") and _has_label(block):
            for line in _lines(block):
                yield from _sections(line, blocks, index + 1)


def _has_label(block: Block) -> bool:
    """Return True if any line of a block may begin with a label."""
    matches = (_LABEL.match(line) for line in f"{block.text}\n{block.said}".split("\n"))
    return any(match and named(match["label"]) for match in matches)


def _sections(line: Block, blocks: Sequence[Block], below: int) -> Iterator[Section]:
    field, remainder = _label(line)
    if field is None:
        return
    body = [] if remainder else _body(blocks, below)
    said = remainder or (body[0].text if body else "")
    if (body and body[0].kind == "code" and field in _COMMANDS) or _begins_as(field, said):
        yield Section(field, False, (_as_heading(line), *body), label=True)


_COMMANDS = ("experiment", "evaluation", "holdout", "check")


def _label(block: Block) -> tuple[str | None, str]:
    """Return the field that labels a line, and the text after the label."""
    match = _LABEL.match(block.text)
    if match is None:
        return None, ""
    original = _LABEL.match(block.said) if block.said else None
    names = [found["label"] for found in (original, match) if found]
    field = next((known for name in names if (known := named(name))), None)
    allowed = field is not None and not any(name.lower() in _NO_LABELS for name in names)
    return (field if allowed else None), block.text[match.end() :].strip()


def _begins_as(field: str, said: str) -> bool:
    """Return True if a text begins as the labelled part does."""
    match field:
        case "time_box":
            found = durations(said)
            return bool(found) and found[0].start <= _NEAR
        case "stopping":
            return bool(_AS_CRITERION.match(said))
        case "noise":
            return bool(_AS_RULE.match(said))
        case "metric" if _AS_AIM.match(said):
            return True
        case _:
            return bool(_AS_SPAN.match(said))


def _body(blocks: Sequence[Block], below: int) -> list[Block]:
    """Return the paragraph below a label, or the list, table or code block."""
    found: list[Block] = []
    for block in islice(blocks, below, None):
        if block.kind == "paragraph" and not found:
            return [block]
        if block.kind not in ("item", "row", "code") or (found and _label(block)[0]):
            break
        found.append(block)
    return found


def _lines(block: Block) -> Iterator[Block]:
    """Yield a block in pieces, each of which begins with a label."""
    texts, said = block.text.split("\n"), block.said.split("\n")
    starts = [0]
    pieces = [
        replace(block, text=text, said="", line=block.line + at) for at, text in enumerate(texts)
    ]
    if len(said) == len(texts):
        pieces = [replace(piece, said=words) for piece, words in zip(pieces, said, strict=True)]
    starts += [at for at, piece in enumerate(pieces) if at and _label(piece)[0]]
    for begin, end in zip(starts, [*starts[1:], len(texts)], strict=True):
        first, last = block.line + begin, block.line + end
        yield replace(
            block,
            text="\n".join(texts[begin:end]),
            said="\n".join(said[begin:end]) if len(said) == len(texts) else "",
            line=first,
            spans=tuple(span for span in block.spans if first <= span.line < last),
        )


def _as_heading(line: Block) -> Block:
    """Return a line as a heading with a colon after its label."""
    text = re.sub(r"^([^:|`\n—]*?)\s*(?:\s\||\s—|\s-\s)\s*", r"\1: ", line.text, count=1)
    return replace(line, kind="heading", text=text)


_PAIR = re.compile(r"^\W*(?P<key>[A-Za-z]+)\W*?:[*_ \t]+(?P<text>\S.*)$", re.MULTILINE)
_KEYS = {
    "goal": "goal", "scope": "asset", "metric": "metric", "direction": "metric",
    "verify": "experiment", "guard": "check", "iterations": "stopping",
}  # fmt: skip
_ENOUGH = 3  # keys that make a dialect: one alone may begin any sentence


def key_values(blocks: Iterable[Block]) -> Iterator[Section]:
    """Yield the sections of `Scope: a.py`, `Verify: make bench`, ... on lines of their own."""
    pairs = [
        (_KEYS[match["key"].lower()], match, block)
        for block in blocks
        if block.kind in ("paragraph", "item")
        for match in _PAIR.finditer(block.text)
        if match["key"].lower() in _KEYS
    ]
    if len({match["key"].lower() for _, match, _ in pairs}) < _ENOUGH:
        return
    for field, match, block in pairs:
        text = _spelled(match["key"].lower(), match["text"].strip())
        line_number = block.line_at(match.start())
        spans = tuple(Span(span, line_number) for span in re.findall(r"`([^`]+)`", text))
        title = f"{match['key']}: {text}"
        heading = Block("heading", title, line_number, spans, said=match[0])
        loose = field == "goal"
        yield Section("metric" if loose else field, loose, (heading,), label=not loose)


def _spelled(key: str, text: str) -> str:
    """Return the text of a key with names, paths and commands in backticks."""
    if key == "iterations":
        count = re.match(r"\d+", text)
        return f"{count[0]} experiments" if count else "never stop"
    if "`" in text or key in ("goal", "direction"):
        return text
    if key == "scope":
        paths, bracket, remark = text.partition("(")
        return re.sub(r"[^\s,;]*[\w*/][^\s,;]*", r"`\g<0>`", paths) + bracket + remark
    if key == "metric":
        return re.sub(r"^[A-Za-z_][\w.@/-]*(?=\s*(?:\(|,|$))", r"`\g<0>`", text)
    return f"`{text}`"


@dataclass(frozen=True, eq=False)
class Document:
    """The parsed text from which the readers of single fields read.

    `unread` names the keys of a front matter that belongs to another tool.
    """

    front: Mapping[str, Entry]
    sections: tuple[Section, ...]
    blocks: tuple[Block, ...]
    unread: str = ""

    def proper(self, field: str) -> tuple[Section, ...]:
        """Return the sections under a proper heading of the field, else those of a label."""
        proper = tuple(s for s in self.sections if s.field == field and not s.loose)
        return tuple(s for s in proper if not s.label) or proper

    def exact(self, field: str, line: int | None) -> Section | None:
        """Return the section around a line whose whole heading is one of the field's."""
        holders = {"direction": "metric", "kill_after": "time_box"}
        for section in self.proper(holders.get(field, field)):
            last = section.blocks[-1]
            end = last.line + last.text.count("\n")
            if section.exact and line and section.line <= line <= end:
                return section
        return None

    def loose(self, field: str) -> tuple[Section, ...]:
        """Return the sections under a heading that may also be prose."""
        return tuple(s for s in self.sections if s.field == field and s.loose)

    def about(self, field: str) -> tuple[Section, ...]:
        """Return the sections under either kind of heading, the proper ones first."""
        return self.proper(field) + self.loose(field)

    def loose_blocks(self, field: str) -> tuple[Block, ...]:
        """Return all blocks under loose headings."""
        return tuple(block for section in self.loose(field) for block in section.blocks)


def parse(text: str) -> Document:
    """Read a text; raise ProgramError if its front matter is malformed."""
    text = _from_the_top(text)
    parts = markdown.parse(text)
    if not parts.front_matter:
        _check_closed(text, parts.blocks)
    foreign = front_matter.foreign_keys(parts.front_matter)
    front = {} if foreign else front_matter.parse(parts.front_matter)
    unread = f"front matter: {', '.join(foreign)}" if foreign else ""
    blocks = languages.in_english(parts.blocks)
    found = (*sections(blocks), *labelled(blocks), *key_values(blocks))
    return Document(front, found, blocks, unread)


def sentences(block: Block) -> Iterator[tuple[str, int]]:
    """Yield the sentences of a block, each with its line; a code span is never split."""
    return ((text, block.line + below) for text, below in _sentences(block.text))


@lru_cache(maxsize=1 << 16)
def _sentences(text: str) -> tuple[tuple[str, int], ...]:
    """Return the sentences of a text, each with the number of line breaks before it."""
    pieces = re.finditer(r"(?:`[^`]*`|(?![.!?]\s+[A-Z`\"(]|。)[^`]|`)+[.!?。]?", text)
    return tuple(
        (piece[0].strip(), text.count("\n", 0, piece.end() - len(piece[0].lstrip())))
        for piece in pieces
        if piece[0].strip()
    )


def without_numbering(block: Block) -> str:
    """Return the text of a block; a heading's without its leading number or emoji."""
    return re.sub(r"^[\W\d_]+", "", block.text) if block.kind == "heading" else block.text


def _from_the_top(text: str) -> str:
    """Move late front matter to line 1, with every key on its original line."""
    if toml_front := re.match(r"\s*\+\+\+\s*$", text, re.MULTILINE):
        line_number = 1 + toml_front[0].rstrip().count("\n")
        raise ProgramError(
            "front matter in TOML is not supported; write YAML between `---`",
            line=line_number,
            code="front-matter",
        )
    late = re.match(r"(\s*\n)---[ \t\r]*\n(?=\s*(\w+):)", text)
    if late is None:
        return text
    below = text[late.end() :]
    front = re.split(r"^---\s*$", below, maxsplit=1, flags=re.MULTILINE)[0]
    if late[2] in front_matter.KEYS or (front != below and front_matter.is_mapping(front)):
        return f"---\n{late[1]}{below}"
    return text


def _check_closed(text: str, blocks: tuple[Block, ...]) -> None:
    first = blocks[0].text if blocks else ""
    key = re.match(r"(\w+):", first)
    if text.startswith("---") and key and key[1] in front_matter.KEYS:
        raise ProgramError(
            "the front matter is not closed; end it with a line `---`", line=1, code="front-matter"
        )

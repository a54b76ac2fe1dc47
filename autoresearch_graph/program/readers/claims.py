"""Mentions of files in a program.md: permission, prohibition or neither, for each.

A sentence is read by its *shape*: one letter for each word, by the table stances.yaml: "You may not
edit `a.py`" is `mdncP`. The rules are patterns of such letters.

Around a mention its own clause counts first, then the label before it, its row, and the labels and
headings above, the nearest first. A prohibition above is undone only by a nearer permission.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from unicodedata import category

import yaml

from autoresearch_graph.program.paths import Place
from autoresearch_graph.program.text.document import named
from autoresearch_graph.program.text.markdown import Block

PATHS = r"`[^`]+`(?:(?:\s*,\s*(?:and\s+|or\s+)?|\s+(?:and|or)\s+)`[^`]+`)*"
_TABLE: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("stances.yaml").read_text("utf-8"))
_LETTERS = {
    word: name.split()[1] for name, words in _TABLE["classes"].items() for word in words.split()
}
_LETTERS |= {"—": "-", "[": "(", "]": ")", "#": "-"} | {mark: mark for mark in ",;:()|-"}
_STEMS = (  # forms of words that the table does not hold
    (r".*n't$", "n"),
    (
        "edit|modif|chang|touch|alter|overw|rewr|updat|tamper|mess|adjust|tun(?:e|ing)|optimi|improv|refactor"
        "|mov(?:e|ing)|writ(?:e|ing)",
        "c",
    ),
    ("(?:non|not|un).*-(?:edit|mut|writ|modifi)able$", "K"),
    (".*-(?:edit|mut|writ|modifi)able$", "y"),
    (".*[不勿禁别未只ない않금]", "z"),
    (r"\d+$", "0"),
    (".*ly$", "a"),
    (r"\w{3,}s$", "s"),
    (r"\w", "w"),
)
_PHRASE = re.compile(
    "~~|"
    + "|".join(
        rf"(?<!\w){each}(?!\w)".replace(" ", r"[\s-]+")
        for each in (*_TABLE["phrases"], *_TABLE["same"])
    ),
    re.I,
)
_TOKEN = re.compile(
    r"`(?P<path>[^`]*)`|[^\W_](?:[\w'/-]*\w)?"
    r"|(?P<end>(?<!\d)(?<!i\.e)(?<!e\.g)(?<!cf)[.!?](?=\s+[A-Z`\"(*]|\s*$)|。)|[^\s\w*_\"']"
)


@dataclass(frozen=True)
class Sentence:
    """A sentence with its shape, the places of its letters, and its paths with their lines.

    The last place is the end of the sentence.
    """

    text: str
    shape: str
    places: tuple[int, ...]
    paths: tuple[tuple[str, int], ...]

    @property
    def said(self) -> str:
        """The words of the sentence."""
        return self.text[self.places[0] : self.places[-1]]


@dataclass(frozen=True)
class Mention:
    """A path with what is said of it.

    `stance` is True if it may be edited, False if not, None if nothing is said of itself. `label`
    is the nearest label above or before it, and `sign` the meaning of all. `leads` is True if it
    opens its item, row, paragraph or label. `before` and `after` are the shapes of the words beside
    it; `alone` is True if it is called the only one. `group` is the list that it belongs to.
    """

    path: str
    line: int
    block: Block
    label: str
    sign: int
    stance: bool | None = None
    leads: bool = True
    before: str = ""
    after: str = ""
    alone: bool = False
    group: tuple[str, ...] = ()

    def may_be_edited(self, *, section: bool) -> bool | None:
        """Return the stance, else that of the label; in a `section`, weak words count as well."""
        if self.stance is not None:
            return self.stance
        if self.sign <= (-1 if section else -2) and (self.leads or section):
            return False
        return True if self.leads and self.sign >= (1 if section else 3) else None


_LONGEST = 300  # words of a sentence: beyond, a comma ends it, and its rules stay fast


@lru_cache(maxsize=20_000)
def read_text(text: str) -> tuple[Sentence, ...]:
    """Return the sentences of a text; their lines count from 0."""
    text = _PHRASE.sub(_joined, text)
    found: list[Sentence] = []
    letters: list[str] = []
    places: list[int] = []
    paths: list[tuple[str, int]] = []
    line = last = 0
    for token in _TOKEN.finditer(text):
        if token.lastgroup == "end" or (token[0] in ",;" and len(letters) > _LONGEST):
            places.append(token.end())
            found.append(Sentence(text, "".join(letters), tuple(places), tuple(paths)))
            letters, places, paths = [], [], []
            continue
        if token.lastgroup == "path":
            line, last = line + text.count("\n", last, token.start()), token.start()
            paths.append((token["path"], line))
        letters.append("P" if token.lastgroup == "path" else _letter(token[0]))
        places.append(token.start())
    places.append(len(text))
    found.append(Sentence(text, "".join(letters), tuple(places), tuple(paths)))
    return tuple(each for each in found if each.shape)


def shape_of(text: str) -> str:
    """Return the shapes of all sentences, apart by a semicolon."""
    return ";".join(each.shape for each in read_text(text)).strip(",:()|·-;")


def _joined(phrase: re.Match[str]) -> str:
    words = re.split(r"[\s-]+", phrase[0])
    same = _TABLE["same"] | {"~~": " not "}
    said = same.get(" ".join(words).lower(), "-".join(words))
    capital = said[:1].upper() if words[0][:1].isupper() else said[:1]
    return f"{capital}{said[1:]}" + "\n" * phrase[0].count("\n")


@lru_cache(maxsize=20_000)
def _letter(word: str) -> str:
    """Return the class of a word or mark; an unknown emoji is a word."""
    low = word.lower()
    if low in _LETTERS or not low[0].isalnum():
        return _LETTERS.get(low) or ("w" if category(word[0]) == "So" else "·")
    return next((letter for form, letter in _STEMS if re.match(form, low)), "w")


def _filled(pattern: str) -> str:
    """Return a pattern of the table with the parts that it names as `<part>`."""
    for name, part in _TABLE["parts"].items():
        pattern = pattern.replace(f"<{name}>", part)
    return _filled(pattern) if re.search(r"<[a-z]", pattern) else pattern


def _rules(name: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{_filled(pattern)})" for pattern in _TABLE[name].values()))


_DENIED, _ALLOWED, _COMMANDED, _EXCEPTED = map(
    _rules, ("denied", "allowed", "commanded", "excepted")
)
_SIGNS = [(sign, re.compile(_filled(rule))) for _, sign, rule in _TABLE["signs"]]
_MARK = _filled("<mark>")
_COMMAND = re.compile(_filled("(?:<mark>|[0oaj])*<target>@"))
_ALL_DENIED = re.compile("n[^;]*[cyY]|c[fv]*n|[kKb]")
_GROUP = re.compile(  # `a.py`, `b.py` and the file `c.py`; the data (`a.py`), judge (`b.py`) are
    r"P(?:[,jf]{1,4}(?:[vf]p)?f*P)*(?:\)[,j]{1,2}[fwsqJ]{0,4}\(P)*"
)
_LABEL = re.compile("(?:^|[,;(·])([^,;:|(·-]*[a-zA-Z][^,;:|·-]*)[:|-][·(]*$")  # Read: `a.py`


@dataclass(frozen=True)
class _Group:
    """Paths that stand side by side in a sentence, from `start` to `end` of its shape.

    `begun` is the end of the group before; `taken` is the number of the paths before.
    """

    sentence: Sentence
    begun: int
    start: int
    end: int
    taken: int

    @cached_property
    def paths(self) -> tuple[tuple[str, int], ...]:
        """The paths with their lines."""
        count = self.sentence.shape.count("P", self.start, self.end)
        return self.sentence.paths[self.taken : self.taken + count]

    @cached_property
    def lead(self) -> str:
        """The shape of the words before the paths."""
        return self.sentence.shape[self.begun : self.start]

    @cached_property
    def after(self) -> str:
        """The shape of the words after the paths."""
        return _until_next(self.sentence.shape[self.end :])

    @property
    def label(self) -> str:
        """The text of the label right before the paths, if there is any."""
        if (own := _LABEL.search(self.lead)) is None:
            return ""
        start, end = (self.sentence.places[self.begun + at] for at in own.span(1))
        return self.sentence.text[start:end].strip(" *_:|-")

    def stance(self, above: int) -> bool | None:
        """Return what the sentence says of the paths.

        `above` is the sign of the label above: `Edit` is a permission under `What you can do`.
        """
        shape = self.sentence.shape
        clause = f"{shape[: self.start].rpartition(';')[2]}@{self.after}"
        if re.match("[0·-]*i", shape):
            return None
        if _EXCEPTED.search(clause):  # all but this: allowed if all else is denied
            is_free = above > 0 or re.search("[cyYv]", clause)
            return True if above < 0 or _ALL_DENIED.search(clause) else False if is_free else None
        if _DENIED.search(clause) or (above < 0 and _COMMANDED.search(clause)):
            return False
        return True if _ALLOWED.search(clause) or (above > 1 and _COMMAND.match(clause)) else None


def _groups(sentence: Sentence) -> Iterator[_Group]:
    begun = taken = 0
    for found in _GROUP.finditer(sentence.shape):
        yield _Group(sentence, begun, *found.span(), taken)
        taken, begun = taken + found[0].count("P"), found.end()


def _until_next(tail: str) -> str:
    """Return the words after a path up to the next clause or path, without the label of that."""
    own, another, _ = tail.partition(";")[0].partition("P")
    return re.sub("[^,(|:]*:[·(]*$", "", own) + another


@lru_cache(maxsize=20_000)
def meaning(label: str) -> int:
    """Return the sign of a label: 3 if it permits to edit, 2 for `may` or `can` alone.

    1 and -1 are for words that mean it in a section on the asset alone; -2 prohibits, 0 is unknown.
    """
    field = named(label.strip(" *:|-_\n"))
    if field in ("asset", "protected"):
        return 3 if field == "asset" else -2
    shape = re.sub("v?R[al]*[kKb]|[an]*cv?R", "", shape_of(label))  # all else is read-only
    return next((sign for sign, rule in _SIGNS if rule.match(shape)), 0)


@dataclass(frozen=True)
class _Label:
    depth: int
    text: str
    sign: int
    stays: bool  # for a list on its own level


def walk(
    blocks: Iterable[Block], place: Place, *, section: bool = False, sign: int = 0
) -> Iterator[tuple[Block, str, int, bool]]:
    """Yield the blocks, each with the nearest label above it and the sign of all; True for a title.

    The first block of a `section` is its title, with a `sign`, and no label.
    """
    labels = [_Label(-20, "", sign, stays=True)]
    for index, raw in enumerate(piece for block in blocks for piece in _pieces(block)):
        block = place.spanned(raw)
        is_label = _is_label(block.kind, block.text)
        if block.kind not in ("row", "code"):
            _close(labels, block, is_label)
        signs = [label.sign for label in reversed(labels)]
        further = next(filter(None, signs), 0)
        is_title = index == 0 and (section or block.level == 1)
        yield block, labels[-1].text, signs[0] or min(further, 0), is_title
        if is_label and not is_title:
            stays = block.kind != "item" or block.text.rstrip("*_ ").endswith(":")
            labels.append(_Label(_depth(block), block.text, meaning(block.text), stays))


def mentions(
    blocks: tuple[Block, ...], place: Place, *, section: bool = False, sign: int = 0
) -> tuple[Mention, ...]:
    """Return all mentions of paths; the arguments are those of `walk`."""
    found: list[Mention] = []
    for block, label, above, is_title in walk(blocks, place, section=section, sign=sign):
        if block.kind == "code" and section:
            found += _in_code(block, label, above, place)
        elif "`" in block.text and block.kind != "code":
            alike = replace(block, line=0, spans=(), said="")
            for each in _in_block(alike, label, above, place, is_title=is_title):
                found.append(replace(each, line=block.line + each.line, block=block))
    return tuple(found)


def _pieces(block: Block) -> Iterator[Block]:
    """Yield a block, apart from labels on lines of their own: Markdown takes them into the item."""
    if block.kind in ("item", "paragraph") and ":\n" in f"{block.text}\n"[block.text.find("\n") :]:
        lines, begun = block.text.split("\n"), 0
        for at, line in enumerate(lines):
            if at and "`" not in line and line.rstrip("*_ ").endswith(":"):
                if begun < at:
                    text = "\n".join(lines[begun:at])
                    yield replace(block, text=text, line=block.line + begun)
                level = max(block.level - 1, 0)
                yield replace(block, kind="paragraph", text=line, line=block.line + at, level=level)
                begun = at + 1
        block = replace(block, text="\n".join(lines[begun:]), line=block.line + begun)
    if block.text:
        yield block


@lru_cache(maxsize=20_000)
def _is_label(kind: str, text: str) -> bool:
    """Return True if a block is short and names no file, or leads over to the blocks below."""
    text = text.strip("*_ \n")
    if kind in ("row", "code"):
        return False
    if kind == "heading" or text.endswith(":"):
        return True
    is_short = len(text.split(maxsplit=7)) <= 6 and text[-1:] not in ".!?"
    return "`" not in text and (is_short or bool({"below", "following"} & {*text.lower().split()}))


def _depth(block: Block) -> int:
    return block.level - 10 if block.kind == "heading" else block.level


def _close(labels: list[_Label], block: Block, is_label: bool) -> None:
    """Drop the labels that a block ends: deeper ones and those beside it.

    A prohibition outlives a paragraph that is no label itself.
    """
    depth = _depth(block)
    while labels and labels[-1].depth >= depth:
        last = labels[-1]
        if last.depth == depth and block.kind != "heading" and not is_label:
            opens = block.text.lstrip("*_ ").startswith("`") or last.sign < 0
            if last.stays if block.kind == "item" else opens:
                return
        labels.pop()
    if labels and block.kind == "item" and 0 < labels[-1].depth < depth:
        labels[-1] = replace(labels[-1], stays=False)


def _in_code(block: Block, label: str, sign: int, place: Place) -> Iterator[Mention]:
    """Yield the lines of a code block that lists paths alone."""
    lines = [line.split(maxsplit=1) for line in block.text.split("\n")]
    is_list = all(place.looks_like_path(words[0]) for words in lines if words)
    for at, words in enumerate(lines, block.line):
        if words and (is_list or (sign < 0 and place.looks_like_path(words[0]))):
            after = shape_of(words[1]) if len(words) > 1 else ""
            denied = False if _DENIED.search(f"@,{after}") else None
            yield Mention(words[0], at, block, label, sign, stance=denied, after=after)


@dataclass(frozen=True)
class _Above:
    """The label of a mention with its sign; `leads` is True as long as paths open their block."""

    label: str
    sign: int
    leads: bool = True


@lru_cache(maxsize=5_000)
def _in_block(
    block: Block, label: str, sign: int, place: Place, *, is_title: bool
) -> tuple[Mention, ...]:
    """Return the mentions of a block; a sentence without a path is about the one before."""
    found: list[Mention] = []
    box = re.match(r"\[[ xX]\]", block.text)
    above = outer = _Above(label or (box[0] if box else ""), sign)
    spoken = 0  # the number of mentions in the sentence before, if it is about one group of them
    for sentence in read_text(block.text[box.end() if box else 0 :]):
        groups = [*_groups(sentence)]
        if not groups and spoken:
            found[-spoken:] = [_continued(each, sentence.shape) for each in found[-spoken:]]
        if not groups:
            continue
        if above.sign >= 0:
            above = replace(outer, leads=above.leads)
        for group in groups:
            if not is_title or found:
                above = _beside(above, group, block.kind, place, outer)
            found += _of_group(group, block, above)
        spoken = len(sentence.paths) if len(groups) == 1 or above.leads else 0
    kept = (each for each in found if place.looks_like_path(each.path))
    return tuple(_by_cells(each) if block.kind == "row" else each for each in kept)


def _beside(above: _Above, group: _Group, kind: str, place: Place, outer: _Above) -> _Above:
    """Return what is above a group, with the label right before it in the place of the outer."""
    if own := group.label:
        return _Above(own, meaning(own) or min(outer.sign, 0))
    is_wide = place.is_wide(group.paths[0][0])
    leads = above.leads and _leads(group.lead, group.after, kind, is_wide=is_wide)
    return replace(above, leads=leads)


def _of_group(group: _Group, block: Block, above: _Above) -> list[Mention]:
    """Return the mentions of a group; what is said of one is not said of those before it."""
    stance = group.stance(above.sign)
    shape, paths, after = group.sentence.shape, group.paths, group.after
    is_one = bool(stance) and after.startswith("a") and "j" not in shape[group.start : group.end]
    first = Mention(
        "", block.line, block, above.label, above.sign, stance, above.leads, group.lead,
        "" if group.taken else after, bool(stance and _is_alone(shape)), tuple(p for p, _ in paths),
    )  # fmt: skip
    opening, parted, _ = shape[group.start : group.end].partition(")")
    permits = re.search("^(?:[aj]*|[^nbeE]*m[^nbeE]*)c(?!t)[^nbeE]*$", group.lead)
    denied = stance is False
    found = []
    for at, (path, line) in enumerate(paths, 1):
        own = None if is_one and at < len(paths) else stance
        if parted:  # `You may edit the model (a.py), judge (b.py) is fixed` denies b.py alone
            own = False if denied and not (permits and at <= opening.count("P")) else None
        said = False if path.startswith("!") else own
        bare = path.removeprefix("!")
        found.append(replace(first, path=bare, line=block.line + line, stance=said))
    return found


def _leads(lead: str, after: str, kind: str, *, is_wide: bool) -> bool:
    """Return True if a path opens its block, or goes on with a list; `any file in` a folder."""
    if after.startswith("S"):
        return False
    is_sentence = kind == "paragraph" and after[:1].isalpha() and after[0] not in "joutEepP"
    within = "(?:w?pf*)?" if is_wide else ""
    return not is_sentence and bool(re.fullmatch(rf"(?:{_MARK}|[jfv0])*{within}", lead))


def _continued(mention: Mention, shape: str) -> Mention:
    """Return a mention with what the next sentence, which names no path, says of it."""
    if re.match("[hanlkKbmd]", shape) and _DENIED.search(f"@,{shape}"):
        return replace(mention, stance=False)
    if mention.stance is None and _ALLOWED.search(f"@{shape}"):
        return replace(mention, stance=True, alone=_is_alone(shape))
    return mention


def _is_alone(shape: str) -> bool:
    return bool(re.search("o[a-z]?f|o[am]*c|co", shape)) and not re.search("[eE]", shape)


def _by_cells(mention: Mention) -> Mention:
    """Return the mention of a row with what the other cells and their titles say."""
    block = mention.block
    cells = block.text.split(" | ")
    if mention.stance is not None or len(cells) != len(block.titles):
        return mention
    said = []
    for cell, title in zip(cells, block.titles, strict=True):
        if f"`{mention.path}`" in cell:
            sign = meaning(title)
            said.append("yes" if sign > 2 else "no" if sign < 0 else "")
        elif "`" not in cell:
            said.append(_cell(shape_of(cell), shape_of(title)))
    if "no" in said:
        return replace(mention, stance=False)
    if "unclear" in said:
        return replace(mention, after="q")
    return replace(mention, stance=True, leads=True) if "yes" in said else mention


def _cell(cell: str, title: str) -> str:
    """Return `yes` or `no` for what a cell says on editing, `unclear`, or nothing."""
    asks = re.search("[cyYmg]", title)
    if re.search("[kKb]", title):
        return "no" if cell.startswith("1") else "" if re.fullmatch("n?", cell) else "unclear"
    if re.match("K|[ku](?![wsqJfP])", cell) or (asks and re.match("[nb]|g+o?$|o+g", cell)):
        return "no"
    is_yes = asks and re.fullmatch("[1my][om]*(?:\\([^nkKbeEi]*)?", cell)
    return "yes" if is_yes or re.fullmatch("[fo]*y[fo]*", cell) else "unclear" if asks else ""

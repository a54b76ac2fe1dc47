"""The files that a section on the asset lists, each by the nearest label above it.

A label is a sub-heading, a paragraph or item that ends with a colon, or the words before a path on
its line (`Frozen: `judge.py``). One that forbids protects its files. One that is not understood
beside other files is an error, for it may forbid as well.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.claims import EXCEPT, PATHS, is_excepted, is_label, meaning
from autoresearch_graph.program.markdown import Block
from autoresearch_graph.program.paths import Place
from autoresearch_graph.program.statements import Statement

_LABEL = re.compile(r"(?P<label>[^:|\n]*[^\W\d][^:|\n]*?)\s*(?::|\||\s[-—]+)[\W_]*$")
_CLAUSE = re.compile(r"[.;!?]\s|\n")
_JOINS = re.compile(r"[\W_]*(?:(?:and|or|plus|also|as well as|the|files?)\b[\W_]*)*")
_NOT = re.compile(r"\b(?:not|never|nor|without)\b|[❌✗✘🔒🚫⛔🛑]|~~", re.I)
# A paragraph that goes on so after a path is a sentence about it.
_SENTENCE = re.compile(
    r"[ \t]+(?!(?:and|or|plus|only|alone|with|as well|too|also|but|except|in|under)\b)\w"
)
_ADDED = ("too", "also", "as well")
_JUDGES = re.compile(
    r"\b(?:judg|scor|refere|grad(?:er|ing|es)\b|evaluat|metric|loss|benchmark|verif|harness|leave|use[sd]?\b"
    r"|belong|please)",
    re.I,
)
_BOX = re.compile(r"\[[ xX]\](?=\W*$)")


@dataclass(frozen=True)
class Listed:
    """A file that a section names: `label` is what stands above or before it, if anything.

    `editable` is what the label means; None where there is none, or it is not understood.
    `among` has the paths that are named together, where they stand within prose, and `words` what
    an item, a row or a paragraph says after its first path.
    """

    path: Statement[str]
    label: str
    editable: bool | None
    among: str = ""
    words: str = ""


def listed(blocks: Sequence[Block], place: Place) -> list[Listed]:
    """All files of a section in their order; its title, the first block, is no label of theirs."""
    found: list[Listed] = []
    label = ""
    for block in blocks:
        if block is not blocks[0] and (block.kind == "heading" or is_label(block)):
            label = block.text
        if block.kind != "code":
            found += _in_block(block, label, place, title=block is blocks[0])
    return found


def to_edit(found: Sequence[Listed], *, is_all: bool) -> list[Statement[str]]:
    """The files that may be edited; ProgramError where a label or prose leaves it open.

    `is_all` where what is protected stands elsewhere, so that labels may just be topics.
    """
    open_ = [each for each in found if each.editable is not False and not each.among]
    unknown = [each for each in open_ if each.label and each.editable is None]
    others = [e for e in found if unknown and not e.among and e.label != unknown[0].label]
    if unknown and others and not (is_all and all(each.editable is None for each in others)):
        raise ProgramError(
            f"`{unknown[0].path}` stands under `{unknown[0].label.strip(' *:#')}`, which is not "
            "understood beside the other files here; write `Editable:` or `Protected:` there",
            line=unknown[0].path.line,
        )
    _check_words(open_, is_all=is_all)
    if open_:
        return [each.path for each in open_]
    prose = [each for each in found if each.among and each.editable is not False]
    if len({each.among for each in prose}) > 1:
        raise ProgramError(
            f"`{prose[0].path}` and `{prose[-1].path}` are both named here in prose; list the "
            "files to edit, and name the others under `## Protected`",
            line=prose[0].path.line,
        )
    return [each.path for each in prose]


def _check_words(open_: Sequence[Listed], *, is_all: bool) -> None:
    """ProgramError where words after one of several files may say that it is not to be edited."""
    plain = {each.path.value for each in open_ if not each.words}
    unsaid = [
        each
        for each in open_
        if each.editable is None and each.words and each.path.value not in plain
    ]
    strict = plain and not is_all
    odd = [each for each in unsaid if strict or _JUDGES.search(each.words)]
    if odd and len({each.path.value for each in open_}) > 1:
        raise ProgramError(
            f"what stands after `{odd[0].path}` is not understood beside the other files here; "
            "write `Editable:` or `Protected:` before it",
            line=odd[0].path.line,
        )


def _in_block(block: Block, label: str, place: Place, *, title: bool) -> Iterator[Listed]:
    """The paths of a block: those that it begins with or labels, and those in its prose."""
    start, said, mentioned = 0, label, False
    editable = meaning(label) if label else None
    for at, group in enumerate(re.finditer(PATHS, block.text)):
        lead = _CLAUSE.split(block.text[start : group.start()])[-1]
        if not label and (box := _BOX.search(lead)):
            said, lead = box[0], ""
        own = None if title and not at else _LABEL.search(lead)
        known = meaning(own["label"]) if own else None
        if own and (known is not None or block.kind != "row"):
            said, editable, mentioned = own["label"], known, False
        alone = at or len(lead.split()) <= 1  # the first words of a block may be of the whole
        tail = _CLAUSE.split(block.text[group.end() :])[0]
        but = EXCEPT.search(lead) and is_excepted(f"{lead} {tail}", label) is not False
        excepted = but or (alone and not EXCEPT.search(lead) and _NOT.search(lead))
        if not own and not excepted and not _JOINS.fullmatch(lead) and (at or not title):
            mentioned = True
        if block.kind == "paragraph" and _SENTENCE.match(tail) and not own:
            mentioned = True
        words = "" if at else re.sub(r"[\W_]+", " ", tail).strip()
        if words in _ADDED or (len(words.split()) < 3 and meaning(words)):
            words = ""
        line = block.line_at(group.start())
        for text in re.findall(r"`([^`]+)`", group[0]):
            if place.looks_like_path(text):
                allowed = False if excepted else editable
                among = group[0] if mentioned else ""
                yield Listed(Statement(text, line), said, allowed, among, words)
        start = group.end()

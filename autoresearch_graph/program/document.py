"""A program.md in parts: front matter, recognised sections, and all blocks."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program import front_matter, headings, markdown
from autoresearch_graph.program.front_matter import Entry
from autoresearch_graph.program.headings import Section
from autoresearch_graph.program.labels import labelled
from autoresearch_graph.program.languages import in_english
from autoresearch_graph.program.markdown import Block


@dataclass(frozen=True)
class Document:
    """What the readers of single fields read from."""

    front: Mapping[str, Entry]
    sections: tuple[Section, ...]
    blocks: tuple[Block, ...]

    def proper(self, field: str) -> tuple[Section, ...]:
        """The sections under a proper heading of the field, else those that a label opens."""
        proper = tuple(s for s in self.sections if s.field == field and not s.loose)
        return tuple(s for s in proper if not s.label) or proper

    def loose(self, field: str) -> tuple[Section, ...]:
        """The sections under a heading that may also be prose."""
        return tuple(s for s in self.sections if s.field == field and s.loose)

    def about(self, field: str) -> tuple[Section, ...]:
        """The sections under either kind of heading, the proper ones first."""
        return self.proper(field) + self.loose(field)

    def loose_blocks(self, field: str) -> tuple[Block, ...]:
        """All blocks under such headings."""
        return tuple(block for section in self.loose(field) for block in section.blocks)


def parse(text: str) -> Document:
    """Read a text; ProgramError where its front matter is malformed."""
    text = _from_the_top(text)
    parts = markdown.parse(text)
    if not parts.front_matter:
        _check_closed(text, parts.blocks)
    front = front_matter.parse(parts.front_matter)
    blocks = tuple(_in_english(block) for block in parts.blocks)
    return Document(front, (*headings.sections(blocks), *labelled(blocks)), blocks)


def _in_english(block: Block) -> Block:
    text = block.text if block.kind == "code" else in_english(block.text)
    return block if text == block.text else replace(block, text=text, said=block.text)


def sentences(block: Block) -> Iterator[tuple[str, int]]:
    """The sentences of a block, each with its line; a code span is never split."""
    pieces = re.finditer(r"(?:`[^`]*`|(?![.!?]\s+[A-Z`\"(]|。)[^`]|`)+[.!?。]?", block.text)
    for piece in pieces:
        lead = len(piece[0]) - len(piece[0].lstrip())
        if piece[0].strip():
            yield piece[0].strip(), block.line_at(piece.start() + lead)


def without_numbering(block: Block) -> str:
    """The text of a block; a heading's without the number or emoji that it begins with."""
    return re.sub(r"^[\W\d_]+", "", block.text) if block.kind == "heading" else block.text


def _from_the_top(text: str) -> str:
    """A text whose front matter begins on line 1, every key on the line that it stands on."""
    if toml := re.match(r"\s*\+\+\+\s*$", text, re.MULTILINE):
        line = 1 + toml[0].rstrip().count("\n")
        raise ProgramError("front matter in TOML is not read; write YAML between `---`", line=line)
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
        raise ProgramError("the front matter is not closed; end it with a line `---`", line=1)

"""Front matter and blocks of a Markdown text, each with its line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from mdit_py_plugins.front_matter import front_matter_plugin

# Dashes, apostrophes and spaces that editors put in place of those on the keyboard, and the
# punctuation of East Asian texts.
_TYPOGRAPHY = {
    0x2013: "-", 0x2212: "-", 0x2019: "'", 0x00A0: " ", 0x202F: " ", 0x3000: " ", 0xFF08: " (",
    0xFF09: ") ", 0xFF1A: ": ", 0xFF0C: ", ", 0x3001: ", ", 0xFF1B: "; ", 0xFF01: "! ",
    0xFF1F: "? ",
}  # fmt: skip

Kind = Literal["heading", "paragraph", "item", "row", "code"]


@dataclass(frozen=True)
class Span:
    """A code span and its line."""

    text: str
    line: int


@dataclass(frozen=True)
class Block:
    """A heading, paragraph, list item, table row or code block.

    `text` is the visible text, in plain typography and with code spans in backticks. An `item` is
    the first paragraph of a list item. `level` is a heading's, or the depth of lists; `language` is
    a code block's. `said` is the original of a `text` that was put into English; `titles` are those
    of a row's columns.
    """

    kind: Kind
    text: str
    line: int
    spans: tuple[Span, ...] = ()
    language: str = ""
    level: int = 0
    said: str = ""
    titles: tuple[str, ...] = ()

    def line_at(self, position: int) -> int:
        """Return the line of a position in `text`."""
        return self.line + self.text.count("\n", 0, position)


@dataclass(frozen=True)
class Markdown:
    """A text in parts; `front_matter` starts on line 2, if there is any."""

    front_matter: str
    blocks: tuple[Block, ...]


def parse(text: str) -> Markdown:
    """Read a text as CommonMark with tables and front matter."""
    parser = MarkdownIt("commonmark").enable("table").use(front_matter_plugin)
    root = SyntaxTreeNode(parser.parse(text))
    front = next((node.content for node in root.children if node.type == "front_matter"), "")
    return Markdown(front, tuple(_blocks(root)))


def _blocks(node: SyntaxTreeNode) -> Iterator[Block]:
    match node.type:
        case "heading":
            yield _heading(node)
        case "paragraph":
            kind: Kind = "item" if _opens_an_item(node) else "paragraph"
            yield _inline(node, kind, level=_depth(node))
        case "fence" | "code_block":
            yield _code(node)
        case "tr":
            yield _row(node)
        case "html_block":
            yield from _html(node)
        case "thead" | "front_matter" | "hr":
            return
        case _:
            for child in node.children:
                yield from _blocks(child)


def _opens_an_item(node: SyntaxTreeNode) -> bool:
    parent = node.parent
    return parent is not None and parent.type == "list_item" and parent.children[0] is node


def _depth(node: SyntaxTreeNode) -> int:
    """Return the number of list items that hold a node."""
    parent = node.parent
    return _depth(parent) + (parent.type == "list_item") if parent else 0


def _heading(node: SyntaxTreeNode) -> Block:
    """Return a heading; inside a list or a quotation it is a paragraph."""
    top = node.parent is not None and node.parent.is_root
    return _inline(node, "heading" if top else "paragraph", level=int(node.tag[1:]))


def _inline(node: SyntaxTreeNode, kind: Kind, *, level: int = 0) -> Block:
    line_number = _first_line(node)
    text = "".join(_visible(node))
    return Block(kind, text, line_number, tuple(_spans(node, line_number)), level=level)


def _row(node: SyntaxTreeNode) -> Block:
    """Return a row of a table, with the titles of the columns."""
    line_number = _first_line(node)
    text = " | ".join("".join(_visible(cell)) for cell in node.children)
    spans = tuple(_spans(node, line_number))
    return Block("row", text, line_number, spans, titles=_titles(node))


def _html(node: SyntaxTreeNode) -> Iterator[Block]:
    """Read HTML as a person sees it: a heading, or the text of each line, without comments."""
    text = re.sub(r"<!--.*?(?:-->|$)", _blank, node.content, flags=re.DOTALL)
    for index, line in enumerate(text.split("\n"), _first_line(node)):
        if seen := re.sub(r"<[^<>]*>", " ", line).translate(_TYPOGRAPHY).strip():
            level = re.search(r"<h([1-6])\b", line, re.IGNORECASE)
            yield Block(
                "heading" if level else "paragraph",
                seen,
                index,
                level=int(level[1]) if level else 0,
            )


def _blank(comment: re.Match[str]) -> str:
    return "\n" * comment[0].count("\n")


def _titles(row: SyntaxTreeNode) -> tuple[str, ...]:
    """Return the titles of the columns of a row's table."""
    table = row.parent and row.parent.parent
    if table is None or table.type != "table":
        return ()
    return tuple("".join(_visible(cell)) for cell in table.children[0].children[0].children)


def _code(node: SyntaxTreeNode) -> Block:
    """Return a code block, on the line of its first line of code."""
    line_number = _first_line(node) + (node.type == "fence")
    language = node.info.split()[0].lower() if node.info.strip() else ""
    return Block("code", node.content, line_number, language=language)


def _visible(node: SyntaxTreeNode) -> Iterator[str]:
    match node.type:
        case "text":
            yield node.content.translate(_TYPOGRAPHY)
        case "code_inline":
            yield f"`{node.content}`"
        case "softbreak" | "hardbreak":
            yield "\n"
        case "html_inline" if re.match("</?(?:del|s|strike)>", node.content):
            yield "~~"
        case _:
            shown = "".join(text for child in node.children for text in _visible(child))
            yield shown
            leads = str(node.attrs.get("href", "")) if node.type == "link" else ""
            if leads and leads not in shown and not re.search(r"[:#?]", leads):
                yield f" ({leads})"


def _spans(node: SyntaxTreeNode, line: int) -> Iterator[Span]:
    for child in node.walk():
        if child.type in ("softbreak", "hardbreak"):
            line += 1
        elif child.type == "code_inline":
            yield Span(child.content, line)


def _first_line(node: SyntaxTreeNode) -> int:
    return node.map[0] + 1 if node.map else 1

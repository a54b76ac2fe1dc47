"""Front matter and blocks of a Markdown text, each with its line."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token
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


_PARSER = MarkdownIt("commonmark").enable("table").use(front_matter_plugin)
_PARSER.core.ruler.disable("inline")  # few blocks hold markup, and _INLINE parses those alone
_INLINE = MarkdownIt("commonmark")
_MARKUP = re.compile(r"[*_\[\]<>&!\\]")
_BOLD = re.compile(r"\*\*(?![\s*])([^*]*[^\s*])\*\*")
_WITHIN = re.compile(r"(?<=[^\W_])_+(?=[^\W_])")  # an underscore within a word is no markup


def parse(text: str) -> Markdown:
    """Read a text as CommonMark with tables and front matter."""
    tokens = _PARSER.parse(text)
    front = next((token.content for token in tokens if token.type == "front_matter"), "")
    return Markdown(front, tuple(_blocks(tokens)))


def _blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    """Yield the blocks; a heading inside a list or a quotation is a paragraph."""
    titles: tuple[str, ...] = ()
    cells: list[Token] = []
    depth = 0
    for at, token in enumerate(tokens):
        match token.type:
            case "list_item_open" | "list_item_close":
                depth += token.nesting
            case "inline":
                opening = tokens[at - 1]
                if opening.type in ("th_open", "td_open"):
                    cells.append(token)
                elif opening.type == "heading_open" and opening.level == 0:
                    yield _inline(token, "heading", level=int(opening.tag[1:]))
                else:
                    is_first = at > 1 and tokens[at - 2].type == "list_item_open"
                    yield _inline(token, "item" if is_first else "paragraph", level=depth)
            case "thead_close":
                titles, cells = tuple(_visible(cell)[0] for cell in cells), []
            case "tr_close" if cells and tokens[at - 1].type == "td_close":
                yield _row(cells, titles)
                cells = []
            case "fence" | "code_block":
                yield _code(token)
            case "html_block":
                yield from _html(token)


def _inline(token: Token, kind: Kind, *, level: int = 0) -> Block:
    text, spans = _visible(token)
    return Block(kind, text, _first_line(token), spans, level=level)


def _row(row: Sequence[Token], titles: tuple[str, ...]) -> Block:
    """Return a row of a table, with the titles of the columns."""
    cells = [_visible(cell) for cell in row]
    text = " | ".join(text for text, _ in cells)
    spans = tuple(span for _, found in cells for span in found)
    return Block("row", text, _first_line(row[0]), spans, titles=titles)


def _html(token: Token) -> Iterator[Block]:
    """Read HTML as a person sees it: a heading, or the text of each line, without comments."""
    text = re.sub(r"<!--.*?(?:-->|$)", _blank, token.content, flags=re.DOTALL)
    for index, line in enumerate(text.split("\n"), _first_line(token)):
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


def _code(token: Token) -> Block:
    """Return a code block, on the line of its first line of code."""
    line_number = _first_line(token) + (token.type == "fence")
    language = token.info.split()[0].lower() if token.info.strip() else ""
    return Block("code", token.content, line_number, language=language)


def _visible(token: Token) -> tuple[str, tuple[Span, ...]]:
    """Return the visible text of a block, with code spans in backticks, and the spans.

    Code spans and bold words, the most frequent markup, need no parser.
    """
    content, line = token.content, _first_line(token)
    plain = re.sub(r"[ \t]*\n[ \t]*", "\n", content).strip()
    code = "".join(plain.split("`")[1::2])
    if "``" not in content and "\n" not in code and "*" not in code:
        plain = _BOLD.sub(r"\1", plain)
    parts = plain.split("`")
    marked = "".join(parts[::2])
    if (
        len(parts) % 2 == 0
        or "``" in content
        or "\n" in code
        or _MARKUP.search(_WITHIN.sub("", marked))
    ):
        pieces: list[str] = []
        spans: list[Span] = []
        _show(_INLINE.parseInline(content)[0].children or (), line, pieces, spans)
        return "".join(pieces), tuple(spans)
    found: list[Span] = []
    for at, part in enumerate(parts):
        if at % 2:
            found.append(Span(part, line))
        else:
            line += part.count("\n")
            parts[at] = part.translate(_TYPOGRAPHY)
    return "`".join(parts), tuple(found)


def _show(tokens: Sequence[Token], line: int, pieces: list[str], spans: list[Span]) -> None:
    """Collect the visible pieces and the spans; a link shows where it leads, too."""
    leads: list[tuple[str, int]] = []
    for token in tokens:
        match token.type:
            case "text":
                pieces.append(token.content.translate(_TYPOGRAPHY))
            case "code_inline":
                pieces.append(f"`{token.content}`")
                spans.append(Span(token.content, line))
            case "softbreak" | "hardbreak":
                pieces.append("\n")
                line += 1
            case "html_inline" if re.match("</?(?:del|s|strike)>", token.content):
                pieces.append("~~")
            case "image":
                _show(token.children or (), line, pieces, spans)
            case "link_open":
                leads.append((str(token.attrs.get("href", "")), len(pieces)))
            case "link_close" if leads:
                target, start = leads.pop()
                if (
                    target
                    and target not in "".join(pieces[start:])
                    and not re.search(r"[:#?]", target)
                ):
                    pieces.append(f" ({target})")


def _first_line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 1

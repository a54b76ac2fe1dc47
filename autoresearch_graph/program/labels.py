"""Labels in place of headings: `**Metric:** ...`, `Run: ...`, the rows of a table of settings.

A label is a whole synonym of a heading at the beginning of a line, before a colon, a dash or the
next cell. It counts where no heading speaks, and only where what follows begins as such a
part does: a program has many sentences that begin with `Check:` or `Environment:`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from autoresearch_graph.program.headings import Section, named
from autoresearch_graph.program.markdown import Block
from autoresearch_graph.program.quantities import durations

_LABEL = re.compile(r"[^\w`]*(?P<label>[^\W\d][^:|`\n—]{0,40}?)\s*(?::|\s\||\s—|\s-\s|$)\s*")
_AS_SPAN = re.compile(r"[^\w`]*`")
_AS_CRITERION = re.compile(r"\W*(?:\d|never\b|after\b|stop\b|`|\$)", re.IGNORECASE)
_AS_RULE = re.compile(
    r"\W*(?:fast|balanced|strict|deterministic|baseline|confirm|minimum|plausible)", re.IGNORECASE
)
_AS_AIM = re.compile(r"[^.`]*`[^`]+`[^.]*\b(?:m(?:in|ax)imi[sz]|(?:lower|higher) is better)", re.I)
_NEAR = 12
_NO_LABELS = ("timeout", "guard", "budget")  # said of a kill limit, a person, or money


def labelled(blocks: Sequence[Block]) -> Iterator[Section]:
    """The sections that labels open: what stands on the line, or the blocks directly below it."""
    for at, block in enumerate(blocks):
        if block.kind not in ("heading", "code"):
            for line in _lines(block):
                yield from _sections(line, blocks[at + 1 :])


def _sections(line: Block, below: Sequence[Block]) -> Iterator[Section]:
    field, rest = _label(line)
    if field is None:
        return
    body = [] if rest else _body(below)
    said = rest or (body[0].text if body else "")
    if (body and body[0].kind == "code" and field in _COMMANDS) or _begins(field, said):
        yield Section(field, False, (_as_heading(line), *body), label=True)


_COMMANDS = ("experiment", "evaluation", "holdout", "check")


def _label(block: Block) -> tuple[str | None, str]:
    """The field that a line is labelled with, and what follows the label."""
    match = _LABEL.match(block.text)
    if match is None:
        return None, ""
    original = _LABEL.match(block.said) if block.said else None
    names = [found["label"] for found in (original, match) if found]
    field = next((known for name in names if (known := named(name))), None)
    allowed = field is not None and not any(name.lower() in _NO_LABELS for name in names)
    return (field if allowed else None), block.text[match.end() :].strip()


def _begins(field: str, said: str) -> bool:
    """Whether a text begins as the part does that it is labelled to be."""
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


def _body(below: Sequence[Block]) -> list[Block]:
    """The paragraph below a label, or the list, table or code block."""
    if below and below[0].kind == "paragraph":
        return [below[0]]
    found: list[Block] = []
    for block in below:
        if block.kind not in ("item", "row", "code") or (found and _label(block)[0]):
            break
        found.append(block)
    return found


def _lines(block: Block) -> Iterator[Block]:
    """A block in pieces, each of which begins with a label, where several lines do."""
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
    """A line as a heading that says all, with a colon after its label."""
    text = re.sub(r"^([^:|`\n—]*?)\s*(?:\s\||\s—|\s-\s)\s*", r"\1: ", line.text, count=1)
    return replace(line, kind="heading", text=text)

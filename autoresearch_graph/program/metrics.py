"""The metric's name and its direction."""

import re
from collections.abc import Iterable, Iterator

from autoresearch_graph.core.values import Direction
from autoresearch_graph.program.document import Document, Section
from autoresearch_graph.program.front_matter import Entry
from autoresearch_graph.program.markdown import Block
from autoresearch_graph.program.prose import (
    NAME,
    direction,
    directions,
    goals,
    scattered_directions,
    scattered_names,
    sentence_directions,
)
from autoresearch_graph.program.quantities import Statement, agree, bad_value, with_flag

_PRIMARY = re.compile(r"^\W*primary\b", re.IGNORECASE)
_OTHER = re.compile(r"^\W*(?:secondary|tertiary|supporting|optional|other|monitor|guard)", re.I)
_ROLE = 2  # words at most, as in `Secondary metric`
_ABOUT = re.compile(r"^\W*(?:direction|metric|primary|goal|better)\b", re.IGNORECASE)
_BARE = re.compile(rf"^\W*primary\b[^:`]{{0,40}}:\W*(?P<name>{NAME})(?=\s*(?:[(,—]|$))", re.I)
_FILE = re.compile(r"\.(?:py|md|sh|json|ya?ml|toml|txt|tsv|csv|log)$")


def read_name(document: Document, supplied: str | None) -> Statement[str] | None:
    """Return the metric's name: that of its section, of a goal, or of scattered prose."""
    from_flag = None if supplied is None else _named(supplied, "--metric", None)
    return with_flag("metric", "--metric", from_flag, agree("metric", _names(document)))


def read_direction(
    document: Document, metric: str | None, supplied: str | None
) -> Statement[Direction] | None:
    """Return the better direction; words about another metric do not count."""
    from_flag = None if supplied is None else _understood(supplied, "--direction", None)
    stated = agree("direction", _directions(document, metric))
    return with_flag("direction", "--direction", from_flag, stated)


def _names(document: Document) -> tuple[Statement[str], ...]:
    if named := _front_name(document.front.get("metric")):
        return (named,)
    return (
        tuple(name for section in document.proper("metric") for name in _section_names(section))
        or tuple(
            goal.statement()
            for goal in goals(document.loose_blocks("metric"))
            if goal.names_a_metric
        )
        or tuple(name for section in document.loose("metric") for name in _loose_names(section))
        or tuple(scattered_names(document.blocks))
    )


def _directions(document: Document, metric: str | None) -> tuple[Statement[Direction], ...]:
    if entry := _front_direction(document):
        return (_understood(entry.text(), "`direction`", entry.line),)
    if metric is None:
        return ()
    sections = document.proper("metric")
    labelled = any(section.label for section in sections)
    blocks = document.blocks if labelled else document.loose_blocks("metric")
    stated = (
        *_all_directions(sections, metric),
        *(Statement(goal.direction, goal.line) for goal in goals(blocks) if goal.is_about(metric)),
        *_better(document.loose_blocks("metric"), metric),
    )
    loose = stated or tuple(_all_directions(document.loose("metric"), metric))
    return loose or tuple(scattered_directions(document.blocks, metric))


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
    named = [(block, name) for block in blocks if (name := _name(block))]
    full = [name for block, name in named if any(directions(block))] or _defined(section)
    if _PRIMARY.match(blocks[0].text) and blocks[0].kind != "heading":
        full = full[:1]
    return full or [name for _, name in named[:1]]


def _loose_names(section: Section) -> list[Statement[str]]:
    blocks = _primary(section)
    said = any(True for block in blocks for _ in directions(block))
    named = [name for block in blocks if (name := _name(block))]
    return named[:1] if said else []


def _all_directions(sections: Iterable[Section], metric: str) -> Iterator[Statement[Direction]]:
    for block in (block for section in sections for block in _primary(section)):
        name = _name(block)
        if name is None and block.kind == "row" and not _ABOUT.match(block.text):
            continue
        if name is None or name.value == metric:
            yield from directions(block)


def _better(blocks: Iterable[Block], metric: str) -> Iterator[Statement[Direction]]:
    """Yield the direction that is called better in a sentence with the metric."""
    named = re.compile(rf"(?<![\w.-]){re.escape(metric)}(?![\w-])")
    for block in blocks:
        for said, sentence in sentence_directions(block) if block.kind != "code" else ():
            if named.search(sentence) and str(said).lower().endswith("better"):
                yield said


def _defined(section: Section) -> list[Statement[str]]:
    """Return the name of a formula in a code block: `score = 100 * hits / all`."""
    code = (block for block in section.body if block.kind == "code")
    found = ((block, re.match(rf"\s*(?P<name>{NAME})\s*=(?!=)", block.text)) for block in code)
    return [Statement(match["name"], block.line) for block, match in found if match][:1]


def _primary(section: Section) -> list[Block]:
    """Return the blocks from the primary metric to the secondary ones."""
    blocks = [block for block in section.blocks if block.kind != "code"]
    starts = (i for i, block in enumerate(blocks) if i and _is(_PRIMARY, block))
    begin = next(starts, 0)
    ends = (i for i, block in enumerate(blocks) if i > begin and _is(_OTHER, block))
    return blocks[begin : next(ends, len(blocks))]


def _is(role: re.Pattern[str], block: Block) -> bool:
    """Return True if a block begins with a role, or a row has it as a cell."""
    cells = block.text.split(" | ") if block.kind == "row" else []
    alone = any(len(cell.split()) <= _ROLE and role.match(cell) for cell in cells[1:])
    return alone or bool(role.match(block.text))


def _name(block: Block) -> Statement[str] | None:
    """Return the first code span that is a name, or a bare name after `Primary:`."""
    for code_span in block.spans:
        if re.fullmatch(NAME, code_span.text) and not _FILE.search(code_span.text):
            return Statement(code_span.text, code_span.line)
    bare_name = _BARE.match(block.text)
    return Statement(bare_name["name"], block.line) if bare_name else None


def _understood(words: str, what: str, line: int | None) -> Statement[Direction]:
    if which := direction(words):
        return Statement(which, line)
    raise bad_value(f"{what} is `{words}`; it must be lower or higher", line)


def _named(name: str, what: str, line: int | None) -> Statement[str]:
    if re.fullmatch(NAME, name.strip()):
        return Statement(name.strip(), line)
    raise bad_value(f"{what} is `{name}`; the metric's name is one word, as in `val_bpb`", line)

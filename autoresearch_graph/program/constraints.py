"""Constraints that are checked: a name in a code span, a relation and a number.

A sentence counts that begins with the name ("`mb` must not exceed 3", "keep `mb` below 3") and
that goes on after the number as if nothing more were said; all else is prose for the model. A unit
counts only where it cannot be misread: it is the one that the name ends with (`peak_vram_mb` <=
48000 MB), or a duration for a name that ends with seconds (`total_seconds` <= 10 minutes).
"""

import re
from collections.abc import Iterator

from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.document import Document, sentences
from autoresearch_graph.program.goals import NAME
from autoresearch_graph.program.markdown import Block
from autoresearch_graph.program.model import Constraint, Relation
from autoresearch_graph.program.paths import Place
from autoresearch_graph.program.quantities import NUMBER, duration, number, unread
from autoresearch_graph.program.statements import Statement, agree

_RELATIONS: tuple[tuple[Relation, str], ...] = (
    ("<=", r"<=|≤|at most|no more than|(?:less|smaller|lower) than or equal to"),
    (">=", r">=|≥|at least|no (?:less|fewer) than|(?:greater|more|higher|larger) than or equal to"),
    ("<", r"<|below|under|(?:less|fewer|smaller|lower) than"),
    (">", r">|above|over|(?:more|greater|higher|larger) than|exceeds?"),
)
_DENIED: dict[Relation, Relation] = {"<=": ">", ">=": "<", "<": ">=", ">": "<="}
_FILLER = (
    r"(?:[\s(:|`]|\b(?:must|should|shall|has to|have to|stays?|remains?|be|is|are|kept)\b){0,12}"
)
_NEVER = rf"(?:(?:may|can)?\s*\b(?P<never>not|never)\b|cannot\b(?P<cannot>)){_FILLER}"
_RELATION = "|".join(f"(?P<r{i}>{words})" for i, (_, words) in enumerate(_RELATIONS))
_ENDS = (
    r"(?=[`\s]*(?:$|[,.;:)|](?!\d)|-\s|—|\n\s*`"
    r"|(?:always|at all times|and|at|in|on|for|during|throughout)\b))"
)
_WORD = r"(?!(?:always|and|at|in|on|for|during|throughout)\b)[^\W\d_]+|%"
_CONSTRAINT = re.compile(
    rf"[\s(]*(?:[^\W\d][\w ]{{0,30}}:\s*(?=`))?"
    rf"(?:(?:keep|hold|ensure|always|that|the)\s+)*(?P<span>`?)(?P<name>{NAME})"
    rf"{_FILLER}(?:{_NEVER})?(?:{_RELATION})[\s|`]*(?P<bound>-?{NUMBER})"
    rf"(?P<more>(?:[.,:/-]\d[\d.,:]*)?)"
    rf"(?:`?\s?(?P<unit>{_WORD})|\s*\|\s*(?P<cell>{_WORD})(?=\s*(?:\||$)))?{_ENDS}",
    re.IGNORECASE,
)
_FORMULA = re.compile(r"[\s(]*\w+_\w+\s*[<>≤≥]")
_NEXT = re.compile(r"[`\s,;)]*(?:and\s+)?")
_SOFT = re.compile(
    r"\b(?:unless|except|ideally|prefer\w*|soft|if|when|optional\w*|was|were)\b", re.IGNORECASE
)
_SHOWN = 20


def read_constraints(
    document: Document, place: Place
) -> tuple[tuple[Statement[Constraint], ...], tuple[str, ...]]:
    """All constraints, and a line for each thing under their heading that is left to the model.

    ProgramError where two give different bounds for the same thing.
    """
    unchecked: list[str] = []
    found = tuple(_stated(document, place, unchecked))
    bounds: dict[tuple[str, str], list[Statement[Constraint]]] = {}
    for statement in found:
        key = (statement.value.name, statement.value.relation[0])
        bounds.setdefault(key, []).append(statement)
    kept = (agree(f"bound for {name}", same) for (name, _), same in bounds.items())
    more = [f"and {len(unchecked) - _SHOWN} more"] if len(unchecked) > _SHOWN else []
    return tuple(statement for statement in kept if statement), (*unchecked[:_SHOWN], *more)


def _stated(
    document: Document, place: Place, unchecked: list[str]
) -> Iterator[Statement[Constraint]]:
    if entry := document.front.get("constraints"):
        for item in entry.items():
            constraints, rest = _in_text(item.text(), item.line, place, spanned=False)
            if not constraints or unread(rest):
                raise ProgramError(
                    f"`{item.text()}` is no constraint; write it as in `peak_vram_mb <= 48000`",
                    line=item.line,
                )
            yield from (Statement(constraint, item.line) for constraint in constraints)
        return
    for section in document.proper("constraints"):
        for block in section.blocks:
            yield from _in_block(block, place, unchecked)


def _in_block(block: Block, place: Place, unchecked: list[str]) -> Iterator[Statement[Constraint]]:
    """A code block holds none; a heading may hold one after a colon."""
    prose: list[str] = []
    for sentence, line in sentences(block):
        text = sentence.partition(":")[2].lstrip() if block.kind == "heading" else sentence
        found, rest = ([], text) if block.kind == "code" else _in_text(text, line, place)
        yield from (Statement(constraint, line) for constraint in found)
        if not found or unread(rest):
            prose.append(rest)
    if said := " ".join(" ".join(prose).split()):
        unchecked.append(said if len(said) <= 100 else f"{said[:97]}...")


def _in_text(
    text: str, line: int, place: Place, *, spanned: bool = True
) -> tuple[list[Constraint], str]:
    """The constraints that a text begins with, and the rest.

    `spanned` where a name must stand in a code span; a formula such as `peak_mb <= 3` need not.
    """
    found: list[Constraint] = []
    at = 0
    while match := _CONSTRAINT.match(text, at):
        inside = match["span"] or (found and text.count("`", 0, match.start("name")) % 2)
        inside = inside or _FORMULA.match(match[0])
        constraint = _constraint(match, line, place) if inside or not spanned else None
        if constraint is None or _SOFT.search(text, match.end()):
            break
        found.append(constraint)
        following = _NEXT.match(text, match.end())
        at = following.end() if following else match.end()
    return found, text[at:]


def _constraint(match: re.Match[str], line: int, place: Place) -> Constraint | None:
    name = match["name"]
    if re.search(r"[./]", name) and place.looks_like_path(name):
        return None
    if match["more"]:
        raise ProgramError(
            f"`{match['bound']}{match['more']}` is no number; write it as in `0.9` or `48000`",
            line=line,
        )
    bound = _bound(match["bound"], match["unit"] or match["cell"] or "", name)
    relation = next(r for i, (r, _) in enumerate(_RELATIONS) if match[f"r{i}"])
    denied = match["never"] is not None or match["cannot"] is not None
    said = _DENIED[relation] if denied else relation
    return None if bound is None else Constraint(name=name, relation=said, bound=bound)


def _bound(said: str, unit: str, name: str) -> float | None:
    value = number(said)
    suffix = name.lower().rsplit("_", 1)[-1]
    if not unit or unit.lower() == suffix:
        return value
    timed = duration(f"{said} {unit}")
    return timed.seconds if timed and suffix in ("s", "sec", "secs", "seconds") else None

"""What sentences say about a metric: "get the lowest `val_bpb`", "`score` (higher is better)"."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from autoresearch_graph.core.values import Direction
from autoresearch_graph.program.document import sentences
from autoresearch_graph.program.markdown import Block
from autoresearch_graph.program.statements import Statement

NAME = r"[A-Za-z_](?:[\w.@/-]*[\w@])?"

_BETTER = r"(?:\s+(?:is|=|are|means)|,?\s+the)\s+better"
_LOWER = rf"(?:lower|smaller|less|fewer|shorter){_BETTER}|minimi[sz]\w*|lowest|smallest|fewest|↓"
_HIGHER = (
    rf"(?:higher|larger|bigger|greater|more){_BETTER}|maximi[sz]\w*|highest|largest|greatest|↑"
)
_DENIED = r"(?:\b(?:not|never|nor)|n't)\s+(?:the\s+)?$"
_LABEL = r"direction\W{1,4}"
_DIRECTION = re.compile(
    rf"(?<!\w)(?:(?P<lower>{_LOWER}|{_LABEL}(?:low|min|down|small)\w*)"
    rf"|(?P<higher>{_HIGHER}|{_LABEL}(?:high|max|up|larg)\w*))(?!\w)",
    re.IGNORECASE,
)
_NAMED = rf"(?P<name>`{NAME}`|{NAME})"
_STATEMENTS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:get|reach|achieve|obtain|find|is|are|for|:)\s+(?:the\s+)?(?P<said>lowest|smallest|"
        rf"fewest|highest|largest|greatest)\s+(?:possible\s+)?{_NAMED}",
        rf"\b(?P<said>minimi[sz]|maximi[sz])(?:e|es|ing)\s+(?:the\s+)?{_NAMED}",
        rf"{_NAMED}\s*(?:\(|,|—|:|\|)\s*[^`.()]{{0,40}}?(?P<said>(?:lower|smaller|less|fewer|"
        rf"shorter|higher|larger|bigger|greater|more){_BETTER})",
    )
)
_LABELLED = re.compile(
    rf"\b(?:primary(?:\s+(?:metric|score|objective))?|metric|score)\W{{0,2}}:\W{{0,3}}"
    rf"{_NAMED}(?=\s*(?:[(,—|.;]|$))",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Goal:
    """A name with the direction that is said of it."""

    name: str
    direction: Direction
    line: int

    def is_about(self, metric: str) -> bool:
        """Whether the name means a metric, whose words may be spelt with spaces or hyphens."""
        return _spelling(self.name) == _spelling(metric)

    @property
    def names_a_metric(self) -> bool:
        """Whether the name is more than a word of the sentence."""
        return self.name.startswith("`") or "_" in self.name

    def statement(self) -> Statement[str]:
        """The name as a statement."""
        return Statement(self.name.strip("`"), self.line)


def directions(block: Block) -> Iterator[Statement[Direction]]:
    """All directions that a block gives in words."""
    for match in _said(block.text):
        yield Statement(_which(match), block.line_at(match.start()), match[0])


def sentence_directions(block: Block) -> Iterator[tuple[Statement[Direction], str]]:
    """The same, each with the sentence that it stands in."""
    for sentence, line in sentences(block):
        for match in _said(sentence):
            where = line + sentence.count("\n", 0, match.start())
            yield Statement(_which(match), where, match[0]), sentence


def direction(words: str) -> Direction | None:
    """What a single word or phrase such as `lower`, `max` or `higher is better` means."""
    match = next(_said(f"direction: {words}"), None) or next(_said(words), None)
    return _which(match) if match else None


def goals(blocks: Iterable[Block]) -> Iterator[Goal]:
    """All names of which a sentence gives the direction."""
    for block in blocks:
        if block.kind != "code":
            for sentence, line in sentences(block):
                yield from _goals(sentence, line)


def labelled(blocks: Iterable[Block]) -> Iterator[Statement[str]]:
    """All names after a label such as `Primary metric:`."""
    for block in blocks:
        for match in _LABELLED.finditer(block.text) if block.kind != "code" else ():
            yield Statement(match["name"].strip("`"), block.line_at(match.start("name")))


def _goals(sentence: str, line: int) -> Iterator[Goal]:
    for pattern in _STATEMENTS:
        for match in pattern.finditer(sentence):
            if re.search(_DENIED, sentence[: match.start("said")], re.IGNORECASE):
                continue
            if said := direction(match["said"] + "e" * match["said"].endswith(("s", "z"))):
                yield Goal(match["name"], said, line + sentence.count("\n", 0, match.start()))


def _said(text: str) -> Iterator[re.Match[str]]:
    """All directions of a text; `not lower is better` gives none."""
    for match in _DIRECTION.finditer(text):
        if not re.search(_DENIED, text[: match.start()], re.IGNORECASE):
            yield match


def _which(match: re.Match[str]) -> Direction:
    return "lower" if match["lower"] else "higher"


def _spelling(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name.lower()).strip()

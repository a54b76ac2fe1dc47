"""Facts in prose about metric and command, as in the program.md files that exist.

They count only if no heading and no front matter speaks. The words are those of
karpathy/autoresearch and its ports: "the goal is simple: get the lowest val_bpb", a search for the
metric in a log, "launch it simply as".
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from autoresearch_graph.core.values import Direction
from autoresearch_graph.program.document import sentences
from autoresearch_graph.program.markdown import Block
from autoresearch_graph.program.quantities import Statement
from autoresearch_graph.program.shell import has_log, without_log

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
    """A name with its direction."""

    name: str
    direction: Direction
    line: int

    def is_about(self, metric: str) -> bool:
        """Return True if the name is the metric's, also with spaces or hyphens."""
        return _spelling(self.name) == _spelling(metric)

    @property
    def names_a_metric(self) -> bool:
        """True if the name is more than a word of the sentence."""
        return self.name.startswith("`") or "_" in self.name

    def statement(self) -> Statement[str]:
        """Return the name as a statement."""
        return Statement(self.name.strip("`"), self.line)


def directions(block: Block) -> Iterator[Statement[Direction]]:
    """Yield all directions that a block gives in words."""
    for match in _said(block.text):
        yield Statement(_which(match), block.line_at(match.start()), match[0])


def sentence_directions(block: Block) -> Iterator[tuple[Statement[Direction], str]]:
    """Yield all directions of a block, each with its sentence."""
    for sentence, line_number in sentences(block):
        for match in _said(sentence):
            where = line_number + sentence.count("\n", 0, match.start())
            yield Statement(_which(match), where, match[0]), sentence


def direction(words: str) -> Direction | None:
    """Return the meaning of a word or phrase: `lower`, `max`, `higher is better`."""
    match = next(_said(f"direction: {words}"), None) or next(_said(words), None)
    return _which(match) if match else None


def goals(blocks: Iterable[Block]) -> Iterator[Goal]:
    """Yield all names with a direction in the same sentence."""
    for block in blocks:
        if block.kind != "code":
            for sentence, line_number in sentences(block):
                yield from _goals(sentence, line_number)


def labelled(blocks: Iterable[Block]) -> Iterator[Statement[str]]:
    """Yield all names after a label such as `Primary metric:`."""
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
    """Yield all directions of a text; `not lower is better` gives none."""
    for match in _DIRECTION.finditer(text):
        if not re.search(_DENIED, text[: match.start()], re.IGNORECASE):
            yield match


def _which(match: re.Match[str]) -> Direction:
    return "lower" if match["lower"] else "higher"


def _spelling(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name.lower()).strip()


_GREP = re.compile(rf"\bgrep\s+(?:-\w+\s+)*[\"']?\^(?:METRIC\s+)?({NAME})\s*[:=]")
_LAUNCH = re.compile(
    r"\blaunch\w*\b[^`]*`(?P<launched>[^`]+)`"
    r"|\brun\s+(?:the\s+|each\s+|one\s+|an\s+)?(?:experiment|eval\w*|training|benchmark|backtest)"
    r"\b[^`]*`(?P<run>[^`]+)`"
    r"|\b(?:experiment|run|benchmark)\s+command\s*:\s*`(?P<command>[^`]+)`",
    re.IGNORECASE,
)
_READERS = ("grep", "tail", "cat", "head", "git")
_AIM = re.compile(r"\b(?:goal|objective)\b", re.IGNORECASE)


def scattered_names(blocks: Iterable[Block]) -> Iterator[Statement[str]]:
    """Yield the metric's name: the one searched for in a log, else that of a goal."""
    blocks = tuple(blocks)
    yield from (
        tuple(_looked_for(blocks))
        or tuple(labelled(blocks))
        or tuple(goal.statement() for goal in goals(blocks) if goal.names_a_metric)
    )


def scattered_directions(blocks: Iterable[Block], metric: str) -> Iterator[Statement[Direction]]:
    """Yield the direction of the metric, else of the goal, else any."""
    blocks = tuple(blocks)
    about = [Statement(g.direction, g.line) for g in goals(blocks) if g.is_about(metric)]
    if about or all(name.value != metric for name in scattered_names(blocks)):
        yield from about
        return
    said = [d for block in blocks if block.kind != "code" for d in sentence_directions(block)]
    aims = [direction for direction, sentence in said if _AIM.search(sentence)]
    yield from aims or [direction for direction, _ in said]


def scattered_commands(blocks: Iterable[Block]) -> Iterator[Statement[str]]:
    """Yield the experiment command: the one launched, or sent to a log."""
    for block in blocks:
        if block.kind == "code":
            continue
        for sentence, line_number in sentences(block):
            if launch := _LAUNCH.search(sentence):
                said = launch["launched"] or launch["run"] or launch["command"]
                yield from _command(said, line_number)
        for code_span in block.spans:
            if has_log(code_span.text) and code_span.text.split()[0] not in _READERS:
                yield from _command(code_span.text, code_span.line)


def _looked_for(blocks: Iterable[Block]) -> Iterator[Statement[str]]:
    for block in blocks:
        for match in _GREP.finditer(block.text):
            yield Statement(match[1], block.line_at(match.start()))


def _command(said: str, line: int) -> Iterator[Statement[str]]:
    """Yield a command; one with a placeholder cannot be run."""
    command = without_log(said).strip()
    if command and not re.search(r"<\w|\{\w", command):
        yield Statement(command, line)

"""Which headings the program reads: their synonyms, and the sections they open."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from autoresearch_graph.program import languages
from autoresearch_graph.program.markdown import Block

PROPER = {
    "asset": (
        "asset", "editable asset", "editable file", "editable files", "file to edit",
        "target file",
    ),
    "protected": (
        "protected", "protected files", "protected paths", "off limits", "do not modify",
        "do not edit", "read only", "read only files", "what you cannot modify", "out of scope",
    ),
    "metric": ("metric", "metrics", "metric definition"),
    "experiment": (
        "experiment", "experiment command", "run", "run command", "how to run",
        "how to run it", "how to run the experiment", "how to run an experiment",
        "how to run one experiment", "fitness function",
    ),
    "evaluation": ("evaluation", "evaluation command", "evaluate", "scorer"),
    "holdout": ("holdout", "hold out", "holdout command"),
    "hidden": ("hidden", "hidden files", "hidden paths", "hidden data", "hidden from the run"),
    "check": ("check", "checks", "check command", "preflight", "guard"),
    "time_box": (
        "time box", "timebox", "time budget", "time limit", "timeout", "budget", "how long",
        "how long a run takes", "how long a run may take",
    ),
    "constraints": ("constraints", "constraint", "rules"),
    "noise": ("noise", "minimum improvement", "keep rule"),
    "stopping": (
        "stopping criteria", "stopping criterion", "stop", "stopping", "stop conditions",
        "stop condition", "stopping conditions", "stop criteria", "when to stop",
    ),
    "early_end": ("early end", "hopeless runs", "ending runs early"),
    "environment": ("environment", "environment variables"),
}  # fmt: skip
LOOSE = {
    "asset": (
        "target", "scope", "files in scope", "in scope files",
        "what you can modify", "what you may modify", "what you can edit", "files you may edit",
        "files you can edit", "what to change", "what to edit",
    ),
    "metric": (
        "goal", "goals", "objective", "objectives", "how we measure", "what to measure", "目标",
        "objetivo", "ziel", "目標", "objectif",
    ),
    "stopping": ("termination",),
}  # fmt: skip

_LEAD = re.compile(r"^(?:(?:the|a|an|your|our|my|main|one|only|single|hard|absolute|primary)\s+)+")
_FOLLOWS = re.compile(
    r"\s*(?:$|[^\w\s#]|(?:of|for|is|are|to|in|per|and|or|that|which|with|on|when|after|if"
    r"|de|del|para|por|und|für|von|pro|je|du|des|pour|par|の|的)(?!\w))"
)


@dataclass(frozen=True)
class Section:
    """A heading that was recognised, with what stands under it and under its sub-headings.

    The heading is the first block. A `loose` heading (Goal, Scope, ...) is also used for prose:
    it counts where no proper one speaks, and need not say anything. A `label` is a heading within
    a line, which counts where no heading speaks.
    """

    field: str
    loose: bool
    blocks: tuple[Block, ...]
    label: bool = False

    @property
    def title(self) -> str:
        """The heading's text, as it was written."""
        return self.blocks[0].said or self.blocks[0].text

    @property
    def line(self) -> int:
        """The heading's line."""
        return self.blocks[0].line

    @property
    def body(self) -> tuple[Block, ...]:
        """The blocks below the heading."""
        return self.blocks[1:]


def sections(blocks: Iterable[Block]) -> tuple[Section, ...]:
    """The recognised sections; a sub-heading that is recognised itself opens its own.

    The title of the document opens none, so that `# Experiment: a small model` may be one.
    """
    blocks = tuple(blocks)
    title = _title(blocks)
    found: list[tuple[str, bool, list[Block]]] = []
    open_: list[tuple[int, list[Block]]] = []
    for block in blocks:
        if block.kind == "heading":
            open_ = [(level, below) for level, below in open_ if level < block.level]
            if block is not title and (known := _recognised(block)):
                found.append((*known, []))
                open_.append((block.level, found[-1][2]))
        if open_:
            open_[-1][1].append(block)
    return tuple(Section(field, loose, tuple(below)) for field, loose, below in found)


def _title(blocks: tuple[Block, ...]) -> Block | None:
    """The first heading, where all others are below it."""
    titles = [block for block in blocks if block.kind == "heading"]
    below = [other.level > titles[0].level for other in titles[1:]]
    return titles[0] if below and all(below) else None


def _recognised(block: Block) -> tuple[str, bool] | None:
    return (recognise(block.said) if block.said else None) or recognise(block.text)


def recognise(title: str) -> tuple[str, bool] | None:
    """The field that a heading is about, and whether it is loose; the longest synonym wins.

    A heading matches where it begins with a synonym, after numbers, emoji and articles, and goes
    on with punctuation or a word such as `of`: `The experiment loop` is not Experiment.
    """
    hyphenless = re.sub(r"(?<=\w)-(?=\w)", " ", title.lower())
    words = re.sub(r"^[\W\d_]+", "", hyphenless)
    starts = (words, _LEAD.sub("", words, count=1))
    matches = [
        (len(synonym), field, names is LOOSE)
        for names in (PROPER, LOOSE, languages.headings())
        for field, synonyms in names.items()
        for synonym in synonyms
        if any(_begins(start, synonym) for start in starts)
    ]
    return max(matches)[1:] if matches else None


def named(label: str) -> str | None:
    """The field whose name, or a synonym of it, a label is as a whole."""
    words = _LEAD.sub("", re.sub(r"(?<=\w)-(?=\w)", " ", label.strip().lower()), count=1)
    known = (names for names in (PROPER, languages.headings()))
    return next((f for names in known for f, synonyms in names.items() if words in synonyms), None)


def _begins(words: str, synonym: str) -> bool:
    return words.startswith(synonym) and bool(_FOLLOWS.match(words, len(synonym)))

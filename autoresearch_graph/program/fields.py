"""The fields of program.md in one table, and the documented form of each.

A value is *stated* if front matter or a flag gives it, or if it stands under the heading of its
field in the form that docs/program-md.md describes. Any other value is *inferred*.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from autoresearch_graph.asset.files import Asset
from autoresearch_graph.core.program import Constraint, Flags, Stopping
from autoresearch_graph.core.values import Metric
from autoresearch_graph.program.paths import Place, normal
from autoresearch_graph.program.readers.asset import asset_lines, read_asset, read_protected
from autoresearch_graph.program.readers.commands import (
    read_artifacts,
    read_experiment,
    read_hidden,
    read_optional,
)
from autoresearch_graph.program.readers.environment import read_environment
from autoresearch_graph.program.readers.limits import read_kill_after, read_seconds
from autoresearch_graph.program.readers.metrics import NAME, read_direction, read_name
from autoresearch_graph.program.readers.rules import read_constraints, read_early_end, read_noise
from autoresearch_graph.program.readers.stopping import read_stopping
from autoresearch_graph.program.text.document import Document, Section
from autoresearch_graph.program.text.quantities import Statement, durations


@dataclass(frozen=True)
class Part:
    """A value that was read, and its canonical texts, each with its line (None for a flag)."""

    value: Any
    texts: tuple[tuple[str, int | None], ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def line(self) -> int | None:
        """The first line of the value."""
        return next((line for _, line in self.texts if line), None)


@dataclass(frozen=True)
class Source:
    """The text, the project and the flags from which fields are read, and the parts so far."""

    document: Document
    place: Place
    flags: Flags
    parts: Mapping[str, Part]

    def value(self, name: str) -> Any:
        """Return the value of an earlier field, None without one."""
        part = self.parts.get(name)
        return part.value if part else None

    def statement(self, name: str) -> Statement[Any] | None:
        """Return an earlier field with its line."""
        part = self.parts.get(name)
        return Statement(part.value, part.line) if part else None

    @property
    def metric(self) -> Metric:
        """The metric of the name and the direction that were read."""
        return Metric(name=self.value("metric"), direction=self.value("direction"))


@dataclass(frozen=True)
class Field:
    """A field of program.md.

    `flags` may supply it, and `needs` are read before it. `advice` (the noun, the heading, an
    example, the flags as typed) tells how to add a required one. `is_documented` compares a part
    with the section in which it stands.
    """

    name: str
    read: Callable[[Source], Part | None]
    flags: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    advice: tuple[str, str, str, str] | None = None
    is_documented: Callable[[Section, Part, Place], bool] = lambda section, part, place: True

    @property
    def option(self) -> str:
        """The options of the command line that supply the field."""
        return self.advice[3] if self.advice else f"--{self.flags[0].replace('_', '-')}"


def amount(seconds: float) -> str:
    """Return seconds as a text that is read as the same duration."""
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit if seconds > size else unit[:-1]}"
    return f"{seconds:g} seconds"


def criteria(stopping: Stopping) -> dict[str, str]:
    """Return the canonical text of each criterion."""
    forms = {
        "experiments": "{:d} experiments",
        "without_improvement": "{:d} experiments without improvement",
        "target": "target {:g}",
        "tokens": "{:d} tokens",
        "dollars": "${:g}",
    }
    limits = stopping.model_dump(exclude_none=True)
    return {
        name: amount(limit) if name == "seconds" else forms[name].format(limit)
        for name, limit in limits.items()
    }


def _one(statement: Statement[Any] | None, text: Callable[[Any], str] = str) -> Part | None:
    if statement is None:
        return None
    return Part(statement.value, ((text(statement.value), statement.line),))


def _many(statements: Iterable[Statement[str]]) -> Part | None:
    found = tuple(statements)
    if not found:
        return None
    return Part(tuple(each.value for each in found), tuple((e.value, e.line) for e in found))


def _asset(source: Source) -> Part | None:
    named = read_asset(source.document, source.place, source.flags.asset)
    if named is None:
        return None
    lines = asset_lines(source.document, source.place) if named.line else {}
    names = Asset.parse(named.value).names
    return Part(named.value, tuple((name, lines.get(name, named.line)) for name in names))


def _protected(source: Source) -> Part | None:
    marking = (source.statement(name) for name in ("evaluation", "holdout"))
    asset = source.statement("asset")
    assert asset is not None
    commands = [command for command in marking if command]
    return _many(read_protected(source.document, source.place, asset, commands))


def _artifacts(source: Source) -> Part | None:
    protected = [Statement(path, None) for path in source.value("protected") or ()]
    return _many(read_artifacts(source.document, source.place, protected, source.value("metric")))


def _hidden(source: Source) -> Part | None:
    asset = source.statement("asset")
    assert asset is not None
    return _many(read_hidden(source.document, asset))


def _stopping(source: Source) -> Part | None:
    found = read_stopping(source.document, source.metric, source.flags)
    if found is None:
        return None
    stopping, lines = found
    texts = tuple((text, lines.get(f"stopping.{key}")) for key, text in criteria(stopping).items())
    return Part(stopping, texts or (("never stop", lines.get("stopping")),), lines)


def _constraints(source: Source) -> Part | None:
    found, unchecked = read_constraints(source.document, source.place)
    if not (found or unchecked):
        return None
    values: tuple[Constraint, ...] = tuple(each.value for each in found)
    return Part((values, unchecked), tuple((str(each.value), each.line) for each in found))


def _experiment(source: Source) -> Part | None:
    """Return the experiment; a text with an evaluation alone means that by it."""
    found = read_experiment(source.document, source.flags.command)
    return _one(found or read_optional(source.document, "evaluation"))


def _evaluation(source: Source) -> Part | None:
    found = _command("evaluation")(source)
    experiment = source.parts.get("experiment")
    return None if found and experiment and found.texts == experiment.texts else found


def _command(name: str) -> Callable[[Source], Part | None]:
    return lambda source: _one(read_optional(source.document, name, getattr(source.flags, name)))


def _with_line(found: tuple[Any, int | None]) -> Part | None:
    value, line = found
    return Part(value, (("", line),)) if line else None


_NAME = re.compile(NAME)


def _lists_only(section: Section, part: Part, place: Place) -> bool:
    """Return True if a section names the files of the asset, first in each line, and no other."""
    names = {name.removesuffix("/**") for name, _ in part.texts}
    for block in section.blocks:
        paths = [span.text for span in block.spans if place.looks_like_path(span.text)]
        if any(normal(path).removesuffix("/**") not in names for path in paths):
            return False
        is_listed = block.kind == "heading" or re.match(r"\W*`", block.text)
        is_label = block.kind == "heading" or block.text.rstrip("*_ ").endswith(":")
        if block is not section.blocks[0] and is_label:
            return False
        if paths and not is_listed:
            return False
    return True


def _names_only(section: Section, part: Part, place: Place) -> bool:
    """Return True if the metric's name is the only name in the code spans of a section."""
    spans = [span.text for block in section.blocks for span in block.spans]
    names = {text for text in spans if _NAME.fullmatch(text) and not place.looks_like_path(text)}
    return len(names) == 1


def _is_command(section: Section, part: Part, place: Place) -> bool:
    """Return True if a section has one code block, or no code block and one code span."""
    code = [block for block in section.body if block.kind == "code"]
    spans = [span for block in section.blocks for span in block.spans]
    return len(code) == 1 or (not code and len(spans) == 1)


def _begins_with_duration(section: Section, part: Part, place: Place) -> bool:
    """Return True if a section, or its heading, begins with a duration and has two at most."""
    blocks = [block for block in section.blocks if block.kind != "code"]
    found = [durations(block.text) for block in blocks]
    begins = any(each and each[0].start <= _NEAR for each in found[:2])
    is_bounded = not any(re.search(r"\b(?:at least|minimum)\b", block.text) for block in blocks)
    return begins and is_bounded and sum(map(len, found)) <= 2


_NEAR = 12  # characters, as in `Time box: 5 minutes`
_COMMAND = "the command in a code block"
FIELDS = (
    Field(
        "asset", _asset, ("asset",),
        advice=("asset", "## Asset", "the path in backticks, as in `train.py`", "--asset"),
        is_documented=_lists_only,
    ),
    Field(
        "metric", lambda s: _one(read_name(s.document, s.flags.metric)), ("metric",),
        advice=(
            "metric", "## Metric", 'a line such as "`val_bpb`, lower is better"',
            "--metric and --direction",
        ),
        is_documented=_names_only,
    ),
    Field(
        "direction",
        lambda s: _one(read_direction(s.document, s.value("metric"), s.flags.direction)),
        ("direction",), needs=("metric",),
        advice=("direction", "## Metric", "`lower is better`", "--direction"),
        is_documented=_names_only,
    ),
    Field(
        "experiment", _experiment, ("command",),
        advice=("experiment command", "## Experiment", _COMMAND, "--command"),
        is_documented=_is_command,
    ),
    Field(
        "time_box", lambda s: _one(read_seconds(s.document, s.flags.time_box), amount),
        ("time_box",),
        advice=("time box", "## Time box", 'a line such as "5 minutes"', "--time-box"),
        is_documented=_begins_with_duration,
    ),
    Field(
        "stopping", _stopping, ("experiments", "hours", "stop"), needs=("metric", "direction"),
        advice=(
            "stopping criterion", "## Stopping criteria", 'a line such as "- 100 experiments"',
            "--experiments or --hours",
        ),
    ),
    Field(
        "kill_after", lambda s: _one(read_kill_after(s.document, s.flags.kill_after), amount),
        ("kill_after",), is_documented=_begins_with_duration,
    ),
    Field("evaluation", _evaluation, ("evaluation",), is_documented=_is_command),
    Field("holdout", _command("holdout"), ("holdout",), is_documented=_is_command),
    Field("check", _command("check"), ("check",), is_documented=_is_command),
    Field("protected", _protected, needs=("asset",)),
    Field("artifacts", _artifacts, needs=("metric", "asset")),
    Field("hidden", _hidden, needs=("asset",)),
    Field("constraints", _constraints),
    Field("noise", lambda s: _with_line(read_noise(s.document))),
    Field("early_end", lambda s: _one(read_early_end(s.document))),
    Field("environment", lambda s: _with_line(read_environment(s.document, s.place))),
)  # fmt: skip

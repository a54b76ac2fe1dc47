"""The reader of program.md: every part is stated, or supplied by a flag, or an error."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoresearch_graph.core.program import FROZEN, Flags, Program, Stopping, changed
from autoresearch_graph.core.values import Direction, Metric
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.asset import read_asset, read_protected, without_protected
from autoresearch_graph.program.commands import (
    read_artifacts,
    read_experiment,
    read_hidden,
    read_optional,
)
from autoresearch_graph.program.document import Document, parse
from autoresearch_graph.program.environment import read_environment
from autoresearch_graph.program.limits import read_kill_after, read_seconds, time_box
from autoresearch_graph.program.metrics import read_direction, read_name
from autoresearch_graph.program.paths import Place
from autoresearch_graph.program.quantities import Statement
from autoresearch_graph.program.reading import Passage, Reading
from autoresearch_graph.program.rules import read_constraints, read_early_end, read_noise
from autoresearch_graph.program.stopping import read_stopping, unread_criteria

_TO_ADD = {
    "asset": ("asset", "## Asset", "the path in backticks, as in `train.py`", "--asset"),
    "metric": (
        "metric", "## Metric", 'a line such as "`val_bpb`, lower is better"',
        "--metric and --direction",
    ),
    "experiment": (
        "experiment command", "## Experiment", "the command in a code block", "--command",
    ),
    "time_box": ("time box", "## Time box", 'a line such as "5 minutes"', "--time-box"),
    "stopping": (
        "stopping criterion", "## Stopping criteria", 'a line such as "- 100 experiments"',
        "--experiments or --hours",
    ),
}  # fmt: skip
_WAITS = "for the metric"


@dataclass(frozen=True)
class Required:
    """The required parts, each with its line."""

    asset: Statement[str]
    name: Statement[str]
    direction: Statement[Direction]
    experiment: Statement[str]
    seconds: Statement[float]
    stopping: Stopping
    stopping_lines: dict[str, int]

    @property
    def metric(self) -> Metric:
        """The metric of name and direction."""
        return Metric(name=self.name.value, direction=self.direction.value)

    @property
    def lines(self) -> dict[str, int | None]:
        """The line of each part; None where a flag supplied it."""
        return {
            "asset": self.asset.line,
            "metric": self.name.line,
            "direction": self.direction.line,
            "experiment": self.experiment.line,
            "time_box": self.seconds.line,
            **self.stopping_lines,
        }


@dataclass(frozen=True)
class Found:
    """The required parts that a program.md states; None for each missing one."""

    asset: Statement[str] | None
    name: Statement[str] | None
    direction: Statement[Direction] | None
    experiment: Statement[str] | None
    seconds: Statement[float] | None
    stopping: tuple[Stopping, dict[str, int]] | None

    @property
    def parts(self) -> Mapping[str, object]:
        """Every part by its name; direction and stopping wait until they can be read."""
        return {
            "asset": self.asset,
            "metric": self.name,
            "direction": self.direction or (None if self.name else _WAITS),
            "experiment": self.experiment,
            "time_box": self.seconds,
            "stopping": self.stopping or (None if self.name and self.direction else _WAITS),
        }

    @property
    def missing(self) -> tuple[str, ...]:
        """The parts that are left out."""
        return tuple(name for name, part in self.parts.items() if part is None)


def find_required(document: Document, place: Place, flags: Flags) -> Found:
    """Find the required parts; raise ProgramError for a wrong one."""
    asset = read_asset(document, place, flags.asset)
    name = read_name(document, flags.metric)
    direction = read_direction(document, name.value if name else None, flags.direction)
    metric = Metric(name=name.value, direction=direction.value) if name and direction else None
    return Found(
        asset=asset,
        name=name,
        direction=direction,
        experiment=read_experiment(document, flags.command),
        seconds=read_seconds(document, flags.time_box),
        stopping=read_stopping(document, metric, flags) if metric else None,
    )


def read_required(document: Document, place: Place, flags: Flags) -> Required:
    """Return all required parts; raise ProgramError with advice for each missing one."""
    found = find_required(document, place, flags)
    asset, name, direction = found.asset, found.name, found.direction
    experiment, seconds, stopping = found.experiment, found.seconds, found.stopping
    if not (asset and name and direction and experiment and seconds and stopping):
        raise _missing(document, found)
    return Required(asset, name, direction, experiment, seconds, *stopping)


def _missing(document: Document, found: Found) -> ProgramError:
    fields, metric = found.missing, found.name
    sentences = [_to_add(document, field, metric) for field in fields]
    lines = [section.line for field in fields for section in document.about(field)]
    if "direction" in fields and metric and metric.line:
        lines.append(metric.line)
    known = [(name, part) for name, part in found.parts.items() if isinstance(part, Statement)]
    return ProgramError(
        "; ".join(sentences),
        line=min(lines, default=None),
        understood=tuple(
            (name.replace("_", " "), str(part), part.line or 0) for name, part in known
        ),
        code="missing-part",
    )


def _to_add(document: Document, field: str, metric: Statement[str] | None) -> str:
    if field == "direction":
        return (
            f"the metric `{metric}` has no direction; write `lower is better` or "
            "`higher is better` beside it, or give --direction"
        )
    what, heading, example, flag = _TO_ADD[field]
    if field == "metric" and (blank := _with_blanks(document)):
        return (
            f"the metric `{blank}` has a blank, and a name is one word; print and write "
            f"`{re.sub(r'[^0-9A-Za-z_]+', '_', blank).lower()}`"
        )
    if sections := document.about(field):
        return f"`{sections[0].title}` gives no {what}; write there {example}, or give {flag}"
    return f"there is no {what}; add a heading `{heading}` and below it {example}, or give {flag}"


def _with_blanks(document: Document) -> str:
    """Return the first code span under Metric that would be a name without its blanks."""
    blocks = (block for section in document.about("metric") for block in section.body)
    spans = (span.text for block in blocks if block.kind != "code" for span in block.spans)
    names = (text for text in spans if re.fullmatch(r"[^\W\d]\w*(?: [\w@/-]+){1,3}", text))
    return next(names, "")


_NO_FLAGS = Flags()


def look_at(
    path: Path,
    *,
    project: Path,
    flags: Flags = _NO_FLAGS,
    text: str | None = None,
    suggested: tuple[Passage, ...] = (),
) -> Reading:
    """Read a program.md, or a `text` in its place, and return all that was understood.

    `suggested` are inferred values, of a model for example, in place of those that rules infer.
    Raise ProgramError only if the file cannot be read.
    """
    try:
        text = _text(path) if text is None else text
    except ProgramError as error:
        raise error.placed(path=path) from None
    try:
        program = _program(parse(text), text, Place(project, path), flags)
    except ProgramError as error:
        return Reading(path, text, (), (error.placed(path=path),))
    lines = text.splitlines()
    values = {
        "asset": program.asset,
        "metric": program.metric.name,
        "direction": program.metric.direction,
        "experiment": program.experiment,
        "time_box": f"{program.time_box.seconds:g} s",
        "stopping": program.stopping.describe(),
    }
    passages = tuple(
        Passage(field, text, line, "inferred", lines[line - 1])
        if line
        else Passage(field, text, None, "flag")
        for field, text in values.items()
        for line in [program.lines.get(field)]
    )
    return Reading(path, text, passages, (), program, flags.accept_reading)


def read(path: Path, *, project: Path, flags: Flags = _NO_FLAGS) -> Program:
    """Read a program.md; raise ProgramError, with the line, if it cannot be run.

    Defaults are those of core/program.py. Prose counts only if no heading speaks, and headings only
    if the front matter does not.
    """
    try:
        text = _text(path)
        return _program(parse(text), text, Place(project, path), flags)
    except ProgramError as error:
        raise error.placed(path=path) from None


def look(path: Path, text: str, *, project: Path, flags: Flags = _NO_FLAGS) -> Found:
    """Find the required parts in a text that is, or would be, at `path`."""
    try:
        return find_required(parse(text), Place(project, path), flags)
    except ProgramError as error:
        raise error.placed(path=path) from None


def _text(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise _unreadable(f"there is no such file in {path.parent}; write one", None) from None
    except IsADirectoryError:
        raise _unreadable("this is a folder; name the file in it", None) from None
    except UnicodeDecodeError as error:
        line_number = error.object[: error.start].count(b"\n") + 1
        raise _unreadable("this is not UTF-8; save the file as UTF-8", line_number) from None
    except OSError as error:
        raise _unreadable(f"this cannot be read: {error.strerror}", None) from None
    if not text.strip():
        raise _unreadable("the file is empty; describe the task in it", None)
    return text


def _program(document: Document, text: str, place: Place, flags: Flags) -> Program:
    needed = read_required(document, place, flags)
    kill_after = read_kill_after(document, flags.kill_after)
    commands = {name: read_optional(document, name) for name in ("evaluation", "holdout", "check")}
    marking = [command for command in (commands["evaluation"], commands["holdout"]) if command]
    protected = read_protected(document, place, needed.asset, marking)
    paths = {
        "protected": protected,
        "artifacts": read_artifacts(document, place, protected, needed.name.value),
        "hidden": read_hidden(document, needed.asset),
    }
    constraints, unchecked = read_constraints(document, place)
    noise, noise_line = read_noise(document)
    early_end = read_early_end(document)
    environment, environment_line = read_environment(document, place)
    lines = needed.lines | {
        "kill_after": _line(kill_after),
        **{name: _line(command) for name, command in commands.items()},
        **{name: _line(*named) for name, named in paths.items()},
        "constraints": _line(*constraints),
        "noise": noise_line,
        "early_end": _line(early_end),
        "environment": environment_line,
    }
    return Program(
        path=place.program,
        text=text,
        asset=without_protected(needed.asset, protected, place).value,
        metric=needed.metric,
        experiment=needed.experiment.value,
        time_box=time_box(needed.seconds, kill_after),
        constraints=tuple(constraint.value for constraint in constraints),
        unchecked=(*unchecked, *unread_criteria(document, needed.metric)),
        noise=noise,
        early_end=early_end is not None and early_end.value,
        stopping=needed.stopping,
        environment=environment,
        lines={field: line for field, line in lines.items() if line},
        **{name: command and command.value for name, command in commands.items()},
        **{name: tuple(path.value for path in named) for name, named in paths.items()},
    )


def _line(*statements: Statement[Any] | None) -> int | None:
    """Return the line of the first statement, if there is one."""
    first = statements[0] if statements else None
    return first.line if first else None


Stamp = tuple[int, int, int]
_GONE = (0, 0, 0)


class LiveProgram:
    """The program of a running research: a person steers by editing it.

    Its frozen parts are those of the research's start.
    """

    def __init__(self, first: Program, now: Program, project: Path, flags: Flags) -> None:
        self._first = first
        self._project = project
        self._flags = flags
        self._path = now.path
        self._seen: Stamp | None = None
        self._told = ""
        self.current = self._with_frozen(now)

    def reread(self) -> str:
        """Read the file again if it was touched; return ineffective changes, once."""
        stamp = self._stamp() or _GONE
        if stamp == self._seen:
            return ""
        self._seen = stamp
        before, self._told = self._told, self._read()
        return self._told if self._told != before else ""

    def _read(self) -> str:
        try:
            now = read(self._path, project=self._project, flags=self._flags)
        except ProgramError as error:
            return f"continuing with the last good {self._path.name}: {error}"
        self.current = self._with_frozen(now)
        names = ", ".join(changed(self._first, now))
        return f"{names} is fixed for this research; the next one will use it" if names else ""

    def _with_frozen(self, program: Program) -> Program:
        frozen = {name: getattr(self._first, name) for name in FROZEN}
        return program.model_copy(update=frozen)

    def _stamp(self) -> Stamp | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return (stat.st_ino, stat.st_size, stat.st_mtime_ns)


def _unreadable(message: str, line: int | None) -> ProgramError:
    return ProgramError(message, line=line, code="no-program")

"""The parts that every program needs, and what to add where one is missing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from autoresearch_graph.core.program import Flags, Stopping
from autoresearch_graph.core.values import Direction, Metric
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.asset import read_asset
from autoresearch_graph.program.commands import read_experiment
from autoresearch_graph.program.document import Document
from autoresearch_graph.program.limits import read_seconds, read_stopping
from autoresearch_graph.program.metrics import read_direction, read_name
from autoresearch_graph.program.paths import Place
from autoresearch_graph.program.statements import Statement

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
    """The required parts, each with where it was said."""

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
    """What a program.md says of the required parts; None for what it leaves out."""

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
    """Look for the required parts; ProgramError for what is said and cannot be."""
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
    """All required parts; ProgramError that says for each missing one what to add."""
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

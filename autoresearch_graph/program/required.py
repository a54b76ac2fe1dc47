"""The parts that every program needs, and what to add where one is missing."""

from collections.abc import Mapping
from dataclasses import dataclass

from autoresearch_graph.errors import ProgramError
from autoresearch_graph.metric import Direction, Metric
from autoresearch_graph.program.asset import read_asset
from autoresearch_graph.program.commands import read_experiment
from autoresearch_graph.program.document import Document
from autoresearch_graph.program.flags import Flags
from autoresearch_graph.program.metrics import read_direction, read_name
from autoresearch_graph.program.model import Stopping
from autoresearch_graph.program.paths import Place
from autoresearch_graph.program.statements import Statement
from autoresearch_graph.program.stopping import read_stopping
from autoresearch_graph.program.time_box import read_seconds

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


def read_required(document: Document, place: Place, flags: Flags) -> Required:
    """All required parts; ProgramError that says for each missing one what to add."""
    asset = read_asset(document, place, flags.asset)
    name = read_name(document, flags.metric)
    direction = read_direction(document, name.value if name else None, flags.direction)
    experiment = read_experiment(document, flags.command)
    seconds = read_seconds(document, flags.time_box)
    stopping = None
    if name and direction:
        metric = Metric(name=name.value, direction=direction.value)
        stopping = read_stopping(document, metric, flags)
    if not (asset and name and direction and experiment and seconds and stopping):
        parts = {
            "asset": asset,
            "metric": name,
            "direction": direction or (None if name else _WAITS),
            "experiment": experiment,
            "time_box": seconds,
            "stopping": stopping or (None if name and direction else _WAITS),
        }
        raise _missing(document, parts, name)
    return Required(asset, name, direction, experiment, seconds, *stopping)


def _missing(
    document: Document, parts: Mapping[str, object], metric: Statement[str] | None
) -> ProgramError:
    fields = [field for field, part in parts.items() if part is None]
    sentences = [_to_add(document, field, metric) for field in fields]
    lines = [section.line for field in fields for section in document.about(field)]
    if "direction" in fields and metric and metric.line:
        lines.append(metric.line)
    known = [(name, part) for name, part in parts.items() if isinstance(part, Statement)]
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
    if sections := document.about(field):
        return f"`{sections[0].title}` gives no {what}; write there {example}, or give {flag}"
    return f"there is no {what}; add a heading `{heading}` and below it {example}, or give {flag}"

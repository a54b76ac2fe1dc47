"""The content of program.md as typed, frozen values."""

from collections.abc import Callable
from operator import ge, gt, le, lt
from pathlib import Path
from typing import Any, Literal

from autoresearch_graph.core.formatting import duration
from autoresearch_graph.core.values import Metric, Value

Relation = Literal["<", "<=", ">", ">="]
_COMPARE: dict[Relation, Callable[[float, float], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
Rule = Literal["fast", "balanced", "strict", "deterministic"]


class TimeBox(Value):
    """The budget of every run, in seconds, and the time at which it is killed."""

    seconds: float
    kill_after: float


class Constraint(Value):
    """A bound on something the run reports, such as `peak_vram_mb` <= 48000."""

    name: str
    relation: Relation
    bound: float

    def holds(self, value: float) -> bool:
        """Return True if `value` is within the bound; NaN never is."""
        return _COMPARE[self.relation](value, self.bound)

    def __str__(self) -> str:
        return f"{self.name} {self.relation} {self.bound:g}"


class Noise(Value):
    """The rule about noise, and further demands on a keep.

    `fast` keeps every improvement; `balanced` and `strict` weigh it against the noise of the
    metric; `deterministic` says that there is none. `minimum_improvement` (in the metric's unit)
    and `confirmations` hold in addition. A value outside the `plausible` range is confirmed
    twice before it is kept.
    """

    rule: Rule = "balanced"
    baseline_runs: int = 3
    minimum_improvement: float = 0.0
    confirmations: int = 0
    plausible: tuple[float, float] | None = None

    @property
    def weighs(self) -> bool:
        """True if improvements are weighed against the noise of the metric."""
        return self.rule in ("balanced", "strict")

    def is_plausible(self, value: float) -> bool:
        """Return True if a value needs no confirmation."""
        return self.plausible is None or self.plausible[0] <= value <= self.plausible[1]

    def describe(self) -> str:
        """Return the rule in words."""
        stated = [self.rule, f"baseline runs {self.baseline_runs}"]
        if self.minimum_improvement:
            stated.append(f"minimum improvement {self.minimum_improvement:g}")
        if self.confirmations:
            stated.append(f"confirmation runs {self.confirmations}")
        if self.plausible:
            stated.append(f"plausible from {self.plausible[0]:g} to {self.plausible[1]:g}")
        return ", ".join(stated)


class Stopping(Value):
    """The limits at which a research ends; without any it never stops."""

    experiments: int | None = None
    seconds: float | None = None
    without_improvement: int | None = None
    target: float | None = None
    tokens: int | None = None
    dollars: float | None = None

    def describe(self) -> str:
        """Return the criteria in words: the first that is met ends the research."""
        named = (
            (self.experiments, "{:d} experiments"),
            (self.seconds and duration(self.seconds), "{}"),
            (self.without_improvement, "{:d} experiments without improvement"),
            (self.target, "target {:g}"),
            (self.tokens, "{:,d} tokens"),
            (self.dollars, "${:.2f}"),
        )
        stated = [words.format(limit) for limit, words in named if limit is not None]
        return " or ".join(stated) or "never stop"


class Environment(Value):
    """Variables, network, and further paths that a run may read and write.

    The baseline, which is the person's own code, can write to readable paths outside the project.
    So a cache is filled once, and no proposal can change the files that later runs read there.
    """

    variables: tuple[str, ...] = ()
    network: bool = False
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()


class Program(Value):
    """The instructions of a person in program.md.

    `lines` has the line (from 1) from which each field was read; a field from a flag or a default
    is not in it. `grades` tells of each if it is stated, inferred or a flag's. Paths are relative
    to the project, but those in `hidden` are as written: absolute, with `~`, or with variables.
    `unchecked` has a line for each constraint that only the model can follow, each stopping
    criterion that only a person can judge, and each section that is left as prose; `early_end`
    allows hopeless runs to be ended early.
    """

    path: Path
    text: str
    asset: str
    metric: Metric
    experiment: str
    time_box: TimeBox
    evaluation: str | None = None
    artifacts: tuple[str, ...] = ()
    holdout: str | None = None
    hidden: tuple[str, ...] = ()
    check: str | None = None
    protected: tuple[str, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    unchecked: tuple[str, ...] = ()
    noise: Noise = Noise()
    early_end: bool = False
    stopping: Stopping = Stopping()
    environment: Environment = Environment()
    lines: dict[str, int] = {}
    grades: dict[str, str] = {}

    @property
    def commands(self) -> dict[str, str]:
        """Its commands, by their headings."""
        named = {
            "experiment": self.experiment,
            "evaluation": self.evaluation,
            "holdout": self.holdout,
            "check": self.check,
        }
        return {name: command for name, command in named.items() if command}

    @property
    def handed_over(self) -> tuple[str, ...]:
        """The paths that an evaluation gets of a run: the artifacts, else the asset."""
        return self.artifacts or (self.asset,)


FROZEN = (
    "asset", "metric", "experiment", "evaluation", "artifacts", "holdout", "hidden", "check",
    "time_box",
)  # fmt: skip


def frozen(program: Program) -> dict[str, Any]:
    """Return the fields that cannot change within a research."""
    return {name: getattr(program, name) for name in FROZEN}


def changed(old: Program, new: Program) -> tuple[str, ...]:
    """Return the names of the frozen fields in which two programs differ."""
    before, after = frozen(old), frozen(new)
    return tuple(name for name in FROZEN if before[name] != after[name])


class Flags(Value):
    """Parts of a program from the command line.

    `experiments` and `hours` narrow the stopping criteria. The others supply what program.md
    leaves out; another value than in program.md is an error. `accept_reading` accepts the values
    that are inferred from prose.
    """

    asset: str | None = None
    metric: str | None = None
    direction: str | None = None
    command: str | None = None
    evaluation: str | None = None
    holdout: str | None = None
    check: str | None = None
    time_box: str | None = None
    kill_after: str | None = None
    stop: tuple[str, ...] = ()
    experiments: int | None = None
    hours: float | None = None
    accept_reading: bool = False

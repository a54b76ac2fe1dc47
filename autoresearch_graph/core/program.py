"""A program: what program.md says, typed and frozen."""

from pathlib import Path
from typing import Any, Literal

from autoresearch_graph.core.formatting import duration
from autoresearch_graph.core.values import Metric, Value

Relation = Literal["<", "<=", ">", ">="]
Rule = Literal["fast", "balanced", "strict", "deterministic"]


class TimeBox(Value):
    """The budget of every run, in seconds: what the asset may use, and when it is killed."""

    seconds: float
    kill_after: float


class Constraint(Value):
    """A bound on something the run reports, such as `peak_vram_mb` <= 48000."""

    name: str
    relation: Relation
    bound: float

    def holds(self, value: float) -> bool:
        """Whether `value` is within the bound; NaN never is."""
        match self.relation:
            case "<":
                return value < self.bound
            case "<=":
                return value <= self.bound
            case ">":
                return value > self.bound
            case ">=":
                return value >= self.bound

    def __str__(self) -> str:
        return f"{self.name} {self.relation} {self.bound:g}"


class Noise(Value):
    """How noise is met: the rule, and what else a person asks for.

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
        """Whether improvements are weighed against the noise of the metric."""
        return self.rule in ("balanced", "strict")

    def is_plausible(self, value: float) -> bool:
        """Whether a value may be believed at once."""
        return self.plausible is None or self.plausible[0] <= value <= self.plausible[1]

    def describe(self) -> str:
        """The rule in words."""
        stated = [self.rule, f"baseline runs {self.baseline_runs}"]
        if self.minimum_improvement:
            stated.append(f"minimum improvement {self.minimum_improvement:g}")
        if self.confirmations:
            stated.append(f"confirmation runs {self.confirmations}")
        if self.plausible:
            stated.append(f"plausible from {self.plausible[0]:g} to {self.plausible[1]:g}")
        return ", ".join(stated)


class Stopping(Value):
    """When the research ends; all absent means *never stop*."""

    experiments: int | None = None
    seconds: float | None = None
    without_improvement: int | None = None
    target: float | None = None
    tokens: int | None = None
    dollars: float | None = None

    def describe(self) -> str:
        """The criteria in words: the first that is met ends the research."""
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
    """What a run gets beside its checkout: variables, network, what it may read and write.

    What is readable outside the project can be written by the baseline, which is the person's own
    code: so a cache is filled once, and no proposal can touch what later runs will read there.
    """

    variables: tuple[str, ...] = ()
    network: bool = False
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()


class Program(Value):
    """What a person wrote in program.md.

    `lines` gives for each field the line (from 1) that it was read from; a field that was
    given by a flag or took its default is not in it. Paths are relative to the project, but
    for those in `hidden`, which are as written: absolute, with `~`, or with variables.
    `unchecked` has a line for each thing under Constraints that is left to the model; `early_end`
    says that hopeless runs may be ended before their time.
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

    @property
    def commands(self) -> dict[str, str]:
        """The commands that it names, by their headings."""
        named = {
            "experiment": self.experiment,
            "evaluation": self.evaluation,
            "holdout": self.holdout,
            "check": self.check,
        }
        return {name: command for name, command in named.items() if command}

    @property
    def handed_over(self) -> tuple[str, ...]:
        """What an evaluation gets of a run: the named artifacts, else the text of the asset."""
        return self.artifacts or (self.asset,)


FROZEN = (
    "asset", "metric", "experiment", "evaluation", "artifacts", "holdout", "hidden", "check",
    "time_box",
)  # fmt: skip


def frozen(program: Program) -> dict[str, Any]:
    """What cannot change within a research: two programs with the same one are comparable."""
    return {name: getattr(program, name) for name in FROZEN}


def changed(old: Program, new: Program) -> tuple[str, ...]:
    """The names of the frozen fields in which two programs differ."""
    before, after = frozen(old), frozen(new)
    return tuple(name for name in FROZEN if before[name] != after[name])


class Flags(Value):
    """Parts of a program from the command line.

    `experiments` and `hours` narrow the stopping criteria; the others supply what program.md
    leaves out, and contradict it where they say something else.
    """

    asset: str | None = None
    metric: str | None = None
    direction: str | None = None
    command: str | None = None
    time_box: str | None = None
    kill_after: str | None = None
    experiments: int | None = None
    hours: float | None = None

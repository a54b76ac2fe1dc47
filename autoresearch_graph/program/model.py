"""A program: what program.md says, typed and frozen."""

from pathlib import Path
from typing import Literal

from autoresearch_graph.metric import Metric
from autoresearch_graph.value import Value

Relation = Literal["<", "<=", ">", ">="]


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
    """How often the baseline runs, the least improvement that counts, and confirmation runs."""

    baseline_runs: int = 1
    minimum_improvement: float = 0.0
    confirmations: int = 0


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
            (self.seconds and self.seconds / 3600, "{:.3g} hours"),
            (self.without_improvement, "{:d} experiments without improvement"),
            (self.target, "target {:g}"),
            (self.tokens, "{:,d} tokens"),
            (self.dollars, "${:.2f}"),
        )
        stated = [words.format(limit) for limit, words in named if limit is not None]
        return " or ".join(stated) or "never stop"


class Environment(Value):
    """What a run gets beside its checkout: variables, network, what it may read and write.

    What is readable can be written by the baseline, which is the person's own code: so a cache
    is filled once, and no proposal can touch what later runs will read there.
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
    `unchecked` has a line for each thing under Constraints that is left to the model.
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
    stopping: Stopping = Stopping()
    environment: Environment = Environment()
    lines: dict[str, int] = {}

    @property
    def handed_over(self) -> tuple[str, ...]:
        """What an evaluation gets of a run: the named artifacts, else the text of the asset."""
        return self.artifacts or (self.asset,)

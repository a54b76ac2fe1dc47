"""Helpers of tests about nights."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autoresearch_graph.asset.constants import find
from autoresearch_graph.core.brief import Brief, History, Proposer
from autoresearch_graph.core.experiment import (
    Draft,
    Experiment,
    Incumbent,
    Measured,
    Outcome,
    Proposal,
)
from autoresearch_graph.core.program import Constraint, Program, TimeBox
from autoresearch_graph.core.values import Direction, Metric

Values = Mapping[str, Any]
ASSET = """\
MATRIX_LR = 0.02
WEIGHT_DECAY = 0.2
DROPOUT = 0.3
BETA2 = 0.95
WIDTH = 64
DEPTH = 2
"""


def values_of(text: str) -> Values:
    return {constant.name: constant.value for constant in find(text, "train.py")}


def loss(values: Values) -> float:
    """0 where it is best: MATRIX_LR 0.07, WEIGHT_DECAY 0.06, BETA2 0.98, WIDTH 256, DEPTH 4."""
    return (
        0.02 * math.log2(values["MATRIX_LR"] / 0.07) ** 2
        + 0.01 * math.log2(values["WEIGHT_DECAY"] / 0.06) ** 2
        + 0.40 * values["DROPOUT"] ** 2
        + 0.01 * math.log2((1 - values["BETA2"]) / 0.02) ** 2
        + 0.02 * math.log2(values["WIDTH"] / 256) ** 2
        + 0.02 * (values["DEPTH"] - 4) ** 2
    )


def measured(metric: Callable[[Values], float]) -> Callable[[Values], Outcome]:
    return lambda values: Measured(metric=metric(values))


EXACT = measured(loss)


@dataclass
class Night:
    """A research without git and without runs: texts, a ledger and an incumbent."""

    run: Callable[[Values], Outcome] = EXACT
    text: str = ASSET
    direction: Direction = "lower"
    constraints: tuple[Constraint, ...] = ()
    texts: list[str] = field(default_factory=list)
    ledger: list[Experiment] = field(default_factory=list)
    incumbent: Incumbent | None = None
    reads: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        draft = Draft(author="baseline", description="the untouched asset", text=self.text)
        self.record(draft, self.run(values_of(self.text)))

    @property
    def metric(self) -> Metric:
        return Metric(name="loss", direction=self.direction)

    def brief(self, **changes: Any) -> Brief:
        program = Program(
            path=Path("program.md"),
            text="",
            asset="train.py",
            metric=self.metric,
            experiment="python train.py",
            time_box=TimeBox(seconds=60, kill_after=120),
            constraints=self.constraints,
        )
        given: dict[str, Any] = {
            "number": len(self.texts),
            "program": program,
            "incumbent": self.incumbent,
            "text": self.texts[self.incumbent.number],
            "ledger": tuple(self.ledger),
            "history": History(text=self.text_of),
        }
        return Brief(**{**given, **changes})

    def text_of(self, number: int) -> str:
        self.reads.append(number)
        return self.texts[number]

    def record(self, draft: Draft, *outcomes: Outcome) -> Experiment:
        """Judge a draft by its outcomes: keep what is better and breaks no constraint."""
        number, last = len(self.texts), outcomes[-1]
        metric = last.metric if isinstance(last, Measured) else None
        status = "crash" if metric is None else "keep" if self.is_kept(last) else "discard"
        experiment = Experiment(
            **draft.model_dump(exclude={"text"}),
            number=number,
            status=status,
            reason="",
            metric=metric,
            metrics=last.metrics if isinstance(last, Measured) else {},
            commit=f"commit {number}",
            parent="",
            trials=outcomes,
            seconds=1.0,
            memory_gb=0.0,
            self_reported=True,
            finished="",
        )
        self.texts.append(draft.text)
        self.ledger.append(experiment)
        if status == "keep":
            self.incumbent = Incumbent(number=number, commit=experiment.commit, metric=metric)
        return experiment

    def is_kept(self, run: Outcome) -> bool:
        broken = any(not c.holds(run.metrics.get(c.name, 0.0)) for c in self.constraints)
        if self.incumbent is None:
            return True
        return not broken and self.metric.improvement(run.metric, self.incumbent.metric) > 0

    def go(self, proposer: Proposer, experiments: int) -> "Night":
        for _ in range(experiments):
            draft = proposer.propose(self.brief())
            self.record(draft, self.run(values_of(draft.text)))
        return self

    def best(self) -> float:
        """The metric of the incumbent without noise."""
        return loss(values_of(self.texts[self.incumbent.number]))


def proposal(number: int) -> Proposal:
    return Proposal(
        number=number, commit=f"commit {number}", parent="", author="search", description=""
    )

"""Helpers of tests about judging."""

from typing import Any

from autoresearch_graph.core.experiment import Candidate, Incumbent, Measured, Outcome, Proposal
from autoresearch_graph.core.program import Noise, Program, TimeBox
from autoresearch_graph.core.values import Metric

INCUMBENT = Incumbent(number=4, commit="c" * 40, metric=1.0)


def program(direction: str = "lower", **parts: Any) -> Program:
    return Program.model_validate(
        {
            "path": "program.md",
            "text": "",
            "asset": "asset.py",
            "metric": Metric.model_validate({"name": "loss", "direction": direction}),
            "experiment": "python asset.py",
            "time_box": TimeBox(seconds=1, kill_after=2),
            "noise": Noise(rule="fast", baseline_runs=1),
            **parts,
        }
    )


def candidate(*outcomes: Outcome) -> Candidate:
    proposal = Proposal(
        number=5, commit="d" * 40, parent="c" * 40, author="model", description="an idea"
    )
    return Candidate(proposal=proposal, outcomes=outcomes)


def measured(metric: float, **metrics: float) -> Measured:
    return Measured(metric=metric, metrics=metrics, seconds=1.0, memory_gb=0.5)

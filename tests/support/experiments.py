"""Helpers of tests about experiments."""

from autoresearch_graph.core.experiment import Experiment, Measured


def experiment(number: int, **parts: object) -> Experiment:
    return Experiment.model_validate(
        {
            "number": number,
            "status": "keep",
            "reason": "better",
            "metric": 0.9979,
            "metrics": {"loss": 0.9979},
            "commit": "a1b2c3d" + "0" * 33,
            "parent": "0" * 40,
            "author": "model",
            "description": "a change",
            "trials": (Measured(metric=0.9979),),
            "seconds": 1.0,
            "memory_gb": 43.96,
            "self_reported": True,
            "finished": "2026-01-01T00:00:00+00:00",
            **parts,
        }
    )

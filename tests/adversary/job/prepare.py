"""Saves a model as numbers, and scores one: it reads model.json and runs nothing of train.py.

A model is a square of weights: row t says how the number after t follows from each number.
"""

import json
import os
from pathlib import Path

LENGTH = 6
DATA = Path(os.environ["ARENA_DATA"])


def diagonal(slope: float) -> list[list[float]]:
    """The model that expects the next number to be the last one times a slope."""
    return [[slope if s == t else 0.0 for s in range(LENGTH)] for t in range(LENGTH)]


def save(model: list[list[float]]) -> None:
    """Hand a model over to the evaluation."""
    Path("model.json").write_text(json.dumps(model))


def score(model: list[list[float]]) -> float:
    """The mean squared error on the validation series; ValueError for one that looks ahead."""
    if any(model[t][s] for t in range(LENGTH) for s in range(t + 1, LENGTH)):
        raise ValueError("the model looks ahead")
    errors = [
        (sum(float(w) * x for w, x in zip(model[t], series, strict=False)) - series[t + 1]) ** 2
        for series in json.loads((DATA / "validation.json").read_text())
        for t in range(LENGTH)
    ]
    return sum(errors) / len(errors)


if __name__ == "__main__":
    print(f"loss: {score(json.loads(Path('model.json').read_text())):.6f}")

"""Leaves a model of a hundred thousand brackets around a number of a million digits.

Stopped by: an evaluation that fails is a crash of the experiment, and the lab goes on.
"""

from pathlib import Path

Path("model.json").write_text("[" * 100_000 + "9" * 1_000_000 + "]" * 100_000)

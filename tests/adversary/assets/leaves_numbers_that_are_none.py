"""Leaves NaN and infinities for weights, for which every comparison is false.

Stopped by: a metric that is not finite is a crash.
"""

from pathlib import Path

rows = ["[" + ", ".join(["NaN"] * (t + 1) + ["0"] * (5 - t)) + "]" for t in range(6)]
Path("model.json").write_text("[" + ", ".join(rows) + "]")

"""SIGKILL before an effect, again in the resumed run, then to the end: all records agree.

A sample of the points; `python tests/support/kill_points.py FOLDER` tries every one of them.
"""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("every", "pause", "job"),
    [
        (331, 0.0, "plain"),
        (701, 0.004, "plain"),
        (587, 0.0, "evaluated"),
        (647, 0.0, "repeated"),
        (521, 0.0, "steered"),
        (719, 0.0, "ahead"),
        (991, 0.0, "crowded"),
        (223, 0.0, "stuck"),
    ],
    ids=[
        "any disk",
        "a slow disk",
        "an evaluation",
        "trials that are repeated",
        "a person who steers",
        "proposals that wait",
        "four workers",
        "a step back",
    ],
)
def test_killed_before_an_effect_nothing_is_lost(
    tmp_path: Path, every: int, pause: float, job: str
):
    script = Path(__file__).parent.parent / "support/kill_points.py"
    command = [sys.executable, str(script), str(tmp_path), str(every), str(pause), job]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "nothing lost, repeated or torn" in done.stdout

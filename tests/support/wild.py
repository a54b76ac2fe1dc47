"""Helpers of tests about wild."""

import shutil
from pathlib import Path
from typing import Any

from autoresearch_graph.core.program import Flags, Program
from autoresearch_graph.program.reader import read

PROGRAMS = Path(__file__).parent.parent / "programs"
FILES = """
    agent.py backtest.py bench.c corpus/a data/x dataset.json evaluate.py pages/a.md pipeline.py
    prepare.py queries.sql router.py run_eval.py scripts/score.sh site.toml src/read.py
    src/render/api.py src/render/cache.py src/render/page.py src/rules.py src/sort.c src/words.txt
    strategy.py tests/a.c train.py workload.py
"""
NOTHING: dict[str, Any] = {}


def read_wild(project: Path, name: str, **flags: Any) -> Program:
    path = Path(shutil.copy(PROGRAMS / name, project))
    return read(path, project=project, flags=Flags(accept_reading=True, **flags))


def understood(program: Program) -> dict[str, tuple[object, int | None]]:
    """Every part that a program states, with its line."""
    values: dict[str, object] = {
        "asset": program.asset,
        "protected": program.protected,
        "metric": program.metric.name,
        "direction": program.metric.direction,
        "experiment": program.experiment,
        "time_box": program.time_box.seconds,
        "kill_after": program.time_box.kill_after,
        "constraints": tuple(map(str, program.constraints)),
        "stopping": program.stopping.model_dump(exclude_none=True),
        "evaluation": program.evaluation,
        "check": program.check,
        "artifacts": program.artifacts,
    }
    needed = ("asset", "kill_after", "stopping")
    return {k: (v, program.lines.get(k)) for k, v in values.items() if v or k in needed}

"""What the loop costs beside the runs: milliseconds a cycle, growth, bytes of checkpoints.

    python benchmarks/overhead.py [EXPERIMENTS]

The asset runs for about 50 ms, the proposer is scripted, every fifth change is kept, and all
durability is on: proposals and verdicts in git, the ledger fsynced, each step checkpointed.
After every tenth cycle the same command is run on its own, in the same environment, so that the
overhead is a difference within one run on one machine.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from git import Actor, Repo
from rich.console import Console
from rich.table import Table

from autoresearch_graph import research
from autoresearch_graph.experiment import Draft
from autoresearch_graph.lab import open_lab
from autoresearch_graph.program import Flags
from autoresearch_graph.proposers import Brief
from autoresearch_graph.runner import run_environment
from autoresearch_graph.start import Settings

PROGRAM = """\
## Asset
`asset.py`
## Metric
`loss`, lower is better
## Experiment
```
python asset.py
```
## Time box
10 seconds
## Noise
- deterministic
## Stopping criteria
- never stop
"""
ASSET = 'import time\nX = {x}\ntime.sleep(0.03)\nprint("loss:", X)\n'
WINDOW = 100


class Scripted:
    """Answers at once; every fifth proposal is better than all before it."""

    def propose(self, brief: Brief) -> Draft:
        """Draft the next text of the script."""
        x = 1e6 - brief.number if brief.number % 5 == 0 else 1e6 + brief.number
        return Draft(
            author="model",
            description=f"set X to {x:g}",
            hypothesis="The script says so, in a sentence of the length that a model would write.",
            text=ASSET.format(x=x),
        )


def commit(folder: Path, program: str, text: str) -> Path:
    """Make and commit a project."""
    (folder / "program.md").write_text(program)
    (folder / "asset.py").write_text(text)
    with Repo.init(folder, initial_branch="main") as repo:
        repo.git.add(all=True)
        ada = Actor("Ada", "ada@example.org")
        repo.index.commit("start", author=ada, committer=ada)
    return folder


def measure(project: Path, experiments: int) -> tuple[list[float], list[float]]:
    """Milliseconds of every cycle, and of the same command run on its own."""
    settings = Settings(project=project, tag="bench", flags=Flags(experiments=experiments))
    cycles: list[float] = []
    alone: list[float] = []
    lab = open_lab(settings, proposer=Scripted())
    environment = run_environment(lab.environ, lab.program.environment, seconds=10, seed=0)
    since = time.perf_counter()

    def watch(node: str, update: dict[str, Any]) -> None:
        nonlocal since
        if node in ("keep", "revert"):
            cycles.append((time.perf_counter() - since) * 1e3)
            if len(cycles) % 10 == 0:
                alone.append(run_alone(project, environment))
            since = time.perf_counter()

    try:
        research.run(lab, watch)
    finally:
        lab.close()
    return cycles[1:], alone


def run_alone(project: Path, environment: dict[str, str]) -> float:
    """Milliseconds of the experiment command without the loop."""
    begin = time.perf_counter()
    subprocess.run(
        ["/bin/sh", "-c", "python asset.py"],
        cwd=project,
        env=environment,
        capture_output=True,
        check=True,
    )
    return (time.perf_counter() - begin) * 1e3


def main() -> None:
    """Measure and print."""
    experiments = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as folder:
        project = commit(Path(folder), PROGRAM, ASSET.format(x=2e6))
        cycles, alone = measure(project, experiments)
        research_folder = project / ".autoresearch" / "bench"
        size = sum(p.stat().st_size for p in research_folder.glob("checkpoints.sqlite*"))
    run = statistics.median(alone)
    window = min(WINDOW, experiments // 2)
    first, last = (statistics.median(part) for part in (cycles[:window], cycles[-window:]))
    half = len(alone) // 2
    drift = statistics.median(alone[half:]) / statistics.median(alone[:half])
    table = Table("figure", "value", "bound", title=f"{experiments} experiments")
    table.add_row("run on its own, median", f"{run:.1f} ms", "about 50 ms")
    table.add_row("overhead a cycle, median", f"{statistics.median(cycles) - run:.1f} ms", "40 ms")
    table.add_row(f"whole cycle, first {window}", f"{first:.1f} ms", "")
    table.add_row(f"whole cycle, last {window}", f"{last:.1f} ms", "")
    table.add_row("last to first", f"{last / first:.3f}", "1.15")
    table.add_row("drift of the machine", f"{drift:.3f}", "")
    table.add_row("checkpoints an experiment", f"{size / experiments / 1e3:.1f} kB", "25 kB")
    Console().print(table)


if __name__ == "__main__":
    main()

"""What the loop costs beside the runs, and whether that grows with the number of experiments.

    python benchmarks/overhead.py [EXPERIMENTS]

The asset runs for about 50 ms, the proposer is scripted, every fifth change is kept, and all
durability is on: proposals and verdicts in git, the ledger fsynced, each step checkpointed.
After every tenth cycle the same command is run on its own, in the same environment, so that the
overhead is a difference within one run on one machine: the median of a hundred cycles, less that
of the runs on their own between them. After 10, 100, 1,000 and 10,000 experiments the memory of
the lab is looked at, `status` and `report` are timed, and a research that has just begun is
measured for its first hundred cycles: what growth costs is the ratio to that one, because a
machine does not stay as fast as it was an hour ago. EXPERIMENTS is 1,000 unless given.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from git import Actor, Repo
from rich.console import Console
from rich.table import Table

from autoresearch_graph import research
from autoresearch_graph.core.brief import Brief
from autoresearch_graph.core.experiment import Draft
from autoresearch_graph.core.program import Flags
from autoresearch_graph.opening import open_lab
from autoresearch_graph.runner import run_environment
from autoresearch_graph.settings import Settings
from benchmarks.arguments import at_least, parser

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
POINTS = (10, 100, 1_000, 10_000)


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


@dataclass(kw_only=True)
class Point:
    """The cycles up to so many experiments: milliseconds of each, and what was seen then.

    `busy` is the lab's own CPU time of a cycle (ms), `fresh` both for a research that has just
    begun; the memory of the lab and the checkpoints on the disk are in MB, the commands in seconds.
    """

    experiments: int
    cycle: float
    alone: float
    busy: float
    fresh: "Fresh"
    memory: float
    checkpoints: float
    status: float
    report: float

    @property
    def overhead(self) -> float:
        """Milliseconds of a cycle beside its run."""
        return self.cycle - self.alone


@dataclass(frozen=True)
class Fresh:
    """Milliseconds of a cycle beside its run, and of the lab: medians of the first hundred."""

    overhead: float
    busy: float


@dataclass
class Clock:
    """Milliseconds of every cycle, of the lab's CPU in it, and of the runs on their own."""

    cycles: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)

    def begin(self) -> None:
        """From here on time counts for the next cycle."""
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def end(self) -> None:
        """Count the end of a cycle."""
        self.cycles.append((time.perf_counter() - self._wall) * 1e3)
        self.busy.append((time.process_time() - self._cpu) * 1e3)


def measure(
    project: Path, experiments: int, points: Sequence[int] = ()
) -> tuple[Clock, list[Point]]:
    """Run so many experiments: what every cycle after the baseline took, and what was seen then."""
    settings = Settings(project=project, tag="bench", flags=Flags(experiments=experiments))
    clock, seen = Clock(), list[Point]()
    lab = open_lab(settings, proposer=Scripted())
    environment = run_environment(
        lab.host.environ, lab.program.current.environment, seconds=10, seed=0
    )

    def watch(node: str, update: dict[str, Any]) -> None:
        if node in ("keep", "revert"):
            clock.end()
            if len(clock.cycles) % 10 == 0:
                clock.alone.append(run_alone(project, environment))
            if (done := len(clock.cycles) - 1) in points:
                seen.append(look(project, done, clock))
            clock.begin()

    try:
        clock.begin()
        research.run(lab, watch)
    finally:
        lab.close()
    del clock.cycles[0], clock.busy[0]  # the baseline's
    return clock, seen


def look(project: Path, experiments: int, clock: Clock) -> Point:
    """Return the time of the last hundred cycles, and what there is to see after them."""
    window = min(WINDOW, experiments)
    folder = project / ".autoresearch" / "bench"
    return Point(
        experiments=experiments,
        cycle=statistics.median(clock.cycles[-window:]),
        alone=statistics.median(clock.alone[-max(1, window // 10) :]),
        busy=statistics.median(clock.busy[-window:]),
        fresh=_fresh(),
        memory=psutil.Process().memory_info().rss / 1e6,
        checkpoints=sum(p.stat().st_size for p in folder.glob("checkpoints.sqlite*")) / 1e6,
        status=_seconds("status", project),
        report=_seconds("report", project),
    )


def _fresh() -> Fresh:
    """Measured now, in a process of its own, whose memory is not the lab's."""
    command = [sys.executable, __file__, "--fresh"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return Fresh(*map(float, told.split()))


def tell_fresh() -> None:
    """Print what _fresh reads."""
    with tempfile.TemporaryDirectory() as folder:
        project = commit(Path(folder), PROGRAM, ASSET.format(x=2e6))
        clock, _ = measure(project, WINDOW)
    alone = statistics.median(clock.alone)
    print(statistics.median(clock.cycles) - alone, statistics.median(clock.busy))


def _seconds(command: str, project: Path) -> float:
    begin = time.perf_counter()
    words = [sys.executable, "-m", "autoresearch_graph", command, str(project)]
    subprocess.run(words, capture_output=True, check=True)
    return time.perf_counter() - begin


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
    arguments = parser(__doc__)
    arguments.add_argument("experiments", nargs="?", type=at_least(10), default=1_000)
    arguments.add_argument("--fresh", action="store_true", help="measure a fresh research alone")
    given = arguments.parse_args()
    if given.fresh:
        tell_fresh()
    else:
        measure_growth(given.experiments)


def measure_growth(experiments: int) -> None:
    """Measure a research as it grows, and print the table."""
    points = sorted({*(p for p in POINTS if p < experiments), experiments})
    with tempfile.TemporaryDirectory() as folder:
        project = commit(Path(folder), PROGRAM, ASSET.format(x=2e6))
        _, seen = measure(project, experiments, points)
    table = Table(title="milliseconds a cycle, the median of the last hundred")
    names = (
        "experiments",
        "cycle",
        "run on its own",
        "overhead",
        "to a fresh one",
        "CPU of the lab",
    )
    for name in (
        *names,
        "to a fresh one",
        "memory, MB",
        "checkpoints, MB",
        "status, s",
        "report, s",
    ):
        table.add_column(name, justify="right")
    for p in seen:
        table.add_row(
            f"{p.experiments:,}",
            *(f"{value:.1f}" for value in (p.cycle, p.alone, p.overhead)),
            f"{p.overhead / p.fresh.overhead:.2f}",
            f"{p.busy:.1f}",
            f"{p.busy / p.fresh.busy:.2f}",
            *(f"{value:.1f}" for value in (p.memory, p.checkpoints, p.status, p.report)),
        )
    Console(width=130).print(table)


if __name__ == "__main__":
    main()

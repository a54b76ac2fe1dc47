"""What the sandbox costs a run: the same command bare, without walls and with them.

    python benchmarks/sandbox.py [REPEATS]

The three take turns, so that a busy machine slows all of them. *Bare* is a plain subprocess;
the other two are the runner's own, with log, watchdog and the end of the tree.
"""

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from autoresearch_graph.core.program import Environment
from autoresearch_graph.runner import Sandbox, Watch, detect, run_environment
from autoresearch_graph.runner.log import Log
from autoresearch_graph.runner.process import run
from benchmarks.arguments import at_least, parser

COMMANDS = {"true": "true", "python": "python -c pass", "numbers": "python -c 'sum(range(10**7))'"}


def bare(command: str, folder: Path, environment: dict[str, str]) -> None:
    """Run a command as a plain subprocess."""
    argv = ["/bin/sh", "-c", command]
    subprocess.run(argv, cwd=folder, env=environment, capture_output=True, check=True)


def boxed(command: str, folder: Path, environment: dict[str, str], sandbox: Sandbox) -> None:
    """Run a command as the runner does."""
    with Log(folder / "log.txt") as log:
        ended = run(
            command, folder=folder, environment=environment, seconds=60, log=log,
            sandbox=sandbox, watch=Watch(),
        )  # fmt: skip
    if ended.exit_code != 0:
        raise SystemExit(f"{command} failed within {sandbox}")


def measure(command: str, repeats: int) -> dict[str, float]:
    """Median milliseconds of every way to run a command."""
    environment = run_environment(os.environ, Environment(), seconds=60, seed=0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ways: dict[str, Callable[[], None]] = {"bare": lambda: bare(command, folder, environment)}
        for sandbox in {str(box): box for box in (detect("off"), detect())}.values():
            ways[str(sandbox)] = lambda box=sandbox: boxed(command, folder, environment, box)
        times: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(repeats):
            for way, start in ways.items():
                begin = time.perf_counter()
                start()
                times[way].append((time.perf_counter() - begin) * 1e3)
    return {way: statistics.median(each) for way, each in times.items()}


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("repeats", nargs="?", type=at_least(1), default=30)
    repeats = arguments.parse_args().repeats
    results = {name: measure(command, repeats) for name, command in COMMANDS.items()}
    ways = list(next(iter(results.values())))
    table = Table("command", *ways, title=f"median of {repeats} runs")
    for name, medians in results.items():
        cells = [f"{medians['bare']:.1f} ms"]
        cells += [
            f"{medians[way]:.1f} ms (+{medians[way] - medians['bare']:.1f}, "
            f"x{medians[way] / medians['bare']:.2f})"
            for way in ways[1:]
        ]
        table.add_row(name, *cells)
    Console().print(table)


if __name__ == "__main__":
    main()

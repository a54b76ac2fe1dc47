"""What tracing costs the loop, with an endpoint that works, refuses, hangs or is not there.

    python benchmarks/tracing.py [EXPERIMENTS] [ROUNDS]

Each round runs the same research in a process of its own with every endpoint, in turn, so that
all see the same machine; the figure is the median of all cycles, beside the one without tracing.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.arguments import at_least, parser
from benchmarks.overhead import ASSET, PROGRAM, commit, measure
from tests.support.collector import collecting

ENDPOINTS = ("off", "works", "refuses", "hangs", "absent")


@contextmanager
def traced(endpoint: str) -> Iterator[dict[str, str]]:
    """Return the environment of a research that traces to such an endpoint."""
    environment = {**os.environ, "LANGSMITH_TRACING": "false" if endpoint == "off" else "true"}
    environment["LANGSMITH_API_KEY"] = "lsv2_pt_benchmark"
    if endpoint in ("off", "absent"):
        yield environment | {"LANGSMITH_ENDPOINT": "http://127.0.0.1:9"}
        return
    refusal, hangs = (503 if endpoint == "refuses" else None), "all" * (endpoint == "hangs")
    with collecting(refusal=refusal, hangs=hangs) as collector:
        yield environment | {"LANGSMITH_ENDPOINT": collector.url}


def cycles(environment: dict[str, str], experiments: int) -> list[float]:
    """Milliseconds of each cycle of a research in a process of its own, the run left out."""
    command = [sys.executable, __file__, "--one", str(experiments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.splitlines()]


def one(experiments: int) -> None:
    """Print the milliseconds of each cycle, without what the run alone takes."""
    with tempfile.TemporaryDirectory() as folder:
        project = commit(Path(folder), PROGRAM, ASSET.format(x=2e6))
        clock, _ = measure(project, experiments)
    for milliseconds in clock.cycles:
        print(milliseconds - statistics.median(clock.alone))


def main() -> None:
    """Run the rounds and print the table, or run one research for such a round."""
    arguments = parser(__doc__)
    arguments.add_argument("experiments", nargs="?", type=at_least(10), default=60)
    arguments.add_argument("rounds", nargs="?", type=at_least(1), default=3)
    arguments.add_argument("--one", action="store_true", help="measure one research alone")
    given = arguments.parse_args()
    if given.one:
        one(given.experiments)
    else:
        compare(given.experiments, given.rounds)


def compare(experiments: int, rounds: int) -> None:
    """Run the rounds and print the table."""
    found: dict[str, list[float]] = {endpoint: [] for endpoint in ENDPOINTS}
    for _ in range(rounds):
        for endpoint in ENDPOINTS:
            with traced(endpoint) as environment:
                found[endpoint] += cycles(environment, experiments)
    table = Table("endpoint", "overhead, ms a cycle", "to none", "to one that works")
    medians = {endpoint: statistics.median(taken) for endpoint, taken in found.items()}
    for endpoint, median in medians.items():
        ratios = (f"{median / medians[to]:.2f}" for to in ("off", "works"))
        table.add_row(endpoint, f"{median:.1f}", *ratios)
    Console().print(table)


if __name__ == "__main__":
    main()

"""How busy the accelerator is: a serial loop, look-ahead, and several workers.

    python benchmarks/busy.py [SECONDS [EXPERIMENTS]]

The asset sleeps for SECONDS (5) and tells the sum of forty constants. A scripted proposer thinks
for a fifth of that, then changes one constant: 18 % of its changes are good, and any two can be
combined. So how good the incumbent is depends on the number of experiments alone, unless a way of
running them loses some: what it gained is told as a share of what there was to gain in its
experiments. Busy is the time that runs took of the time that the workers had, after the baseline.
The ratio is that of experiments in equal time, to one worker that does not look ahead, under the
same model. Of several workers' gains all but one have to be merged and run a second time, so the
ratio is lower than that of their runs; where there is nothing to gain the two are the same.
"""

import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parent.parent))

from autoresearch_graph import research
from autoresearch_graph.asset.constants import rewrite
from autoresearch_graph.core.brief import Brief
from autoresearch_graph.core.experiment import Draft, Experiment
from autoresearch_graph.core.program import Flags
from autoresearch_graph.opening import open_lab
from autoresearch_graph.settings import Settings
from benchmarks.arguments import at_least, parser
from benchmarks.overhead import PROGRAM, commit

CONSTANTS = 40
ACCEPTED = 0.18
THINKING = 0.2


@dataclass(frozen=True)
class Way:
    """A way of running experiments; `thinking` is in seconds, `good` the share of good changes."""

    name: str
    workers: int = 1
    look_ahead: bool = False
    thinking: float = 0.0
    good: float = ACCEPTED


@dataclass(frozen=True)
class Seen:
    """What came of it: a share of the workers' time, experiments a minute, and a share of gains."""

    busy: float
    rate: float
    gained: float | None


class Thinker:
    """Changes constant n in proposal n; the same change every time."""

    def __init__(self, seconds: float, good: float) -> None:
        self._seconds, self._good = seconds, good

    def propose(self, brief: Brief) -> Draft:
        """Think, then draft."""
        time.sleep(self._seconds)
        value = -brief.number if is_good(brief.number, self._good) else brief.number
        name = f"V{brief.number % CONSTANTS:02d}"
        return Draft(
            author="model",
            description=f"{name} = {value}",
            text=rewrite(brief.text, "asset.py", {name: value}),
        )


def is_good(number: int, share: float) -> bool:
    """Whether the change of this number is for the better."""
    return random.Random(number).random() < share


def gain(experiments: int, share: float) -> int:
    """Return what there is to gain in so many experiments: the last good value of each constant."""
    good = (number for number in range(1, experiments + 1) if is_good(number, share))
    return sum({number % CONSTANTS: number for number in good}.values())


def asset(seconds: float) -> str:
    """Return the untouched asset."""
    names = [f"V{i:02d}" for i in range(CONSTANTS)]
    lines = ["import time", *(f"{name} = 0" for name in names), f"time.sleep({seconds})"]
    return "\n".join([*lines, f"print('loss:', {' + '.join(names)})\n"])


def measure(way: Way, seconds: float, experiments: int) -> Seen:
    """Run so many experiments in one way."""
    with tempfile.TemporaryDirectory() as folder:
        commit(Path(folder), PROGRAM.replace("10 seconds", "100 seconds"), asset(seconds))
        settings = Settings(
            project=Path(folder),
            tag="busy",
            workers=way.workers,
            look_ahead=way.look_ahead,
            flags=Flags(experiments=experiments),
        )
        begun, rows = _run(settings, Thinker(way.thinking, way.good))
        wall = time.perf_counter() - begun
    tried = rows[1:]
    ran = sum(row.seconds for row in tried)
    best = -min(row.metric for row in rows if row.metric is not None)
    to_gain = gain(experiments, way.good)
    return Seen(
        busy=ran / wall / way.workers,
        rate=60 * len(tried) / wall,
        gained=best / to_gain if to_gain else None,
    )


def _run(settings: Settings, proposer: Thinker) -> tuple[float, list[Experiment]]:
    """When the baseline was judged, and all rows."""
    begun = 0.0

    def watch(node: str, update: dict[str, Any]) -> None:
        nonlocal begun
        if node == "keep" and not begun:
            begun = time.perf_counter()

    lab = open_lab(settings, proposer=proposer)
    try:
        research.run(lab, watch)
        return begun, list(lab.ledger.experiments)
    finally:
        lab.close()


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("seconds", nargs="?", type=float, default=5.0)
    arguments.add_argument("experiments", nargs="?", type=at_least(1), default=32)
    given = arguments.parse_args()
    seconds, experiments = given.seconds, given.experiments
    thinking = THINKING * seconds
    ways = [
        Way("serial, a model that thinks", thinking=thinking),
        Way("look-ahead, a model that thinks", look_ahead=True, thinking=thinking),
        Way("one worker"),
        Way("two workers", workers=2),
        Way("four workers", workers=4),
        Way("one worker, nothing to gain", good=0.0),
        Way("four workers, nothing to gain", workers=4, good=0.0),
    ]
    table = Table("way", "busy", "experiments a minute", "ratio", "of the gain")
    first = 0.0
    for way in ways:
        seen = measure(way, seconds, experiments * way.workers)
        first = seen.rate if way.workers == 1 and not way.look_ahead else first
        cells = (
            f"{seen.busy:.3f}",
            f"{seen.rate:.2f}",
            f"{seen.rate / first:.2f}",
            "" if seen.gained is None else f"{seen.gained:.0%}",
        )
        table.add_row(way.name, *cells)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()

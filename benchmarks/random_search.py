"""Random search on train.py: what the night is to be held against.

    python benchmarks/random_search.py FOLDER [SETTINGS] [FINALISTS] [REPEATS]

Draws SETTINGS of train.py's constants (60) from the ranges that the search has, each run once with
a box of 60 seconds; then the FINALISTS (2) run REPEATS times (5) more with other seeds, as the mean
of fresh runs is no luck. Every run is a line of FOLDER/runs.jsonl, and what is there is not run
again.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from random import Random
from statistics import fmean

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parent.parent))

from autoresearch_graph.asset.constants import find, rewrite
from autoresearch_graph.asset.literals import Scalar
from autoresearch_graph.proposers.search.attempts import reading
from autoresearch_graph.proposers.search.neighbourhood import Neighbourhood
from benchmarks.arguments import at_least, parser

ROOT = Path(__file__).parent.parent
BOX = {"AUTORESEARCH_TIME_BOX": "60", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
_BITS = re.compile(r"^val_bpb: +([\d.]+)", re.MULTILINE)


class Runs:
    """The runs of a folder: a line each of (setting, repeat, bits a byte or null)."""

    def __init__(self, folder: Path, texts: list[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._room, self._record, self._texts = folder / "room", folder / "runs.jsonl", texts
        lines = self._record.read_text().splitlines() if self._record.exists() else []
        self._known: dict[tuple[int, int], float | None] = {
            (row[0], row[1]): row[2] for row in map(json.loads, lines)
        }

    def measure(self, setting: int, repeat: int) -> float | None:
        """Bits a byte; None where the run failed."""
        if (setting, repeat) not in self._known:
            found = self._run(self._texts[setting], seed=repeat)
            self._known[setting, repeat] = found
            with self._record.open("a") as record:
                print(json.dumps([setting, repeat, found]), file=record)
            print(setting, repeat, found, flush=True)
        return self._known[setting, repeat]

    def _run(self, text: str, seed: int) -> float | None:
        shutil.rmtree(self._room, ignore_errors=True)
        self._room.mkdir()
        shutil.copy(ROOT / "prepare.py", self._room)
        shutil.copytree(ROOT / "pretraining", self._room / "pretraining")
        (self._room / "train.py").write_text(text)
        setting = {**os.environ, **BOX, "AUTORESEARCH_SEED": str(seed)}
        for command in (("train.py",), ("prepare.py", "evaluate")):
            line = [sys.executable, *command]
            ended = subprocess.run(
                line, cwd=self._room, env=setting, capture_output=True, text=True, check=False
            )
            if ended.returncode:
                return None
        return float(_BITS.findall(ended.stdout)[-1])


def draw(count: int) -> list[str]:
    """Return that many texts of train.py, each with all its constants drawn anew."""
    text = (ROOT / "train.py").read_text()
    constants = find(text, "train.py")
    terrain = Neighbourhood(constants, reading(text, constants), [])
    settings: list[Mapping[str, Scalar]] = []
    for values in terrain.everything(Random(0)):
        settings.append(values)
        if len(settings) == count:
            break
    return [rewrite(text, "train.py", values) for values in settings]


def main() -> None:
    """Run what is missing and print the best."""
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("settings", nargs="?", type=at_least(1), default=60)
    arguments.add_argument("finalists", nargs="?", type=at_least(1), default=2)
    arguments.add_argument("repeats", nargs="?", type=at_least(1), default=5)
    given = arguments.parse_args()
    compare(
        Runs(given.folder, draw(given.settings)), given.settings, given.finalists, given.repeats
    )


def compare(runs: Runs, settings: int, finalists: int, repeats: int) -> None:
    """Run each setting once and the finalists again, and print both."""
    screened = {n: bits for n in range(settings) if (bits := runs.measure(n, 0)) is not None}
    if not screened:
        raise SystemExit(f"all {settings} runs failed")
    ranked = sorted(screened, key=screened.__getitem__)
    table = Table("setting", "one run", "mean of fresh runs", title=f"{settings} drawn at random")
    for setting in ranked[:finalists]:
        fresh = [runs.measure(setting, repeat) for repeat in range(1, repeats + 1)]
        mean = fmean(bits for bits in fresh if bits is not None)
        table.add_row(str(setting), f"{screened[setting]:.3f}", f"{mean:.3f}")
    Console().print(table)
    middle = ranked[len(ranked) // 2]
    print(f"{settings - len(screened)} failed; the median of the rest is {screened[middle]:.3f}")


if __name__ == "__main__":
    main()

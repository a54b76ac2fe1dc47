"""Measure a program beside reference.py on logs that it has not seen; their answers must be equal.

python measure.py -- python report.py            # some logs
python measure.py holdout -- python report.py    # others

Both programs take turns, log by log, and CPU time is compared, not the clock: what else the machine
does then slows both. Each log is a new one, so nothing that was put aside is of use again. The CPU
time of children counts: a second core wins nothing here.
"""

import resource
import subprocess
import sys
import time
from statistics import median

from check import REFERENCE
from logs import log

ROUNDS = 7
LINES = 20_000
SEEDS = {"dev": 1_000, "holdout": 2_000}


def main(part: str, command: list[str]) -> None:
    """Print by how much of the reference's time a program gets by, and how long it took."""
    ratios, clocks = [], []
    for turn in range(ROUNDS):
        text = log(LINES, SEEDS[part] + turn).encode()
        first, again = (command, REFERENCE) if turn % 2 else (REFERENCE, command)
        taken = {id(program): timed(program, text) for program in (first, again)}
        mine, yours = taken[id(command)], taken[id(REFERENCE)]
        if mine[0] != yours[0]:
            sys.exit(f"another answer than the reference's on log {turn}")
        ratios.append(mine[1] / yours[1])
        clocks.append(mine[2])
    print(f"spread: {max(ratios) - min(ratios):.4f}")
    print(f"clock_seconds: {median(clocks):.4f}")
    print(f"relative_time: {median(ratios):.4f}")


def timed(command: list[str], text: bytes) -> tuple[bytes, float, float]:
    """Return the output of a program, its CPU time with its children's, and the wall time."""
    before, start = cpu_seconds(), time.perf_counter()
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with exit code {done.returncode}")
    return done.stdout, cpu_seconds() - before, time.perf_counter() - start


def cpu_seconds() -> float:
    """Of all children that have ended so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    split = sys.argv.index("--")
    main("holdout" if "holdout" in sys.argv[:split] else "dev", sys.argv[split + 1 :])

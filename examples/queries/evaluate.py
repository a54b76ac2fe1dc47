"""Run the queries of queries.toml on database.sqlite: count the work, compare the answers.

Work is counted in instructions of SQLite's virtual machine, by its progress handler: the same
queries on the same data take the same number each time, whatever else the machine does. A query can
only read, and is ended when it has taken LARGEST instructions.

python evaluate.py            # with the parameters that the loop may look at
python evaluate.py holdout    # with others, for what was kept
python evaluate.py answers    # write answers.json, from queries that are known to be right
"""

import json
import math
import sqlite3
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

STEP = 1_000
LARGEST = 400_000_000  # instructions of all queries together
CLOSE = 1e-6
ALLOWED = {
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_RECURSIVE,
    sqlite3.SQLITE_SELECT,
}

Rows = list[list[Any]]


def main() -> None:
    """Answer every question with its parameters, and print the work that it took."""
    design = tomllib.loads(Path("queries.toml").read_text(encoding="utf-8"))
    questions = json.loads(Path("questions.json").read_text(encoding="utf-8"))
    meter = Meter()
    if "answers" in sys.argv[1:]:
        found = {
            part: [meter.ask(design["queries"][q["query"]], q["with"]) for q in asked]
            for part, asked in questions.items()
        }
        Path("answers.json").write_text(json.dumps(found) + "\n", encoding="utf-8")
        return
    part = "holdout" if "holdout" in sys.argv[1:] else "dev"
    answers = json.loads(Path("answers.json").read_text(encoding="utf-8"))[part]
    work: dict[str, int] = {}
    for question, answer in zip(questions[part], answers, strict=True):
        name, before = question["query"], meter.steps
        rows = meter.ask(design.get("queries", {}).get(name, ""), question["with"])
        if not same(rows, answer):
            sys.exit(f"{name} gives another answer with {json.dumps(question['with'])}")
        work[name] = work.get(name, 0) + meter.steps - before
    for name, steps in sorted(work.items(), key=lambda item: -item[1]):
        print(f"{name}: {steps / 1e6:.3f}")
    print(f"query_seconds: {meter.seconds:.2f}")
    print(f"million_steps: {meter.steps / 1e6:.3f}")


class Meter:
    """A database that can be read, and the work and CPU time of all questions so far."""

    def __init__(self) -> None:
        self.steps, self.seconds = 0, 0.0
        self._database = sqlite3.connect("file:database.sqlite?mode=ro", uri=True)
        self._database.execute("PRAGMA temp_store = MEMORY")
        self._database.set_authorizer(self._allow)
        self._database.set_progress_handler(self._tick, STEP)

    def ask(self, query: str, parameters: dict[str, Any]) -> Rows:
        """Return the rows of a query; end the program in one sentence if it fails."""
        start = time.process_time()
        try:
            return [list(row) for row in self._database.execute(query, parameters)]
        except sqlite3.Error as error:
            ended = "interrupted" in str(error)
            why = f"took more than {LARGEST:,} instructions" if ended else f"failed: {error}"
            sys.exit(f"a query {why}: {' '.join(query.split())[:200]}")
        finally:
            self.seconds += time.process_time() - start

    def _tick(self) -> bool:
        self.steps += STEP
        return self.steps > LARGEST

    def _allow(self, action: int, *_: object) -> int:
        return sqlite3.SQLITE_OK if action in ALLOWED else sqlite3.SQLITE_DENY


def same(rows: Rows, answer: Rows) -> bool:
    """Return True if two answers are equal by row, numbers up to the order of summation."""
    return len(rows) == len(answer) and all(
        len(row) == len(other) and all(map(_close, row, other))
        for row, other in zip(rows, answer, strict=True)
    )


def _close(a: object, b: object) -> bool:
    if isinstance(a, int | float) and isinstance(b, int | float):
        return math.isclose(a, b, rel_tol=CLOSE, abs_tol=CLOSE)
    return a == b


if __name__ == "__main__":
    main()

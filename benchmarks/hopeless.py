"""How much time the end of hopeless runs saves, and how many winners it costs, on recorded runs.

    python benchmarks/hopeless.py PROJECT [TAG]

Replays a research that ran without it: every first run of a small change is held against the
incumbent of its time, as if none were an audit. Curves come from the ledger or, where it has none,
from lines such as `step 120  12.0 s  loss 3.1` in the logs.
"""

import re
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parent.parent))

from autoresearch_graph.asset.changes import is_small
from autoresearch_graph.core.experiment import Curve, Experiment, Outcome
from autoresearch_graph.core.pruning import bar_for, curve_of
from autoresearch_graph.errors import InputError
from autoresearch_graph.results.records import Records, find
from autoresearch_graph.settings import Settings
from autoresearch_graph.workspace.repository import find_repository
from benchmarks.arguments import parser

_STEP = re.compile(r"step \d+  (?P<seconds>[\d.]+) s  loss (?P<loss>[\d.]+)")


def with_curves(records: Records) -> list[Experiment]:
    """Return the ledger's rows, each run with its curve."""
    rows = []
    for row in records.experiments:
        trials = [_with_curve(run, records, row.number, i) for i, run in enumerate(row.trials)]
        rows.append(row.model_copy(update={"trials": tuple(trials)}))
    return rows


def _with_curve(run: Outcome, records: Records, number: int, repeat: int) -> Outcome:
    if run.curve:
        return run
    log = records.file(number, f"log.{repeat}.txt" if repeat else "log.txt")
    box = records.program.time_box.seconds
    points: Curve = tuple(
        (min(1.0, float(m["seconds"]) / box), float(m["loss"])) for m in _STEP.finditer(log)
    )
    return run.model_copy(update={"curve": points or curve_of(log)})


def main() -> None:
    """Replay and print."""
    arguments = parser(__doc__)
    arguments.add_argument("project", type=Path)
    arguments.add_argument("tag", nargs="?", default="")
    given = arguments.parse_args()
    settings = Settings(project=given.project, tag=given.tag)
    try:
        records = find(settings)
    except InputError as error:
        arguments.error(str(error))
    rows, best = with_curves(records), 0
    small = ended = winners = 0
    saved = 0.0
    with find_repository(settings.root) as repo:
        for i, row in enumerate(rows[1:], start=1):
            old, new = (
                repo.git.show(f"{commit}:{records.program.asset}")
                for commit in (row.parent, row.commit)
            )
            bar = bar_for(best, rows[:i])
            if bar and row.trials and is_small(old, new, records.program.asset):
                small += 1
                last, curve = 0.0, row.trials[0].curve
                for share, value in curve:
                    if bar.verdict(last, share, value):
                        ended, winners = ended + 1, winners + (row.status == "keep")
                        saved += (1 - share) * row.trials[0].seconds
                        break
                    last = share
            best = row.number if row.status == "keep" else best
    total = sum(run.seconds for row in rows for run in row.trials)
    table = Table("figure", "value", title=f"{len(rows) - 1} experiments of {records.tag}")
    table.add_row("small changes with a bar", str(small))
    table.add_row("ended early", str(ended))
    table.add_row("of these kept in truth", str(winners))
    table.add_row("time saved", f"{saved:.0f} s of {total:.0f} s ({saved / total:.1%})")
    Console().print(table)


if __name__ == "__main__":
    main()

"""The table and the picture of an example's README, from a research that was run.

python examples/result.py PROJECT TAG    # writes result.svg into PROJECT, prints the table
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from autoresearch_graph.report.chart import Size, draw
from autoresearch_graph.results.records import Records, find
from autoresearch_graph.settings import Settings

SIZE = Size(640, 290, words=False)


def main(project: Path, tag: str) -> None:
    """Write the picture and print the table."""
    records = find(Settings(project=project, tag=tag))
    held_out = {e.number: _held_out(records, e.number) for e in records.experiments}
    picture = draw(records).svg(SIZE, alone=True)
    (project / "result.svg").write_text(picture, encoding="utf-8")
    print("\n".join(_table(records, held_out)))


def _held_out(records: Records, number: int) -> float | None:
    path = records.folder / "experiments" / f"{number:04d}" / "holdout.json"
    return json.loads(path.read_text())["metric"] if path.exists() else None


def _table(records: Records, held_out: dict[int, float | None]) -> Iterator[str]:
    name = records.program.metric.name
    yield f"| experiment | what changed | `{name}` | holdout |"
    yield "|---:|---|---:|---:|"
    for e in records.experiments:
        if e.status == "keep":
            unseen = held_out[e.number]
            told = "" if unseen is None else f"{unseen:#.4g}"
            yield f"| {e.number} | {e.description} | {e.metric:#.4g} | {told} |"


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

"""The table and the picture of an example's README, from a research that was run.

python examples/result.py PROJECT TAG    # writes result.svg into PROJECT, prints the table
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from autoresearch_graph.records import Records, find
from autoresearch_graph.report.chart import Chart, Dot, draw
from autoresearch_graph.start import Settings

WIDTH, HEIGHT, LEFT, BELOW = 560, 220, 56, 34  # of the plot, and of its labels, in pixels
COLOURS = {"keep": "#147a3d", "discard": "#828d98", "outside": "#828d98", "crash": "#c62828"}


def main(project: Path, tag: str) -> None:
    """Write the picture and print the table."""
    records = find(Settings(project=project, tag=tag))
    held_out = {e.number: _held_out(records, e.number) for e in records.experiments}
    chart = draw(records.experiments, records.program.metric)
    (project / "result.svg").write_text("\n".join(_svg(chart, records)), encoding="utf-8")
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


def _svg(chart: Chart, records: Records) -> Iterator[str]:
    """The report's chart, in fixed colours and pixels."""
    size = f'width="{WIDTH + LEFT + 12}" height="{HEIGHT + BELOW + 22}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">'
    yield '<rect width="100%" height="100%" fill="#fff"/>'
    metric = records.program.metric
    yield f'<text x="{LEFT}" y="13">{metric.name}, {metric.direction} is better</text>'
    yield f'<g transform="translate({LEFT} 20)" fill="#5b6570">'
    for tick in chart.values.ticks(5):
        y = HEIGHT - tick.at / 100 * HEIGHT
        yield f'<path d="M0 {y:.1f}H{WIDTH}" stroke="#d9dee3"/>'
        yield f'<text x="-6" y="{y + 4:.1f}" text-anchor="end">{tick.label}</text>'
    for tick in chart.numbers.ticks(10, least=1):
        x = tick.at / 100 * WIDTH
        yield f'<text x="{x:.1f}" y="{HEIGHT + 16}" text-anchor="middle">{tick.label}</text>'
    yield f'<text x="{WIDTH}" y="{HEIGHT + 30}" text-anchor="end">experiment</text>'
    scaled = f'transform="scale({WIDTH / 100} {HEIGHT / 100})"'
    line = 'stroke="#147a3d" stroke-width="2" vector-effect="non-scaling-stroke"'
    yield f'<path {scaled} d="{chart.best}" fill="none" {line}/>'
    yield from map(_circle, chart.dots)
    yield "</g></svg>"


def _circle(dot: Dot) -> str:
    x, y, colour = dot.x / 100 * WIDTH, dot.y / 100 * HEIGHT, COLOURS[dot.kind]
    fill = "#fff" if dot.kind in ("outside", "crash") else colour
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{fill}" stroke="{colour}"/>'


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

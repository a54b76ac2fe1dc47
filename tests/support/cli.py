"""Helpers of tests about cli."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.waiting import until

CLI = [sys.executable, "-m", "autoresearch_graph"]
ASSET = (
    "X = 3.0\nRATE = 0.5  # one of: 0.1, 0.5, 0.9\nprint(f'loss: {(X - 1.0) ** 2 + RATE:.6f}')\n"
)


def autoresearch(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "200", "OPENAI_API_KEY": "sk-not-to-be-seen"}
    return subprocess.run(
        [*CLI, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, env=environment
    )


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, to show that nothing was changed on disk."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def wait_for_rows(project: Path, rows: int) -> None:
    ledger = project / ".autoresearch/t/experiments.jsonl"
    until(
        lambda: ledger.exists() and ledger.read_text().count("\n") >= rows,
        "the research does not get on",
    )

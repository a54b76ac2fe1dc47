"""Helpers of tests about steering."""

import signal
import subprocess
from pathlib import Path

from tests.support.cli import ASSET, CLI
from tests.support.waiting import PATIENCE

SLOW = "import time\n" + ASSET + "time.sleep(0.3)\n"


def folder(project: Path) -> Path:
    return project / ".autoresearch/t"


def started(project: Path, experiments: int) -> subprocess.Popen[str]:
    command = [*CLI, "run", str(project), "--tag", "t", "--experiments", str(experiments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> None:
    """End a research that would go on, as Ctrl-C does."""
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)

"""Projects to run research on: real git, real files, real subprocesses."""

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from autoresearch_graph import research
from autoresearch_graph.core.brief import Brief, Exhausted
from autoresearch_graph.core.experiment import Draft, Experiment, Progress
from autoresearch_graph.core.program import Flags
from autoresearch_graph.lab import Lab, open_lab
from autoresearch_graph.report import write_report
from autoresearch_graph.runner import Choice
from autoresearch_graph.settings import Settings

from .reports import Page, recorded

PROGRAM = """\
# Find the lowest point

## Asset
`asset.py`

## Metric
`loss`, lower is better

## Experiment
```
python asset.py
```

## Time box
10 seconds, killed after 20 seconds

## Noise
- deterministic

## Stopping criteria
- 30 experiments
"""

ASSET = """\
X = 3.0
print(f"loss: {(X - 1.0) ** 2:.6f}")
"""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Four at least: a test mostly waits for the processes that it started."""
    return max(4, os.cpu_count() or 1)


def pytest_configure() -> None:
    """Keep the bytecode: hundreds of processes start from the same modules."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


def pytest_collection_finish() -> None:
    """The libraries stay until the end; to look through them for garbage took a third of a test."""
    gc.freeze()


GATED = """\
import time
from pathlib import Path
print("begun", flush=True)
while X != 3.0 and not any(Path("GATE", name).exists() for name in ("open", str(X))):
    time.sleep(0.02)
"""


class Scripted:
    """A proposer that speaks a script: one text after another, by the experiment's number."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts

    def propose(self, brief: Brief) -> Draft:
        if brief.number > len(self.texts):
            raise Exhausted("the script is at its end")
        text = self.texts[brief.number - 1]
        return Draft(
            author="model",
            description=f"line {brief.number} of the script",
            hypothesis="It says so in the script.",
            text=text,
        )


def asset(x: float) -> str:
    """The asset with another constant."""
    return ASSET.replace("3.0", repr(x))


def sleeper(seconds: str) -> str:
    """The beginning of an asset that leaves a daemon, and says when it is there."""
    return (
        "import subprocess, time\n"
        f"subprocess.Popen(['sleep', '{seconds}'], start_new_session=True)\n"
        "print('begun', flush=True)\n"
    )


def alive(argument: str) -> list[psutil.Process]:
    """The processes that have this among their arguments."""
    found = psutil.process_iter(["cmdline", "status"])
    return [
        each
        for each in found
        if argument in (each.info["cmdline"] or []) and each.info["status"] != "zombie"
    ]


def git(folder: Path, *command: str) -> str:
    """Run git in a folder, as a person would."""
    done = subprocess.run(
        ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A committed project whose experiment takes a few milliseconds."""
    return make_project(tmp_path / "project")


def make_project(folder: Path, *, program: str = PROGRAM, text: str = ASSET) -> Path:
    folder.mkdir(parents=True)
    (folder / "program.md").write_text(program)
    (folder / "asset.py").write_text(text)
    (folder / "other.py").write_text("# nobody edits this\n")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=start")
    return folder


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """What all the runs of a gated project wait for; beside it, what the one of an X waits for."""
    (tmp_path / "gate").mkdir()
    return tmp_path / "gate" / "open"


def make_gated(
    folder: Path, gate: Path, *, program: str = PROGRAM, end: str = 'print("loss:", X**2)\n'
) -> Path:
    """A project whose runs, the baseline's aside, begin and then wait until the gate is there."""
    program = program.replace("10 seconds, killed after 20", "300")
    program += f"\n## Environment\nRuns read `{gate.parent}`.\n"
    text = "X = 3.0\n" + GATED.replace("GATE", str(gate.parent)) + end
    return make_project(folder, program=program, text=text)


@contextmanager
def opened(
    project: Path,
    texts: Sequence[str] = (),
    *,
    sandbox: Choice = "auto",
    workers: int = 1,
    look_ahead: bool = False,
    on: str = "",
    gpus: float | None = None,
    show: Callable[[Progress], None] = lambda progress: None,
    **flags: int,
) -> Iterator[Lab]:
    """An open lab whose proposer is scripted."""
    settings = Settings(
        project=project,
        tag="t",
        sandbox=sandbox,
        workers=workers,
        look_ahead=look_ahead,
        on=on,
        gpus=gpus,
        flags=Flags(**flags),
    )
    lab = open_lab(settings, proposer=Scripted(texts), show=show)
    try:
        yield lab
    finally:
        lab.close()


def run(project: Path, texts: Sequence[str], **options: Any) -> tuple[str, list[Experiment]]:
    """Run a scripted research to its end; returns the reason and the ledger."""
    with opened(project, texts, **options) as lab:
        return research.run(lab), list(lab.ledger.experiments)


Runner = Callable[..., tuple[str, list[Experiment]]]
Reporter = Callable[..., Page]


@pytest.fixture
def report(tmp_path: Path) -> Reporter:
    def write(experiments: Sequence[Experiment], *, tag: str = "nov23", **more: Any) -> Page:
        records = recorded(tmp_path / tag, experiments, **more)
        return Page(write_report(records).read_text("utf-8"))

    return write

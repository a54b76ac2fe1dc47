"""Helpers of tests about projects."""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from autoresearch_graph import research
from autoresearch_graph.core.brief import Brief, Exhausted
from autoresearch_graph.core.experiment import Draft, Experiment, Progress
from autoresearch_graph.core.program import Flags
from autoresearch_graph.lab import Lab
from autoresearch_graph.opening import open_lab
from autoresearch_graph.settings import Choice, Settings
from tests.support.reports import Page

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


def make_project(folder: Path, *, program: str = PROGRAM, text: str = ASSET) -> Path:
    folder.mkdir(parents=True)
    (folder / "program.md").write_text(program)
    (folder / "asset.py").write_text(text)
    (folder / "other.py").write_text("# nobody edits this\n")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=start")
    return folder


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

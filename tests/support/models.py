"""Helpers of tests about models."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autoresearch_graph.core.brief import Brief, History
from autoresearch_graph.core.experiment import Experiment, Incumbent, Measured, TimedOut
from autoresearch_graph.core.program import Flags
from autoresearch_graph.lab import Lab
from autoresearch_graph.opening import open_lab
from autoresearch_graph.program.reader import read
from autoresearch_graph.settings import Settings
from tests.support.experiments import experiment
from tests.support.projects import ASSET
from tests.support.raw_server import edit, proposal, said


def plain(project: Path, log: str = "") -> Brief:
    return Brief(
        number=1,
        program=read(project / "program.md", project=project),
        incumbent=Incumbent(number=0, commit=f"{0:040x}", metric=1.0),
        text=ASSET,
        ledger=[row(0, "keep", 1.0)],
        history=History(text=lambda number: ASSET, log=lambda number: log),
    )


def row(number: int, status: str, metric: float | None = None, **parts: Any) -> Experiment:
    run = Measured(metric=metric) if metric is not None else TimedOut(limit=20)
    fixed = {"commit": f"{number:040x}", "parent": f"{0:040x}" if number else "f" * 40}
    return experiment(number, status=status, metric=metric, **{**fixed, "trials": (run,), **parts})


KEY = "sk-wire-0123456789"


@contextmanager
def modelled(
    project: Path,
    *,
    experiments: int = 1,
    model: str = "openai:gpt-4o",
    look_ahead: bool | None = False,
) -> Iterator[Lab]:
    settings = Settings(
        project=project,
        tag="t",
        model=model,
        look_ahead=look_ahead,
        flags=Flags(experiments=experiments),
    )
    lab = open_lab(settings)
    try:
        yield lab
    finally:
        lab.close()


def propose(llmock: Any, old: str, new: str, description: str = "an edit") -> None:
    """Script a turn: one edit, then the proposal."""
    llmock.call_tool("edit_file", {"old_string": old, "new_string": new})
    end(llmock, description)


def end(llmock: Any, description: str = "an edit") -> None:
    arguments = {"hypothesis": "It is better.", "description": description, "lesson": "Go on."}
    llmock.call_tool("propose", arguments)


GOOD = (said(None, edit("X = 3.0", "X = 2.0")), said(None, proposal()))

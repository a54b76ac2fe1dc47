"""Projects to run research on: real git, real files, real subprocesses."""

import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from autoresearch_graph.core.experiment import Experiment
from autoresearch_graph.proposers.llm import retry
from autoresearch_graph.report import write_report
from tests.support.models import KEY
from tests.support.projects import Reporter, make_project
from tests.support.reports import Page, recorded


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


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A committed project whose experiment takes a few milliseconds."""
    return make_project(tmp_path / "project")


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """What all the runs of a gated project wait for; beside it, what the one of an X waits for."""
    (tmp_path / "gate").mkdir()
    return tmp_path / "gate" / "open"


@pytest.fixture
def report(tmp_path: Path) -> Reporter:
    def write(experiments: Sequence[Experiment], *, tag: str = "nov23", **more: Any) -> Page:
        records = recorded(tmp_path / tag, experiments, **more)
        return Page(write_report(records).read_text("utf-8"))

    return write


@pytest.fixture
def key_and_no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key for the scripted server, and retries that do not wait."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(retry, "_FIRST", 0.01)
    monkeypatch.setattr(retry, "_LONGEST", 0.02)

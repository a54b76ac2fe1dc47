"""Projects to run research on: real git, real files, real subprocesses."""

import gc
import os
import signal
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

TESTS = Path(__file__).parent
# Test modules of the pure parts: `pytest -m fast` runs them in 30 seconds.
FAST = {
    "asset/test_constants_formats.py",
    "asset/test_constants_python.py",
    "asset/test_length.py",
    "core/test_judging.py",
    "core/test_judging_noise.py",
    "documents/test_documents.py",
    "documents/test_safety.py",
    "program/test_artifacts.py",
    "program/test_denied.py",
    "program/test_dialects.py",
    "program/test_errors.py",
    "program/test_flags.py",
    "program/test_front_matter.py",
    "program/test_limit_errors.py",
    "program/test_limits.py",
    "program/test_misread.py",
    "program/test_program.py",
    "program/test_wild.py",
    "proposers/test_search_ranges.py",
    "report/test_markdown.py",
    "report/test_report.py",
    "runner/test_environment.py",
    "runner/test_log.py",
    "runner/test_output.py",
    "storage/test_checkpoints.py",
    "storage/test_ledger.py",
    "test_imports.py",
    "test_structure.py",
}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Four at least: a test mostly waits for the processes that it started."""
    return max(4, os.cpu_count() or 1)


def pytest_configure() -> None:
    """Keep the bytecode, as hundreds of processes start from the same modules, and heed Ctrl-C.

    A shell has what it starts in the background ignore SIGINT, and each child would inherit that.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of the pure parts, which need neither git nor a process nor the network."""
    for item in items:
        if item.path.relative_to(TESTS).as_posix() in FAST:
            item.add_marker("fast")


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

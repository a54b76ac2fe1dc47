"""Ctrl-C while the lab waits for something, twice in a row: no traceback, and it goes on."""

import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.agreement import assert_agreement
from tests.support.cli import CLI, autoresearch
from tests.support.jobs import PLAIN, plain
from tests.support.models import GOOD
from tests.support.projects import make_project
from tests.support.raw_server import Answer, error, serving
from tests.support.waiting import PATIENCE, until

MODEL = ["--model", "openai:gpt-4o", "--experiments", "1"]


def interrupted(process: subprocess.Popen[str], ready: Callable[[], bool]) -> str:
    """Press Ctrl-C twice as soon as it is ready; what was said on stderr."""
    deadline = time.monotonic() + PATIENCE
    while not ready():
        assert not ended(process), process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=PATIENCE)
    return told


def ended(process: subprocess.Popen[str]) -> bool:
    return process.poll() is not None


def heeds(process: subprocess.Popen[str]) -> bool:
    """True once it catches SIGTERM, as it does with SIGINT; before, Python itself is starting."""
    status = Path(f"/proc/{process.pid}/status")
    caught = re.search(r"^SigCgt:\s*(\w+)", status.read_text(), re.MULTILINE)
    assert caught
    return bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


def started(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*CLI, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OPENAI_API_KEY": "sk-wire-0123456789"},
        **options,
    )


@pytest.mark.parametrize(
    "wait",
    [Answer(b"", hang=True), error(429, "later", retry_after="600")],
    ids=["the model's call", "a pause"],
)
def test_ctrl_c_twice_while_a_model_is_waited_for(project: Path, wait: Answer):
    with serving(GOOD[0], wait, GOOD[1]) as server:
        command = ["run", project, "--tag", "t", *MODEL, "--base-url", server.url]
        process = started(*command)
        told = interrupted(process, lambda: len(server.requests) == 2)
        assert process.returncode == 130, told
        assert len(told.splitlines()) == 1 and "nothing is lost" in told
        again = started(*command)
        assert again.communicate(timeout=PATIENCE)[1] == ""
        assert len(server.requests) == 3
    assert [row["status"] for row in assert_agreement(project, "t")] == ["keep", "keep"]


def test_ctrl_c_twice_during_a_run_leaves_no_process(tmp_path: Path):
    project = make_project(tmp_path / "p", text=PLAIN + "import time\ntime.sleep(5)\n")
    process = started("run", project, "--tag", "t", "--experiments", 1, "--sandbox", "off")
    log = project / ".autoresearch/t/experiments/0000/log.txt"
    told = interrupted(process, lambda: log.exists() and "loss" in log.read_text())
    assert process.returncode == 130
    assert len(told.splitlines()) == 1
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert str(project) not in listed
    assert autoresearch("run", project, "--tag", "t", "--experiments", 1).returncode == 0
    assert_agreement(project, "t")


def test_ctrl_c_twice_while_a_person_is_asked(tmp_path: Path):
    project = plain(tmp_path / "p")
    terminal, inside = pty.openpty()
    process = started("run", project, "--tag", "t", "--experiments", 1, "--review", stdin=inside)
    os.close(inside)
    patch = project / ".autoresearch/t/experiments/0001/diff.patch"
    told = interrupted(process, patch.exists)
    os.close(terminal)
    assert process.returncode == 130, told
    assert "Traceback" not in told and "nothing is lost" in told
    done = autoresearch("run", project, "--tag", "t", "--experiments", 1)
    assert done.returncode == 0 and "approve" not in done.stdout
    assert_agreement(project, "t")


def test_ctrl_c_while_a_lock_changes_hands_comes_a_moment_later():
    """Within `Condition.__enter__`, after the lock was taken, it would stay taken for ever."""
    script = """
import os, signal, threading, time
from functools import partial
from types import SimpleNamespace
from autoresearch_graph import interrupts
lock = threading.Lock()
pressed = partial(os.kill, os.getpid(), signal.SIGINT)
taken = SimpleNamespace(
    acquire=lock.acquire, release=lock.release, __enter__=pressed,
    __exit__=lambda *told: lock.release(),
)
interrupts.heed()
entered = []
try:
    with threading.Condition(taken):
        lock.acquire()
        entered.append(True)
        time.sleep(10)
except KeyboardInterrupt:
    print(entered, lock.locked())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[True] False\n", "")


def test_ctrl_c_while_something_is_deleted_is_not_lost():
    script = """
import os, signal, time
from autoresearch_graph import interrupts
class Odd:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
interrupts.heed()
try:
    Odd()
    time.sleep(10)
except KeyboardInterrupt:
    print("heard")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("heard\n", "")


@pytest.mark.skipif(sys.platform != "linux", reason="only /proc tells when it heeds signals")
def test_ctrl_c_at_any_time_after_the_start(tmp_path: Path):
    project = plain(tmp_path / "p")
    command = ["run", project, "--tag", "t", "--experiments", 3]
    for tenths in range(0, 20, 3):
        process = started(*command)
        until(lambda: ended(process) or heeds(process))  # noqa: B023
        late = time.monotonic() + tenths / 10
        told = interrupted(process, lambda: ended(process) or time.monotonic() > late)  # noqa: B023
        # While Python itself ends the signal ends it, which a shell tells as 130, too.
        assert process.returncode in (130, 0, -signal.SIGINT), told
        assert "Traceback" not in told and len(told.splitlines()) <= 1
    assert autoresearch(*command).returncode == 0
    assert len(assert_agreement(project, "t")) == 4

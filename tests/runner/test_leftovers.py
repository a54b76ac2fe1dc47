"""A lab that is killed while bubblewrap starts leaves a sandbox behind; the next one ends it."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from autoresearch_graph.runner import Sandbox, detect, end_leftovers
from tests.support.projects import opened

BOX = detect()
pytestmark = pytest.mark.skipif(BOX.level != "bwrap", reason="bubblewrap does not work here")
# As the lab starts a sandbox; it says so, and is killed a moment later.
LAB = """\
import subprocess, sys
print("starting", flush=True)
subprocess.Popen(sys.argv[1:], start_new_session=True, stdout=subprocess.DEVNULL, close_fds=False)
import time; time.sleep(60)
"""


def argv(sandbox: Sandbox, folder: Path) -> list[str]:
    return sandbox.argv(
        "sleep 300", folder=folder, environment={"PATH": os.environ["PATH"]}, status=2
    )


def started(folder: Path) -> subprocess.Popen[bytes]:
    """A sandbox that has printed its first process."""
    box = subprocess.Popen(argv(BOX, folder), stderr=subprocess.PIPE)
    assert box.stderr is not None
    box.stderr.readline()
    return box


def boxes(folder: Path) -> list[psutil.Process]:
    """All processes with the folder in their command line, the sleeping ones included."""
    said = f"{folder}/"
    found = (p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"])
    return [p for p in found if any(word.startswith(said) for word in p.info["cmdline"])]


def test_a_lab_that_is_opened_ends_what_a_killed_one_left(project: Path):
    with opened(project):
        pass
    (project / ".autoresearch/t2/worktree").mkdir(parents=True)
    left, other = (started(project / f".autoresearch/{tag}/worktree") for tag in ("t", "t2"))
    try:
        with opened(project):
            assert not psutil.pid_exists(left.pid)
            assert not boxes(project / ".autoresearch/t/")
        assert other.poll() is None
    finally:
        for process in (left, other):
            process.kill()
            process.communicate()


def test_killed_again_and_again_while_a_box_starts_nothing_is_left(tmp_path: Path):
    folder = tmp_path / "t"
    (folder / "worktree").mkdir(parents=True)
    luck, left = random.Random(1), 0
    for _ in range(40):
        lab = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", LAB, *argv(BOX, folder / "worktree")],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert lab.stdout is not None
        lab.stdout.readline()
        time.sleep(luck.uniform(0, 0.02))
        lab.kill()
        lab.communicate()
        time.sleep(0.05)
        left += len(boxes(folder))
        end_leftovers(folder)
        assert boxes(folder) == []
    sys.stdout.write(f"{left} processes were left, and ended")

"""Let a fault strike at every effect that a research has on the disk, and see that it goes on.

python tests/support/fault_points.py FAULT FOLDER [EVERY [JOB]]

full        from that effect on the disk is full: one sentence, exit code 1
full once   this effect alone finds it full: the same
interrupt   Ctrl-C right before the effect, and again some milliseconds later: exit code 130
lost, torn  the power fails right before the effect; what was not synced is lost (see power.py)

JOB is `plain` or `evaluated` (an evaluation and a holdout). After each fault the research is run
again, and all of its records have to tell what they tell of one that nothing has struck.
"""

import atexit
import errno
import gc
import os
import resource
import shutil
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from autoresearch_graph.cli import app as cli
from tests.support import effects, power
from tests.support.agreement import told
from tests.support.jobs import JOBS

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
WRITES = {"open", "write", "sync", "rename", "mkdir", "sqlite"}


@dataclass(frozen=True)
class Life:
    """How a command ended, what it said on stderr, and how many effects it had."""

    code: int
    said: str
    effects: int


def live(project: Path, fault: Callable[[int, str], None] | None = None) -> Life:
    """Run `autoresearch run` in a fork, so that the packages are imported once."""
    said, told = project.with_suffix(".said"), project.with_suffix(".effects")
    told.write_text("0")
    child = os.fork()
    if child == 0:
        _be_the_command(project, said, told, fault)
    _, status = os.waitpid(child, 0)
    return Life(os.waitstatus_to_exitcode(status), said.read_text(), int(told.read_text()))


def _be_the_command(
    project: Path, said: Path, told: Path, fault: Callable[[int, str], None] | None
) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    sys.argv = ["autoresearch", "run", str(project), "--tag", "t", "--experiments", "3"]
    out, code = os.open(told, os.O_WRONLY), 0
    write = os.write
    counted = effects.watch(fault or (lambda number, kind: None))
    try:
        cli.main()
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:  # noqa: BLE001 - as the interpreter would
        sys.excepthook(*sys.exc_info())
        code = 70
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        write(out, str(counted()).encode())
        sys.stderr.flush()
        os._exit(code)


def full(point: int, *, once: bool) -> Callable[[int, str], None]:
    """The disk is full from the first effect that needs room at or after `point`."""
    struck: list[int] = []

    def strike(number: int, kind: str) -> None:
        if number < point or kind not in WRITES or (once and struck):
            return
        struck.append(number)
        if kind == "sqlite":
            raise sqlite3.OperationalError("database or disk is full")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return strike


def interrupt(point: int) -> Callable[[int, str], None]:
    """Ctrl-C at the point, and again up to 60 ms later."""

    def again() -> None:
        time.sleep(point * 7 % 60 / 1000)
        os.kill(os.getpid(), signal.SIGINT)

    def strike(number: int, kind: str) -> None:
        if number == point:
            threading.Thread(target=again, daemon=True).start()
            os.kill(os.getpid(), signal.SIGINT)

    return strike


def power_loss(point: int, project: Path, loss: power.Loss) -> Callable[[int, str], None]:
    """What is left of the project lies beside it when the process is gone."""
    disks: list[power.Disk] = []

    def strike(number: int, kind: str) -> None:
        if not disks:
            disks.append(power.Disk(project))
        if number == point:
            disks[0].leave(project.with_suffix(".left"), loss)
            os.kill(os.getpid(), signal.SIGKILL)

    return strike


def strike(fault: str, project: Path, point: int) -> None:
    """Have one life end by the fault, in the way that a person was promised."""
    if fault in get_args(power.Loss):
        life = live(project, power_loss(point, project, fault))  # type: ignore[arg-type]
        assert life.code == -signal.SIGKILL, life
        shutil.rmtree(project)
        project.with_suffix(".left").rename(project)
        return
    if fault == "interrupt":
        life = live(project, interrupt(point))
        assert life.code in (130, 0), life
    else:
        life = live(project, full(point, once=fault == "full once"))
        assert life.code in (1, 0), life
    lines = life.said.strip().splitlines()
    assert len(lines) == (life.code != 0) and "Traceback" not in life.said, life.said


def check(fault: str, folder: Path, every: int, job: str) -> int:
    """Try every point; returns how many were tried."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    gc.freeze()  # or each fork would copy the packages to look through them
    whole = live(JOBS[job].make(folder / "whole"))
    assert whole.code == 0, whole.said
    expected = told(folder / "whole")
    points = range(1, whole.effects + 1, every)
    for point in points:
        project = JOBS[job].make(folder / f"struck-{point}")
        try:
            strike(fault, project, point)
            if point % 3 == 0:
                strike(fault, project, point % 41 + 3)
            last = live(project)
            assert last.code == 0, last.said
            assert told(project) == expected
        except Exception as error:
            raise AssertionError(f"{fault} before effect {point} of {whole.effects}") from error
        shutil.rmtree(project)
    return len(points)


if __name__ == "__main__":
    name, where, *rest = sys.argv[1:]
    step, what = [*rest, *("1", "plain")[len(rest) :]]
    tried = check(name, Path(where).resolve(), int(step), what)
    sys.stdout.write(f"{name}, {what}: {tried} points tried, nothing lost, repeated or torn\n")

"""Kill a research at every effect it has on the disk, resume it, and see that nothing is lost.

python tests/support/kill_points.py FOLDER [EVERY [SECONDS [JOB]]]

What an effect is, is said in effects.py. The process is killed with SIGKILL right before effect
k, for every EVERY-th k, and again before an early effect of the resumed run; then it runs to its
end. SECONDS of sleep before each effect make the disk slow. JOB is one of jobs.py. Each life
is a fork, so that the packages are imported once.
"""

import gc
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from tests.support import effects
from tests.support.agreement import told
from tests.support.jobs import JOBS, Job
from tests.support.projects import run

sys.path.insert(0, str(Path(__file__).parent.parent.parent))


def killed_at(point: int, pause: float) -> effects.Strike:
    """Kill this process before effect `point`, and let each effect take its time."""

    def strike(number: int, kind: str) -> None:
        time.sleep(pause)
        if number == point:
            os.kill(os.getpid(), signal.SIGKILL)

    return strike


def make(job: Job, project: Path) -> None:
    """Make the project of a job, with what is done in it before."""
    job.make(project)
    if job.before:
        assert live(job, project, 0, 0.0, experiments=job.before) is not None


def live(job: Job, project: Path, kill_at: int, pause: float, **more: int) -> int | None:
    """Run the research in a fork; returns how many effects it had, or None if it was killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        texts = job.texts(project)
        write, counted = os.write, effects.watch(killed_at(kill_at, pause))
        try:
            run(project, texts, workers=job.workers, look_ahead=job.ahead, **more)
            write(writer, str(counted()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reader) as pipe:
        told = pipe.read()
    if os.WIFSIGNALED(status):
        return None
    assert told, f"the run that was to be killed at effect {kill_at} failed"
    return int(told)


def check(folder: Path, every: int, pause: float, job: Job) -> int:
    """Try every point; returns how many were tried.

    Where several things go on at once, verdicts depend on which ends first; then all records
    have to agree, with every experiment judged once.
    """
    gc.freeze()  # or each fork would copy the packages to look through them
    project, aside = folder / "project", folder / "aside"
    make(job, project)
    shutil.copytree(project, aside, symlinks=True)
    effects = live(job, project, 0, 0.0)
    assert effects is not None
    expected = told(project)
    for point in range(1, effects, every):
        shutil.rmtree(project)
        shutil.copytree(aside, project, symlinks=True)
        was_killed = live(job, project, point, pause) is None
        assert was_killed or not job.is_fixed
        live(job, project, point % 53 + 7, pause)
        assert live(job, project, 0, 0.0) is not None
        found = told(project)
        assert len(found) == len(expected), f"killed at effect {point}"
        assert found == expected or not job.is_fixed, f"killed at effect {point}"
    return len(range(1, effects, every))


if __name__ == "__main__":
    where, *rest = sys.argv[1:]
    every, pause, job = [*rest, *("1", "0", "plain")[len(rest) :]]
    tried = check(Path(where).resolve(), int(every), float(pause), JOBS[job])
    sys.stdout.write(f"{tried} points tried: nothing lost, repeated or torn\n")

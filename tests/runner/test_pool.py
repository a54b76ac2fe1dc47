"""The pool: start a trial, wait for the next outcome."""

import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Event

import psutil
import pytest

from autoresearch_graph.core.experiment import Measured, Outcome, Trial
from autoresearch_graph.runner import Cancelled, Pool, Watch, detect
from autoresearch_graph.runner.log import Log
from autoresearch_graph.runner.process import run

FIRST, SECOND = Trial(number=1), Trial(number=2)


@pytest.fixture
def pool() -> Iterator[Pool]:
    with closing(Pool(2)) as pool:
        yield pool


def measured(metric: float) -> Outcome:
    return Measured(metric=metric)


def until_cancelled(watch: Watch) -> Outcome:
    watch.cancelled.wait(20)
    raise Cancelled


def test_the_trial_that_ends_first_is_returned_first(pool: Pool):
    done = Event()
    pool.start(FIRST, lambda _: measured(1.0) if done.wait(20) else measured(0.0))
    pool.start(SECOND, lambda _: measured(2.0))
    assert pool.wait(20) == (SECOND, measured(2.0))
    assert pool.wait(0.05) is None
    done.set()
    assert pool.wait(20) == (FIRST, measured(1.0))


def test_a_trial_is_known_until_it_is_collected(pool: Pool):
    assert not pool.knows(FIRST)
    pool.start(FIRST, lambda _: measured(1.0))
    assert pool.knows(FIRST)
    pool.wait(20)
    assert not pool.knows(FIRST)


def test_starting_a_known_trial_again_does_nothing(pool: Pool):
    runs: list[int] = []
    done = Event()

    def job(watch: object) -> Outcome:
        runs.append(1)
        return measured(float(done.wait(20)))

    for _ in range(3):
        pool.start(FIRST, job)
    done.set()
    assert pool.wait(20) == (FIRST, measured(1.0))
    assert pool.wait(0.05) is None
    assert runs == [1]


def test_a_trial_more_than_there_are_workers_waits_for_its_turn(pool: Pool):
    begun, done = SimpleQueue[int](), Event()

    def job(number: int, watch: object) -> Outcome:
        begun.put(number)
        return measured(float(done.wait(20)))

    for number in range(3):
        pool.start(Trial(number=number), partial(job, number))
    assert {begun.get(timeout=20), begun.get(timeout=20)} == {0, 1}
    assert begun.empty() and len(pool.progress()) == 3
    done.set()
    assert all(pool.wait(20) for _ in range(3))
    assert begun.get() == 2


def test_a_bug_in_a_job_is_raised_to_whoever_waits(pool: Pool):
    pool.start(FIRST, lambda _: measured(1 / 0))
    with pytest.raises(ZeroDivisionError):
        pool.wait(20)
    assert not pool.knows(FIRST)


def test_progress_shows_the_last_line_of_each_trial_under_way(pool: Pool):
    told = Event()

    def job(watch: Watch) -> Outcome:
        watch.tell("step 12")
        told.set()
        return until_cancelled(watch)

    pool.start(FIRST, job)
    pool.start(SECOND, lambda _: measured(1.0))
    told.wait(20)
    pool.wait(20)
    (progress,) = pool.progress()
    assert progress.trial == FIRST
    assert progress.line == "step 12"
    assert 0 < progress.seconds < 20


def test_closing_ends_the_processes_and_those_that_wait_their_turn(tmp_path: Path):
    def job(watch: Watch) -> Outcome:
        with Log(tmp_path / "log.txt") as log:
            command = f"echo started; sleep 100; : {tmp_path}"
            ended = run(
                command, folder=tmp_path, environment={"PATH": "/usr/bin:/bin"}, seconds=60,
                log=log, sandbox=detect(), watch=watch,
            )  # fmt: skip
        assert ended.cancelled
        raise Cancelled

    pool = Pool(1)
    pool.start(FIRST, job)
    pool.start(SECOND, job)
    while not pool.progress()[0].line:
        time.sleep(0.01)
    started = time.monotonic()
    pool.close()
    assert time.monotonic() - started < 20
    commands = [" ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"])]
    assert not [command for command in commands if str(tmp_path) in command]
    for _ in (FIRST, SECOND):
        with pytest.raises(Cancelled):
            pool.wait(1)
    pool.close()

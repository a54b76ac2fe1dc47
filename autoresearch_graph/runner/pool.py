"""Where trials run while the graph goes on: start a trial, wait for the next outcome.

The worker threads live as long as the pool, for a process box ends with the thread that opened
it. A pool knows nothing beyond its own life: after a restart of the lab it is empty, and the
state tells which trials have to be started again.

Not covered: a pool that is never closed keeps the interpreter from exiting until its jobs end.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from autoresearch_graph.experiment import Outcome, Trial
from autoresearch_graph.hopeless import Bar
from autoresearch_graph.runner.watch import Cancelled, Watch


@dataclass(frozen=True)
class Progress:
    """A trial under way: wall seconds since it was started, and the last line it printed."""

    trial: Trial
    seconds: float
    line: str


@dataclass(frozen=True)
class _Running:
    future: Future[Outcome]
    watch: Watch
    started: float


class Pool:
    """A number of worker threads; a trial that is started beyond it waits for a free one."""

    def __init__(self, workers: int) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="trial")
        self._trials: dict[Trial, _Running] = {}
        self._ended: SimpleQueue[Trial] = SimpleQueue()

    def start(self, trial: Trial, job: Callable[[Watch], Outcome], bar: Bar | None = None) -> None:
        """Start `job` for a trial; nothing happens if that trial is known already.

        By the `bar`, where there is one, it is ended when it turns out hopeless.
        """
        if trial in self._trials:
            return
        watch = Watch(bar)
        future = self._threads.submit(_work, job, watch)
        self._trials[trial] = _Running(future, watch, time.monotonic())
        future.add_done_callback(lambda _: self._ended.put(trial))

    def knows(self, trial: Trial) -> bool:
        """Whether the trial was started here and not yet collected."""
        return trial in self._trials

    def wait(self, seconds: float) -> tuple[Trial, Outcome] | None:
        """The outcome of whichever trial ended first, or None after `seconds`.

        The trial is forgotten with that. An exception of its job is raised here: `Cancelled`
        after `close`, else a bug or a broken lab.
        """
        try:
            trial = self._ended.get(timeout=seconds)
        except Empty:
            return None
        return trial, self._trials.pop(trial).future.result()

    def progress(self) -> tuple[Progress, ...]:
        """The trials under way, in the order of their start."""
        now = time.monotonic()
        return tuple(
            Progress(trial, now - running.started, running.watch.line)
            for trial, running in list(self._trials.items())
            if not running.future.done()
        )

    def close(self) -> None:
        """Cancel everything and return when the processes are gone; twice is the same as once."""
        for running in list(self._trials.values()):
            running.watch.cancelled.set()
        self._threads.shutdown(wait=True)


def _work(job: Callable[[Watch], Outcome], watch: Watch) -> Outcome:
    """Do the job, unless the pool was closed before its turn came."""
    if watch.cancelled.is_set():
        raise Cancelled
    return job(watch)

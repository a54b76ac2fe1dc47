"""The collaborators of one open research, with which the nodes of the graph work."""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from autoresearch_graph.core.brief import Proposer
from autoresearch_graph.core.experiment import Progress
from autoresearch_graph.core.judging import Judge
from autoresearch_graph.core.text import without_credentials
from autoresearch_graph.program.reader import LiveProgram
from autoresearch_graph.runner.pool import TrialPool
from autoresearch_graph.storage.ledger import Ledger
from autoresearch_graph.storage.store import Store
from autoresearch_graph.tracing import Tracing
from autoresearch_graph.workspace.workspace import Workspace


@dataclass
class Host:
    """The process that holds a lab open, and the person in front of it.

    `tell` reports a sentence to the person; `show` gets the progress of every run, four times a
    second. With `review` the person is asked about every proposal. `ahead` is the number of
    proposals that may wait for a worker. `closing` is set when the lab closes: whoever waits stops.
    """

    review: bool
    ahead: int
    tell: Callable[[str], None]
    show: Callable[[Progress], None]
    environ: Mapping[str, str] = field(repr=False)
    resources: ExitStack
    closing: threading.Event = field(default_factory=threading.Event)
    _lap: float = field(default_factory=time.monotonic)

    def lap(self) -> float:
        """Return the seconds of work since the last call; a suspended machine does not count."""
        before, self._lap = self._lap, time.monotonic()
        return self._lap - before

    def hide(self, text: str) -> str:
        """Return a text without the credentials of this process."""
        return without_credentials(text, self.environ)

    def close(self) -> None:
        """End every run and release everything. Idempotent."""
        self.closing.set()
        self.resources.close()


@dataclass(frozen=True, kw_only=True)
class Lab:
    """One open research. Close it to end its runs and release its lock."""

    ledger: Ledger
    store: Store
    workspace: Workspace
    pool: TrialPool
    proposer: Proposer
    judge: Judge
    program: LiveProgram
    traces: Tracing
    host: Host

    def close(self) -> None:
        """End every run, release everything, and send the last traces. Idempotent."""
        self.host.close()
        self.traces.close()
        if notice := self.traces.notice():
            self.host.tell(notice)

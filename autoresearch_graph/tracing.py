"""Verdicts and scores on traces in LangSmith, if a person traces to it.

The root of a trace belongs to one experiment if `research.run` has named it. In Studio and in a
notebook one trace has many experiments, and the node that records one gets its verdict. Without
tracing no client is made and no thread is started.

Not covered: data that LangSmith's client adds to a trace by itself, which includes the variables
LANGSMITH_* and LANGCHAIN_*, except those whose name has a key, a token or a password; and the exit
of a process in which a client of LangSmith's was made before a lab was opened.
"""

import logging
import threading
import time
from collections.abc import MutableMapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING
from uuid import UUID

from autoresearch_graph.core.experiment import Experiment, Incumbent
from autoresearch_graph.core.text import one_line
from autoresearch_graph.core.values import Metric

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langsmith import Client, RunTree

_SWITCHES = [f"{maker}_TRACING{v}" for maker in ("LANGSMITH", "LANGCHAIN") for v in ("", "_V2")]


def free_the_exit(environ: MutableMapping[str, str]) -> None:
    """Keep LangSmith's client from delaying the exit of the process, if tracing is on.

    Its sending threads are joined unless they are daemons, and the pool that sends compressed
    traces is joined in any case: with an endpoint that never answers, for minutes.
    """
    if any(environ.get(switch) == "true" for switch in _SWITCHES):
        environ.setdefault("LANGSMITH_USE_DAEMON", "true")
        environ.setdefault("LANGSMITH_DISABLE_RUN_COMPRESSION", "true")


def current_run() -> "RunTree | None":
    """Return the run of the experiment whose node is running; None without tracing."""
    from langsmith import get_current_run_tree

    node = get_current_run_tree()
    root = _root(node) if node else None
    return root if root is not None and "number" in root.metadata else node


def _root(node: "RunTree") -> "RunTree | None":
    """Return the root above a node's run, from the tracer, because LangChain sets no parents."""
    from langchain_core.callbacks import BaseCallbackManager
    from langchain_core.tracers import LangChainTracer
    from langgraph.config import get_config

    callbacks = get_config().get("callbacks")
    handlers = callbacks.handlers if isinstance(callbacks, BaseCallbackManager) else []
    tracers = [handler for handler in handlers if isinstance(handler, LangChainTracer)]
    return tracers[0].run_map.get(str(node.trace_id)) if tracers else None


def scores(experiment: Experiment, incumbent: Incumbent | None, metric: Metric) -> dict[str, float]:
    """Return the scores of an experiment; an improvement is positive, and needs an incumbent."""
    found: dict[str, float] = {"kept": int(experiment.status == "keep")}
    if experiment.metric is not None:
        found[metric.name] = experiment.metric
        if incumbent is not None:
            found["improvement"] = metric.improvement(experiment.metric, incumbent.metric)
    return found


class Tracing:
    """The traces of a research; only its end waits for LangSmith, for seconds.

    `thread` is the name by which LangSmith groups the traces of a research. Scores are sent by a
    daemon thread that the first ones start.
    """

    def __init__(self, tag: str, *, thread: str) -> None:
        self._tag, self._thread = tag, thread
        self._trouble = _Trouble()
        self._waiting: SimpleQueue[Feedback | None] = SimpleQueue()
        self._sender: threading.Thread | None = None
        self._client: Client | None = None

    def invocation(self, number: int) -> "RunnableConfig":
        """Return the configuration that names a trace after one experiment."""
        metadata = {"tag": self._tag, "number": number, "thread_id": self._thread}
        return {"run_name": f"experiment {number}", "tags": [self._tag], "metadata": metadata}

    def judged(
        self, run: "RunTree", e: Experiment, *, text: str, scores: dict[str, float], url: Path
    ) -> None:
        """Put a verdict on the run of an experiment, and queue its scores.

        LangSmith rounds scores to four decimals; in the metadata they are exact. OpenTelemetry
        knows no feedback: there they are in the metadata alone.
        """
        facts = e.model_dump(include={"number", "author", "commit", "metric", "reason"})
        asset = sha256(text.encode()).hexdigest()
        run.add_metadata(
            {
                **scores,
                **facts,
                "tag": self._tag,
                "verdict": e.status,
                "asset": asset,
                "unwalled": e.is_unconfined,
            }
        )
        if run.name.startswith("experiment "):
            run.name = f"experiment {e.number}"  # with several workers it is not known before
        self._client = run.client  # flushed before the end
        if run.client.tracing_mode == "otel":
            return
        feedback = Feedback(
            client=run.client,
            project=run.session_name,
            run=run.id,
            trace=run.trace_id,
            scores=scores,
            reason=e.reason,
            url=url,
        )
        self._waiting.put(feedback)
        if self._sender is None:
            self._sender = threading.Thread(target=self._send_all, daemon=True)
            self._sender.start()

    def name_the_end(self) -> None:
        """Rename a trace that was begun for an experiment when none is left."""
        run = current_run()
        if run is not None and run.metadata.pop("number", None) is not None:
            run.name = "report"

    def notice(self) -> str | None:
        """Return a notice about LangSmith for a person, once."""
        return self._trouble.notice()

    def close(self) -> None:
        """Wait a few seconds for LangSmith to take the rest. Idempotent."""
        patience = 1.0 if self._trouble.known else _PATIENCE
        deadline = time.monotonic() + patience
        if self._sender is not None:
            self._waiting.put(None)
            self._sender.join(patience)
        if self._client is not None:
            self._client.flush(timeout=max(0.0, deadline - time.monotonic()))
        if self._sender is not None and self._sender.is_alive():
            self._trouble.take(f"no answer within {patience:g} s")
        self._sender = self._client = None
        self._trouble.close()

    def _send_all(self) -> None:
        while feedback := self._waiting.get():
            try:
                feedback.send()
            except Exception as error:  # noqa: BLE001 - this thread's edge: tracing stops nothing
                self._trouble.take(str(error))


_PATIENCE = 5.0  # seconds


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """The scores of a run; the file `url` gets the run's URL after they were sent."""

    client: "Client"
    project: str | None
    run: UUID
    trace: UUID
    scores: dict[str, float]
    reason: str
    url: Path

    def send(self) -> None:
        """Send the traces, of which the first makes the project, and then the scores."""
        self.client.flush(timeout=_PATIENCE)
        project = self.client.read_project(project_name=self.project)
        for key, score in self.scores.items():
            self.client.create_feedback(
                run_id=self.run,
                trace_id=self.trace,
                session_id=project.id,
                key=key,
                score=score,
                comment=self.reason,
                stop_after_attempt=1,
                extend_trace_retention=False,
            )
        self.url.write_text(f"{project.url}/r/{self.run}?poll=true", "utf-8")


class _Trouble(logging.Handler):
    """A log handler that makes the first failure a notice, and drops the client's messages."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._notice: str | None = None
        self.known = False
        logging.getLogger("langsmith").addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.take(record.getMessage())

    def take(self, what: str) -> None:
        """Note a failure, from any thread; only its first sentence, which holds no key."""
        if not self.known:
            self.known = True
            cause = one_line(what)[:300].split(". ")[0]
            self._notice = f"LangSmith is not taking every trace ({cause}); the research goes on"

    def notice(self) -> str | None:
        """Return the notice, once."""
        notice, self._notice = self._notice, None
        return notice

    def close(self) -> None:
        """Stop listening, unless there was a failure, which goes on until the process ends."""
        if not self.known:
            logging.getLogger("langsmith").removeHandler(self)
        super().close()

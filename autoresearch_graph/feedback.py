"""Scores on their way to LangSmith, in a thread of their own, and what a person is told of it."""

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from langsmith import Client

_PATIENCE = 5.0


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """The scores of a run, on their way; the file `url` gets its URL when they have arrived."""

    client: "Client"
    project: str | None
    run: UUID
    trace: UUID
    scores: dict[str, float]
    reason: str
    url: Path

    def send(self) -> None:
        """Send them; what has been traced goes first, as the first run makes the project."""
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


class Sender:
    """Sends feedback in a daemon thread, which the first one starts; nobody waits for it."""

    def __init__(self) -> None:
        self._trouble = _Trouble()
        self._waiting: SimpleQueue[Feedback | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._client: Client | None = None

    def serve(self, client: "Client") -> None:
        """See to it that what a client has traced is sent before the end."""
        self._client = client

    def put(self, feedback: Feedback) -> None:
        """Have it sent."""
        self._waiting.put(feedback)
        if self._thread is None:
            self._thread = threading.Thread(target=self._send_all, daemon=True)
            self._thread.start()

    def notice(self) -> str | None:
        """What a person should know of LangSmith, once."""
        return self._trouble.notice()

    def close(self) -> None:
        """Leave LangSmith a few seconds to take the rest; harmless when called twice."""
        patience = 1.0 if self._trouble.known else _PATIENCE
        deadline = time.monotonic() + patience
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join(patience)
        if self._client is not None:
            self._client.flush(timeout=max(0.0, deadline - time.monotonic()))
        if self._thread is not None and self._thread.is_alive():
            self._trouble.take(f"no answer within {patience:g} s")
        self._thread = self._client = None
        self._trouble.close()

    def _send_all(self) -> None:
        while feedback := self._waiting.get():
            try:
                feedback.send()
            except Exception as error:  # noqa: BLE001 - this thread's edge: tracing stops nothing
                self._trouble.take(str(error))


class _Trouble(logging.Handler):
    """Makes the first trouble a notice, and swallows what the client logs: each failure, anew."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._notice: str | None = None
        self.known = False
        logging.getLogger("langsmith").addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.take(record.getMessage())

    def take(self, what: str) -> None:
        """Take note of a trouble, from any thread; only its first sentence, which holds no key."""
        if not self.known:
            self.known = True
            cause = " ".join(what.split())[:300].split(". ")[0]
            self._notice = f"LangSmith is not taking every trace ({cause}); the research goes on"

    def notice(self) -> str | None:
        """The notice, once."""
        notice, self._notice = self._notice, None
        return notice

    def close(self) -> None:
        """Stop listening, unless there was trouble, which goes on until the process ends."""
        if not self.known:
            logging.getLogger("langsmith").removeHandler(self)
        super().close()

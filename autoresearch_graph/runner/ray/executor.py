"""Trials on a cluster: the work of `LocalExecutor` is done on a node that Ray chooses.

A trial whose node is lost is begun anew on another, with its log: the lab gets one outcome of it.
A trial that lost three nodes has crashed: it is taken for their loss.
"""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from autoresearch_graph import __version__
from autoresearch_graph.core.experiment import Crashed, Measured, Outcome
from autoresearch_graph.core.program import Program
from autoresearch_graph.core.text import is_credential
from autoresearch_graph.errors import LabError
from autoresearch_graph.runner.log import latest_line
from autoresearch_graph.runner.process import Watch
from autoresearch_graph.runner.ray.cluster import Cluster, Lost
from autoresearch_graph.runner.ray.messages import (
    LOG,
    Begun,
    Piece,
    Result,
    SourceSnapshot,
    TaskRequest,
    pieces,
    put,
)
from autoresearch_graph.settings import Choice
from autoresearch_graph.storage import files

_ATTEMPTS = 3
_RECENT = 4096  # bytes of a log in which its last line is looked for


@dataclass(frozen=True)
class RayExecutor:
    """Conducts trials on a cluster; nodes get the variables of `environ` that program.md names."""

    cluster: Cluster
    source: SourceSnapshot
    sandbox: Choice
    environ: Mapping[str, str]

    def lay_out(self, text: str) -> None:
        """Do nothing: the node lays out the text."""

    def conduct(
        self,
        program: Program,
        text: str,
        *,
        seed: int,
        log: Path,
        watch: Watch,
        handed_over: Path | None = None,
    ) -> Outcome:
        """Have a node run a text and measure it; raises `Cancelled`.

        LabError where no node can, because of the lab or the node rather than the text.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        request = self._request(
            "trial",
            program,
            text,
            seed=seed,
            rule=watch.rule,
            pace=watch.pace,
            hands_over=handed_over is not None,
        )
        return self._outcome(request, log=log, watch=watch, handed_over=handed_over)

    def run_holdout(
        self, program: Program, text: str, *, artifacts: Path, log: Path
    ) -> Measured | Crashed:
        """Have a node run the holdout command on artifacts that an earlier trial left here."""
        request = self._request("holdout", program, text)
        outcome = self._outcome(request, log=log, watch=Watch(), given=artifacts)
        if not isinstance(outcome, Measured | Crashed):
            raise LabError(f"the holdout ended as {outcome.kind}")
        return outcome

    def _request(
        self, task: Literal["trial", "holdout"], program: Program, text: str, **more: Any
    ) -> TaskRequest:
        return TaskRequest(
            task=task,
            version=__version__,
            source=self.source,
            program=program,
            text=text,
            sandbox=self.sandbox,
            variables=_named(program, self.environ),
            **more,
        )

    def _outcome(
        self,
        request: TaskRequest,
        *,
        log: Path,
        watch: Watch,
        handed_over: Path | None = None,
        given: Path | None = None,
    ) -> Outcome:
        """Return the outcome from the first node that is not lost."""
        lost: tuple[str, ...] = ()
        while len(lost) < _ATTEMPTS:
            log.write_bytes(b"")
            if handed_over is not None:
                shutil.rmtree(handed_over, ignore_errors=True)
            request = request.model_copy(update={"lost": lost})
            attempt = _Attempt(request, log, watch, handed_over)
            watch.tell("waiting for the cluster")
            try:
                return attempt.follow(self.cluster, pieces(given) if given else iter(()))
            except Lost:
                lost = (*lost, attempt.node)
        reason = f"its nodes were lost while it ran: {', '.join(lost)}"
        return Crashed(cause="signal", reason=reason, lost=lost)


class _Attempt:
    """A task on one node, as far as it is known here."""

    def __init__(
        self, request: TaskRequest, log: Path, watch: Watch, handed_over: Path | None
    ) -> None:
        self._request, self._log, self._watch = request, log, watch
        self._handed_over = handed_over
        self.node = "a node that never answered"

    def follow(self, cluster: Cluster, given: Iterator[Piece]) -> Outcome:
        """Return the outcome; raises `Lost`, `Cancelled`, and LabError if the node cannot do it."""
        with closing(cluster.events(self._request, given, self._watch.cancelled)) as events:
            for event in events:
                if isinstance(event, Result):
                    return self._outcome(event)
                self._take(event)
        raise Lost

    def _take(self, event: Begun | Piece | None) -> None:
        match event:
            case Begun(node=node):
                self.node = node
            case Piece(path=path) as piece if path == LOG:
                put(self._log, piece)
                self._watch.tell(self._last_line())
            case Piece(path=path) as piece if self._handed_over is not None:
                if path in self._request.program.handed_over:
                    put(self._handed_over / path, piece)

    def _outcome(self, result: Result) -> Outcome:
        """Return the outcome, when the artifacts for a holdout are on the disk."""
        if result.outcome is None:
            raise LabError(f"the node {self.node} cannot run this: {result.failed}")
        for path in self._handed_over.rglob("*") if self._handed_over else ():
            files.sync(path)
        return result.outcome

    def _last_line(self) -> str:
        with self._log.open("rb") as file:
            file.seek(max(0, self._log.stat().st_size - _RECENT))
            return latest_line(file.read())


def _named(program: Program, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that program.md names, without credentials."""
    wanted = [*program.environment.variables, *re.findall(r"\$\{?(\w+)", " ".join(program.hidden))]
    return {
        name: value
        for name, value in environ.items()
        if any(fnmatchcase(name, each) for each in wanted) and not is_credential(name, value)
    }

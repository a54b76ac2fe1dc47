"""A place on a cluster: what `bench.py` does here is asked of a node, whichever Ray chooses.

A trial whose node is lost is begun anew on another, with its log: the lab hears one outcome of it.
What is lost three times is taken for what loses its nodes, and is a crash.
"""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from autoresearch_graph import __version__
from autoresearch_graph.core.experiment import Crashed, Measured, Outcome
from autoresearch_graph.core.program import Program
from autoresearch_graph.core.text import clean, is_credential, without_keys
from autoresearch_graph.errors import LabError
from autoresearch_graph.runner.process import Watch
from autoresearch_graph.runner.ray.cluster import Cluster, Lost
from autoresearch_graph.runner.ray.messages import (
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

_MOST = 3
_RECENT = 4096


@dataclass(frozen=True)
class RayExecutor:
    """Room for one trial on a cluster; `environ` is the lab's, of which nodes get what is named."""

    cluster: Cluster
    ground: SourceSnapshot
    sandbox: Choice
    environ: Mapping[str, str]

    def lay_out(self, text: str) -> None:
        """Nothing is laid out here: the node does it."""

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
        order = self._order("conduct", program, text).model_copy(
            update={"seed": seed, "bar": watch.bar, "hands_over": handed_over is not None}
        )
        return self._done(order, log=log, watch=watch, handed_over=handed_over)

    def run_holdout(
        self, program: Program, text: str, *, artifacts: Path, log: Path
    ) -> Measured | Crashed:
        """Have a node run the holdout command on artifacts that an earlier trial left here."""
        order = self._order("hold out", program, text)
        outcome = self._done(order, log=log, watch=Watch(), given=artifacts)
        if not isinstance(outcome, Measured | Crashed):
            raise LabError(f"the holdout ended as {outcome.kind}")
        return outcome

    def _order(
        self, wish: Literal["conduct", "hold out"], program: Program, text: str
    ) -> TaskRequest:
        return TaskRequest(
            wish=wish,
            version=__version__,
            ground=self.ground,
            program=program,
            text=text,
            sandbox=self.sandbox,
            variables=_named(program, self.environ),
        )

    def _done(
        self,
        order: TaskRequest,
        *,
        log: Path,
        watch: Watch,
        handed_over: Path | None = None,
        given: Path | None = None,
    ) -> Outcome:
        """The outcome on the first node that lives to tell it."""
        lost: list[str] = []
        while len(lost) < _MOST:
            log.write_bytes(b"")
            if handed_over is not None:
                shutil.rmtree(handed_over, ignore_errors=True)
            attempt = _Attempt(order, log, watch, handed_over)
            watch.tell("waiting for the cluster")
            try:
                outcome = attempt.follow(self.cluster, pieces(given) if given else iter(()))
                return outcome.model_copy(update={"lost": tuple(lost)})
            except Lost:
                lost.append(attempt.node)
        reason = f"its nodes were lost while it ran: {', '.join(lost)}"
        return Crashed(cause="signal", reason=reason, lost=tuple(lost))


class _Attempt:
    """A trial on one node, as far as it is heard of here."""

    def __init__(
        self, order: TaskRequest, log: Path, watch: Watch, handed_over: Path | None
    ) -> None:
        self._order, self._log, self._watch = order, log, watch
        self._handed_over = handed_over
        self.node = "a node that never answered"

    def follow(self, cluster: Cluster, given: Iterator[Piece]) -> Outcome:
        """The outcome; raises `Lost` and `Cancelled`, and LabError where the node cannot do it."""
        with closing(cluster.events(self._order, given, self._watch.cancelled)) as events:
            for event in events:
                if isinstance(event, Result):
                    return self._outcome(event)
                self._hear(event)
        raise Lost

    def _hear(self, event: Begun | Piece | None) -> None:
        match event:
            case Begun(node=node):
                self.node = node
            case Piece(path="") as piece:
                put(self._log, piece)
                self._watch.tell(_latest(self._log))
            case Piece() as piece if self._handed_over is not None:
                if piece.path in self._order.program.handed_over:
                    put(self._handed_over / piece.path, piece)

    def _outcome(self, result: Result) -> Outcome:
        """What came of it, with what a holdout may want after a loss of power on the disk."""
        if result.outcome is None:
            raise LabError(f"the node {self.node} cannot run this: {result.failed}")
        for path in self._handed_over.rglob("*") if self._handed_over else ():
            files.sync(path)
        return result.outcome.model_copy(update={"node": self.node})


def _named(program: Program, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that program.md names, but for credentials."""
    wanted = [*program.environment.variables, *re.findall(r"\$\{?(\w+)", " ".join(program.hidden))]
    return {
        name: value
        for name, value in environ.items()
        if any(fnmatchcase(name, each) for each in wanted) and not is_credential(name, value)
    }


def _latest(log: Path) -> str:
    """The last line that is not blank, without control codes."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _RECENT))
        lines = clean(file.read().decode(errors="replace")).split("\n")
    return without_keys(next((line.strip() for line in reversed(lines) if line.strip()), ""))

"""The place where a trial runs: on this machine, or on a node of a cluster."""

from pathlib import Path
from typing import Protocol

from autoresearch_graph.core.experiment import Crashed, Measured, Outcome
from autoresearch_graph.core.program import Program
from autoresearch_graph.runner.outcome import Pace
from autoresearch_graph.runner.process import Watch


class Executor(Protocol):
    """Runs one trial at a time: `LocalExecutor` here, `RayExecutor` on a cluster."""

    def lay_out(self, text: str) -> None:
        """Make the checkout of the run clean, with `text` as its asset, where it is kept here."""

    def conduct(
        self,
        program: Program,
        text: str,
        *,
        seed: int,
        log: Path,
        watch: Watch,
        handed_over: Path | None = None,
        pace: Pace | None = None,
    ) -> Outcome:
        """Run the text that was laid out and measure it; raises `Cancelled`.

        It may be called in another thread than `lay_out`.
        """

    def run_holdout(
        self, program: Program, text: str, *, artifacts: Path, log: Path
    ) -> Measured | Crashed:
        """Run the holdout command on artifacts of an earlier trial."""

    def remove(self) -> None:
        """Remove the checkouts that are kept here; it cannot be used after that."""

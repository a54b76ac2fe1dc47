"""Interface of an executor: it runs a trial, on this machine or elsewhere."""

from pathlib import Path
from typing import Protocol

from autoresearch_graph.core.experiment import Crashed, Measured, Outcome
from autoresearch_graph.core.program import Program
from autoresearch_graph.runner.process import Watch


class Executor(Protocol):
    """Runs one trial at a time: `LocalExecutor` on this machine, `RayExecutor` on a cluster.

    A failed run is an outcome; an exception ends the lab. A plugged-in executor is shared by all
    workers, so that `conduct` is called from several threads at once; it keeps the time box itself.
    """

    def lay_out(self, text: str) -> None:
        """Prepare for a text of the asset: that of the next trial, or the restored incumbent's."""

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
        """Run a text and measure it, with its output in `log`; called outside the main thread.

        Once `watch.cancelled` is set it should raise `Cancelled`: the closing lab waits for it.
        `handed_over` is a folder to be made for the artifacts that `run_holdout` gets.
        """

    def run_holdout(
        self, program: Program, text: str, *, artifacts: Path, log: Path
    ) -> Measured | Crashed:
        """Run the holdout command on artifacts of an earlier trial."""

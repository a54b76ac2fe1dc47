"""What a person sees while a research runs: a live table, or plain lines."""

from types import TracebackType
from typing import Any, Self

from rich.console import Console, ConsoleDimensions, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from autoresearch_graph.asking import ask
from autoresearch_graph.experiment import Experiment
from autoresearch_graph.lab import Lab
from autoresearch_graph.nodes.review import Answer
from autoresearch_graph.runner import Progress
from autoresearch_graph.tables import experiments_table


class View:
    """Watches a research: tells its notices, shows its progress, lists its verdicts."""

    def __init__(self, lab: Lab, console: Console) -> None:
        self._lab = lab
        self._console = console
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._doing = "starting"
        self._seconds = 0.0
        self._line = ""
        self._fitted: Table | None = None
        self._shown: tuple[int, ConsoleDimensions] | None = None
        lab.tell, lab.show = self.notice, self.show

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.update(self._table(), refresh=True)
            self._live.stop()

    def watch(self, node: str, update: dict[str, Any]) -> None:
        """Take note of what a node did."""
        if node == "propose" and update.get("candidates"):
            proposal = update["candidates"][-1]["proposal"]
            self._doing = f"experiment {proposal['number']}: {proposal['description']}"
            self._seconds, self._line = 0.0, ""
        if node in ("keep", "revert") and not self._live:
            self._console.print(_plain(self._lab.ledger.experiments[-1]), soft_wrap=True)
        self._refresh()

    def show(self, progress: Progress) -> None:
        """Take note of how far a run is."""
        self._seconds, self._line = progress.seconds, progress.line
        self._refresh()

    def notice(self, sentence: str) -> None:
        """Say something that a person should know."""
        self._console.print(Text(sentence, "yellow"))

    def decide(self, question: dict[str, Any]) -> Answer:
        """Ask a person about a proposal, with the picture held still meanwhile."""
        if self._live:
            self._live.stop()
        try:
            text = self._lab.workspace.text_of(question["experiment"])
            return ask(question, text, self._console)
        finally:
            if self._live:
                self._live.start()

    def _refresh(self) -> None:
        if self._live:
            self._live.update(self._picture(), refresh=True)

    def _picture(self) -> RenderableType:
        limit = self._lab.program.time_box.kill_after
        bar = ProgressBar(total=limit, completed=min(self._seconds, limit))
        running = Table.grid(padding=(0, 1))
        running.add_row(Text(self._doing), bar, Text(f"{self._seconds:.0f} of {limit:.0f} s"))
        line = Text(self._line[: self._console.width], "dim")
        return Group(self._table(), "", running, line)

    def _table(self) -> Table:
        """The last verdicts; they are laid out anew only where one came or the terminal changed."""
        shown = (len(self._lab.ledger.experiments), self._console.size)
        if self._fitted is None or self._shown != shown:
            self._fitted, self._shown = self._fit(), shown
        return self._fitted

    def _fit(self) -> Table:
        """As many of the last verdicts as fit into the terminal."""
        metric, room = self._lab.program.metric.name, self._console.height - 5
        experiments = self._lab.ledger.experiments[-max(room, 1) :]
        table = experiments_table(experiments, metric)
        while len(experiments) > 1 and len(self._console.render_lines(table)) > room:
            experiments = experiments[1:]
            table = experiments_table(experiments, metric)
        return table


def _plain(e: Experiment) -> Text:
    value = "" if e.metric is None else f" {e.metric:.6f}"
    return Text(f"{e.number:4d} {e.status:8s}{value} {e.description} | {e.reason}")

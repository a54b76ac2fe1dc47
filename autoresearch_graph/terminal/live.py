"""Live view of a running research, and the review of a proposal in the terminal.

It is a dashboard, or a line for each event.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import PurePath
from types import TracebackType
from typing import Any, Self

import click
from rich.console import Console, RenderableType
from rich.live import Live
from rich.prompt import Prompt
from rich.syntax import Syntax
from rich.text import Text

from autoresearch_graph.asset.files import Asset
from autoresearch_graph.core.experiment import Answer, Experiment
from autoresearch_graph.core.text import clean
from autoresearch_graph.lab import Lab
from autoresearch_graph.results.follow import Curves, Follower
from autoresearch_graph.results.records import Records, find
from autoresearch_graph.runner.caveats import caveats
from autoresearch_graph.settings import Settings
from autoresearch_graph.storage.manifest import is_running
from autoresearch_graph.storage.status import Status, read_status
from autoresearch_graph.terminal.dashboard import picture

_LOOK = 0.5  # seconds between two looks

Event = dict[str, Any]
Line = Callable[[Event], str | None]


def in_words(event: Event) -> str | None:
    """Return the text of a verdict, a notice or the end; None for other events."""
    match event["event"]:
        case "verdict" | "notice" | "end":
            return str(event["text"])
    return None


def in_json(event: Event) -> str | None:
    """Return an event as one JSON object."""
    return json.dumps(event)


def only_the_end(event: Event) -> str | None:
    """Return the text of the end; None for other events."""
    return str(event["text"]) if event["event"] == "end" else None


def plain(records: Records, e: Experiment) -> str:
    """Return a verdict on one line."""
    value = "" if e.metric is None else f" {records.figures.value(e.metric)}{records.mark(e)}"
    told = f"{e.number:4d} {e.status:8s}{value} {e.description} | {records.reason(e)}"
    return " ".join(clean(told).splitlines())


_EVENTS = {"train": "trial", "propose": "proposal", "keep": "verdict", "revert": "verdict"}


class View:
    """A view of a research: a dashboard in a terminal, unless a `line` for events is given."""

    def __init__(self, lab: Lab, console: Console, line: Line | None = None) -> None:
        self._lab, self._console = lab, console
        self._line = line or in_words
        self._curves = Curves(lab.store.folder, lab.program.current.metric.name)
        self._seen: Records | None = None
        self._live: Live | None = None
        if line is None and console.is_terminal:
            self._live = Live(console=console, get_renderable=self._picture, refresh_per_second=2)
        lab.host.tell = self.notice

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        lab = self._lab
        self._say({"event": "start", "tag": lab.store.tag, "folder": str(lab.store.folder)})
        for sentence in caveats(lab.program.current, lab.workspace.project):
            self.notice(sentence)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()

    def watch(self, node: str, update: dict[str, Any]) -> None:
        """Show the update of a node."""
        match _EVENTS.get(node):
            case "verdict":
                records = self._records()
                e = records.experiments[-1]
                told = {"experiment": e.model_dump(mode="json"), "text": plain(records, e)}
                self._say({"event": "verdict", **told})
            case "proposal" if update.get("candidates"):
                proposal = update["candidates"][-1]["proposal"]
                self._say({"event": "proposal", "proposal": proposal})
            case "trial" if update.get("running"):
                self._say({"event": "trial", "trial": update["running"][-1]})

    def notice(self, sentence: str) -> None:
        """Show a notice for a person."""
        if self._live:
            self._console.print(Text(sentence, "yellow"))
        self._say({"event": "notice", "text": sentence})

    def decide(self, question: dict[str, Any]) -> Answer:
        """Ask a person about a proposal, with the dashboard paused."""
        if self._live:
            self._live.stop()
        try:
            text = self._lab.workspace.text_of(question["experiment"])
            return ask(question, text, self._console)
        finally:
            if self._live:
                self._live.start()

    def _say(self, event: Event) -> None:
        line = None if self._live else self._line(event)
        if line is None:
            return
        try:
            self._console.file.write(f"{line}\n")
            self._console.file.flush()
        except BrokenPipeError:
            self._go_on_unheard()

    def _go_on_unheard(self) -> None:
        """Go on without output after a reader such as `head` has left."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        told = "nobody reads this any more; the research goes on, look with: autoresearch watch"
        with suppress(OSError):
            sys.stderr.write(f"autoresearch: {told} --tag {self._lab.store.tag}\n")
            sys.stderr.flush()

    def _records(self) -> Records:
        """Return the current records; the same object until the next verdict."""
        lab, known = self._lab, self._seen.experiments if self._seen else []
        if self._seen is None or len(known) != len(lab.ledger.experiments):
            self._seen = Records(
                folder=lab.store.folder,
                base=lab.workspace.base,
                program=lab.program.current,
                experiments=[*known, *lab.ledger.experiments[len(known) :]],
            )
        return self._seen

    def _picture(self) -> Any:
        status = self._lab.store.status
        # While a proposal is written, nobody else reads the progress of runs.
        if status.now.doing == "proposing":
            status.progress(self._lab.pool.progress())
        now = status.now
        return picture(self._records(), now, self._curves.of(now), self._console)


def watch(settings: Settings, console: Console) -> str:
    """Show a research until it ends, and return its summary.

    It is the research of the tag, or the latest; InputError if there is none.
    """
    follower = Follower(find(settings))
    folder = follower.records.folder
    if console.is_terminal:
        with Live(
            console=console,
            get_renderable=lambda: _dashboard(follower, console),
            refresh_per_second=1 / _LOOK,
        ):
            while is_running(folder):
                time.sleep(_LOOK)
    else:
        shown = 0
        while shown < len(follower.look().experiments) or is_running(folder):
            records = follower.records
            for experiment in records.experiments[shown:]:
                text = plain(records, experiment)
                console.print(text, soft_wrap=True, highlight=False, markup=False)
                shown += 1
            time.sleep(_LOOK)
    ended = "" if is_running(folder) else f"{folder.name} is not running\n"
    return f"{ended}{follower.look().summary()}"


def _dashboard(follower: Follower, console: Console) -> RenderableType:
    now = read_status(follower.records.folder) or Status()
    return picture(follower.look(), now, follower.curves.of(now), console)


def ask(question: dict[str, Any], text: str, console: Console) -> Answer:
    """Show the proposal and wait for an answer; `text` is the asset as proposed, to be edited."""
    console.print(Text(f"\nexperiment {question['experiment']}: {question['description']}", "bold"))
    console.print(Text(question["hypothesis"]))
    if refused := question.get("refused"):
        console.print(Text(f"the edit cannot be used: {refused}", "red"))
    console.print(Syntax(question["diff"], "diff", background_color="default"))
    while True:
        said = Prompt.ask(
            "approve, edit or reject?", console=console, choices=["a", "e", "r"], default="a"
        )
        if said == "a":
            return Answer(action="approve")
        if said == "r":
            return Answer(action="reject", reason=Prompt.ask("why", console=console, default=""))
        asset = Asset.parse(question["asset"])
        suffix = ".txt" if asset.is_several else PurePath(str(asset)).suffix
        edited = click.edit(text, extension=suffix)
        if edited is not None and (why := asset.unfit(edited, text)):
            console.print(Text(why, "red"))
            continue
        if edited is not None:
            return Answer(action="edit", text=edited)
        console.print(Text("nothing was changed", "yellow"))

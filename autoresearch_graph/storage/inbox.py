"""Where a person says something to a research while it runs: steering.jsonl beside its ledger.

A message is a line, appended and fsynced once, by any number of processes. The file is never
rewritten: what was taken up is known from the ledger and the state, so a message counts once,
whenever the lab is killed.
"""

import fcntl
import json
import secrets
from datetime import UTC, datetime
from pathlib import Path

from autoresearch_graph.core.experiment import Message, Wish
from autoresearch_graph.core.values import is_json
from autoresearch_graph.storage import files

_FILE = "steering.jsonl"
_TEXTS = "proposed"


class Inbox:
    """The messages to one research; who writes need not be who reads."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / _FILE
        self._size = 0
        self._read: tuple[Message, ...] = ()

    def post(self, wish: Wish, words: str = "", *, text: str | None = None) -> Message:
        """Add a message; `text` is what the asset is to be, and is on the disk before the line."""
        message = Message(
            id=secrets.token_hex(4),
            wish=wish,
            words=words,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        if text is not None:
            (self._folder / _TEXTS).mkdir(exist_ok=True)
            files.replace(self._folder / _TEXTS / message.id, text)
        with (self._folder / "steering.lock").open("a") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            torn = not f"\n{files.read(self._path)}".endswith("\n")
            files.append(self._path, "\n" * torn + json.dumps(message.model_dump()) + "\n")
        return message

    def messages(self) -> tuple[Message, ...]:
        """Every message so far, in order; a line that a loss of power tore is none."""
        size = self._path.stat().st_size if self._path.exists() else 0
        if size != self._size:
            lines = enumerate(files.read(self._path).split("\n")[:-1], start=1)
            self._read = tuple(
                Message.from_json(line, place=f"{self._path}:{number}: this message")
                for number, line in lines
                if is_json(line)
            )
            self._size = size
        return self._read

    def text(self, message: Message) -> str:
        """The text of the asset that came with a message."""
        return files.read(self._folder / _TEXTS / message.id)

    @property
    def is_paused(self) -> bool:
        """Whether the last word was a pause."""
        said = [m.wish for m in self.messages() if m.is_order]
        return said[-1:] == ["pause"]

"""Messages of a person to a running research: steering.jsonl beside its ledger.

A message is a line, appended and fsynced once, by any number of processes. The file is never
rewritten: ledger and state tell which messages were applied, so a message counts once, whenever
the lab is killed.
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
    """Messages to one research, for its writers and its reader."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / _FILE
        self._size = 0
        self._read: tuple[Message, ...] = ()

    def post(self, wish: Wish, words: str = "", *, text: str | None = None) -> Message:
        """Add a message; a `text` of the asset is on the disk before the line."""
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
        """Return every message so far, in order; a line that a power loss tore is left out."""
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
        """Return the text of the asset that came with a message."""
        return files.read(self._folder / _TEXTS / message.id)

    @property
    def is_paused(self) -> bool:
        """True if the last order was a pause."""
        orders = [message.wish for message in self.messages() if message.is_order]
        return orders[-1:] == ["pause"]

"""The effects that a process has on the disk, numbered, so that a fault can strike before each.

An effect is a file opened for writing, written, synced, renamed, removed or truncated, a folder
made, a process started, or a statement given to SQLite or, where a URL names it, to Postgres.
"""

import builtins
import io
import os
import sqlite3
import sys
from collections.abc import Callable
from itertools import count
from typing import Any

Strike = Callable[[int, str], None]
EVENTS = {
    "os.rename": "rename",
    "os.remove": "remove",
    "os.mkdir": "mkdir",
    "os.truncate": "truncate",
    "subprocess.Popen": "start",
}


def watch(strike: Strike) -> Callable[[], int]:
    """From now on call `strike` before every effect with its number; returns how many there were.

    What `strike` raises, the effect raises; there is no way back but the end of the process.
    """
    numbers, last = count(1), [0]

    def effect(kind: str) -> None:
        number = next(numbers)
        last[0] = max(last[0], number)
        strike(number, kind)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in EVENTS:
            effect(EVENTS[event])
        elif event == "open" and isinstance(arguments[1], str) and arguments[1] not in "rb":
            effect("open")

    _watch_files(effect)
    _watch_sqlite(effect)
    if "AUTORESEARCH_CHECKPOINTS" in os.environ:
        _watch_postgres(effect)
    sys.addaudithook(hook)
    return lambda: last[0]


def _watch_files(effect: Callable[[str], None]) -> None:
    """Writing and syncing have no audit events."""
    plain_open, plain_write, plain_sync = io.open, os.write, os.fsync

    class File(io.FileIO):
        def write(self, data: Any) -> int:
            effect("write")
            return super().write(data)

    def opened(
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        if not set(mode) & set("wax+"):
            return plain_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        raw = File(file, mode.replace("b", "").replace("t", ""), closefd, opener)
        binary: Any = raw
        if buffering != 0:
            binary = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        if "b" in mode:
            return binary
        return io.TextIOWrapper(binary, encoding or "utf-8", errors, newline, buffering == 1)

    def write(file: int, data: Any, /) -> int:
        effect("write")
        return plain_write(file, data)

    def sync(fd: Any) -> None:
        effect("sync")
        plain_sync(fd)

    io.open = builtins.open = opened
    os.write, os.fsync = write, sync


def _watch_sqlite(effect: Callable[[str], None]) -> None:
    class Cursor(sqlite3.Cursor):
        def execute(self, *arguments: Any) -> sqlite3.Cursor:  # type: ignore[override]
            effect("sqlite")
            return super().execute(*arguments)

        def executemany(self, *arguments: Any) -> sqlite3.Cursor:  # type: ignore[override]
            effect("sqlite")
            return super().executemany(*arguments)

        def executescript(self, *arguments: Any) -> sqlite3.Cursor:
            effect("sqlite")
            return super().executescript(*arguments)

    class Connection(sqlite3.Connection):
        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

        def execute(self, *arguments: Any) -> sqlite3.Cursor:
            return self.cursor().execute(*arguments)

        def executescript(self, *arguments: Any) -> sqlite3.Cursor:
            return self.cursor().executescript(*arguments)

        def commit(self) -> None:
            effect("sqlite")
            super().commit()

    connect = sqlite3.connect
    sqlite3.connect = lambda *a, **k: connect(*a, **{"factory": Connection, **k})


def _watch_postgres(effect: Callable[[str], None]) -> None:
    import psycopg

    def watched(run: Callable[..., Any]) -> Callable[..., Any]:
        def execute(*arguments: Any, **options: Any) -> Any:
            effect("postgres")
            return run(*arguments, **options)

        return execute

    for name in ("execute", "executemany"):
        setattr(psycopg.Cursor, name, watched(getattr(psycopg.Cursor, name)))

"""LangGraph's checkpoints, in SQLite or in Postgres."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from langgraph.checkpoint.base import id as ids
from langgraph.checkpoint.sqlite import SqliteSaver

from autoresearch_graph.errors import LabError
from autoresearch_graph.storage import postgres

if TYPE_CHECKING:
    from langgraph.checkpoint.postgres import PostgresSaver

    Saver = SqliteSaver | PostgresSaver

KEPT = 64  # checkpoints, the steps of about eight experiments


@contextmanager
def open_checkpoints(
    place: Path | str, tell: Callable[[str], None] = lambda notice: None
) -> Iterator["Saver"]:
    """Open the checkpoints in a research's own file, or in the database at a URL.

    `tell` reports, from any thread, that a database is waited for.
    """
    opened = postgres.open_postgres(place, tell) if isinstance(place, str) else _open_file(place)
    with opened as saver:
        yield saver


@contextmanager
def _open_file(path: Path) -> Iterator[SqliteSaver]:
    saver = SqliteSaver(sqlite3.connect(path, check_same_thread=False))
    try:
        saver.setup()
        yield saver
    finally:
        # After Ctrl-C LangGraph's own thread may still be writing; SQLite crashes if closed then.
        with saver.lock:
            saver.conn.close()


def continue_after(last: str) -> None:
    """Make every new checkpoint id sort after `last`, whatever the clock says. Idempotent.

    Savers take the highest id for the last checkpoint. LangGraph makes ids from the time, rising
    within a process: after the clock was set back, a new process would write checkpoints that
    nobody finds. So the process starts where the last one stopped.
    """
    last_time = max(ids.UUID(last).time, vars(ids).get("_last_v6_timestamp") or 0)
    vars(ids)["_last_v6_timestamp"] = last_time
    if str(ids.uuid6()) <= last:
        raise LabError(
            f"the clock is behind the last checkpoint ({last}); set it right, and run again"
        )


def prune(saver: "Saver", thread: str) -> None:
    """Delete all but the last checkpoints of a thread: the ledger is the history.

    SqliteSaver writes the whole state at every step and has no pruning of its own: a research would
    grow by about 50 kB an experiment. Checkpoint ids sort by time. The conversations of a model
    have a namespace of their own, and are over by now.
    """
    if not isinstance(saver, SqliteSaver):
        return postgres.prune(saver, thread, kept=KEPT)
    oldest = (
        "(SELECT checkpoint_id FROM checkpoints WHERE thread_id = :thread "
        "ORDER BY checkpoint_id DESC LIMIT 1 OFFSET :kept)"
    )
    with saver.lock, saver.conn:
        for table in ("checkpoints", "writes"):
            saver.conn.execute(
                f"DELETE FROM {table} WHERE thread_id = :thread "
                f"AND (checkpoint_ns != '' OR checkpoint_id < {oldest})",
                {"thread": thread, "kept": KEPT},
            )

"""LangGraph's checkpoints in SQLite: a bookmark of where a research is."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from langgraph.checkpoint.sqlite import SqliteSaver

KEPT = 64


@contextmanager
def open_checkpoints(path: Path) -> Iterator[SqliteSaver]:
    """Open the checkpoints of a research."""
    saver = SqliteSaver(sqlite3.connect(path, check_same_thread=False))
    try:
        saver.setup()
        yield saver
    finally:
        # After Ctrl-C LangGraph's own thread may still be writing; SQLite crashes if closed then.
        with saver.lock:
            saver.conn.close()


def prune(saver: SqliteSaver, thread: str) -> None:
    """Forget all but the last checkpoints of a thread: the ledger is the history.

    SqliteSaver writes the whole state at every step and has no pruning of its own; without
    it a research would grow by about 50 kB an experiment. Checkpoint ids sort by time. The
    conversations of a model, which have a namespace of their own, are over by now.
    """
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

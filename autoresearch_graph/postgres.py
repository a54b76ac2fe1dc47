"""Checkpoints in a Postgres database, which may have those of many researches."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from autoresearch_graph.errors import InputError, LabError

if TYPE_CHECKING:
    from langgraph.checkpoint.postgres import PostgresSaver
    from psycopg import Connection
    from psycopg.rows import DictRow

_SCHEMES = ("postgresql://", "postgres://")
_ANSWER, _PATIENCE = 10, 300.0
_GATE = 7_271_828_182
_TABLES = ("checkpoints", "checkpoint_writes")
_FORGOTTEN = """\
thread_id = %(thread)s AND (checkpoint_ns != '' OR checkpoint_id < (
    SELECT checkpoint_id FROM checkpoints WHERE thread_id = %(thread)s
    ORDER BY checkpoint_id DESC LIMIT 1 OFFSET %(kept)s))"""
_LEFT = """\
DELETE FROM checkpoint_blobs WHERE thread_id = %(thread)s
AND (checkpoint_ns, channel, version) NOT IN (
    SELECT checkpoint_ns, key, value FROM checkpoints
    CROSS JOIN LATERAL jsonb_each_text(checkpoint -> 'channel_versions')
    WHERE thread_id = %(thread)s)"""


def check_url(url: str) -> None:
    """InputError where no checkpoints can be kept at `url`: it is none, or nobody answers.

    Without one they are kept in a file.
    """
    if url:
        with _connected(url):
            pass


@contextmanager
def open_postgres(url: str) -> Iterator["PostgresSaver"]:
    """Open the checkpoints at `url`; InputError where that cannot be done.

    A connection that was lost between two steps is made anew, for which a server has five minutes.
    One that is lost within a step is a LabError; the research goes on when it is run again.
    """
    with _connected(url) as connection:
        _set_up(connection)
    import psycopg
    from langgraph.checkpoint.postgres import PostgresSaver
    from psycopg.rows import dict_row
    from psycopg_pool import ConnectionPool

    pool: ConnectionPool[Connection[DictRow]] = ConnectionPool(
        url,
        min_size=1,
        max_size=2,
        timeout=_PATIENCE,
        check=ConnectionPool.check_connection,
        open=False,
        kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
    )
    try:
        with pool:
            yield PostgresSaver(pool)
    except psycopg.Error as error:
        raise LabError(
            f"the checkpoints in Postgres cannot be used: {_sentence(error)}; "
            "nothing is lost: mend it, and run again to go on"
        ) from error


def prune(saver: "PostgresSaver", thread: str, *, kept: int) -> None:
    """Forget all but the last checkpoints of a thread, and what only those had written."""
    with saver._cursor(pipeline=True) as cursor:
        for table in _TABLES:
            cursor.execute(
                f"DELETE FROM {table} WHERE {_FORGOTTEN}", {"thread": thread, "kept": kept}
            )
        cursor.execute(_LEFT, {"thread": thread})


@contextmanager
def _connected(url: str) -> Iterator["Connection[DictRow]"]:
    """A connection; no error tells the URL, which may hold a password."""
    if not url.startswith(_SCHEMES):
        raise InputError(
            "checkpoints can be kept in Postgres, at a URL such as "
            "postgresql://USER@HOST/DATABASE; without one they are in a file beside the ledger"
        )
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict, make_conninfo
        from psycopg.rows import dict_row
    except ImportError as error:
        raise InputError(
            "for checkpoints in Postgres install: pip install 'autoresearch-graph[postgres]' "
            f"({error})"
        ) from None
    try:
        patience = {"connect_timeout": _ANSWER} | conninfo_to_dict(url)
        where = make_conninfo(url, connect_timeout=patience["connect_timeout"])
    except psycopg.Error:
        raise InputError(
            "the URL of the checkpoints cannot be read; write postgresql://USER@HOST/DATABASE, "
            "with %40 for an @ in a password"
        ) from None
    try:
        with psycopg.connect(
            where, autocommit=True, prepare_threshold=0, row_factory=dict_row
        ) as connection:
            yield connection
    except psycopg.Error as error:
        raise InputError(
            f"no checkpoints can be kept in Postgres: {_sentence(error)}; "
            "start or mend it, or keep them in a file: leave the URL away"
        ) from None


def _set_up(connection: "Connection[DictRow]") -> None:
    """Make the tables, unless they are there; one process at a time.

    The gate closes with the connection. It is tried again and again: to wait in it would hold up
    whoever makes an index behind it.
    """
    from langgraph.checkpoint.postgres import PostgresSaver

    while not _is_ours(connection):
        time.sleep(0.1)
    PostgresSaver(connection).setup()


def _is_ours(connection: "Connection[DictRow]") -> bool:
    row = connection.execute(f"SELECT pg_try_advisory_lock({_GATE}) AS done").fetchone()
    return bool(row and row["done"])


def _sentence(error: Exception) -> str:
    """The first line of what the database says."""
    return " ".join(str(error).strip().partition("\n")[0].split()).rstrip(".")

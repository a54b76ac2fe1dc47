"""Checkpoints of many researches in a Postgres database."""

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from autoresearch_graph import interrupts
from autoresearch_graph.errors import InputError, LabError

if TYPE_CHECKING:
    from langgraph.checkpoint.postgres import PostgresSaver
    from psycopg import Connection
    from psycopg.rows import DictRow

_SCHEMES = ("postgresql://", "postgres://")
# Seconds of silence: of a server at the start, before the person is told, before the server is
# given up, and the same after Ctrl-C.
_ANSWER, _TELL_AFTER, _PATIENCE, _LEAVING = 10, 5.0, 300.0, 3.0
_LOOK = 1.0  # seconds between two looks for Ctrl-C
# Options of libpq that notice a network that swallows packets: seconds, milliseconds.
_WAITING = {
    "connect_timeout": _ANSWER,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_GATE = 7_271_828_182  # key of the advisory lock on making the tables, an arbitrary number
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
    """Raise InputError if no checkpoints can be kept at `url`; empty: they are kept in a file."""
    if url:
        with _connected(url):
            pass


@contextmanager
def open_postgres(url: str, tell: Callable[[str], None]) -> Iterator["PostgresSaver"]:
    """Open the checkpoints at `url`; InputError if that cannot be done.

    A connection lost between two steps is made anew; a silent server is waited for up to five
    minutes, and `tell` reports it. A connection lost within a step is a LabError; the research goes
    on when it is run again.
    """
    with _connected(url) as connection:
        _set_up(connection)
    import psycopg
    from langgraph.checkpoint.postgres import PostgresSaver
    from psycopg.rows import dict_row
    from psycopg_pool import ConnectionPool, PoolTimeout

    wait = _Wait(tell)

    class Pool(ConnectionPool[Any]):
        def getconn(self, timeout: float | None = None) -> Any:
            until = time.monotonic() + _PATIENCE
            while True:
                try:
                    return super().getconn(_LOOK)
                except PoolTimeout:
                    if time.monotonic() > until or interrupts.is_asked():
                        reason = f"it gave no connection for {_PATIENCE:g} s"
                        raise psycopg.OperationalError(reason) from None

    pool = Pool(
        _conninfo(url),
        connection_class=_connection_class(wait),
        min_size=1,
        max_size=2,
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
            "nothing is lost: fix it, and run again to go on",
            code="bad-database",
        ) from error
    finally:
        wait.over.set()


class _Wait:
    """Bounds the wait for a server, and reports an outage to the person once.

    Threads that wait give up soon after `over` is set, or Ctrl-C was pressed.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._outage = threading.Event()
        self.over = threading.Event()

    @property
    def is_leaving(self) -> bool:
        """True if nobody needs the server any more."""
        return self.over.is_set() or interrupts.is_asked()

    def report(self, reason: str) -> None:
        """Tell the person about an outage, unless that was done."""
        if not (self._outage.is_set() or self.is_leaving):
            self._outage.set()
            self._tell(f"waiting for Postgres: {reason}")

    def bounded(self, steps: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """Run the steps of psycopg's wait; TimeoutError after a long silence."""
        ready, since = None, time.monotonic()
        try:
            while True:
                ready = yield steps.send(ready)
                silent = time.monotonic() - since
                if ready:
                    since = time.monotonic()
                    self._outage.clear()
                elif silent > (_LEAVING if self.is_leaving else _PATIENCE):
                    raise TimeoutError
                elif silent > _TELL_AFTER:
                    self.report("it does not answer")
        except StopIteration as end:
            return end.value


def _connection_class(wait: _Wait) -> Any:
    """Make a class of connections with a bounded wait for every answer."""
    import psycopg

    logging.getLogger("psycopg").addHandler(logging.NullHandler())  # `wait` reports in its place

    class Patient(psycopg.Connection[Any]):
        @classmethod
        def connect(cls, conninfo: str = "", **options: Any) -> Self:
            try:
                return super().connect(conninfo, **options)
            except psycopg.OperationalError as error:
                wait.report(_sentence(error))
                raise

        def wait(self, gen: Any, *timing: Any, **more: Any) -> Any:
            try:
                return super().wait(wait.bounded(gen), *timing, **more)
            except TimeoutError:
                self.pgconn.finish()
                raise psycopg.OperationalError("the server does not answer") from None

    return Patient


def prune(saver: "PostgresSaver", thread: str, *, kept: int) -> None:
    """Delete all but the last checkpoints of a thread, and the blobs that only those used."""
    with saver._cursor(pipeline=True) as cursor:
        for table in _TABLES:
            cursor.execute(
                f"DELETE FROM {table} WHERE {_FORGOTTEN}", {"thread": thread, "kept": kept}
            )
        cursor.execute(_LEFT, {"thread": thread})


@contextmanager
def _connected(url: str) -> Iterator["Connection[DictRow]"]:
    """Connect; no error shows the URL, which may hold a password."""
    if not url.startswith(_SCHEMES):
        raise InputError(
            "checkpoints can be kept in Postgres, at a URL such as "
            "postgresql://USER@HOST/DATABASE; without one they are in a file beside the ledger",
            code="bad-database",
        )
    try:
        import psycopg
        from psycopg.rows import dict_row
    except ImportError as error:
        raise InputError(
            "for checkpoints in Postgres install: pip install 'autoresearch-graph[postgres]' "
            f"({error})",
            code="bad-database",
        ) from None
    try:
        conninfo = _conninfo(url)
    except psycopg.Error:
        raise InputError(
            "the URL of the checkpoints cannot be read; write postgresql://USER@HOST/DATABASE, "
            "with %40 for an @ in a password",
            code="bad-database",
        ) from None
    try:
        patient = _connection_class(_Wait(lambda notice: None))
        with patient.connect(
            conninfo, autocommit=True, prepare_threshold=0, row_factory=dict_row
        ) as connection:
            yield connection
    except psycopg.Error as error:
        raise InputError(
            f"no checkpoints can be kept in Postgres: {_sentence(error)}; "
            "start or fix it, or keep them in a file: leave out the URL",
            code="bad-database",
        ) from None


def _conninfo(url: str) -> str:
    """Return the URL with options that bound the wait, unless it has its own."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    return make_conninfo(url, **_WAITING | conninfo_to_dict(url))


def _set_up(connection: "Connection[DictRow]") -> None:
    """Make the tables, unless they are there; one process at a time.

    The lock is released with the connection. It is polled: a blocking wait would hold up a process
    that makes an index.
    """
    from langgraph.checkpoint.postgres import PostgresSaver

    while not _is_ours(connection):
        time.sleep(0.1)
    PostgresSaver(connection).setup()


def _is_ours(connection: "Connection[DictRow]") -> bool:
    row = connection.execute(f"SELECT pg_try_advisory_lock({_GATE}) AS done").fetchone()
    return bool(row and row["done"])


def _sentence(error: Exception) -> str:
    """Return the first line of an error of the database."""
    return " ".join(str(error).strip().partition("\n")[0].split()).rstrip(".")

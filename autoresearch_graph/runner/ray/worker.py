"""What a node of a cluster does for a lab: start a trial in a process of its own, and tell of it.

It runs in a worker of Ray. The trial is a supervised process, in a session of its own and with
a reaper for its orphans: it ends with the worker, however that ends, and then nothing is left of
it. It keeps its time by itself, and writes its log and its result into a folder of the node; only
this reads them, so a lab that is slow or gone does not hold it up.

A folder below the temporary one has the committed files of each research, brought there once, and
the places of its trials, which are used again. A month after the last of them it is removed.
"""

import fcntl
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from autoresearch_graph import __version__
from autoresearch_graph.runner.ray.messages import (
    LOG,
    Begun,
    Event,
    Piece,
    Result,
    TaskRequest,
    pieces,
    put,
)
from autoresearch_graph.runner.ray.mirror import unpacked

ORDER, RESULT, LEFT, GIVEN = "order.json", "result.json", "left", "given"
MIRROR, LOCK, LOG_FILE = "repository", "lock", "log.txt"
_SUPERVISOR = Path(__file__).parent.parent / "sandbox/supervisor.py"
_PACKAGES = Path(__file__).parent.parent.parent.parent
_SCRIPT = "import sys; sys.path.insert(0, {!r}); from autoresearch_graph.runner.ray import task; {}"
_SAID = "said.txt"
_MONTH = 30 * 24 * 3600
_LOOK = 0.25
_BLOCK = 4096
_LINES = 3


def run(
    order: str, fetch: Callable[[], bytes], given: Iterator[Piece], node: str
) -> Iterator[Event]:
    """Do what the order says, and tell of it; without a `Result` in the end the process was killed.

    `fetch` gives the committed files, if they are not here yet, `given` what a holdout looks at.
    """
    yield Begun(f"{socket.gethostname()} {node[:8]}")
    if (version := json.loads(order)["version"]) != __version__:
        yield Result(
            failed=f"it has autoresearch-graph {__version__} and the lab {version}; "
            "install the same on every node"
        )
        return
    base = TaskRequest.model_validate_json(order).ground.base
    home = _home() / base
    home.mkdir(exist_ok=True)
    os.utime(home)
    _forget_old(home.parent)
    with locked(home / LOCK):
        unpacked(home / MIRROR, base, fetch)
    with _place(home) as (place, lock):
        (place / ORDER).write_text(order, "utf-8")
        for piece in given:
            put(place / GIVEN / piece.path, piece)
        with _started(place, lock) as process:
            tail = _Tail(place / LOG_FILE)
            while process.poll() is None:
                yield from tail.news()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK)
            yield from tail.news()
            yield from pieces(place / LEFT)
            yield from _result(place, process.returncode)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait for a lock that the system releases when its holder ends."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _home() -> Path:
    """A folder of this user alone; PermissionError where somebody else has made it."""
    home = Path(tempfile.gettempdir()) / f"autoresearch-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    if home.is_symlink() or home.stat().st_uid != os.getuid():
        raise PermissionError(f"{home} belongs to somebody else; remove it, or set TMPDIR")
    return home


def _forget_old(folder: Path) -> None:
    """Remove what is there of researches that had no trial for a month."""
    for home in folder.iterdir():
        if time.time() - home.stat().st_mtime > _MONTH:
            shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _place(home: Path) -> Iterator[tuple[Path, int]]:
    """A folder that no other trial uses, empty but for its checkouts, and the lock that tells so.

    The process of the trial inherits the lock, so that it is held as long as that lives.
    """
    for number in itertools.count():
        place = home / str(number)
        place.mkdir(exist_ok=True)
        lock = os.open(place / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for name in (ORDER, RESULT, LOG_FILE, _SAID):
                (place / name).unlink(missing_ok=True)
            for name in (LEFT, GIVEN):
                shutil.rmtree(place / name, ignore_errors=True)
            yield place, lock
            return
        except BlockingIOError:
            continue
        finally:
            os.close(lock)


@contextmanager
def _started(place: Path, lock: int) -> Iterator[subprocess.Popen[bytes]]:
    """The process of the trial and all that it starts, which ends with this block."""
    script = _SCRIPT.format(str(_PACKAGES), f"task.main({str(place)!r})")
    supervisor = (sys.executable, "-I", "-S", str(_SUPERVISOR), str(os.getpid()))
    with (place / _SAID).open("wb") as said:
        process = subprocess.Popen(
            [*supervisor, sys.executable, "-c", script], cwd=place, stdin=subprocess.DEVNULL,
            stdout=said, stderr=said, pass_fds=(lock,), start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _result(place: Path, exit_code: int) -> Iterator[Result]:
    """What came of it; nothing where the process was killed before it knew."""
    if (place / RESULT).exists():
        yield Result.model_validate_json((place / RESULT).read_text("utf-8"))
    elif exit_code <= 128:
        said = (place / _SAID).read_text("utf-8", errors="replace").strip().split("\n")
        yield Result(failed=" ".join(said[-_LINES:]))


class _Tail:
    """A log that grows, and may be written anew in places."""

    def __init__(self, path: Path) -> None:
        self._path, self._told, self._seen = path, b"", (0, 0)

    def news(self) -> Iterator[Piece]:
        """What is new since the last time."""
        try:
            at = self._path.stat()
        except FileNotFoundError:
            return
        if (seen := (at.st_size, at.st_mtime_ns)) != self._seen:
            now, before = self._path.read_bytes(), self._told
            self._seen, self._told = seen, now
            if now != before:
                same = _same(before, now)
                yield Piece(LOG, same, now[same:])


def _same(before: bytes, now: bytes) -> int:
    """How many bytes at the beginning are the same, in whole blocks if not all are."""
    if now.startswith(before):
        return len(before)
    starts: Sequence[int] = range(0, min(len(before), len(now)), _BLOCK)
    differs = (i for i in starts if before[i : i + _BLOCK] != now[i : i + _BLOCK])
    return next(differs, len(now))

"""Trial on a machine of a Ray cluster.

`run` is called in a worker of Ray. The trial is a supervised process, in a session of its own and
with a reaper for its orphans: it ends with the worker, however that ends, and nothing is left of
it. It keeps its time by itself, and writes its log and its result into a folder of the node; a lab
that is slow or gone does not hold it up. `main` is that process.

A folder below the temporary one has the committed files of each research, brought there once, and
the folders of its trials, which are used again. A month after the last trial it is removed.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from git import Repo

from autoresearch_graph import __version__
from autoresearch_graph.core.text import is_credential
from autoresearch_graph.errors import LabError
from autoresearch_graph.runner.local import LocalExecutor
from autoresearch_graph.runner.outcome import Node
from autoresearch_graph.runner.process import Watch, end_leftovers
from autoresearch_graph.runner.ray.messages import (
    LOG,
    Begun,
    Event,
    Piece,
    Result,
    TaskRequest,
    pieces,
    put,
    unpacked,
)
from autoresearch_graph.runner.sandbox.detect import detect
from autoresearch_graph.storage import files
from autoresearch_graph.workspace.workspace import Workspace

# Files and folders of a trial on the node.
_REQUEST, _RESULT, _LOG_FILE, _OUTPUT = "request.json", "result.json", "log.txt", "output.txt"
_HANDED_OVER, _GIVEN = "handed-over", "given"
_REPOSITORY, _LOCK = "repository", "lock"
_SUPERVISOR = Path(__file__).parent.parent / "sandbox/supervisor.py"
_PACKAGES = Path(__file__).parent.parent.parent.parent
_SCRIPT = (
    "import sys; sys.path.insert(0, {!r}); "
    "from autoresearch_graph.runner.ray import worker; worker.main({!r})"
)
_MONTH = 30 * 24 * 3600  # seconds
_LOOK = 0.25  # seconds between two looks at the log
_BLOCK = 4096  # bytes in which two states of a log are compared
_LINES = 3  # the last ones of a process that failed


def run(
    request: str, fetch: Callable[[], bytes], given: Iterator[Piece], node: str
) -> Iterator[Event]:
    """Do a task and yield its events; without a `Result` at the end the process was killed.

    `fetch` returns the committed files, if they are not here yet, `given` has the artifacts for a
    holdout.
    """
    name = f"{socket.gethostname()} {node[:8]}"
    yield Begun(name)
    if (version := json.loads(request)["version"]) != __version__:
        yield Result(
            failed=f"it has autoresearch-graph {__version__} and the lab {version}; "
            "install the same on every node"
        )
        return
    task = TaskRequest.model_validate_json(request).model_copy(update={"node": name})
    home = _home() / task.source.base
    home.mkdir(exist_ok=True)
    os.utime(home)
    _remove_old(home.parent)
    with _locked(home / _LOCK):
        unpacked(home / _REPOSITORY, task.source.base, fetch)
    with _trial_folder(home) as (folder, lock):
        (folder / _REQUEST).write_text(task.model_dump_json(), "utf-8")
        for piece in given:
            put(folder / _GIVEN / piece.path, piece)
        with _started(folder, lock) as process:
            log = _GrowingLog(folder / _LOG_FILE)
            while process.poll() is None:
                yield from log.news()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK)
            yield from log.news()
            yield from pieces(folder / _HANDED_OVER)
            yield from _result(folder, process.returncode)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait for a lock that the system releases when its holder ends."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _home() -> Path:
    """Return a folder of this user alone; PermissionError where somebody else has made it."""
    home = Path(tempfile.gettempdir()) / f"autoresearch-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    if home.is_symlink() or home.stat().st_uid != os.getuid():
        raise PermissionError(f"{home} belongs to somebody else; remove it, or set TMPDIR")
    return home


def _remove_old(folder: Path) -> None:
    """Remove the folders of researches that had no trial for a month."""
    for home in folder.iterdir():
        if time.time() - home.stat().st_mtime > _MONTH:
            shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _trial_folder(home: Path) -> Iterator[tuple[Path, int]]:
    """Return a folder that no other trial uses, empty but for its checkouts, and its lock.

    The process of the trial inherits the lock, so that it is held as long as that lives.
    """
    for number in itertools.count():
        folder = home / str(number)
        folder.mkdir(exist_ok=True)
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for name in (_REQUEST, _RESULT, _LOG_FILE, _OUTPUT):
                (folder / name).unlink(missing_ok=True)
            for name in (_HANDED_OVER, _GIVEN):
                shutil.rmtree(folder / name, ignore_errors=True)
            yield folder, lock
            return
        except BlockingIOError:
            continue
        finally:
            os.close(lock)


@contextmanager
def _started(folder: Path, lock: int) -> Iterator[subprocess.Popen[bytes]]:
    """Start the process of the trial; it ends, with all that it starts, with this block."""
    script = _SCRIPT.format(str(_PACKAGES), str(folder))
    supervisor = (sys.executable, "-I", "-S", str(_SUPERVISOR), str(os.getpid()))
    with (folder / _OUTPUT).open("wb") as output:
        process = subprocess.Popen(
            [*supervisor, sys.executable, "-c", script], cwd=folder, stdin=subprocess.DEVNULL,
            stdout=output, stderr=output, pass_fds=(lock,), start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _result(folder: Path, exit_code: int) -> Iterator[Result]:
    """Yield the result; nothing where the process was killed before it had one."""
    if (folder / _RESULT).exists():
        yield Result.model_validate_json((folder / _RESULT).read_text("utf-8"))
    elif exit_code <= 128:
        lines = (folder / _OUTPUT).read_text("utf-8", errors="replace").strip().split("\n")
        yield Result(failed=" ".join(lines[-_LINES:]))


class _GrowingLog:
    """A log that grows, and may be written anew in places."""

    def __init__(self, path: Path) -> None:
        self._path, self._sent, self._seen = path, b"", (0, 0)

    def news(self) -> Iterator[Piece]:
        """Yield the rest of the log from where it differs from the last time."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return
        if (seen := (status.st_size, status.st_mtime_ns)) == self._seen:
            return
        before, self._sent, self._seen = self._sent, self._path.read_bytes(), seen
        if self._sent != before:
            same = _common_start(before, self._sent)
            yield Piece(LOG, same, self._sent[same:])


def _common_start(before: bytes, after: bytes) -> int:
    """Return the number of equal bytes at the beginning, in whole blocks if not all are equal."""
    if after.startswith(before):
        return len(before)
    for start in range(0, min(len(before), len(after)), _BLOCK):
        if before[start : start + _BLOCK] != after[start : start + _BLOCK]:
            return start
    return len(after)


def main(path: str) -> None:
    """Do the task that is requested in a folder, and leave its result there, whole or not at all.

    It is the process that `run` starts and watches.
    """
    folder = Path(path)
    task = TaskRequest.model_validate_json((folder / _REQUEST).read_text("utf-8"))
    try:
        result = _done(folder, task)
    except LabError as error:
        result = Result(failed=str(error))
    files.replace(folder / _RESULT, result.model_dump_json())


def _done(folder: Path, task: TaskRequest) -> Result:
    """Do the task with an executor whose checkouts are removed when it is done."""
    end_leftovers(folder)
    with _locked(folder.parent / _LOCK):
        executor = _executor(folder, task)
    program, text, log = task.program, task.text, folder / _LOG_FILE
    try:
        if task.task == "holdout":
            given = folder / _GIVEN
            return Result(outcome=executor.run_holdout(program, text, artifacts=given, log=log))
        executor.lay_out(text)
        outcome = executor.conduct(
            program,
            text,
            seed=task.seed,
            log=log,
            watch=Watch(task.rule, task.pace),
            handed_over=folder / _HANDED_OVER if task.hands_over else None,
        )
        return Result(outcome=outcome)
    finally:
        with _locked(folder.parent / _LOCK):
            executor.remove()


def _executor(folder: Path, task: TaskRequest) -> LocalExecutor:
    """Return an executor as the lab would have it, of the files that came from there.

    Files that are not committed are read from the lab's path, or, where that does not exist here,
    from the committed files.
    """
    source = task.source
    repository = folder.parent / _REPOSITORY
    project = repository / source.below
    workspace = Workspace(
        Repo(repository), project=project, tag="node", base=source.base, asset=source.asset
    )
    own = {name: value for name, value in os.environ.items() if not is_credential(name, value)}
    executor = LocalExecutor(
        workspace,
        folder,
        sandbox=detect(task.sandbox),
        environ={**own, **task.variables},
        project=Path(source.project) if Path(source.project).is_dir() else project,
        hidden=(Path(source.git),),
        node=Node(task.node, task.lost),
    )
    executor.prepare(task.program)
    return executor

"""Kill a research at every effect it has on the disk, resume it, and see that nothing is lost.

python tests/kill_points.py FOLDER [EVERY [SECONDS]]

An effect is a file opened for writing, renamed, removed or truncated, a folder made, a process
started, or a statement given to SQLite. The process is killed with SIGKILL right before effect
k, for every EVERY-th k, and again before an early effect of the resumed run; then it runs to its
end. SECONDS of sleep before each effect make the disk slow. Each life is a fork, so that
the packages are imported once.
"""

import os
import shutil
import signal
import sqlite3
import sys
import time
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from agreement import assert_agreement
from conftest import asset, make_project, run

from autoresearch_graph.mailbox import Mailbox

TEXTS = [asset(2.0), asset(2.5), "import nothing_of_that_name\n", asset(1.5)]
EVENTS = {"os.rename", "os.remove", "os.mkdir", "os.truncate", "subprocess.Popen", "sqlite"}


def count_effects(kill_at: int, pause: float) -> list[int]:
    """From now on count the effects of this process, and kill it before number `kill_at`."""
    numbers = count(1)
    seen = [0]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        writes = event == "open" and isinstance(arguments[1], str) and arguments[1] not in "rb"
        if event not in EVENTS and not writes:
            return
        number = next(numbers)
        seen[0] = max(seen[0], number)
        time.sleep(pause)
        if number == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    class Connection(sqlite3.Connection):
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)
            self.set_trace_callback(lambda statement: hook("sqlite", ()))

    connect = sqlite3.connect
    sqlite3.connect = lambda *a, **k: connect(*a, factory=Connection, **k)
    sys.addaudithook(hook)
    return seen


def live(project: Path, kill_at: int, pause: float) -> int | None:
    """Run the research in a fork; returns how many effects it had, or None if it was killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        seen = count_effects(kill_at, pause)
        try:
            run(project, TEXTS)
            os.write(writer, str(seen[0]).encode())
        finally:
            os._exit(0)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reader) as pipe:
        told = pipe.read()
    if os.WIFSIGNALED(status):
        return None
    assert told, f"the run that was to be killed at effect {kill_at} failed"
    return int(told)


def steered(project: Path) -> Path:
    """A project whose research finds what a person said to it."""
    make_project(project)
    folder = project / ".autoresearch/t"
    folder.mkdir(parents=True)
    for wish, text in (("pause", None), ("tell", None), ("propose", asset(2.25)), ("resume", None)):
        Mailbox(folder).post(wish, "words", text=text)
    return project


def assert_said_once(project: Path, rows: list[dict[str, object]]) -> None:
    """Every message is in the ledger, and once: nothing was missed, nothing taken up twice."""
    said = [message["id"] for row in rows for message in row["steering"]]
    messages = Mailbox(project / ".autoresearch/t").messages()
    assert sorted(said) == sorted(message.id for message in messages)


def check(folder: Path, every: int, pause: float) -> int:
    """Try every point; returns how many were tried."""
    effects = live(steered(folder / "whole"), 0, 0.0)
    assert effects is not None
    rows = assert_agreement(folder / "whole", "t")
    assert_said_once(folder / "whole", rows)
    expected = [row["status"] for row in rows]
    for point in range(1, effects, every):
        project = steered(folder / f"killed-{point}")
        assert live(project, point, pause) is None
        live(project, point % 53 + 7, pause)
        assert live(project, 0, 0.0) is not None
        rows = assert_agreement(project, "t")
        assert_said_once(project, rows)
        statuses = [row["status"] for row in rows]
        assert statuses == expected, f"killed at effect {point}: {statuses}"
        shutil.rmtree(project)
    return len(range(1, effects, every))


if __name__ == "__main__":
    where, every, pause = [*sys.argv[1:], *("1", "0")[len(sys.argv) - 2 :]]
    tried = check(Path(where), int(every), float(pause))
    sys.stdout.write(f"{tried} points tried: nothing lost, repeated or torn\n")

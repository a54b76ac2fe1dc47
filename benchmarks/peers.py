"""What a proposal costs beside its run: this loop, the floor of its parts, openevolve and gepa.

    python -m venv /tmp/peers && /tmp/peers/bin/pip install openevolve==0.4.0 gepa==0.1.4
    python benchmarks/peers.py [PROPOSALS [PYTHON]]

PYTHON (/tmp/peers/bin/python) is one that has the peers; those that it lacks are left out. All get
the same asset of about 50 ms, run by the same command in the same environment, and the same model:
a server on loopback that answers at once, whose every fifth change is good. A cycle is the time
from one question to the model to the next (where there is no model, from one end to the next), less
that of the runs within it, each of which counts as the command takes on its own right before and
after. Every way has its turn in each of three rounds; the median of all its cycles is told.

They do not do the same. openevolve keeps programs in memory and writes them out every 100
iterations; gepa pickles its state at every one, and evaluates parent and child for each proposal.
Neither commits, syncs to the disk, ends daemons or puts walls around a run.
"""

import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise, product
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parent.parent))

from autoresearch_graph import research
from autoresearch_graph.core.program import Environment, Flags
from autoresearch_graph.opening import open_lab
from autoresearch_graph.runner import run_environment
from autoresearch_graph.settings import Settings
from benchmarks.arguments import at_least, parser
from benchmarks.overhead import ASSET, PROGRAM, commit, measure, run_alone

Cycles = list[tuple[float, int]]  # milliseconds, and how many runs were in them
Way = Callable[[Path, int, dict[str, str]], Cycles]
FLOOR, OURS = "the floor: git commit, process, SQLite", "autoresearch-graph"
ROUNDS = 3
PEERS = {"openevolve": "openevolve 0.4.0", "gepa": "gepa 0.1.4"}


class Model:
    """Answers every question with the next text of the asset, and notes when it was asked."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Return a chat completion: tool calls where there are tools, else the text in a fence."""
        self.asked.append(time.perf_counter())
        n = len(self.asked)
        text = ASSET.format(x=1e6 - n if n % 5 == 0 else 1e6 + n)
        message: dict[str, Any] = {"role": "assistant", "content": f"```python\n{text}```"}
        if "tools" in question:
            told = {"hypothesis": "It says so.", "description": f"change {n}"}
            calls = (("write_file", {"content": text}), ("propose", told))
            message["content"] = None
            message["tool_calls"] = [
                {
                    "id": f"call_{n}_{name}",
                    "type": "function",
                    "function": {"name": name, "arguments": json.dumps(arguments)},
                }
                for name, arguments in calls
            ]
        return {
            "id": f"chat_{n}",
            "object": "chat.completion",
            "created": 1,
            "model": "scripted",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20},
        }


@contextmanager
def served(model: Model) -> Iterator[str]:
    """Serve a model as OpenAI's chat completions; gives the base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["content-length"])))
            body = json.dumps(model.answer(question)).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()


def floor(folder: Path, proposals: int, environment: dict[str, str]) -> Cycles:
    """Do the least of a cycle: a file, a commit by git, the command, and a synced row in SQLite."""
    commit(_made(folder), PROGRAM, ASSET.format(x=2e6))
    command = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-qam"]
    found = []
    with closing(sqlite3.connect(folder / "rows.sqlite", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE rows (number INTEGER, loss REAL)")
        for n in range(proposals):
            begin = time.perf_counter()
            (folder / "asset.py").write_text(ASSET.format(x=1e6 + n))
            subprocess.run([*command, f"change {n}"], cwd=folder, check=True)
            run_alone(folder, environment)
            database.execute("INSERT INTO rows VALUES (?, ?)", (n, 1e6 + n))
            found.append(((time.perf_counter() - begin) * 1e3, 1))
    return found


def scripted(folder: Path, proposals: int, environment: dict[str, str]) -> Cycles:
    """Run a research whose proposer is a script in the same process."""
    project = commit(_made(folder), PROGRAM, ASSET.format(x=2e6))
    return [(cycle, 1) for cycle in measure(project, proposals)[0].cycles]


def modelled(folder: Path, proposals: int, environment: dict[str, str]) -> Cycles:
    """Run a research with a model; one thing at a time, as the others do."""
    commit(_made(folder), PROGRAM, ASSET.format(x=2e6))
    model = Model()
    with served(model) as url:
        settings = Settings(
            project=folder,
            tag="bench",
            model="openai:scripted",
            base_url=url,
            look_ahead=False,
            flags=Flags(experiments=proposals),
        )
        lab = open_lab(settings)
        try:
            research.run(lab)
        finally:
            lab.close()
    return between(model.asked, model.asked)


def a_peer(name: str, python: str) -> Way:
    """How a peer is run by an interpreter that has it."""

    def run(folder: Path, proposals: int, environment: dict[str, str]) -> Cycles:
        (_made(folder) / "asset.py").write_text(ASSET.format(x=2e6))
        (folder / "environment.json").write_text(json.dumps(environment))
        script, model = Path(__file__).with_name("peer_loops.py"), Model()
        with served(model) as url:
            command = [python, str(script), name, str(folder), str(proposals), url]
            done = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{name} failed: {done.stderr[-2000:]}")
        return between(model.asked, [float(t) for t in (folder / "runs.txt").read_text().split()])

    return run


def between(asked: list[float], runs: list[float]) -> Cycles:
    """Milliseconds from each question to the next, and how many runs began there.

    The first is left out: it has the start of the loop.
    """
    return [
        ((end - begin) * 1e3, sum(begin <= run < end for run in runs))
        for begin, end in pairwise(asked[1:])
    ]


def lacks(python: str, name: str) -> bool:
    """Whether an interpreter has no such package, or is not there."""
    if shutil.which(python) is None:
        return True
    done = subprocess.run([python, "-c", f"import {name}"], check=False, capture_output=True)
    return done.returncode != 0


def main() -> None:
    """Run every way in each round, and print the table."""
    arguments = parser(__doc__)
    arguments.add_argument("proposals", nargs="?", type=at_least(3), default=30)
    arguments.add_argument("python", nargs="?", default=sys.executable)
    given = arguments.parse_args()
    if shutil.which(given.python) is None:
        arguments.error(f"there is no Python at {given.python}")
    compare(given.proposals, given.python)


def compare(proposals: int, python: str) -> None:
    """Run every way in each round, and print the table."""
    os.environ.setdefault("OPENAI_API_KEY", "none-is-needed")
    environment = run_environment(os.environ, Environment(), seconds=10, seed=0)
    left_out = [name for name in PEERS if lacks(python, name)]
    ways: dict[str, Way] = {FLOOR: floor, OURS: modelled, f"{OURS}, no model": scripted}
    ways |= {label: a_peer(name, python) for name, label in PEERS.items() if name not in left_out}
    found: dict[str, list[tuple[float, float, int]]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as name:
        place = commit(_made(Path(name) / "alone"), PROGRAM, ASSET.format(x=2e6))
        for turn, way in product(range(ROUNDS), ways):
            before = [run_alone(place, environment) for _ in range(5)]
            cycles = ways[way](Path(name) / f"{way} {turn}", proposals, environment)
            after = [run_alone(place, environment) for _ in range(5)]
            alone = statistics.median(before + after)
            found[way] += [(took - n * alone, alone, n) for took, n in cycles]
    _print(found, proposals)
    for peer in left_out:
        print(f"{peer} is left out: {python} does not have it")


def _print(found: dict[str, list[tuple[float, float, int]]], proposals: int) -> None:
    table = Table(title=f"{ROUNDS} rounds of {proposals} proposals, milliseconds each")
    table.add_column("way")
    for column in ("run on its own", "runs a proposal", "beside its runs", "to the floor"):
        table.add_column(column, justify="right")
    least = statistics.median(overhead for overhead, _, _ in found[FLOOR])
    for way, seen in found.items():
        overheads, alone, runs = zip(*seen, strict=True)
        overhead = statistics.median(overheads)
        cells = (statistics.median(alone), statistics.fmean(runs), overhead, overhead / least)
        table.add_row(way, *(f"{cell:.1f}" for cell in cells))
    Console(width=100).print(table)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    main()

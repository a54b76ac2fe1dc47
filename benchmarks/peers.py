"""What a proposal costs beside its run: this loop, the floor of its parts, openevolve and gepa.

    python -m venv /tmp/peers && /tmp/peers/bin/pip install openevolve==0.4.0 gepa==0.1.4
    python benchmarks/peers.py [PROPOSALS [PYTHON]]

PYTHON (/tmp/peers/bin/python) is one that has the peers; those that it lacks are left out. All get
the same asset of about 50 ms, run by the same command in the same environment, and the same model:
a server on loopback that answers at once, whose every fifth change is good. A cycle is the time
from one question to the model to the next, less that of the runs within it, each of which counts
as the command takes on its own, run between the ways; the median is told. Where nobody asks a model
a cycle begins when the one before it ends.

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
from itertools import pairwise
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parent.parent))

from autoresearch_graph import research
from autoresearch_graph.lab import open_lab
from autoresearch_graph.program import Flags
from autoresearch_graph.program.model import Environment
from autoresearch_graph.runner import run_environment
from autoresearch_graph.start import Settings
from benchmarks.overhead import ASSET, PROGRAM, commit, measure, run_alone

PEERS = {"openevolve": "openevolve 0.4.0", "gepa": "gepa 0.1.4"}


class Model:
    """Answers every question with the next text of the asset, and notes when it was asked."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """A chat completion: tool calls where there are tools, else the text in a fence."""
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


def floor(folder: Path, proposals: int, environment: dict[str, str]) -> list[float]:
    """Milliseconds of each cycle that does no more than it must, with its run.

    A file, a commit by git, the command, and a row in SQLite that is on the disk.
    """
    commit(folder, PROGRAM, ASSET.format(x=2e6))
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
            found.append((time.perf_counter() - begin) * 1e3)
    return found


def ours(folder: Path, proposals: int, url: str) -> None:
    """A research whose model is at `url`; one thing at a time, as the others do."""
    commit(folder, PROGRAM, ASSET.format(x=2e6))
    flags = Flags(experiments=proposals)
    settings = Settings(
        project=folder,
        tag="bench",
        model="openai:scripted",
        base_url=url,
        look_ahead=False,
        flags=flags,
    )
    lab = open_lab(settings)
    try:
        research.run(lab)
    finally:
        lab.close()


def a_peer(name: str, python: str, environment: dict[str, str]) -> Callable[..., list[float]]:
    """How a peer is run: it gives when each of its runs began."""

    def run(folder: Path, proposals: int, url: str) -> list[float]:
        folder.mkdir()
        (folder / "asset.py").write_text(ASSET.format(x=2e6))
        (folder / "environment.json").write_text(json.dumps(environment))
        script = Path(__file__).with_name("peer_loops.py")
        command = [python, str(script), name, str(folder), str(proposals), url]
        done = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{name} failed: {done.stderr[-2000:]}")
        return [float(line) for line in (folder / "runs.txt").read_text().split()]

    return run


def beside(asked: list[float], runs: list[float], alone: float) -> tuple[float, float]:
    """Milliseconds between two questions beside the runs there, and how many these are."""
    cycles = [
        ((end - begin) * 1e3, sum(begin <= run < end for run in runs))
        for begin, end in pairwise(asked)
    ]
    cycles = cycles[len(cycles) // 10 :]
    counts = [count for _, count in cycles]
    return statistics.median(took - n * alone for took, n in cycles), statistics.fmean(counts)


def lacks(python: str, name: str) -> bool:
    """Whether an interpreter has no such package, or is not there."""
    if shutil.which(python) is None:
        return True
    done = subprocess.run([python, "-c", f"import {name}"], check=False, capture_output=True)
    return done.returncode != 0


def main(proposals: int = 60, python: str = sys.executable) -> None:
    """Run every way and print the table."""
    os.environ.setdefault("OPENAI_API_KEY", "none-is-needed")
    environment = run_environment(os.environ, Environment(), seconds=10, seed=0)
    alone: list[float] = []
    found: dict[str, tuple[float, float]] = {}
    left_out = [name for name in PEERS if lacks(python, name)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        place = commit(_made(folder / "alone"), PROGRAM, ASSET.format(x=2e6))

        def on_its_own() -> None:
            alone.extend(run_alone(place, environment) for _ in range(10))

        on_its_own()
        cycles = floor(_made(folder / "floor"), proposals, environment)
        on_its_own()
        found["the floor: git commit, process, SQLite"] = statistics.median(cycles), 1.0
        project = commit(_made(folder / "scripted"), PROGRAM, ASSET.format(x=2e6))
        cycles, _, _ = measure(project, proposals)
        found["autoresearch-graph, no model"] = statistics.median(cycles), 1.0
        on_its_own()
        own = statistics.median(alone)
        found = {way: (cycle - own, runs) for way, (cycle, runs) in found.items()}
        model = Model()
        with served(model) as url:
            ours(_made(folder / "model"), proposals, url)
        on_its_own()
        found["autoresearch-graph"] = beside(model.asked, model.asked, statistics.median(alone))
        for peer, label in PEERS.items():
            if peer in left_out:
                continue
            model = Model()
            with served(model) as url:
                runs = a_peer(peer, python, environment)(folder / peer, proposals, url)
            on_its_own()
            found[label] = beside(model.asked, runs, statistics.median(alone))
    _print(found, statistics.median(alone), proposals)
    for peer in left_out:
        print(f"{peer} is left out: {python} does not have it")


def _print(found: dict[str, tuple[float, float]], alone: float, proposals: int) -> None:
    table = Table(title=f"{proposals} proposals; the run on its own takes {alone:.1f} ms")
    table.add_column("way")
    for column in ("beside its runs, ms a proposal", "to the floor", "runs a proposal"):
        table.add_column(column, justify="right")
    least = next(iter(found.values()))[0]
    for way, (overhead, runs) in found.items():
        table.add_row(way, f"{overhead:.1f}", f"{overhead / least:.1f}", f"{runs:.1f}")
    Console(width=100).print(table)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    main(*(convert(given) for convert, given in zip((int, str), sys.argv[1:], strict=False)))

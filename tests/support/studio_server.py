"""A `langgraph dev` as `make studio` starts it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.waiting import PATIENCE

REPOSITORY = Path(__file__).parent.parent.parent
OPTIONS = ["--no-reload", "--n-jobs-per-worker", "4"]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def studio_server(
    folder: Path, *, config: dict[str, Any] | None = None, **environ: str
) -> Iterator[str]:
    """Serve the graph from a folder until the end; yields the address."""
    folder.mkdir(exist_ok=True)
    text = json.dumps(config) if config else (REPOSITORY / "langgraph.json").read_text()
    (folder / "langgraph.json").write_text(text)
    (folder / "autoresearch_graph").symlink_to(REPOSITORY / "autoresearch_graph")
    port = free_port()
    command = [str(Path(sys.executable).parent / "langgraph"), "dev", "--no-browser", *OPTIONS]
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LANGSMITH_TRACING": "false", **environ},
            start_new_session=True,
        )
        try:
            wait_until_ready(f"http://127.0.0.1:{port}", process, folder / "log.txt")
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(PATIENCE)


def wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(f"{url}/ok", timeout=2).close()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text())

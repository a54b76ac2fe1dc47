"""A PostgreSQL server of a test's own: on loopback, in a temporary folder, gone afterwards."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_NEEDED = ("initdb", "postgres")
_READY = "ready to accept connections"
_OPTIONS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=off",
    "log_min_messages=log",
    "log_checkpoints=off",
)


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a server's own database, whose user needs no password; skips where none starts.

    It refuses to run as root, so root starts it as another user.
    """
    programs = {name: _program(name) for name in _NEEDED}
    user = _unprivileged() if os.geteuid() == 0 else None
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="autoresearch-postgres-"))
    try:
        if user is not None:
            os.chown(folder, user, -1)
        made = [programs["initdb"], "-D", str(folder), "--auth=trust", "--username=shop"]
        made += ["--encoding=UTF8", "--locale=C", "--no-sync"]
        subprocess.run(made, user=user, cwd=folder, capture_output=True, check=True)
        options = [word for option in _OPTIONS for word in ("-c", option)]
        command = [programs["postgres"], "-D", str(folder), "-p", str(port), *options]
        with subprocess.Popen(
            command, user=user, cwd=folder, stderr=subprocess.PIPE, text=True
        ) as server:
            try:
                _wait(server)
                yield f"postgresql://shop@127.0.0.1:{port}/postgres"
            finally:
                server.send_signal(signal.SIGQUIT)
                server.communicate()
    finally:
        shutil.rmtree(folder)


def _wait(server: "subprocess.Popen[str]") -> None:
    assert server.stderr is not None
    told = []
    for line in server.stderr:
        told.append(line)
        if _READY in line:
            return
    raise AssertionError(f"PostgreSQL does not start: {''.join(told)}")


def _program(name: str) -> str:
    """Distributions keep the server's programs beside their libraries, out of the way."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *map(str, places)])
    found = shutil.which(name, path=path)
    if found is None:
        pytest.skip(f"there is no {name}: PostgreSQL's server is not installed")
    return str(Path(found).resolve())


def _unprivileged() -> int:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    pytest.skip("PostgreSQL refuses to run as root, and there is no other user")

"""The proof, from inside a box, that what is hidden cannot be read there under any name."""

import json
import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from autoresearch_graph.errors import InputError, LabError
from autoresearch_graph.runner import box
from autoresearch_graph.runner.log import Log
from autoresearch_graph.runner.sandbox import Sandbox
from autoresearch_graph.runner.watch import Watch

_SECONDS = 60.0  # for a look at files; a disk on the network may take some
_ENTRIES = 50_000  # how many entries of the folders that are named are looked at
_CHUNK = 500  # names in one command line, which Linux bounds to 128 KiB a word
# Runs in the box. A file is known by its device and inode, whatever its name is.
_LOOK = """
import json, os, sys
names, files, folders, most = json.loads(sys.argv[1])
hidden = {tuple(file) for file in files}
def can_be_read(path):
    try:
        return bool(os.listdir(path) if os.path.isdir(path) else open(path, 'rb').read(1))
    except OSError:
        return False
def everything(folders):
    for folder in folders:
        for at, below, here in os.walk(folder):
            yield from (os.path.join(at, name) for name in here)
found = [path for path in names if can_be_read(path)]
for path, _ in zip(everything(folders), range(most)):
    try:
        at = os.stat(path)
    except OSError:
        continue
    if (at.st_dev, at.st_ino) in hidden and can_be_read(path):
        found.append(path)
print(json.dumps(found))
"""


def prove_hidden(sandbox: Sandbox, *, folder: Path, environment: Mapping[str, str]) -> None:
    """Look from within a box for everything that it hides; a no-op for a box without walls.

    InputError where something can be read all the same, LabError where nothing could be looked at.
    """
    if sandbox.level != "bwrap" or not sandbox.hidden:
        return
    walls = sandbox.walls.hiding(*sandbox.hidden)
    found = walls.names_within(sandbox.hidden, folder=folder, environment=environment)
    names = [str(path) for path in found]
    files = _files(sandbox.hidden)
    named = [str(path) for path in (*walls.readable, *walls.writable, folder)]
    for start in range(0, max(len(names), len(files), 1), _CHUNK):
        part = slice(start, start + _CHUNK)
        asked = (names[part], files[part], named, _ENTRIES)
        if seen := _seen(sandbox, asked, folder=folder, environment=environment):
            raise InputError(
                f"what is hidden can be read by a run as {seen[0]}; hide that path, too, "
                "or take it out of what a run may read"
            )


def _files(hidden: Sequence[Path]) -> list[tuple[int, int]]:
    """Return device and inode of the hidden files, and of the files in hidden folders."""
    found: dict[tuple[int, int], None] = {}
    for path in hidden:
        inside = (each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
        for _, each in zip(range(_ENTRIES), inside, strict=False):
            if each.is_file() and each.stat().st_size:
                found[(each.stat().st_dev, each.stat().st_ino)] = None
    return list(found)


def _seen(
    sandbox: Sandbox, asked: object, *, folder: Path, environment: Mapping[str, str]
) -> list[str]:
    words = (sys.executable, "-I", "-S", "-c", _LOOK, json.dumps(asked))
    with tempfile.TemporaryDirectory() as place, Log(Path(place) / "log.txt") as log:
        ended = box.run(
            shlex.join(words), folder=folder, environment=environment, seconds=_SECONDS,
            log=log, sandbox=sandbox, watch=Watch(),
        )  # fmt: skip
        told = log.text().strip().rpartition("\n")[2]
    if ended.exit_code != 0:
        raise LabError(f"the box cannot be looked at from within, so nothing is started: {told}")
    return [str(path) for path in json.loads(told)]

"""The proof, from inside a box, that what is hidden cannot be read there under any name."""

import json
import os
import shlex
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from autoresearch_graph.errors import InputError, LabError
from autoresearch_graph.runner import process as box
from autoresearch_graph.runner.log import Log
from autoresearch_graph.runner.process import Watch
from autoresearch_graph.runner.sandbox.detect import Sandbox

_SECONDS = 60.0  # for a look at files; a disk on the network may take some
_ENTRIES = 50_000  # how many entries of the folders that are named are looked at
_NAMES, _FILES = 300, 3_000  # in one word of a command, which Linux bounds to 128 KiB
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
    files, has_links = _files(sandbox.hidden)
    _, tools, seen = walls.seen(environment)
    walked = (*seen, *walls.writable, folder, *(tools if has_links else ()))
    named = [str(path) for path in walked]
    for at in range(max(-(-len(names) // _NAMES), -(-len(files) // _FILES), 1)):
        some = names[at * _NAMES :][:_NAMES], files[at * _FILES :][:_FILES]
        readable = _readable(sandbox, (*some, named, _ENTRIES), folder, environment)
        if readable:
            raise InputError(
                f"what is hidden can be read by a run as {readable[0]}; hide that path, too, "
                "or take it out of what a run may read"
            )


def _files(hidden: Sequence[Path]) -> tuple[list[tuple[int, int]], bool]:
    """Return device and inode of the hidden files, and whether one of them has another name.

    Of hidden folders these are the files in them, and those that links in them lead to.
    """
    found: dict[tuple[int, int], None] = {}
    has_links = False
    for path in hidden:
        for _, each in zip(range(_ENTRIES), _below(path), strict=False):
            with suppress(OSError):
                at = each.stat()
                has_links = has_links or at.st_nlink > 1
                if stat.S_ISREG(at.st_mode) and at.st_size:
                    found[(at.st_dev, at.st_ino)] = None
    return list(found), has_links


def _below(path: Path) -> Iterator[Path]:
    """Yield a file, or all that is in a folder, through links, each folder once."""
    if not path.is_dir():
        yield path
        return
    known: set[tuple[int, int]] = set()
    for folder, below, files in os.walk(path, followlinks=True):
        at = Path(folder).stat()
        if (at.st_dev, at.st_ino) in known:
            below.clear()
            continue
        known.add((at.st_dev, at.st_ino))
        yield from (Path(folder, name) for name in files)


def _readable(
    sandbox: Sandbox, asked: object, folder: Path, environment: Mapping[str, str]
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

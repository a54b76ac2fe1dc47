"""Self-test of a sandbox: try to read the hidden paths from inside it."""

import json
import shlex
import stat
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from autoresearch_graph.errors import InputError, LabError
from autoresearch_graph.runner.log import Log
from autoresearch_graph.runner.process import Watch, run
from autoresearch_graph.runner.sandbox.detect import Sandbox
from autoresearch_graph.runner.sandbox.hidden import files_below

_SECONDS = 60.0  # for a look at files; a disk on the network may take some
_ENTRIES = 50_000  # of the folders that a run may read
_NAMES, _FILES = 300, 3_000  # in one word of a command, which Linux bounds to 128 KiB
# Runs in the sandbox. A file is known by its device and inode, whatever its name is.
_SCRIPT = """
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
        for path, below, here in os.walk(folder):
            yield from (os.path.join(path, name) for name in here)
found = [path for path in names if can_be_read(path)]
for path, _ in zip(everything(folders), range(most)):
    try:
        status = os.stat(path)
    except OSError:
        continue
    if (status.st_dev, status.st_ino) in hidden and can_be_read(path):
        found.append(path)
print(json.dumps(found))
"""


def prove_hidden(sandbox: Sandbox, *, folder: Path, environment: Mapping[str, str]) -> None:
    """Look from within a sandbox for everything that it hides; a no-op below the level `bwrap`.

    InputError where something can be read all the same, LabError where the look fails.
    """
    if sandbox.level != "bwrap" or not sandbox.hidden:
        return
    arguments = sandbox.bwrap_arguments.hiding(*sandbox.hidden)
    found = arguments.names_within(sandbox.hidden, folder=folder, environment=environment)
    names = [str(path) for path in found]
    files, has_links = _files(sandbox.hidden)
    _, tools, readable = arguments.seen(environment)
    walked = (*readable, *arguments.writable, folder, *(tools if has_links else ()))
    folders = [str(path) for path in walked]
    rounds = max(-(-len(names) // _NAMES), -(-len(files) // _FILES), 1)
    for number in range(rounds):
        some_names = names[number * _NAMES :][:_NAMES]
        some_files = files[number * _FILES :][:_FILES]
        question = json.dumps((some_names, some_files, folders, _ENTRIES))
        if seen := _readable(sandbox, question, folder, environment):
            raise InputError(
                f"what is hidden can be read by a run as {seen[0]}; hide that path, too, "
                "or take it out of what a run may read"
            )


def _files(hidden: Sequence[Path]) -> tuple[list[tuple[int, int]], bool]:
    """Return device and inode of the hidden files, and True if one of them has another name.

    Of hidden folders these are the files in them, and those that links in them lead to.
    """
    found: dict[tuple[int, int], None] = {}
    has_links = False
    for path in hidden:
        for file in islice(files_below(path), _ENTRIES):
            with suppress(OSError):
                status = file.stat()
                has_links = has_links or status.st_nlink > 1
                if stat.S_ISREG(status.st_mode) and status.st_size:
                    found[(status.st_dev, status.st_ino)] = None
    return list(found), has_links


def _readable(
    sandbox: Sandbox, question: str, folder: Path, environment: Mapping[str, str]
) -> list[str]:
    """Return the hidden paths that can be read in the sandbox."""
    words = (sys.executable, "-I", "-S", "-c", _SCRIPT, question)
    with tempfile.TemporaryDirectory() as temporary, Log(Path(temporary) / "log.txt") as log:
        ended = run(
            shlex.join(words), folder=folder, environment=environment, seconds=_SECONDS,
            log=log, sandbox=sandbox, watch=Watch(),
        )  # fmt: skip
        answer = log.text().strip().rpartition("\n")[2]
    if ended.exit_code != 0:
        raise LabError(f"the sandbox cannot be tested, so nothing is started: {answer}")
    return [str(path) for path in json.loads(answer)]

"""Check for texts that take a parser too long, before the lab reads them.

A page can be made such that parsers take hours, and a thread cannot be stopped. So a process of
its own, with a limit, reads a text first, unless it is short enough for every parser.
"""

import resource
import subprocess
import sys
from contextlib import suppress
from functools import lru_cache
from pathlib import PurePath

_SECONDS = 5  # of CPU; all later reading takes a few times as long; chosen
_MEMORY = 4 * 2**30  # bytes of address space; chosen
_SHORT = {
    ".py": 50_000,
    ".json": 50_000,
    ".toml": 800,
    ".yaml": 800,
    ".yml": 800,
}  # characters; measured


@lru_cache(maxsize=64)
def too_slow(text: str, path: str) -> str:
    """Say that a text of this name takes too long to read; empty if it does not."""
    if len(text) <= _SHORT.get(PurePath(path).suffix.lower(), len(text)):
        return ""
    command = [sys.executable, "-P", "-m", __name__, path]
    data = text.encode(errors="replace")
    if subprocess.run(command, input=data, capture_output=True, check=False).returncode == 0:
        return ""
    return f"{path} takes the lab more than {_SECONDS} s or too much memory to read; simplify it"


def main(path: str, text: str) -> None:
    """Read a text in every way that the lab does; the limits end this process."""
    from autoresearch_graph.asset.constants import find_in_file, respell, skeleton
    from autoresearch_graph.asset.syntax import file_fingerprint, seedless_file, unparsable
    from autoresearch_graph.errors import InputError

    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    with suppress(ValueError, OSError):  # not every system can limit it
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    if unparsable(text, path) == MemoryError.__name__:
        raise SystemExit(1)
    seedless_file(text, path)
    file_fingerprint(text, path)
    with suppress(InputError):
        constants = find_in_file(text, path)
        skeleton(text, constants)
        respell(text, path, {constants[0].name: constants[0].raw} if constants else {})


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin.buffer.read().decode())

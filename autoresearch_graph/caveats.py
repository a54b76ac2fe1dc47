"""What a person should know before a run of a program that was written for other machines."""

import re
from pathlib import Path

from autoresearch_graph.program.model import Program
from autoresearch_graph.runner import uv

_CACHE = re.compile(r"`(~/\.cache/[\w-][^`]*)`")


def caveats(program: Program, project: Path) -> tuple[str, ...]:
    """A sentence for each thing that may keep a run from working, or makes it work otherwise."""
    missing = (
        f"{path} (line {line}) is not there: make it first, as {program.path.name} says"
        for path, line in _caches(program.text).items()
        if not Path(path).expanduser().exists()
    )
    return tuple(filter(None, (uv.caveat(program.experiment, project), *missing)))


def _caches(text: str) -> dict[str, int]:
    """The folders in the user's cache that a text names, each with its first line."""
    found: dict[str, int] = {}
    for match in _CACHE.finditer(text):
        found.setdefault(match[1], text.count("\n", 0, match.start()) + 1)
    return found

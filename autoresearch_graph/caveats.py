"""What a person should know before a run of a program that was written for other machines."""

import re
import shlex
from pathlib import Path

from git import Git, GitCommandError

from autoresearch_graph.oracle import oracle_of_hidden
from autoresearch_graph.program.model import Program
from autoresearch_graph.program.paths import covers
from autoresearch_graph.repository import asks_for_signatures
from autoresearch_graph.runner import uv
from autoresearch_graph.uncommitted import within

_LONGEST = 200
_CACHE = re.compile(r"`(~/\.cache/[\w-][^`]*)`")


def caveats(program: Program, project: Path) -> tuple[str, ...]:
    """A sentence for each thing that may keep a run from working, or makes it work otherwise."""
    missing = (
        f"{path} (line {line}) is not there: make it first, as {program.path.name} says"
        for path, line in _caches(program.text).items()
        if not Path(path).expanduser().exists()
    )
    unseen = (
        f"{name} is not committed, and a run sees only what is: commit it, or say under "
        f"Environment: A run may read `{name}`"
        for name in _uncommitted(program, project)
        if not _is_readable(name, program, project)
    )
    empty = (
        f"{name} is a submodule, and a run sees it as an empty folder: say under Environment: "
        f"A run may read `{name}`"
        for name in _submodules(project)
        if not _is_readable(name, program, project)
    )
    absent = (
        f"`{said}`, which a run may read, is not there: mend the path, or make it first"
        for said in program.environment.readable
        if not (project / Path(said).expanduser()).exists()
    )
    unsigned = (
        "commit.gpgsign is on, and the lab does not sign what it commits: "
        "autoresearch adopt --squash makes one commit of it that is signed"
        if asks_for_signatures(project)
        else ""
    )
    other = (uv.caveat(program.experiment, project), oracle_of_hidden(program, project), unsigned)
    return tuple(filter(None, (*other, *missing, *unseen, *empty, *absent)))


def _is_readable(name: str, program: Program, project: Path) -> bool:
    """True if program.md lets a run read a path of the project."""
    return any(covers(within(project, said), name) for said in program.environment.readable)


def _uncommitted(program: Program, project: Path) -> list[str]:
    """The files and folders of the project that a command names and git does not have."""
    named = (program.experiment, program.check, program.evaluation, program.holdout)
    words = {word for text in named if text for word in shlex.split(text, comments=True)}
    likely = (w for w in words if w.strip("./") and len(w) < _LONGEST and not w.startswith("/"))
    there = sorted(word for word in likely if (project / word).exists())
    below = [word for word in there if (project / word).resolve().is_relative_to(project)]
    git = Git(str(project))
    try:
        return [w for w in below if not git.ls_tree("--name-only", "HEAD", "--", w.rstrip("/"))]
    except GitCommandError:  # there is no repository yet, which is said elsewhere
        return []


def _submodules(project: Path) -> list[str]:
    """The folders of the project that are repositories of their own."""
    try:
        listed = Git(str(project)).ls_tree("-r", "-z", "HEAD").split("\0")
    except GitCommandError:  # there is no repository yet, which is said elsewhere
        return []
    return [entry.partition("\t")[2] for entry in listed if entry.startswith("160000 ")]


def _caches(text: str) -> dict[str, int]:
    """The folders in the user's cache that a text names, each with its first line."""
    found: dict[str, int] = {}
    for match in _CACHE.finditer(text):
        found.setdefault(match[1], text.count("\n", 0, match.start()) + 1)
    return found

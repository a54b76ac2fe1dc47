"""Which files git has in a commit, and their text."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from git import Repo

from autoresearch_graph import sheaf
from autoresearch_graph.errors import InputError

_REGULAR = ("100644", "100755")


def tracked(repo: Repo, commit: str, below: PurePosixPath, asset: str) -> Iterator[tuple[str, str]]:
    """The files of an asset in a commit: each path, relative to `below`, with its blob.

    A link is none: the loop writes through no link.
    """
    listed = repo.git.ls_tree("-r", "-z", commit, "--", below.as_posix() + "/").split("\0")
    for line in filter(None, listed):
        facts, _, name = line.partition("\t")
        mode, _, blob = facts.split()
        path = PurePosixPath(name).relative_to(below).as_posix()
        if mode in _REGULAR and sheaf.takes_in(asset, path):
            yield path, blob


def text_of(repo: Repo, blob: str, path: str) -> str:
    """The text of a file by its blob; InputError where it is no text."""
    data: bytes = repo.odb.stream(bytes.fromhex(blob)).read()
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text ({error.reason})") from None


def on_disk(project: Path, asset: str) -> tuple[str, ...]:
    """The files of an asset in a project's folder as it is now, committed or not; no links."""
    found: set[str] = set()
    real = project.resolve()
    for name in sheaf.names(asset):
        pattern = f"{name}/*" if name.endswith("**") else name  # `**` alone finds only folders
        paths = project.glob(pattern) if sheaf.is_pattern(name) else [project / name]
        plain = [path.relative_to(project) for path in paths if path.is_file()]
        found |= {path.as_posix() for path in plain if (real / path).resolve() == real / path}
    return tuple(sorted(path for path in found if sheaf.takes_in(asset, path)))

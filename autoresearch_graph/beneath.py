"""Files below a folder, reached step by step without following a link.

Where a run has put a link in the place of a folder, nothing beyond it is touched.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def put(root: Path, path: str, data: bytes, *, mode: int) -> None:
    """Write a new file, and the folders above it; OSError where something is in its place."""
    with _folder_of(root, path, make=True) as (folder, name):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, dir_fd=folder)
        with os.fdopen(file, "wb") as opened:
            opened.write(data)
            os.fchmod(file, mode)


def remove(root: Path, path: str) -> None:
    """Remove a file or a link, if it is there."""
    with suppress(FileNotFoundError), _folder_of(root, path, make=False) as (folder, name):
        os.unlink(name, dir_fd=folder)


@contextmanager
def _folder_of(root: Path, path: str, *, make: bool) -> Iterator[tuple[int, str]]:
    """The open folder that a file is in, and the file's name; OSError at a link, or at `..`."""
    *above, name = path.split("/")
    if {"", ".", ".."} & {*above, name}:
        raise OSError(f"{path} is not a path below {root}")
    at = os.open(root, _FOLDER)
    try:
        for step in above:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(step, dir_fd=at)
            below = os.open(step, _FOLDER, dir_fd=at)
            os.close(at)
            at = below
        yield at, name
    finally:
        os.close(at)

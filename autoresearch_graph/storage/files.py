"""Files that are there after a loss of power: written whole or not at all, and synced.

A file is on the disk when it was synced, and its name when its folder was; git's own default is
neither for the objects that it writes.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def replace(path: Path, text: str) -> None:
    """Put `text` in the place of what `path` holds; a kill leaves the one or the other.

    Several may do so at once: each writes a file of its own beside, and the last one counts.
    """
    put(path, text.encode(), beside=path.with_name(f"{path.name}.{secrets.token_hex(4)}.new"))
    sync(path.parent)


def put(path: Path, data: bytes, *, beside: Path) -> None:
    """Write `data` to the file `beside`, and give it the name `path` when it is on the disk.

    The name itself is there when the folder has been synced.
    """
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def read(path: Path) -> str:
    """The text of a file, or nothing where there is none."""
    return path.read_text("utf-8") if path.exists() else ""


def append(path: Path, line: str) -> None:
    """Add a line and wait until it is on the disk; a loss of power may tear it."""
    is_new = not path.exists()
    with path.open("ab") as file:
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        sync(path.parent)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, as far as they are missing."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def put_beneath(root: Path, path: str, data: bytes, *, mode: int) -> None:
    """Write a new file, and the folders above it; OSError where something is in its place."""
    with folder_of(root, path, make=True) as (folder, name):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, dir_fd=folder)
        with os.fdopen(file, "wb") as opened:
            opened.write(data)
            os.fchmod(file, mode)


def remove_beneath(root: Path, path: str) -> None:
    """Remove a file or a link, if it is there."""
    with suppress(FileNotFoundError), folder_of(root, path, make=False) as (folder, name):
        os.unlink(name, dir_fd=folder)


@contextmanager
def folder_of(root: Path, path: str, *, make: bool) -> Iterator[tuple[int, str]]:
    """The open folder that a file is in, and the file's name; OSError at a link, or at `..`."""
    *above, name = path.split("/")
    if {"", ".", ".."} & {*above, name}:
        raise OSError(f"{path} is not a path below {root}")
    at = os.open(root, _OPEN_FOLDER)
    try:
        for step in above:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(step, dir_fd=at)
            below = os.open(step, _OPEN_FOLDER, dir_fd=at)
            os.close(at)
            at = below
        yield at, name
    finally:
        os.close(at)

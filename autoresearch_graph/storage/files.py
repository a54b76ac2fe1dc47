"""Files that outlast a loss of power: written whole or not at all, and synced.

A sync of a file brings its content to the disk, and a sync of its folder its name. The functions
with `beneath` follow no link on the way to a file.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def replace(path: Path, text: str) -> None:
    """Write `text` to `path`; a kill leaves the old text or the new one.

    Several processes may do so at once: the last one counts.
    """
    put(path, text.encode(), beside=path.with_name(f"{path.name}.{secrets.token_hex(4)}.new"))
    sync(path.parent)


def put(path: Path, data: bytes, *, beside: Path) -> None:
    """Write `data` to the file `beside`, sync it, and rename it to `path`.

    The caller syncs the folder.
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
    """Return the text of a file; empty if there is none."""
    return path.read_text("utf-8") if path.exists() else ""


def append(path: Path, line: str) -> None:
    """Append and sync a line; a loss of power can leave a part of it."""
    is_new = not path.exists()
    with path.open("ab") as file:
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        sync(path.parent)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, and sync their names. Idempotent."""
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
    """Write a new file, and the folders above it; OSError if something is in its place."""
    with folder_of(root, path, make=True) as (folder, name):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, dir_fd=folder)
        with os.fdopen(file, "wb") as opened:
            opened.write(data)
            os.fchmod(file, mode)


def remove_beneath(root: Path, path: str) -> None:
    """Remove a file or a link. Idempotent."""
    with suppress(FileNotFoundError), folder_of(root, path) as (folder, name):
        os.unlink(name, dir_fd=folder)


@contextmanager
def folder_of(root: Path, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
    """Open the folder of a file and return it with the file's name; OSError at a link or `..`."""
    *above, name = path.split("/")
    if {"", ".", ".."} & {*above, name}:
        raise OSError(f"{path} is not a path below {root}")
    folder = os.open(root, _OPEN_FOLDER)
    try:
        for step in above:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(step, dir_fd=folder)
            below = os.open(step, _OPEN_FOLDER, dir_fd=folder)
            os.close(folder)
            folder = below
        yield folder, name
    finally:
        os.close(folder)

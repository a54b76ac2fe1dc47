"""Files that are there after a loss of power: written whole or not at all, and synced.

A file is on the disk when it was synced, and its name when its folder was; git's own default is
neither for the objects that it writes.
"""

import os
import secrets
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

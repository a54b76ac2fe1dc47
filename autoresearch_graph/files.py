"""Write a file whole or not at all."""

import os
from pathlib import Path


def replace(path: Path, text: str) -> None:
    """Put `text` in the place of what `path` holds; a kill leaves the one or the other."""
    beside = path.with_name(path.name + ".new")
    with beside.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def read(path: Path) -> str:
    """The text of a file, or nothing where there is none."""
    return path.read_text("utf-8") if path.exists() else ""


def append(path: Path, line: str) -> None:
    """Add a line and wait until it is on the disk; a loss of power may tear it."""
    with path.open("ab") as file:
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())

"""From the folder of a run to the one of its evaluation: named files, copied with suspicion.

Only regular files with one name and below a size pass; no part of the path may be a link, so
nothing outside the run's folder is ever read. It is called when the processes of the run are gone,
so what was looked at is what is copied. Not covered: what is in a file. Whoever reads it has to
treat it as the work of a stranger (no pickle, no eval).
"""

import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from autoresearch_graph.storage import files

LARGEST = 16 * 2**30  # bytes of one file
_OF_DISK = 0.5  # of what is free
_CHUNK = 2**20


class Unusable(Exception):
    """A file that cannot be handed over; the sentence says why."""


def hand_over(paths: Iterable[str], *, source: Path, target: Path) -> None:
    """Copy files from one folder to the other; `Unusable` for one that is missing or no file.

    They are on the disk then: a holdout may want them after a loss of power.
    """
    for path in paths:
        place = target / path
        files.make_folder(place.parent)
        with _opened(source, path) as old, place.open("wb") as new:
            _copy(old, new, path)
        files.sync(place)
        files.sync(place.parent)


def clear(paths: Iterable[str], *, folder: Path) -> None:
    """Remove what an earlier command left under these names; of a link, the link itself.

    What cannot be removed stays: a folder that is too deep, or one that nobody may enter.
    """
    for path in paths:
        *above, place = (folder / step for step in _steps(path))
        with suppress(OSError, RecursionError):
            place = next(filter(Path.is_symlink, above), place)
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place, ignore_errors=True)
            else:
                place.unlink()


def _steps(path: str) -> list[str]:
    """`a`, `a/b` and `a/b/c` for `a/b/c`."""
    parts = path.split("/")
    return ["/".join(parts[: end + 1]) for end in range(len(parts))]


@contextmanager
def _opened(folder: Path, path: str) -> Iterator[BinaryIO]:
    """A regular file; every step on the way to it is opened without following links."""
    *above, name = path.split("/")
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for step in above:
            below = _open(step, os.O_DIRECTORY, at, path)
            os.close(at)
            at = below
        file = _open(name, os.O_NONBLOCK, at, path)
    finally:
        os.close(at)
    try:
        _check(os.fstat(file), path)
        with os.fdopen(file, "rb", closefd=False) as opened:
            yield opened
    finally:
        os.close(file)


def _open(name: str, flags: int, at: int, path: str) -> int:
    try:
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | flags, dir_fd=at)
    except FileNotFoundError:
        raise Unusable(f"the run left no `{path}`") from None
    except OSError as error:
        raise Unusable(f"the run left `{path}` as no plain file ({error.strerror})") from None


def _copy(old: BinaryIO, new: BinaryIO, path: str) -> None:
    """Copy a file; where it has holes, the copy has them, too."""
    size, free = os.fstat(old.fileno()).st_size, shutil.disk_usage(new.name).free
    if size > free * _OF_DISK:
        raise Unusable(f"the run left `{path}` with {size / 2**30:.1f} GiB, too much for the disk")
    while data := old.read(_CHUNK):
        if data.count(0) == len(data):
            new.seek(len(data), os.SEEK_CUR)
        else:
            new.write(data)
    new.truncate()


def _check(found: os.stat_result, path: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise Unusable(f"the run left `{path}` as no plain file")
    if found.st_nlink > 1:
        raise Unusable(f"the run left `{path}` as a link: the file has another name, too")
    if found.st_size > LARGEST:
        raise Unusable(f"the run left `{path}` with {found.st_size / 2**30:.1f} GiB")

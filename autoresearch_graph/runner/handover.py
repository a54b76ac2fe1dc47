"""Copies of the files that a run hands over to its evaluation, made with suspicion.

Only regular files with one name and below a size pass; no part of the path may be a link, so
nothing outside the run's folder is ever read. The processes of the run are gone by then, so the
file that was checked is the file that is copied. Not covered: the content of a file. Its reader has
to treat it as the work of a stranger (no pickle, no eval).
"""

import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from autoresearch_graph.storage import files

LARGEST = 16 * 2**30  # bytes of one file
_DISK_SHARE = 0.5  # of what is free
_CHUNK = 2**20  # bytes


class Unusable(Exception):
    """A file that cannot be handed over, with the reason."""


def hand_over(paths: Iterable[str], *, source: Path, target: Path) -> None:
    """Copy files from one folder to another; `Unusable` for one that is missing or no file.

    They are synced: a holdout may need them after a loss of power.
    """
    for path in paths:
        place = target / path
        files.make_folder(place.parent)
        with _opened(source, path) as old, place.open("wb") as new:
            _copy(old, new, path)
        files.sync(place)
        files.sync(place.parent)


def clear(paths: Iterable[str], *, folder: Path) -> None:
    """Remove files that an earlier command left; of a link, the link itself.

    A folder that is too deep, or that nobody may enter, stays.
    """
    for path in paths:
        place = folder / path
        above = [folder / parent for parent in reversed(PurePosixPath(path).parents)][1:]
        with suppress(OSError, RecursionError):
            place = next(filter(Path.is_symlink, above), place)
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place, ignore_errors=True)
            else:
                place.unlink()


@contextmanager
def _opened(folder: Path, path: str) -> Iterator[BinaryIO]:
    """Open a regular file; no step on the way to it may be a link."""
    try:
        with files.folder_of(folder, path, make=False) as (parent, name):
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
    except FileNotFoundError:
        raise Unusable(f"the run left no `{path}`") from None
    except OSError as error:
        raise Unusable(f"the run left `{path}` as no plain file ({error.strerror})") from None
    try:
        _check(os.fstat(file), path)
        with os.fdopen(file, "rb", closefd=False) as opened:
            yield opened
    finally:
        os.close(file)


def _copy(old: BinaryIO, new: BinaryIO, path: str) -> None:
    """Copy a file with its holes."""
    size, free = os.fstat(old.fileno()).st_size, shutil.disk_usage(new.name).free
    if size > free * _DISK_SHARE:
        raise Unusable(f"the run left `{path}` with {size / 2**30:.1f} GiB, too much for the disk")
    while data := old.read(_CHUNK):
        if data.count(0) == len(data):
            new.seek(len(data), os.SEEK_CUR)
        else:
            new.write(data)
    new.truncate()


def _check(status: os.stat_result, path: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise Unusable(f"the run left `{path}` as no plain file")
    if status.st_nlink > 1:
        raise Unusable(f"the run left `{path}` as a link: the file has another name, too")
    if status.st_size > LARGEST:
        raise Unusable(f"the run left `{path}` with {status.st_size / 2**30:.1f} GiB")

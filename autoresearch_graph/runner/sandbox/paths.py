"""Every name by which a path can be reached: through links, other mounts, and what a box binds."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

_MOUNTS = Path("/proc/self/mountinfo")


@dataclass(frozen=True)
class _Mount:
    """A mount: the folder `root` of a device is seen at `at`."""

    device: str
    root: PurePath
    at: PurePath


def names_of(paths: Iterable[Path], bound: Sequence[Path]) -> tuple[Path, ...]:
    """Return all names of paths in a box that binds some folders under the names they have here.

    A folder that is bound under the name of a link shows, below that name, all that it leads to.
    """
    found: dict[Path, None] = {}
    mounts = _mounts()
    targets = [(name, name.resolve()) for name in dict.fromkeys(bound)]
    for path in dict.fromkeys(paths):
        for real in _places(path.resolve(), mounts):
            found[real] = None
            for name, target in targets:
                if real == target or target in real.parents:
                    found[name / real.relative_to(target)] = None
    return tuple(found)


def _places(real: Path, mounts: Sequence[_Mount]) -> tuple[Path, ...]:
    """Return a real path and, where its device is mounted more than once, its others."""
    over = [mount for mount in reversed(mounts) if _is_below(real, mount.at)]
    own = max(over, key=_depth, default=None)  # of several at one place the last lies on top
    if own is None:
        return (real,)
    inside = own.root / real.relative_to(own.at)
    others = [m for m in mounts if m.device == own.device and _is_below(inside, m.root)]
    again = (Path(mount.at / inside.relative_to(mount.root)) for mount in others)
    return tuple(dict.fromkeys((real, *(path for path in again if path.exists()))))


def _is_below(path: PurePath, folder: PurePath) -> bool:
    return path == folder or folder in path.parents


def _depth(mount: _Mount) -> int:
    return len(mount.at.parts)


def _mounts() -> tuple[_Mount, ...]:
    try:
        return tuple(_parsed(_MOUNTS.read_bytes()))
    except OSError:
        return ()


def _parsed(listed: bytes) -> Iterator[_Mount]:
    """Yield the mounts of a mountinfo file (proc_pid_mountinfo(5)): fields 3, 4 and 5 of a line."""
    for line in listed.splitlines():
        _, _, device, root, at, *_ = (_unescaped(field) for field in line.split(b" "))
        yield _Mount(device, PurePath(root), PurePath(at))


def _unescaped(field: bytes) -> str:
    r"""Decode `\040` and its like, by which the kernel writes a space in a path."""
    plain = field.decode("latin-1").encode("latin-1").decode("unicode_escape")
    return os.fsdecode(plain.encode("latin-1"))

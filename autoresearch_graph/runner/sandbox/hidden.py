"""Paths that a run must not read, and every name by which they can be reached.

In program.md `~` is the home, `$NAME` a variable, and `{stdlib}` (or another name of Python's
`sysconfig`, such as `{purelib}`) a folder of the interpreter that runs use. A relative path is one
in the project: it is hidden there and in the checkout. With a Python file goes its bytecode, which
holds every string of it. Paths under `{stdlib}` are also hidden in every other Python installation
on the machine. Other names come from links and from mounts.
"""

import os
import re
import sysconfig
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from string import Template

from autoresearch_graph.errors import InputError

_PYTHONS = ("usr/lib/python3*", "usr/lib64/python3*", "usr/local/lib/python3*")
_MOUNTS = Path("/proc/self/mountinfo")


def expand(
    hidden: Iterable[str], *, project: Path, checkout: Path, variables: Mapping[str, str]
) -> tuple[Path, ...]:
    """Return the hidden paths; InputError for one that does not exist: it would hide nothing."""
    found: dict[Path, None] = {}
    for pattern in hidden:
        path = Path(_filled(pattern, variables))
        if not (project / path).exists():
            raise InputError(
                f"the hidden path `{pattern}` does not exist ({project / path}); fix the path, "
                "or remove it",
                code="bad-path",
            )
        places = [path] if path.is_absolute() else [project / path, checkout / path]
        for place in [*places, *_in_other_pythons(pattern)]:
            found |= dict.fromkeys(_with_bytecode(place))
    return tuple(found)


def _filled(pattern: str, variables: Mapping[str, str]) -> str:
    folders = {**sysconfig.get_paths(), "home": variables.get("HOME", "~")}
    text = re.sub(r"^~(?=/|$)", lambda _: folders["home"], pattern)
    try:
        text = Template(text).substitute(variables)
        return re.sub(r"\{(\w+)\}", lambda name: folders[name[1]], text)
    except (KeyError, ValueError) as error:
        raise InputError(
            f"the hidden path `{pattern}` has a variable that is not set ({error}); "
            "set it, or write the path itself",
            code="bad-path",
        ) from None


def _in_other_pythons(pattern: str) -> Iterator[Path]:
    """Yield the copies of a hidden path of the standard library that a sandbox would show."""
    inside = pattern.removeprefix("{stdlib}/")
    for pythons in _PYTHONS if inside != pattern else ():
        yield from sorted(Path("/").glob(f"{pythons}/{inside}"))


def _with_bytecode(path: Path) -> Iterator[Path]:
    yield path
    if path.suffix == ".py":
        yield from sorted((path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"))


def files_below(path: Path) -> Iterator[Path]:
    """Yield a file, or all files in a folder, through links, each folder once."""
    if not path.is_dir():
        yield path
        return
    known: set[tuple[int, int]] = set()
    for folder, below, names in os.walk(path, followlinks=True):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in known:
            below.clear()
            continue
        known.add((status.st_dev, status.st_ino))
        yield from (Path(folder, name) for name in names)


@dataclass(frozen=True)
class _Mount:
    """A mount: the folder `root` of a device is seen at `point`."""

    device: str
    root: PurePath
    point: PurePath


def names_of(paths: Iterable[Path], bound: Sequence[Path]) -> tuple[Path, ...]:
    """Return all names of paths in a sandbox that binds some folders under their names here.

    A folder that is bound under the name of a link shows all that it leads to below that name.
    """
    found: dict[Path, None] = {}
    mounts = _mounts()
    targets = [(name, name.resolve()) for name in dict.fromkeys(bound)]
    for path in dict.fromkeys(paths):
        for real in _names_by_mount(path.resolve(), mounts):
            found[real] = None
            for name, target in targets:
                if real.is_relative_to(target):
                    found[name / real.relative_to(target)] = None
    return tuple(found)


def _names_by_mount(real: Path, mounts: Sequence[_Mount]) -> tuple[Path, ...]:
    """Return a real path and, where its device is mounted more than once, its others."""
    above = [mount for mount in reversed(mounts) if real.is_relative_to(mount.point)]
    # Of several at one point the last lies on top.
    own = max(above, key=lambda mount: len(mount.point.parts), default=None)
    if own is None:
        return (real,)
    inside = own.root / real.relative_to(own.point)
    names = [real]
    for mount in mounts:
        if mount.device == own.device and inside.is_relative_to(mount.root):
            other = Path(mount.point / inside.relative_to(mount.root))
            names += [other] if other.exists() else []
    return tuple(dict.fromkeys(names))


def _mounts() -> tuple[_Mount, ...]:
    """Return the mounts in mountinfo (proc_pid_mountinfo(5)): fields 3, 4 and 5 of a line."""
    try:
        lines = _MOUNTS.read_bytes().splitlines()
    except OSError:
        return ()
    fields = [[_unescaped(field) for field in line.split(b" ", 5)[2:5]] for line in lines]
    return tuple(_Mount(device, PurePath(root), PurePath(point)) for device, root, point in fields)


def _unescaped(field: bytes) -> str:
    r"""Decode `\040` and its like, by which the kernel writes a space in a path."""
    plain = field.decode("latin-1").encode("latin-1").decode("unicode_escape")
    return os.fsdecode(plain.encode("latin-1"))

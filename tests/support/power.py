"""A disk that loses what was not synced: what would be left of a folder after a loss of power.

It follows the process that it is made in. A file holds what it held when it was last synced, and
a folder the names that it had then. `Loss` says what became of the rest: "lost", all of it is
gone; "torn", the names are there, and of unsynced files a half, or nothing where they are new: what
a file system leaves that orders less than ext4 does. SQLite is believed to sync for itself, and
git what it moves of its notes.
"""

import os
import stat
from pathlib import Path
from typing import Any, Literal

Loss = Literal["lost", "torn"]
Entry = tuple[str, int]  # what it is, and its inode


class Disk:
    """What is safe of a folder; all that is there when it is made, and what is synced later."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._names: dict[Path, dict[str, Entry]] = {}
        self._safe: dict[int, bytes] = {}
        self._held: dict[int, int] = {}  # an open file keeps its inode from being used again
        for folder, _, files in os.walk(self._root):
            self._names[Path(folder)] = _entries(Path(folder))
            for name in files:
                self._remember(os.open(Path(folder, name), os.O_RDONLY))
        self._sync, os.fsync = os.fsync, self._synced

    def _synced(self, fd: Any) -> None:
        file = int(fd)
        self._sync(file)
        place = Path(f"/proc/self/fd/{file}").readlink()
        if stat.S_ISDIR(os.fstat(file).st_mode):
            self._names[place] = _entries(place)
        else:
            self._remember(os.dup(file))

    def _remember(self, file: int) -> None:
        inode = os.fstat(file).st_ino
        self._safe[inode] = Path(f"/proc/self/fd/{file}").read_bytes()
        if inode in self._held:
            os.close(file)
        else:
            self._held[inode] = file

    def leave(self, target: Path, loss: Loss) -> None:
        """Put what is left into `target`."""
        self._leave(self._root, target, loss)

    def _leave(self, folder: Path, target: Path, loss: Loss) -> None:
        target.mkdir()
        names = self._names.get(folder, {}) if loss == "lost" else _entries(folder)
        for name, (kind, inode) in names.items():
            if kind == "folder":
                self._leave(folder / name, target / name, loss)
            elif kind == "link":
                (target / name).symlink_to((folder / name).readlink())
            else:
                (target / name).write_bytes(self._left(folder / name, inode, loss))
                (target / name).chmod(0o755 if os.access(folder / name, os.X_OK) else 0o644)

    def _left(self, path: Path, inode: int, loss: Loss) -> bytes:
        try:
            now = path.read_bytes() if path.stat().st_ino == inode else b""
        except OSError:
            now = b""
        if path.name.startswith("checkpoints.sqlite") or path.parent.name == "notes":
            return now
        safe = self._safe.get(inode)
        if safe is None or loss == "lost":
            return safe or b""
        rest = now[len(safe) :] if now.startswith(safe) else b""
        return safe + rest[: len(rest) // 2]


def _entries(folder: Path) -> dict[str, Entry]:
    try:
        found = [*os.scandir(folder)]
    except OSError:
        return {}
    return {entry.name: (_kind(entry), entry.inode()) for entry in found}


def _kind(entry: "os.DirEntry[str]") -> str:
    if entry.is_symlink():
        return "link"
    return "folder" if entry.is_dir(follow_symlinks=False) else "file"

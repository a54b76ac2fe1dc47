"""A worktree in which experiments run, restored to the committed files before every run.

A file counts as untouched while it has the inode, size, mode and times that it had right after git
wrote it; a run cannot set a change time back without turning the clock. Otherwise its content is
compared with the digest of the committed one. If that differs too, or the worktree is damaged, git
makes all of it anew. The index is never used, as a run can hide a change in it. A file that was
touched but has its content also makes the next run begin with a new worktree: an inode holds more
than a content, and could pass something from one run to another.

Not covered: a run that is root and turns the clock, and anything outside the worktree, such as the
configuration of git.
"""

import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path, PurePath, PurePosixPath

from git import Git, GitCommandError, Repo

from autoresearch_graph.asset.files import Asset
from autoresearch_graph.errors import LabError
from autoresearch_graph.storage.files import put_beneath, remove_beneath

Signature = tuple[int, ...]  # inode, mode, links, size and times; empty if there is no file
SAFE = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"]
# In a hook of git, these variables name the index of the person.
GIT = ["env", "-u", "GIT_DIR", "-u", "GIT_WORK_TREE", "-u", "GIT_INDEX_FILE", "git", *SAFE]
_OPEN = ["-type", "d", "!", "-perm", "-700", "-exec", "chmod", "u+rwx", "{}", ";"]
_LINK = ".git"
_LAB = ".autoresearch"
_NEW = 0o644  # mode of a file that is not committed
_BLOCK = 4096  # bytes by which a folder of ext4 grows; it never shrinks
ITSELF = ("the checkout itself",)


class Checkout:
    """A detached worktree at the base commit, in which only the asset differs.

    `below` is the project's folder in it; the paths of the asset are relative to that.
    """

    def __init__(self, repo: Repo, *, folder: Path, base: str, asset: Asset, below: Path) -> None:
        self.folder, self._base, self._asset, self._below = folder, base, asset, below
        self._repository = Path(repo.working_dir)
        self._common = Path(repo.common_dir)
        self._make()

    def lay_out(self, text: str | None) -> None:
        """Make the worktree a clean checkout whose asset is `text`. Idempotent.

        Without a text it has no asset. No link is followed, so nothing outside the worktree is
        written. LabError if the asset cannot be written.
        """
        self.restore()
        try:
            self._clear()
        except OSError:
            self._touched = True
        if self._touched:
            self._make()
        self._write_asset(text)
        if self._is_grown():
            self._make()
            self._write_asset(text)
        self._set_times()

    def _write_asset(self, text: str | None) -> None:
        parts = self._asset.files(text) if text is not None else {}
        try:
            for path in self._assets:
                remove_beneath(self.folder, path)
            for name, body in parts.items():
                path = (self._below / name).as_posix()
                mode = stat.S_IMODE(self._assets.get(path, _NEW))
                ended = re.sub(r"\r?\n", "\r\n", body) if path in self._ended else body
                put_beneath(self.folder, path, ended.encode(), mode=mode)
        except OSError as error:
            raise LabError(f"the asset cannot be laid out in {self.folder}: {error}") from error

    def restore(self) -> tuple[str, ...]:
        """Restore every committed file but the asset; return those whose content had changed.

        It returns `ITSELF` for a damaged worktree. LabError if git cannot make it anew.
        """
        try:
            changed = self._changed()
        except OSError:
            changed = ITSELF
        if changed:
            self._make()
        return changed

    def remove(self) -> None:
        """Remove the worktree and git's record of it."""
        unregister(self._common, self.folder)

    def _make(self) -> None:
        """Make the worktree in place of whatever is there, and remember its state."""
        command = [*GIT, "worktree", "add", "--force", "--detach", str(self.folder), self._base]
        try:
            unregister(self._common, self.folder)
            Git(self._repository).execute(command)
            self._remember()
        except GitCommandError as error:
            reason = " ".join(str(error.stderr).rpartition("fatal: ")[2].split()).rstrip("'")
            raise LabError(f"git cannot make the worktree {self.folder}: {reason}") from error
        except OSError as error:
            raise LabError(f"the worktree {self.folder} cannot be made: {error}") from error

    def _remember(self) -> None:
        self._touched = False
        link = (self.folder / _LINK).read_bytes().removeprefix(b"gitdir:")
        self._git_dir = self.folder / os.fsdecode(link.strip())
        folders, files, own = ["."], list[str](), list[str]()
        for path, is_folder in self._walk():
            kind = folders if is_folder else own if self._is_asset(path) else files
            kind.append(path)
        known = [*folders, *files]
        self._assets = {path: (self.folder / path).stat().st_mode for path in own}
        self._ended = self._with_other_ends(own)
        self._folders = {path: self._signature(path) for path in folders}
        self._attributes = {path: _attributes(self.folder / path) for path in known}
        self._digests = {path: _digest(self.folder / path) for path in files}
        self._pristine = {path: self._signature(path) for path in files}
        self._times = {path: _times(self.folder / path) for path in known}

    def _with_other_ends(self, paths: list[str]) -> set[str]:
        """Return the files that git checks out with CRLF and stores without."""
        if not any(b"\r\n" in (self.folder / path).read_bytes() for path in paths):
            return set()
        command = [*GIT, "--literal-pathspecs", "ls-files", "--eol", "-z", "--", *paths]
        listed = (line.partition("\t") for line in Git(self.folder).execute(command).split("\0"))
        ended = set()
        for facts, _, path in listed:
            stored, checked_out, *_ = facts.split() or ("", "")
            if path and checked_out == "w/crlf" and stored != "i/crlf":
                ended.add(path)
        return ended

    def _is_asset(self, path: str) -> bool:
        is_link = (self.folder / path).is_symlink()
        return not is_link and self._asset.contains(in_project(path, self._below))

    def _changed(self) -> tuple[str, ...]:
        """Return the changed paths, and restore the modes, which a run may set to be started."""
        self._open_folders()
        signatures = self._pristine.items()
        suspects = [path for path, known in signatures if self._signature(path) != known]
        changed = tuple(path for path in suspects if not self._is_same(path))
        records = [self._git_dir / name for name in ("HEAD", "commondir", "gitdir")]
        if _LINK in changed or not all(map(Path.is_file, records)):
            return ITSELF
        self._touched = self._touched or bool(suspects)
        self._pristine |= {path: self._signature(path) for path in suspects}
        return changed

    def _is_grown(self) -> bool:
        """Return True if a run left a folder larger: some disks keep the room of removed names."""
        for path, before in self._folders.items():
            if (self.folder / path).lstat().st_size >= before[3] + _BLOCK:
                return True
        return False

    def _set_times(self) -> None:
        """Restore the times of committed files and folders, which a run may have set."""
        for path, times in self._times.items():
            place = self.folder / path
            if _times(place) != times:
                os.utime(place, ns=times, follow_symlinks=False)
                if path in self._pristine:
                    self._pristine[path] = self._signature(path)

    def _open_folders(self) -> None:
        """Restore the modes of the committed folders; remove one that became a link."""
        for path, before in self._folders.items():
            found = self._signature(path)
            if found and not stat.S_ISDIR(found[1]):
                (self.folder / path).unlink()
            elif found and found[1] != before[1]:
                (self.folder / path).chmod(stat.S_IMODE(before[1]))

    def _is_same(self, path: str) -> bool:
        """Return True if a suspect has the committed content, and is no link to another file."""
        found, before = self._signature(path), self._pristine[path]
        if not found or stat.S_IFMT(found[1]) != stat.S_IFMT(before[1]):
            return False
        if found[2] > 1 and found[0] != before[0]:
            return False
        if found[1] != before[1]:
            (self.folder / path).chmod(stat.S_IMODE(before[1]))
        return _digest(self.folder / path) == self._digests[path]

    def _clear(self) -> None:
        """Remove the asset, files that are not committed, and locks that stop git in the worktree.

        OSError if a run left attributes on a committed file or folder: they would outlive it.
        """
        known = self._attributes.keys()
        if any(_attributes(self.folder / path) != self._attributes[path] for path in known):
            raise OSError("there are attributes that git did not write")
        for path in [path for path, _ in self._walk(within=known) if path not in known]:
            _remove(self.folder / path)
        for lock in self._git_dir.glob("*.lock"):
            _remove(lock)

    def _walk(
        self, below: str = "", within: Collection[str] | None = None
    ) -> Iterator[tuple[str, bool]]:
        """Yield each path, with True for a folder; enter only folders of `within`."""
        for entry in [*os.scandir(self.folder / below)]:
            path, is_folder = below + entry.name, entry.is_dir(follow_symlinks=False)
            yield path, is_folder
            if is_folder and (within is None or path in within):
                yield from self._walk(f"{path}/", within)

    def _signature(self, path: str) -> Signature:
        try:
            facts = (self.folder / path).lstat()
        except OSError:
            return ()
        times = facts.st_mtime_ns, facts.st_ctime_ns
        return (facts.st_ino, facts.st_mode, facts.st_nlink, facts.st_size, *times)


def in_project(path: str, below: PurePath) -> str:
    """Return a path of the repository relative to the project at `below`; empty outside it."""
    place = PurePosixPath(path)
    return place.relative_to(below).as_posix() if place.is_relative_to(below) else ""


def unregister(common: Path, folder: Path) -> None:
    """Remove a worktree and git's records of it in the `common` folder, locked or not.

    This includes the records from before the project was moved.
    """
    _remove(folder)
    link = Path(os.path.realpath(folder / _LINK))
    for record in filter(Path.is_file, (common / "worktrees").glob("*/gitdir")):
        named = record.parent / os.fsdecode(record.read_bytes().strip())
        place = Path(os.path.realpath(named))
        if place == link or (_own(place) == _own(link) and not place.exists()):
            _remove(record.parent)


def _own(place: Path) -> tuple[str, ...]:
    """Return the path of a worktree within the lab's folder of its project."""
    parts = place.parts
    return parts[parts.index(_LAB) :] if _LAB in parts else parts


def _times(path: Path) -> tuple[int, int]:
    """Return the times of access and of change of a file or a folder, in nanoseconds."""
    facts = path.lstat()
    return facts.st_atime_ns, facts.st_mtime_ns


def _attributes(path: Path) -> dict[str, bytes]:
    """Return the extended attributes of a file or a folder; on Linux, if the disk has them."""
    if sys.platform == "linux":
        with suppress(OSError):
            names = os.listxattr(path, follow_symlinks=False)
            return {name: os.getxattr(path, name, follow_symlinks=False) for name in names}
    return {}


def _digest(path: Path) -> bytes:
    """Return a digest of a regular file, or the target of a link."""
    if path.is_symlink():
        return os.fsencode(path.readlink())
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").digest()


def _remove(path: Path) -> None:
    """Remove a link, a file, or a folder with any modes. Idempotent."""
    if path.is_symlink() or not path.is_dir():
        return path.unlink(missing_ok=True)
    try:
        shutil.rmtree(path)
    except (OSError, RecursionError):
        for command in (["find", str(path), *_OPEN], ["rm", "-rf", str(path)]):
            subprocess.run(command, check=False, capture_output=True)
        if path.exists():
            raise

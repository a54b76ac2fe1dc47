"""A worktree in which experiments run, put back to what was committed before every run.

A file counts as untouched while its inode, size, mode and times are those that were read
right after git wrote it; a change time cannot be set back without turning the clock. Where they
differ, its content is compared with the digest of what git wrote. Where that differs, too, or the
worktree is damaged, git makes all of it anew: its index, in which a run can hide a change, is
never asked. So it does before the next run where a file has its content and was touched all the
same: an inode holds more than a content, and could tell one run of another. What is not covered: a
run that is root and turns the clock, and anything outside the worktree, such as the configuration
by which git makes it.
"""

import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from git import Git, GitCommandError, Repo

from autoresearch_graph.asset.files import Asset
from autoresearch_graph.errors import LabError
from autoresearch_graph.storage import files as beneath

Signature = tuple[int, ...]  # inode, mode, links, size and times; empty where there is nothing
SAFE = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"]
# Within a hook of git, these would lead it to the index of the person.
_GIT = ["env", "-u", "GIT_DIR", "-u", "GIT_WORK_TREE", "-u", "GIT_INDEX_FILE", "git", *SAFE]
_OPEN = ["-type", "d", "!", "-perm", "-700", "-exec", "chmod", "u+rwx", "{}", ";"]
_LINK = ".git"
_LAB = ".autoresearch"
_NEW = 0o644
_BLOCK = 4096  # bytes by which ext4 lets a folder grow, and never shrink
ITSELF = ("the checkout itself",)


class Checkout:
    """A detached worktree at the base commit, in which only the asset ever differs.

    `below` is where the project lies in it, to which the asset is relative.
    """

    def __init__(self, repo: Repo, *, folder: Path, base: str, asset: Asset, below: Path) -> None:
        self.folder, self._base, self._asset, self._below = folder, base, asset, below
        self._repository = Path(repo.working_dir)
        self._common = Path(repo.common_dir)
        self._make()

    def lay_out(self, text: str | None) -> None:
        """Make the worktree a clean checkout whose asset is `text`; the same every time.

        Without a text it has no asset. No link is followed, so nothing beyond the worktree is
        written. LabError where the asset cannot be written.
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
                beneath.remove_beneath(self.folder, path)
            for name, body in parts.items():
                path = (self._below / name).as_posix()
                mode = stat.S_IMODE(self._assets.get(path, _NEW))
                ended = re.sub(r"\r?\n", "\r\n", body) if path in self._ended else body
                beneath.put_beneath(self.folder, path, ended.encode(), mode=mode)
        except OSError as error:
            raise LabError(f"the asset cannot be laid out in {self.folder}: {error}") from error

    def restore(self) -> tuple[str, ...]:
        """Put every committed file but the asset back; returns those whose content had changed.

        For a damaged worktree it names the worktree. LabError where git cannot make it anew.
        """
        try:
            changed = self._changed()
        except OSError:
            changed = ITSELF
        if changed:
            self._make()
        return changed

    def remove(self) -> None:
        """Remove the worktree, and git's record of it; it cannot be used after that."""
        unregister(self._common, self.folder)

    def _make(self) -> None:
        """Make the worktree, whatever is there, and remember what git wrote."""
        command = [*_GIT, "worktree", "add", "--force", "--detach", str(self.folder), self._base]
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
        found = {".": True, **dict(self._walk())}
        own = [path for path, folder in found.items() if not folder and self._is_asset(path)]
        self._assets = {path: (self.folder / path).stat().st_mode for path in own}
        self._ended = self._with_other_ends(own)
        self._modes = {path: self._signature(path)[1] for path, folder in found.items() if folder}
        files = [path for path, folder in found.items() if not folder and path not in self._assets]
        self._attributes = {path: _attributes(self.folder / path) for path in found}
        self._digests = {path: _digest(self.folder / path) for path in files}
        self._pristine = {path: self._signature(path) for path in files}
        self._times = {path: _times(self.folder / path) for path in found}
        self._sizes = {path: (self.folder / path).lstat().st_size for path in self._modes}

    def _with_other_ends(self, paths: list[str]) -> set[str]:
        """Return the files that git checked out with CRLF, as it is told, and stores without."""
        if not any(b"\r\n" in (self.folder / path).read_bytes() for path in paths):
            return set()
        command = [*_GIT, "--literal-pathspecs", "ls-files", "--eol", "-z", "--", *paths]
        listed = (line.partition("\t") for line in Git(self.folder).execute(command).split("\0"))
        facts = {path: told.split() for told, _, path in listed if path}
        return {path for path, (i, w, *_) in facts.items() if w == "w/crlf" and i != "i/crlf"}

    def _is_asset(self, path: str) -> bool:
        below = PurePosixPath(self._below)
        inside = PurePosixPath(path).is_relative_to(below) and not (self.folder / path).is_symlink()
        return inside and self._asset.contains(PurePosixPath(path).relative_to(below).as_posix())

    def _changed(self) -> tuple[str, ...]:
        """What was changed; modes are set back, for a run may set the one that lets it start."""
        self._open_folders()
        suspects = [path for path, at in self._pristine.items() if self._signature(path) != at]
        changed = tuple(path for path in suspects if not self._is_same(path))
        records = (self._git_dir / name for name in ("HEAD", "commondir", "gitdir"))
        if _LINK in changed or not all(record.is_file() for record in records):
            return ITSELF
        self._touched = self._touched or bool(suspects)
        self._pristine |= {path: self._signature(path) for path in suspects}
        return changed

    def _is_grown(self) -> bool:
        """True if a run left a folder larger: some disks keep the room of names that are gone."""
        sizes = ((path, (self.folder / path).lstat().st_size) for path in self._modes)
        return any(size >= self._sizes[path] + _BLOCK for path, size in sizes)

    def _set_times(self) -> None:
        """Give committed files and folders the times back that a run may have set."""
        for path, times in self._times.items():
            place = self.folder / path
            is_known = path in self._modes or path in self._pristine
            if is_known and _times(place) != times:
                os.utime(place, ns=times, follow_symlinks=False)
                self._pristine |= {path: self._signature(path)} if path in self._pristine else {}

    def _open_folders(self) -> None:
        """Give the committed folders their modes back; one that became a link is removed."""
        for path, mode in self._modes.items():
            now = self._signature(path)
            if now and not stat.S_ISDIR(now[1]):
                (self.folder / path).unlink()
            elif now and now[1] != mode:
                (self.folder / path).chmod(stat.S_IMODE(mode))

    def _is_same(self, path: str) -> bool:
        """Whether a suspect's content is what git wrote; a link to a file outside is not."""
        now, before = self._signature(path), self._pristine[path]
        if not now or stat.S_IFMT(now[1]) != stat.S_IFMT(before[1]):
            return False
        if now[2] > 1 and now[0] != before[0]:
            return False
        if now[1] != before[1]:
            (self.folder / path).chmod(stat.S_IMODE(before[1]))
        return _digest(self.folder / path) == self._digests[path]

    def _clear(self) -> None:
        """Remove the asset, what git does not know, and locks that stop git in the worktree.

        OSError where a run left attributes on what git does know: they would outlive it.
        """
        known = {*self._pristine, *self._modes}
        if any(_attributes(self.folder / path) != self._attributes[path] for path in known):
            raise OSError("there are attributes that git did not write")
        for path in [path for path, _ in self._walk(within=known) if path not in known]:
            _remove(self.folder / path)
        for lock in self._git_dir.glob("*.lock"):
            _remove(lock)

    def _walk(self, below: str = "", within: set[str] | None = None) -> Iterator[tuple[str, bool]]:
        """Yield each path and whether it is a folder; enters only folders of `within`."""
        for entry in [*os.scandir(self.folder / below)]:
            path, is_folder = below + entry.name, entry.is_dir(follow_symlinks=False)
            yield path, is_folder
            if is_folder and (within is None or path in within):
                yield from self._walk(f"{path}/", within)

    def _signature(self, path: str) -> Signature:
        try:
            at = (self.folder / path).lstat()
        except OSError:
            return ()
        return (at.st_ino, at.st_mode, at.st_nlink, at.st_size, at.st_mtime_ns, at.st_ctime_ns)


def unregister(common: Path, folder: Path) -> None:
    """Remove a worktree and git's record of it in its `common` folder, locked or not.

    A project that was moved has records of where its worktrees were: those go, too.
    """
    _remove(folder)
    link = Path(os.path.realpath(folder / _LINK))
    for record in filter(Path.is_file, (common / "worktrees").glob("*/gitdir")):
        named = record.parent / os.fsdecode(record.read_bytes().strip())
        place = Path(os.path.realpath(named))
        if place == link or (_own(place) == _own(link) and not place.exists()):
            _remove(record.parent)


def _own(place: Path) -> tuple[str, ...]:
    """The path of a worktree within the lab's folder of its project."""
    parts = place.parts
    return parts[parts.index(_LAB) :] if _LAB in parts else parts


def _times(path: Path) -> tuple[int, int]:
    """The times of access and of change of a file or a folder, in nanoseconds."""
    at = path.lstat()
    return at.st_atime_ns, at.st_mtime_ns


def _attributes(path: Path) -> dict[str, bytes]:
    """The extended attributes of a file or a folder, where system (Linux) and disk have them."""
    if sys.platform == "linux":
        with suppress(OSError):
            names = os.listxattr(path, follow_symlinks=False)
            return {name: os.getxattr(path, name, follow_symlinks=False) for name in names}
    return {}


def _digest(path: Path) -> bytes:
    """A digest of a regular file, or where a link leads."""
    if path.is_symlink():
        return os.fsencode(path.readlink())
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").digest()


def _remove(path: Path) -> None:
    """Remove whatever stands at `path`, if anything: a link, a file, or a folder with any modes."""
    if path.is_symlink() or not path.is_dir():
        return path.unlink(missing_ok=True)
    try:
        shutil.rmtree(path)
    except (OSError, RecursionError):
        for command in (["find", str(path), *_OPEN], ["rm", "-rf", str(path)]):
            subprocess.run(command, check=False, capture_output=True)
        if path.exists():
            raise

"""Git commands that change files of the person, and the repair after one that was killed.

Git runs in a session of its own, so Ctrl-C or a closed terminal does not reach it, and it finishes
when the lab is killed. A note in the git folder names the locks that it takes and the commits
between which it moves the checkout. Git and its hooks inherit the lock on the note. If nobody holds
the lock, git was killed as well.
"""

import fcntl
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import psutil
from git import Repo
from pydantic import ValidationError

from autoresearch_graph.core.values import Value
from autoresearch_graph.errors import WorkspaceError
from autoresearch_graph.storage.files import sync

Tell = Callable[[str], None]
_SLOW = 5.0  # seconds after which a line says that git, or a hook, is slow; chosen
# `gc --auto` would keep the lock; a branch that a loss of power empties cannot be read.
_OPTIONS = ["-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "core.fsync=reference,index"]
_UNSET = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
_GIT = ["env", *(f"--unset={name}" for name in _UNSET), "LC_ALL=C", "git", *_OPTIONS]
_READERS = {"cat-file", "fsmonitor--daemon", "credential-cache--daemon"}
_NONE = "0" * 40  # the hash that git prints for no object
_LOCKED = re.compile(r"[Uu]nable to create '([^']+\.lock)': File exists")


class Note(Value):
    """The locks that a git command takes, as patterns, and the commits that it moves between."""

    locks: tuple[str, ...]
    old: str = ""
    new: str = ""


@dataclass(frozen=True)
class OwnGit:
    """Git commands in one repository; `tell` takes lines for the person meanwhile."""

    repo: Repo
    tell: Tell = lambda line: None

    def run(
        self, note: Note, *command: str, given: str = "", holding: Sequence[IO[str]] = ()
    ) -> None:
        """Run a command to its end; WorkspaceError, with nothing changed, if it fails.

        Git keeps the locks of `holding` until it ends, also when this process is killed.
        """
        with self._held() as file:
            file.truncate(0)
            file.write(note.model_dump_json())
            file.flush()
            os.fsync(file.fileno())
            sync(self._path.parent)
            code, output = self._wait(command, given, (file, *holding))
            if code:
                self._mend(note, file)
            self._path.unlink()
        if code:
            raise WorkspaceError(said(output) or f"git ended with {code}")
        if output:
            self.tell(f"git said: {' '.join(output.split())}")

    def recover(self) -> None:
        """Repair the checkout after a git command that was killed. Idempotent.

        WorkspaceError while it is at work, or if a change of the person is in the way.
        """
        if not self._path.exists():
            return
        with self._held() as file:
            with suppress(ValidationError):  # git is not started before the note is on the disk
                self._mend(Note.model_validate_json(file.read()), file)
            self._path.unlink()

    @property
    def _path(self) -> Path:
        return Path(self.repo.git_dir) / "autoresearch.json"

    @contextmanager
    def _held(self) -> Iterator[IO[str]]:
        """Open the note and take its lock, which ends with this process and its git."""
        while True:
            with self._path.open("a+") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    raise WorkspaceError(
                        "the git of an earlier autoresearch command is still at work, or a hook "
                        "of it is; wait for it, and try again"
                    ) from None
                # One who had the lock before may have removed the note.
                if self._path.exists() and os.path.samestat(
                    self._path.stat(), os.fstat(file.fileno())
                ):
                    file.seek(0)
                    yield file
                    return

    def _wait(self, command: Sequence[str], given: str, held: Sequence[IO[str]]) -> tuple[int, str]:
        """Run git; return its exit code and output. Ctrl-C waits for it, a second one does not."""
        with TemporaryFile("w+") as source, TemporaryFile("w+", errors="replace") as output:
            source.write(given)
            source.seek(0)
            process = subprocess.Popen(
                [*_GIT, *command], cwd=self.repo.working_dir, start_new_session=True,
                stdin=source, stdout=output, stderr=output,
                pass_fds=[file.fileno() for file in held],
            )  # fmt: skip
            try:
                self._wait_aloud(process)
            except KeyboardInterrupt:
                self.tell("git ends what it began; Ctrl-C again leaves it alone with that")
                process.wait()
            output.seek(0)
            return process.returncode, output.read()

    def _wait_aloud(self, process: "subprocess.Popen[bytes]") -> None:
        try:
            process.wait(_SLOW)
        except subprocess.TimeoutExpired:
            self.tell("waiting for git, or for a hook of it ...")
            process.wait()

    def _mend(self, note: Note, file: IO[str]) -> None:
        self._remove_locks(note, since=self._path.stat().st_mtime_ns)
        if note.new:
            self._put_back(note, file)

    def _remove_locks(self, note: Note, since: int) -> None:
        """Remove the locks of a dead git, which are younger than its note.

        WorkspaceError while another git is at work here.
        """
        common = Path(self.repo.common_dir)
        found = [lock for pattern in note.locks for lock in common.glob(pattern)]
        left = [lock for lock in found if lock.stat().st_mtime_ns >= since]
        if left and (pid := self._another()):
            raise WorkspaceError(
                f"{left[0]} may be that of the git command that is at work here (process {pid}); "
                "wait for it, and try again"
            )
        for lock in left:
            lock.unlink()

    def _another(self) -> int:
        """Return the process of a git that is at work in this repository, or 0."""
        places = (Path(self.repo.working_dir).resolve(), Path(self.repo.common_dir).resolve())
        own = {parent.pid for parent in psutil.Process().parents()}
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.pid in own or not process.name().startswith("git"):
                    continue
                is_here = any(map(Path(process.cwd()).is_relative_to, places))
                if is_here and _READERS.isdisjoint(process.cmdline()):
                    return process.pid
        return 0

    def _put_back(self, note: Note, file: IO[str]) -> None:
        """Restore the files that git was changing, in index and checkout, as they are in HEAD.

        WorkspaceError for a file that is as on neither side of the change.
        """
        half = self._half_changed(note)
        if odd := [path for path, blobs in half.items() if not self._is_of_git(path, *blobs)]:
            raise WorkspaceError(
                f"an earlier adopt was killed while it changed {', '.join(odd)}, and you changed "
                "that since; put it away, and adopt again: "
                f"git stash push --include-untracked -- {shlex.join(odd)}"
            )
        old = [path for path, (before, _) in half.items() if before]
        new = [path for path, (before, _) in half.items() if not before]
        self._listed(old, file, "checkout", "--quiet", "HEAD")
        self._listed(new, file, "rm", "--cached", "--force", "--quiet", "--ignore-unmatch")
        for path in new:
            self._place(path).unlink(missing_ok=True)

    def _half_changed(self, note: Note) -> dict[str, tuple[str, str]]:
        """Return the files of a change that differ from HEAD, each with its blobs."""
        moved = self._changes(note.old, "HEAD")
        dirty = self.names("diff", "--cached", "HEAD") | self.names("diff")
        half = {}
        for path, (before, after) in self._changes(note.old, note.new).items():
            is_new = not before and os.path.lexists(self._place(path))
            if path not in moved and (path in dirty or is_new):
                half[path] = (before, after)
        return half

    def _listed(self, paths: Sequence[str], file: IO[str], *command: str) -> None:
        if not paths:
            return
        listed = ("--pathspec-from-file=-", "--pathspec-file-nul")
        whole = ("--literal-pathspecs", *command, *listed)
        code, output = self._wait(whole, "\0".join(paths), (file,))
        if code:
            raise WorkspaceError(f"git cannot put back {paths[0]}: {said(output)}")

    def _is_of_git(self, path: str, before: str, after: str) -> bool:
        """Return True if a killed git can leave a file so: old, new, the start of new, or gone."""
        known = {before, after, ""}
        staged, place = self.staged(path), self._place(path)
        if {staged, self.on_disk(path)} <= known:
            return True
        if staged not in known or place.is_symlink() or not (place.is_file() and after):
            return False
        new = self.repo.git.cat_file(
            "--filters",
            f"--path={path}",
            after,
            stdout_as_string=False,
            strip_newline_in_stdout=False,
        )
        return bytes(new).startswith(place.read_bytes())

    def staged(self, path: str) -> str:
        """Return the blob of a file in the index; empty if there is none."""
        listed = self.repo.git.execute(
            ["git", "--literal-pathspecs", "ls-files", "--stage", "-z", "--", path]
        )
        return str(listed).split(" ")[1] if listed else ""

    def on_disk(self, path: str) -> str:
        """Return the blob that git would make of a file in the checkout; empty if there is none."""
        place = self._place(path)
        if place.is_symlink():
            link = os.fsencode(place.readlink())
            return sha1(b"blob %d\0%s" % (len(link), link), usedforsecurity=False).hexdigest()
        if not place.is_file():
            return "a folder" if place.exists() else ""
        return str(self.repo.git.hash_object(f"--path={path}", "--", str(place)))

    def names(self, *command: str) -> set[str]:
        """Return the files that a git command lists, relative to the repository."""
        whole = ["git", "--no-optional-locks", *command, "--name-only", "-z"]
        return set(self.repo.git.execute(whole).split("\0")) - {""}

    def _place(self, path: str) -> Path:
        return Path(self.repo.working_dir) / path

    def _changes(self, old: str, new: str) -> dict[str, tuple[str, str]]:
        """Return the files that differ between two commits, each with its blobs, empty for none."""
        listed = self.repo.git.diff_tree("-r", "-z", "--no-renames", "--no-abbrev", old, new)
        heads, paths = listed.split("\0")[:-1:2], listed.split("\0")[1::2]
        return {
            path: (head.split()[2].replace(_NONE, ""), head.split()[3].replace(_NONE, ""))
            for head, path in zip(heads, paths, strict=True)
        }


def said(output: str) -> str:
    """Return an error of git in a sentence."""
    if found := _LOCKED.search(output):
        lock = shlex.quote(found[1])
        return f"{found[1]} is there; if no other git command is running: rm {lock}"
    output = output.removeprefix("\n  stderr: ").strip(" '\n")
    return " ".join(output.split())

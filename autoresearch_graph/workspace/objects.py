"""Git objects, written without the index and without a process for each of them.

GitPython rewrites its index in Python at every commit, and its object database starts
`git hash-object` for every object; docs/decisions/0002-workspace.md has the costs. It also does not
sync the objects: after a loss of power the ledger would name commits that are empty files.
"""

import stat
import time
import zlib
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha1
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar, cast

from git import Repo
from git.objects.fun import tree_entries_from_data, tree_to_stream

from autoresearch_graph.storage import files

Edit = Callable[[bytes], bytes | None]
Entries = dict[str, tuple[bytes, int, str]]
Tree = TypeVar("Tree", bytes, bytes | None)
_FILE, _FOLDER = 0o100644, 0o40000
_TREES = 16  # trees whose entries are kept in memory; chosen


class Objects:
    """Stores blobs, trees and commits of a repository as loose objects.

    All are on the disk when `commit` or `settle` returns, before anything refers to them.
    """

    def __init__(self, repo: Repo) -> None:
        self._odb = repo.odb
        self._folder = Path(repo.common_dir) / "objects"
        self._unsettled: dict[Path, bytes] = {}
        self._known: dict[bytes | None, Entries] = {}

    def commit(self, tree: bytes, message: str, *, parent: str | None, author: str) -> str:
        """Store a commit and return its hash; `author` is the part of the loop that made it."""
        signature = f"autoresearch ({author}) <autoresearch@localhost> {int(time.time())} +0000"
        parents = [f"parent {parent}"] if parent else []
        head = [f"tree {tree.hex()}", *parents, f"author {signature}", f"committer {signature}"]
        sha = self._store(b"commit", "\n".join([*head, "", message]).encode()).hex()
        self.settle()
        return sha

    def obstacle(self, tree: bytes, path: list[str]) -> str:
        """Say what is in the way of a file at `path`, for example a link; empty if nothing."""
        known = {stat.S_IFDIR: "a folder", stat.S_IFREG: "a file", stat.S_IFLNK: "a link"}
        sha: bytes | None = tree
        for depth, name in enumerate(path, start=1):
            sha, mode, _ = self.entries(sha).get(name, (None, 0, name))
            if sha is None:
                return ""
            wanted = _FOLDER if depth < len(path) else _FILE
            if stat.S_IFMT(mode) != stat.S_IFMT(wanted):
                return f"{'/'.join(path[:depth])} is {known.get(stat.S_IFMT(mode), 'a submodule')}"
        return ""

    def graft(self, tree: bytes | None, path: list[str], edit: Edit) -> bytes:
        """Store a copy of `tree` with the file at `path` edited, or removed for an edit to None.

        A folder that is empty then goes, too. Return the hash of the copy.
        """
        name, *rest = path
        entries = self.entries(tree)
        sha, mode, _ = entries.pop(name, (None, _FOLDER if rest else _FILE, name))
        if rest:
            folder = self.graft(sha, rest, edit)
            new = folder if self.entries(folder) else None
        else:
            content = edit(self._read(sha))
            new = None if content is None else self._store(b"blob", content)
        if new is not None:
            entries[name] = (new, mode, name)
        named = [(sha, mode, _bytes(name)) for sha, mode, name in entries.values()]
        stored = self._store(b"tree", b"".join(map(_line, sorted(named, key=_git_order))))
        return self._remember(stored, entries)

    def entries(self, tree: bytes | None) -> Entries:
        """Return the entries of a tree by name; those of the last trees are kept."""
        if tree not in self._known:
            found = {entry[2]: entry for entry in tree_entries_from_data(self._read(tree))}
            self._remember(tree, found)
        return dict(self._known[tree])

    def _remember(self, tree: Tree, entries: Entries) -> Tree:
        self._known[tree] = entries
        if len(self._known) > _TREES:
            del self._known[next(iter(self._known))]
        return tree

    def _read(self, sha: bytes | None) -> bytes:
        """Return the content of an object, settled or not."""
        if sha and (packed := self._unsettled.get(self._path(sha))):
            return zlib.decompress(packed).partition(b"\0")[2]
        data: bytes = self._odb.stream(sha).read() if sha else b""
        return data

    def _path(self, sha: bytes) -> Path:
        return self._folder / sha.hex()[:2] / sha.hex()[2:]

    def _store(self, kind: bytes, data: bytes) -> bytes:
        """Keep an object in memory until `settle` writes it; return its hash."""
        whole = b"%s %d\0%s" % (kind, len(data), data)
        sha = sha1(whole, usedforsecurity=False).digest()
        self._unsettled[self._path(sha)] = zlib.compress(whole)
        return sha

    def settle(self) -> None:
        """Write every object, so that it is whole on the disk or not there.

        Folders are synced in the end, as the first sync is likely to do the work of all. An
        unfinished object has a name that `git gc` removes.
        """
        for path, packed in self._unsettled.items():
            path.parent.mkdir(exist_ok=True)
            if not path.exists():
                files.put(path, packed, beside=path.with_name(f"tmp_obj_{path.name}"))
                path.chmod(0o444)
        for folder in {self._folder, *(path.parent for path in self._unsettled)}:
            files.sync(folder)
        self._unsettled.clear()


def _bytes(name: str) -> bytes:
    """Return a file's name in git's bytes, which need not be UTF-8."""
    return name.encode("utf-8", "surrogateescape")


@lru_cache(maxsize=4096)
def _line(entry: tuple[bytes, int, bytes]) -> bytes:
    """Return an entry in the format of a tree.

    The cache is for the notes, of whose 256 folders one changes: GitPython checks each name, and
    that takes longer than all the rest.
    """
    out, entries = BytesIO(), cast(Any, [entry])
    tree_to_stream(entries, out.write)
    return out.getvalue()


def _git_order(entry: tuple[bytes, int, bytes]) -> bytes:
    """Return the key to sort by: git sorts a folder as if its name ended in a slash."""
    return entry[2] + (b"/" if entry[1] == _FOLDER else b"")

"""Removal of a research's worktrees, branch and refs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from git import Repo

from autoresearch_graph.errors import WorkspaceError
from autoresearch_graph.results.records import Records, find
from autoresearch_graph.settings import Settings
from autoresearch_graph.storage.manifest import lock
from autoresearch_graph.workspace.own_git import Note, OwnGit, Tell
from autoresearch_graph.workspace.repository import find_repository, where_checked_out
from autoresearch_graph.workspace.workspace import remove_locks
from autoresearch_graph.workspace.worktree import unregister

_WORKTREES = ("worktree", "evaluation", "holdout")


@dataclass(frozen=True)
class Leftovers:
    """Refs and worktrees of a research that is not running."""

    records: Records
    repo: Repo
    refs: tuple[str, ...]
    git: OwnGit
    held: TextIO

    @property
    def is_adopted(self) -> bool:
        """True if the checked-out commit has the best, so that no result is lost with the refs."""
        best, repo = self.records.incumbent, self.repo
        if best is None or best.number == 0:
            return True
        return repo.is_valid_object(best.commit) and repo.is_ancestor(
            repo.commit(best.commit), repo.head.commit
        )

    def remove_worktrees(self) -> str:
        """Remove the checkouts of runs; `autoresearch run` makes them again. Idempotent."""
        folder, common = self.records.folder, Path(self.repo.common_dir)
        for place in (folder, folder / "again", *(folder / "workers").glob("*")):
            for name in _WORKTREES:
                unregister(common, place / name)
        return f"{self.records.tag}: its worktrees are removed"

    def remove_refs(self) -> str:
        """Remove the branch and all refs of experiments, in one transaction.

        Ledger, logs, patches and report stay. InputError if the branch is checked out.
        """
        branch = f"refs/heads/autoresearch/{self.records.tag}"
        if place := where_checked_out(self.repo, branch):
            raise WorkspaceError(
                f"autoresearch/{self.records.tag} is checked out in {place}; "
                "go to another branch there first: git switch -"
            )
        lines = "".join(f"delete {ref}\n" for ref in self.refs)
        note = Note(locks=("packed-refs.lock", "packed-refs.new"))
        try:
            self.git.run(note, "update-ref", "--stdin", given=lines, holding=(self.held,))
        except WorkspaceError as error:
            raise WorkspaceError(f"git does not remove the refs: {error}") from None
        return f"{self.records.tag}: {len(self.refs)} refs are removed"


@contextmanager
def leftovers(settings: Settings, tell: Tell = lambda line: None) -> Iterator[Leftovers]:
    """Find the refs of a research, and hold its lock; InputError while it is running."""
    records = find(settings)
    with lock(records.folder) as held, find_repository(settings.root) as repo:
        git = OwnGit(repo, tell)
        git.recover()
        remove_locks(repo, records.tag)
        places = (f"refs/heads/autoresearch/{records.tag}", f"refs/autoresearch/{records.tag}/")
        refs = repo.git.for_each_ref("--format=%(refname)", *places).split()
        yield Leftovers(records, repo, tuple(refs), git, held)

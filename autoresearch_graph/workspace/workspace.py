"""Git, through GitPython: the branch, a ref for every experiment, notes with the verdicts.

The person's checkout, index and branch are never touched: trees and commits go straight into the
object database, and runs happen in a worktree of the research.
"""

import json
import os
import shlex
from contextlib import suppress
from pathlib import Path, PurePosixPath

from git import BadName, Commit, Git, GitCommandError, Repo
from git.refs import Reference

from autoresearch_graph.asset.files import LARGEST, Asset, Files
from autoresearch_graph.asset.line_ends import as_in
from autoresearch_graph.asset.syntax import broken
from autoresearch_graph.asset.timeout import too_slow
from autoresearch_graph.core.experiment import Draft, Proposal, Verdict
from autoresearch_graph.core.values import Usage
from autoresearch_graph.errors import InputError, LabError, WorkspaceError
from autoresearch_graph.storage.files import make_folder, put, sync
from autoresearch_graph.workspace.objects import Edit, Objects
from autoresearch_graph.workspace.own_git import OwnGit
from autoresearch_graph.workspace.repository import NOTES, text_of, tracked, where_checked_out
from autoresearch_graph.workspace.worktree import SAFE, Checkout, in_project

_TRIES = 5  # to write a note, while the person writes notes; chosen


class Workspace:
    """The git side of one research, whose base is the commit that it started from."""

    def __init__(self, repo: Repo, *, project: Path, tag: str, base: str, asset: str) -> None:
        self.repo = repo
        self.base = base
        self.tag = tag
        self.project = project.resolve()
        self.below = project.resolve().relative_to(Path(repo.working_dir).resolve())
        self.asset, self.path = Asset.parse(asset), (self.below / asset).as_posix()
        self._branch = Reference(repo, f"refs/heads/autoresearch/{tag}")
        self._objects = Objects(repo)

    def open(self, tip: str) -> None:
        """Create the branch at `tip`, and clean up after a killed lab. Idempotent.

        The caller holds the lock of the research, so nobody else uses its refs.
        """
        remove_locks(self.repo, self.tag)
        with suppress(WorkspaceError):  # a half-adopted checkout does not hinder a research
            OwnGit(self.repo).recover()
        if not self._branch.is_valid():
            move(self.repo, self._branch.path, tip)

    def check_branch(self) -> None:
        """Raise WorkspaceError if the branch of the research is checked out."""
        name = self._branch.path.removeprefix("refs/heads/")
        if self.is_checked_out:
            raise WorkspaceError(
                f"you are on {name}, which the research moves; go to another branch: git switch -"
            )
        if place := where_checked_out(self.repo, self._branch.path):
            raise WorkspaceError(
                f"{name}, which the research moves, is checked out in {place}; "
                f"go to another branch there: git -C {shlex.quote(place)} switch --detach"
            )

    @property
    def is_checked_out(self) -> bool:
        """True if the person is on the branch, so that moving it would move HEAD."""
        head = self.repo.head
        return not head.is_detached and head.reference.path == self._branch.path

    def checkout(self, folder: Path) -> Checkout:
        """Make a fresh worktree at `folder`, at the base commit."""
        return Checkout(
            self.repo, folder=folder, base=self.base, asset=self.asset, below=self.below
        )

    def project_in(self, checkout: Checkout) -> Path:
        """Return the project's folder within a checkout."""
        return checkout.folder / self.below

    def text(self, commit: str) -> str:
        """Return the asset of a commit; InputError if it is no text."""
        if self.asset.is_several:
            found = tracked(self.repo, commit, self.below, self.asset)
            contents = {path: text_of(self.repo, blob, path) for path, blob in found}
            return Files(self.asset, contents).pack()
        blob = self.repo.commit(commit).tree[self.path].hexsha
        return text_of(self.repo, blob, self.path)

    def is_asset(self, path: str) -> bool:
        """Return True if a path of the repository is a file of the asset."""
        return self.asset.contains(in_project(path, self.below))

    def unfit(self, text: str, commit: str) -> str:
        """Say why a text cannot be tried as the asset on top of `commit`; empty if it can."""
        return (
            self.asset.unfit(text, self._before(text, commit))
            or self._blocked(self._objects, self.repo.commit(commit).tree.binsha, text)
            or self._too_slow(text, commit)
            or broken(text, self.text(commit), str(self.asset))
        )

    def _before(self, text: str, commit: str) -> str:
        """Return the asset of a commit if its size counts for a text on top of it."""
        return self.text(commit) if len(text) > LARGEST else ""

    def _too_slow(self, text: str, commit: str) -> str:
        """Name a changed file that takes too long to read, if its old text did not."""
        for path, body in self.asset.files(text).items():
            if refusal := too_slow(body, path):
                old = self.asset.files(self.text(commit)).get(path, "")
                if body != old and not too_slow(old, path):
                    return refusal
        return ""

    def _blocked(self, objects: Objects, tree: bytes, text: str) -> str:
        """Say why the files of a text cannot be put into a tree; empty if they can."""
        parts = self.asset.files(text)
        for path in parts:
            for folder in map(str, PurePosixPath(path).parents):
                if folder in parts:
                    return f"{folder} is a file, so there can be no {path}"
            if obstacle := objects.obstacle(tree, self._steps(path)):
                return f"{path} cannot be written: {obstacle}"
        for path in self.asset.paths:
            if path not in parts:
                return self.asset.unremovable(path, parts)
        return "" if parts else f"there is nothing left of {self.asset}"

    def graft(self, objects: Objects, tree: bytes, text: str) -> bytes:
        """Store a copy of `tree` with the asset's files of a text; return its hash.

        InputError for a text that `unfit` refuses.
        """
        if refusal := self.asset.unfit(text, text) or self._blocked(objects, tree, text):
            raise InputError(refusal)
        parts = self.asset.files(text)
        edits = {path: _spelt(body) for path, body in parts.items()}
        if self.asset.is_several:
            known = tracked(self.repo, tree.hex(), self.below, self.asset)
            edits |= {path: lambda old: None for path, _ in known if path not in parts}
        for path, edit in edits.items():
            tree = objects.graft(tree, self._steps(path), edit)
        return tree

    def _steps(self, path: str) -> list[str]:
        return (self.below / path).as_posix().split("/")

    def proposal(self, number: int) -> Proposal | None:
        """Return the proposal that was committed under this number, or None."""
        reference = self._experiment(number)
        if not reference.is_valid():
            return None
        return _read(self.repo.commit(reference.path), number) if number else self._baseline()

    def text_of(self, number: int) -> str:
        """Return the asset of an experiment, kept or not; InputError if its ref was removed."""
        path = self._experiment(number).path
        try:
            return self.text(self.repo.commit(path).hexsha)
        except (BadName, ValueError):
            raise InputError(
                f"{path} is not in git any more, so {self.tag} cannot go on; "
                "start a new research with another --tag"
            ) from None

    def commit_baseline(self) -> Proposal:
        """Put the base commit under number 0. Idempotent."""
        move(self.repo, self._experiment(0).path, self.base)
        return self._baseline()

    def commit_proposal(
        self, draft: Draft, *, number: int, parent: str, written_for: int | None = None
    ) -> Proposal:
        """Commit a draft on top of `parent` under the experiment's ref.

        A second run makes a second commit, and moves the ref to it. InputError for a text that
        cannot be committed.
        """
        if refusal := self.asset.unfit(draft.text, self._before(draft.text, parent)):
            raise InputError(refusal)
        root = self.repo.commit(parent).tree.binsha
        tree = self.graft(self._objects, root, draft.text)
        message = _message(draft, number, self.tag, written_for)
        commit = self._objects.commit(tree, message, parent=parent, author=draft.author)
        move(self.repo, self._experiment(number).path, commit)
        return _read(self.repo.commit(commit), number)

    def keep(self, commit: str) -> None:
        """Move the branch to a commit. Idempotent."""
        move(self.repo, self._branch.path, commit)

    def moved_away(self, commit: str) -> str | None:
        """Return the commit to which somebody moved the branch; None if it leads to `commit`."""
        if not self._branch.is_valid():
            return None
        tip, wanted = self._branch.commit, self.repo.commit(commit)
        leads = tip in (wanted, *wanted.parents) or self.repo.is_ancestor(tip, wanted)
        return None if leads else tip.hexsha

    def annotate(self, proposal: Proposal, verdict: Verdict, *, mark: str = "") -> None:
        """Attach metric with its mark, verdict and reason as a git note. Idempotent.

        The person may write notes at the same time, so it tries again on top of theirs.
        """
        metric = "" if verdict.metric is None else f" {verdict.metric:.6f}{mark}"
        label = f"autoresearch/{self.tag} {proposal.number:04d}"
        line = f"{label}: {verdict.status}{metric}: {verdict.reason}\n"
        if not any(self._annotated(proposal.commit, label, line.encode()) for _ in range(_TRIES)):
            lock = Path(self.repo.common_dir) / f"{NOTES}.lock"
            raise LabError(
                f"git cannot move {NOTES}; if no other git command is running: rm {lock}"
            )

    def _annotated(self, commit: str, label: str, line: bytes) -> bool:
        """Append a line to the note of a commit; return False if the notes could not be moved."""
        notes = Reference(self.repo, NOTES)
        head = notes.commit if notes.is_valid() else None
        root = head.tree.binsha if head else None
        flat = commit in self._objects.entries(root)
        path = [commit] if flat else [commit[:2], commit[2:]]
        tree = self._objects.graft(root, path, lambda old: old if line in old else old + line)
        if tree == root:
            return True
        before = head.hexsha if head else None
        new = self._objects.commit(tree, label, parent=before, author="notes")
        return self._moved_notes(new, before)

    def _baseline(self) -> Proposal:
        return Proposal(
            number=0,
            commit=self.base,
            parent=self.base,
            author="baseline",
            description="baseline",
            hypothesis="The untouched asset is the value to beat.",
        )

    def _experiment(self, number: int) -> Reference:
        path = f"refs/autoresearch/{self.tag}/{number:04d}"
        return Reference(self.repo, path, check_path=False)

    def _moved_notes(self, commit: str, before: str | None) -> bool:
        """Move the notes from `before`; return False if git could not, or found them elsewhere.

        The ref is not ours alone, so a lock that a killed lab leaves could not be removed. Git runs
        in a session of its own and finishes. Without the option it does not sync the renamed file,
        and a loss of power may leave an empty one.
        """
        make_folder((Path(self.repo.common_dir) / NOTES).parent)
        synced = [*SAFE, "-c", "core.fsync=reference"]
        command = ["git", *synced, "update-ref", NOTES, commit, before or "0" * 40]
        try:
            Git(self.repo.working_dir).execute(command, start_new_session=True)
        except GitCommandError:
            return False
        settle(self.repo, NOTES)
        return True


def _spelt(text: str) -> Edit:
    """Return the edit that writes a text with the line ends and byte order mark of the file."""
    return lambda old: as_in(text, old.decode(errors="replace")).encode()


def _message(draft: Draft, number: int, tag: str, written_for: int | None) -> str:
    """Return the commit message: description, hypothesis, and the rest as trailers."""
    trailers = {"Experiment": f"autoresearch/{tag} {number}", "Proposed-by": draft.author}
    if written_for is not None:
        trailers["Written-for"] = str(written_for)
    if draft.lesson:
        trailers["Lesson"] = " ".join(draft.lesson.split())
    if draft.undoes is not None:
        trailers["Undoes"] = str(draft.undoes)
    if draft.steering:
        trailers["Steering"] = json.dumps([m.model_dump() for m in draft.steering])
    if draft.usage != Usage():
        trailers["Tokens"] = str(draft.tokens)
        trailers["Dollars"] = "unknown" if draft.dollars is None else repr(draft.dollars)
        trailers["Usage"] = draft.usage.model_dump_json()
    last = "\n".join(f"{key}: {value}" for key, value in trailers.items())
    paragraphs = (" ".join(draft.description.split()), draft.hypothesis.strip(), last)
    return "\n\n".join(filter(None, paragraphs)) + "\n"


def _read(commit: Commit, number: int) -> Proposal:
    """Return the proposal of a commit."""
    body, _, last = str(commit.message).rstrip().rpartition("\n\n")
    description, _, hypothesis = body.partition("\n\n")
    trailers = dict(line.split(": ", 1) for line in last.splitlines())
    return Proposal.model_validate(
        {
            "number": number,
            "commit": commit.hexsha,
            "parent": commit.parents[0].hexsha,
            "author": trailers["Proposed-by"],
            "description": description,
            "hypothesis": hypothesis,
            "written_for": trailers.get("Written-for"),
            "lesson": trailers.get("Lesson", ""),
            "steering": json.loads(trailers.get("Steering", "[]")),
            "undoes": trailers.get("Undoes"),
            **_cost(trailers),
        }
    )


def _cost(trailers: dict[str, str]) -> dict[str, object]:
    """Return the cost of an idea by its trailers; those of an old version have only tokens."""
    cost: dict[str, object] = {"tokens": int(trailers.get("Tokens", 0))}
    if "Usage" in trailers:
        dollars = trailers["Dollars"]
        cost["dollars"] = None if dollars == "unknown" else float(dollars)
        cost["usage"] = Usage.model_validate_json(trailers["Usage"])
    return cost


def move(repo: Repo, name: str, commit: str) -> None:
    """Set the ref `name` to `commit`. Idempotent. LabError if another process holds its lock."""
    path = Path(repo.common_dir) / name
    lock = path.with_name(path.name + ".lock")
    make_folder(path.parent)
    try:
        os.close(os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
    except FileExistsError:
        raise LabError(
            f"git cannot move {name}; if no other git command is running: rm {lock}"
        ) from None
    put(path, f"{commit}\n".encode(), beside=lock)
    sync(path.parent)


def settle(repo: Repo, name: str) -> None:
    """Wait until a ref that git has moved is on the disk; old versions of git do not."""
    path = Path(repo.common_dir) / name
    if path.exists():
        sync(path)
        sync(path.parent)


def remove_locks(repo: Repo, tag: str) -> None:
    """Remove the locks that a killed lab left on the refs of its research. Idempotent.

    The caller holds the lock of the research, so nobody else moves them.
    """
    refs = Path(repo.common_dir) / "refs"
    (refs / f"heads/autoresearch/{tag}.lock").unlink(missing_ok=True)
    for lock in (refs / "autoresearch" / tag).glob("*.lock"):
        lock.unlink(missing_ok=True)

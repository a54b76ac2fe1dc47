"""Merge of the kept changes of a research into the person's branch.

A research changes the asset alone, so its files are merged one by one. The result is committed
before the person's checkout is touched, and then git fast-forwards to it: there is never a conflict
in the person's files. Git runs in a session of its own; if it was killed all the same, the next
adopt undoes the unfinished steps and repeats them.
"""

from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path

from git import GitCommandError, Repo

from autoresearch_graph.asset.files import Files
from autoresearch_graph.asset.merge import by_lines
from autoresearch_graph.core.experiment import Experiment
from autoresearch_graph.errors import InputError, WorkspaceError
from autoresearch_graph.results.records import Records, find
from autoresearch_graph.settings import Settings
from autoresearch_graph.workspace.objects import Objects
from autoresearch_graph.workspace.own_git import Note, OwnGit, Tell, said
from autoresearch_graph.workspace.repository import asks_for_signatures, find_repository
from autoresearch_graph.workspace.workspace import Workspace

_TRAILER = "Adopts"
_UNDER_WAY = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
}
_MOVE = ("--ff-only", "--no-squash", "--no-autostash", "--no-overwrite-ignore", "--quiet")


@dataclass(frozen=True)
class _Adoption:
    """The best of a research, and the repository that adopts it."""

    records: Records
    best: Experiment
    workspace: Workspace
    repo: Repo
    git: OwnGit

    @property
    def branch(self) -> str:
        return str(self.repo.active_branch)

    def is_ancestor(self, one: str, other: str) -> bool:
        return self.repo.is_ancestor(self.repo.commit(one), self.repo.commit(other))


def adopt(
    settings: Settings,
    *,
    squash: bool = False,
    despite_holdout: bool = False,
    tell: Tell = lambda line: None,
) -> str:
    """Put the kept commits on the checked-out branch, and return a report. Idempotent.

    It is a fast-forward if the branch has not moved since the research began, else a merge;
    squashed, it is one commit. InputError, with nothing changed, if there is nothing to adopt, if
    the holdout objects and `despite_holdout` is not given, if uncommitted changes are in the way,
    or if both sides changed the same lines.
    """
    records = find(settings)
    best = records.incumbent
    if best is None or best.number == 0:
        raise InputError(
            f"{records.tag} has kept nothing that could be adopted", code="nothing-kept"
        )
    with find_repository(settings.root) as repo:
        adoption = _Adoption(records, best, records.workspace(repo), repo, OwnGit(repo, tell))
        _check(adoption)
        adoption.git.recover()
        return _adopt(adoption, squash=squash, veto="" if despite_holdout else records.veto)


def _check(adoption: _Adoption) -> None:
    """Raise WorkspaceError if the person's checkout cannot take a commit."""
    repo, best = adoption.repo, adoption.best.commit
    for name, what in _UNDER_WAY.items():
        if (Path(repo.git_dir) / name).exists():
            raise WorkspaceError(f"a {what} is under way; end it first: git status says how")
    if repo.head.is_detached:
        raise WorkspaceError(
            "HEAD is detached; go to the branch that is to have it: git switch",
            code="detached-head",
        )
    if adoption.branch.startswith("autoresearch/"):
        raise WorkspaceError(f"you are on {adoption.branch}; go to your own branch: git switch -")
    if not repo.is_valid_object(best):
        raise WorkspaceError(f"{best[:7]}, the best of the research, is not in git any more")
    if not repo.merge_base("HEAD", best):
        raise WorkspaceError(f"{adoption.branch} and the research have no commit in common")


def _adopt(adoption: _Adoption, *, squash: bool, veto: str) -> str:
    best, branch = adoption.best, adoption.branch
    head = adoption.repo.head.commit.hexsha
    already = f"{branch} has the best of {adoption.records.tag} already"
    if adoption.is_ancestor(best.commit, head):
        return already
    text, unsigned = adoption.workspace.text, ""
    if adoption.is_ancestor(head, best.commit) and not squash:
        same = _same_as(adoption, text(best.commit))
        _heed(veto)
        target, how = best.commit, "fast-forwarded"
    else:
        since, new = _merged(adoption)
        same = _same_as(adoption, new)
        if new == text(head):
            return already
        _heed(veto)
        parents = [head] if squash else [head, best.commit]
        message = _message(adoption, since, squash)
        target, unsigned = _commit(adoption, new, parents=parents, message=message)
        how = "one commit" if squash else "merged"
    _move(adoption, head, target, same)
    done = f"{branch} is at {target[:7]} ({how}): {_gain(adoption)}{unsigned}"
    if not squash and asks_for_signatures(adoption.workspace.project):
        done += (
            "; the kept commits are not signed, as commit.gpgsign asks; for one signed commit "
            f"instead: git reset --keep {head[:7]} && autoresearch adopt --squash"
        )
    return done


def _heed(veto: str) -> None:
    if veto:
        raise InputError(
            f"{veto}; look at it, and if you want it all the same: --despite-holdout",
            code="holdout-worse",
        )


def _same_as(adoption: _Adoption, text: str) -> list[str]:
    """Return the uncommitted files of the asset that already have their new content.

    WorkspaceError if other uncommitted changes are in the way.
    """
    git, workspace, tree = adoption.git, adoption.workspace, adoption.repo.head.commit.tree
    staged = git.names("diff", "--cached")
    changed = {*staged, *filter(workspace.is_asset, git.names("diff"))}
    wanted = {
        (workspace.below / name).as_posix(): body.encode()
        for name, body in workspace.asset.files(text).items()
    }
    same = []
    for path in sorted(filter(workspace.is_asset, changed)):
        body = wanted.get(path)
        blob = "" if body is None else sha1(b"blob %d\0%s" % (len(body), body)).hexdigest()
        before = tree[path].hexsha if path in tree else ""
        if git.on_disk(path) == blob and git.staged(path) in (before, blob):
            same.append(path)
    if names := sorted(changed - {*same}):
        raise WorkspaceError(
            f"there are changes to {', '.join(names)} that are not committed; "
            "commit them, or put them away with: git stash",
            code="not-committed",
        )
    return same


def _move(adoption: _Adoption, head: str, target: str, same: list[str]) -> None:
    """Fast-forward the branch and the checkout from `head` to `target`."""
    repo, branch = adoption.repo, adoption.branch
    own = Path(repo.git_dir).resolve().relative_to(Path(repo.common_dir).resolve())
    names = [str(own / f"{name}.lock") for name in ("index", "HEAD", "ORIG_HEAD")]
    locks = (*names, f"refs/heads/{branch}.lock")
    try:
        if same:
            back = ("--literal-pathspecs", "checkout", "--quiet", "HEAD", "--", *same)
            adoption.git.run(Note(locks=locks), *back)
        adoption.git.run(Note(locks=locks, old=head, new=target), "merge", *_MOVE, target)
    except WorkspaceError as error:
        raise WorkspaceError(f"git does not move {branch}: {error}") from None


def _merged(adoption: _Adoption) -> tuple[str, str]:
    """Return the commit that both sides have in common, and the asset merged three ways."""
    since = _common(adoption)
    text = adoption.workspace.text
    try:
        sides = {"yours": text("HEAD"), "before": text(since), "theirs": text(adoption.best.commit)}
    except KeyError:
        raise WorkspaceError(f"{adoption.workspace.path} is not on {adoption.branch}") from None
    asset = adoption.workspace.asset
    parts = {name: dict(asset.files(side)) for name, side in sides.items()}
    yours, before, theirs = parts["yours"], parts["before"], parts["theirs"]
    _remove(adoption, yours, before, kept=theirs)
    for path in theirs:
        if theirs[path] == before.get(path):
            continue
        if path in before and path not in yours:
            raise WorkspaceError(f"{path} is not on {adoption.branch}")
        three = {name: files.get(path, "") for name, files in parts.items()}
        yours[path] = _three_ways(adoption, path, three)
    return since, Files(asset, yours).pack()


def _remove(
    adoption: _Adoption, yours: dict[str, str], before: dict[str, str], *, kept: dict[str, str]
) -> None:
    """Delete from `yours` the files that the research removed; WorkspaceError if one changed."""
    for path, text in before.items():
        if path in kept or path not in yours:
            continue
        if yours[path] != text:
            raise WorkspaceError(
                f"{adoption.branch} changed {path}, which the research removed, and nothing was "
                f"touched; merge them yourself with: git merge {adoption.best.commit[:12]}",
                code="merge-conflict",
            )
        del yours[path]


def _three_ways(adoption: _Adoption, path: str, sides: dict[str, str]) -> str:
    """Merge one file; the sides are `yours`, `before` and `theirs`."""
    text = by_lines(sides["before"], sides["yours"], sides["theirs"])
    if text is None:
        shown = (adoption.workspace.below / path).as_posix()
        raise WorkspaceError(
            f"{adoption.branch} and autoresearch/{adoption.records.tag} changed the same lines of "
            f"{shown}, and nothing was touched; merge them yourself with: "
            f"git merge {adoption.best.commit[:12]}",
            code="merge-conflict",
        )
    return text


def _common(adoption: _Adoption) -> str:
    """Return the last commit of the research on the branch, by its history or by a squash."""
    repo, best = adoption.repo, adoption.best.commit
    base = str(repo.merge_base("HEAD", best)[0])
    shown = f"--format=%(trailers:key={_TRAILER},valueonly)"
    squashed = repo.git.log(shown, f"{base}..HEAD").split()
    own = set(repo.git.rev_list(f"{base}..{best}").split())
    return next((commit for commit in squashed if commit in own), base)


def _commit(adoption: _Adoption, text: str, *, parents: list[str], message: str) -> tuple[str, str]:
    """Store a commit of the person, on no branch yet; return it, and a note if it is unsigned.

    It is signed if commit.gpgsign asks for that.
    """
    repo = adoption.repo
    objects = Objects(repo)
    tree = adoption.workspace.graft(objects, repo.head.commit.tree.binsha, text)
    objects.settle()
    options = [part for parent in parents for part in ("-p", parent)]
    options += ["-m", message]
    unsigned = ""
    if asks_for_signatures(adoption.workspace.project):
        try:
            return str(repo.git.commit_tree(tree.hex(), "-S", *options)), ""
        except GitCommandError as error:
            unsigned = f"; it is not signed, as commit.gpgsign asks: {said(str(error.stderr))}"
    try:
        return str(repo.git.commit_tree(tree.hex(), *options)), unsigned
    except GitCommandError as error:
        raise WorkspaceError(f"git cannot commit: {said(str(error.stderr))}") from None


def _message(adoption: _Adoption, since: str, squash: bool) -> str:
    head = f"{'Adopt' if squash else 'Merge'} autoresearch/{adoption.records.tag}"
    new = set(adoption.repo.git.rev_list(f"{since}..{adoption.best.commit}").split())
    kept = [e for e in adoption.records.experiments if e.commit in new]
    say = adoption.records.figures.value
    lines = [f"- {e.number}: {e.description} ({say(e.metric or 0.0)})" for e in kept]
    body = "\n".join([_gain(adoption), "", *lines])
    return f"{head}\n\n{body}\n\n{_TRAILER}: {adoption.best.commit}\n"


def _gain(adoption: _Adoption) -> str:
    records, best, say = adoption.records, adoption.best, adoption.records.figures.value
    kept = f"{records.count('keep')} kept of {len(records.experiments) - 1} experiments"
    before, after = say(records.baseline or 0.0), say(best.metric or 0.0)
    return f"{records.program.metric.name} {before} → {after}, {kept}"

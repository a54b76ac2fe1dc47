"""The repository that a project lies in, and whether a research can start there."""

import time
from collections.abc import MutableMapping
from pathlib import Path

from git import Git, GitCommandError, InvalidGitRepositoryError, NoSuchPathError, Repo

from autoresearch_graph.errors import WorkspaceError

NOTES = "refs/notes/commits"
BEGUN = ".autoresearch.begun"  # is there while `init` makes a project, with its template's name
_LOOKS, _LOOK = 10, 0.05  # times, seconds; git holds the lock for a few milliseconds


def find_repository(project: Path) -> Repo:
    """Open the repository that `project` lies in; WorkspaceError where no research can start."""
    if (project / BEGUN).exists():
        raise WorkspaceError(f"the init of {project} was killed; run it again: autoresearch init")
    try:
        repo = Repo(project, search_parent_directories=True)
    except (InvalidGitRepositoryError, NoSuchPathError):
        raise WorkspaceError(
            f"{project} is not in a git repository; make it one with: "
            "git init && git add --all && git commit -m 'start'"
        ) from None
    if repo.bare:
        raise WorkspaceError(f"{repo.git_dir} is a bare repository; clone it and work in the clone")
    try:
        head = repo.git.rev_parse("--verify", "--quiet", "HEAD")
    except GitCommandError as error:
        said = error.stderr.strip().removeprefix("stderr:").strip(" '\n")
        raise WorkspaceError(
            f"git cannot use {project}: {' '.join(said.split())}"
            if said
            else f"{_branch(repo)} has no commits yet; go to a branch that has: git switch NAME"
            if repo.references
            else f"the repository of {project} has no commits yet; make one with: "
            "git add --all && git commit -m 'start'"
        ) from None
    if len(head) != 40:
        raise WorkspaceError(f"the repository of {project} does not use SHA-1, which is needed")
    return repo


def _branch(repo: Repo) -> str:
    return str(repo.git.symbolic_ref("--short", "HEAD"))


def asks_for_signatures(folder: Path) -> bool:
    """True if the person's git is to sign every commit."""
    options = ("--type=bool", "--default=false", "commit.gpgsign")
    return str(Git(str(folder)).config(*options)) == "true"


def where_checked_out(repo: Repo, branch: str) -> str:
    """The worktree that is on a branch, named by its whole ref; empty where none is."""
    place = ""
    for line in repo.git.worktree("list", "--porcelain", "-z").split("\0"):
        place = line.removeprefix("worktree ") if line.startswith("worktree ") else place
        if line == f"branch {branch}":
            return place
    return ""


def check_refs(repo: Repo, tag: str) -> None:
    """WorkspaceError where a new research cannot be named `tag`, or could not write its notes."""
    lock = Path(repo.common_dir) / f"{NOTES}.lock"
    for _ in range(_LOOKS):
        if not lock.exists():
            break
        time.sleep(_LOOK)  # another research may be writing a note
    else:
        raise WorkspaceError(f"{NOTES} is locked; if no other git command is running: rm {lock}")
    try:
        repo.git.check_ref_format("--branch", f"autoresearch/{tag}")
    except GitCommandError:
        raise WorkspaceError(
            f"{tag!r} cannot name a research; use letters, digits, '-' and '_': --tag NAME"
        ) from None
    for place in ("refs/heads/autoresearch", "refs/autoresearch"):
        names = repo.git.for_each_ref("--format=%(refname)", place).split()
        if place in names:
            raise WorkspaceError(
                f"{place} is in the way of autoresearch/{tag}; rename that branch or ref"
            )
        if any(f"{name}/".startswith(f"{place}/{tag}/") for name in names):
            raise WorkspaceError(
                f"autoresearch/{tag} exists, but no research of that name is in this folder; "
                f"choose another name with --tag, or remove what is left of it: {_removal(tag)}"
            )


def _removal(tag: str) -> str:
    places = f"refs/heads/autoresearch/{tag} refs/autoresearch/{tag}"
    return f"git for-each-ref --format='delete %(refname)' {places} | git update-ref --stdin"


def leave_git_hook(environ: MutableMapping[str, str]) -> None:
    """Forget what git tells its hooks: it would point git at the person's index, not at ours."""
    for name in ("DIR", "WORK_TREE", "INDEX_FILE", "PREFIX", "OBJECT_DIRECTORY", "COMMON_DIR"):
        environ.pop(f"GIT_{name}", None)

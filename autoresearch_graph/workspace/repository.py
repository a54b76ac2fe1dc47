"""The repository of a project, and the checks before a research starts there."""

import secrets
import shlex
import time
from collections.abc import Iterator, MutableMapping, Sequence
from itertools import takewhile
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory

from git import Git, GitCommandError, InvalidGitRepositoryError, NoSuchPathError, Repo

from autoresearch_graph.asset.files import Asset, is_pattern, malformed, matches
from autoresearch_graph.core.program import Program
from autoresearch_graph.errors import InputError, WorkspaceError
from autoresearch_graph.settings import Settings
from autoresearch_graph.storage.manifest import Start, read_start
from autoresearch_graph.workspace.objects import Objects
from autoresearch_graph.workspace.own_git import said
from autoresearch_graph.workspace.worktree import SAFE, in_project

NOTES = "refs/notes/commits"
BEGUN = ".autoresearch.begun"  # holds the template's name while `init` makes a project
_LOOKS, _LOOK = 10, 0.05  # tries, seconds between; git holds the lock for milliseconds
_MOST = 300  # files of an asset; each is written at every commit; chosen


def find_repository(project: Path) -> Repo:
    """Open the repository of `project`; WorkspaceError if no research can start in it."""
    if (project / BEGUN).exists():
        raise WorkspaceError(
            f"the init of {project} was killed; run it again: autoresearch init",
            code="init-interrupted",
        )
    try:
        repo = Repo(project, search_parent_directories=True)
    except (InvalidGitRepositoryError, NoSuchPathError):
        raise WorkspaceError(
            f"{project} is not in a git repository; make it one with: "
            "git init && git add --all && git commit -m 'start'",
            code="no-repository",
        ) from None
    if repo.bare:
        raise WorkspaceError(f"{repo.git_dir} is a bare repository; clone it and work in the clone")
    try:
        head = repo.git.rev_parse("--verify", "--quiet", "HEAD")
    except GitCommandError as error:
        if reason := said(str(error.stderr)):
            raise WorkspaceError(f"git cannot use {project}: {reason}") from None
        if repo.references:
            branch = repo.git.symbolic_ref("--short", "HEAD")
            raise WorkspaceError(
                f"{branch} has no commits yet; go to a branch that has: git switch NAME"
            ) from None
        raise WorkspaceError(
            f"the repository of {project} has no commits yet; make one with: "
            "git add --all && git commit -m 'start'"
        ) from None
    if len(head) != 40:
        raise WorkspaceError(f"the repository of {project} does not use SHA-1, which is needed")
    return repo


def asks_for_signatures(folder: Path) -> bool:
    """Return True if the person's git signs every commit."""
    options = ("--type=bool", "--default=false", "commit.gpgsign")
    return str(Git(str(folder)).config(*options)) == "true"


def where_checked_out(repo: Repo, branch: str) -> str:
    """Return the worktree that is on a branch, given by its full ref; empty if none is."""
    place = ""
    for line in repo.git.worktree("list", "--porcelain", "-z").split("\0"):
        place = line.removeprefix("worktree ") if line.startswith("worktree ") else place
        if line == f"branch {branch}":
            return place
    return ""


def check_refs(repo: Repo, tag: str) -> None:
    """Raise WorkspaceError if a new research cannot be named `tag`, or cannot write its notes."""
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
            f"{tag!r} cannot name a research; use letters, digits, '-' and '_': --tag NAME",
            code="bad-tag",
        ) from None
    for place in ("refs/heads/autoresearch", "refs/autoresearch"):
        names = repo.git.for_each_ref("--format=%(refname)", place).split()
        if place in names:
            raise WorkspaceError(
                f"{place} is in the way of autoresearch/{tag}; rename that branch or ref",
                code="tag-taken",
            )
        if any(f"{name}/".startswith(f"{place}/{tag}/") for name in names):
            raise WorkspaceError(
                f"autoresearch/{tag} exists, but no research of that name is in this folder; "
                f"choose another name with --tag, or remove what is left of it: {_removal(tag)}",
                code="tag-taken",
            )


def _removal(tag: str) -> str:
    places = f"refs/heads/autoresearch/{tag} refs/autoresearch/{tag}"
    return f"git for-each-ref --format='delete %(refname)' {places} | git update-ref --stdin"


def leave_git_hook(environ: MutableMapping[str, str]) -> None:
    """Remove the variables that git sets for its hooks: they name the person's index."""
    for name in ("DIR", "WORK_TREE", "INDEX_FILE", "PREFIX", "OBJECT_DIRECTORY", "COMMON_DIR"):
        environ.pop(f"GIT_{name}", None)


_REGULAR = ("100644", "100755")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_UNSET = ("unspecified", "unset", "set")


def tracked(repo: Repo, commit: str, below: PurePath, asset: Asset) -> Iterator[tuple[str, str]]:
    """Yield the files of an asset in a commit: each path, relative to `below`, with its blob.

    Links are left out, as the loop writes through no link.
    """
    listed = repo.git.ls_tree("-r", "-z", commit, "--", below.as_posix() + "/").split("\0")
    for line in filter(None, listed):
        facts, _, name = line.partition("\t")
        mode, _, blob = facts.split()
        path = in_project(name, below)
        if mode in _REGULAR and asset.contains(path):
            yield path, blob


def text_of(repo: Repo, blob: str, path: str) -> str:
    """Return the text of a file by its blob; InputError if it is no text."""
    return decoded(repo.odb.stream(bytes.fromhex(blob)).read(), path)


def decoded(data: bytes, path: str) -> str:
    """Return the text of a file by its bytes; InputError if it is no text."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        fault = "UTF-16" if data[:2] in _UTF_16 else error.reason
    else:
        if "\0" not in text:
            return text
        fault = "null byte"
    raise InputError(
        f"{path} is not UTF-8 text ({fault}); save it as UTF-8, a Python file without another "
        "coding line, and commit it"
    )


def uncommitted(repo: Repo, commit: str, below: PurePath, name: str) -> str:
    """Say how to commit a file or a pattern that is not in a commit, or why that is impossible."""
    path = (below / name).as_posix()
    steps = list(takewhile(lambda step: not is_pattern(step), path.split("/")))
    if is_pattern(path):
        steps.append("a file")
    in_way = Objects(repo).obstacle(repo.commit(commit).tree.binsha, steps)
    for size in range(1, len(steps)):
        folder = "/".join(steps[:size])
        if not in_way and Path(repo.working_dir, folder, ".git").exists():
            in_way = f"{folder} is a submodule"
    if in_way.endswith("a submodule"):
        return (
            f"{name} cannot be the asset, as {in_way}: run the research in that repository, with "
            "a program.md of its own"
        )
    if is_pattern(path):
        return f"no committed file matches {name}, and every experiment starts from a commit"
    try:
        repo.git.check_ignore("--quiet", "--", path)
        force = "--force "
    except GitCommandError:
        force = ""
    return (
        f"{name} is not committed, and every experiment starts from a commit: "
        f"git add {force}{shlex.quote(name)} && git commit"
    )


def converted(repo: Repo, commit: str, paths: Sequence[str]) -> str:
    """Name a file that git stores in another form than it checks out, with advice; empty if none.

    The lab reads and writes the stored form. A filter that is not set up changes nothing.
    """
    execute = Git(repo.working_dir).execute
    git = ["git", *SAFE, "-c", "core.splitIndex=false"]
    with TemporaryDirectory(prefix="autoresearch-index-") as folder:
        env = {"GIT_INDEX_FILE": f"{folder}/index"}
        execute([*git, "read-tree", commit], env=env)
        asked = ["--cached", "-z", "filter", "working-tree-encoding", "--", *paths]
        listed = execute([*git, "check-attr", *asked], env=env).split("\0")
    known = {entry.partition("\n")[0] for entry in repo.git.config("--list", "-z").split("\0")}
    for path, attribute, value in zip(listed[::3], listed[1::3], listed[2::3], strict=False):
        drivers = {f"filter.{value}.{key}" for key in ("smudge", "clean", "process")}
        if value not in _UNSET and (attribute != "filter" or known & drivers):
            return (
                f"{path} cannot be the asset: git stores it otherwise than it checks it out "
                f"({attribute}={value} in its attributes), and an experiment works with what is "
                "stored; take the attribute off it, or name another file"
            )
    return ""


def on_disk(project: Path, asset: Asset) -> tuple[str, ...]:
    """Return the files of an asset in a project's folder, committed or not; no links."""
    found: set[str] = set()
    real = project.resolve()
    for name in asset.names:
        pattern = f"{name}/*" if name.endswith("**") else name  # `**` alone finds only folders
        paths = project.glob(pattern) if is_pattern(name) else [project / name]
        plain = [path.relative_to(project) for path in paths if path.is_file()]
        found |= {path.as_posix() for path in plain if (real / path).resolve() == real / path}
    return tuple(sorted(path for path in found if asset.contains(path)))


def begin(settings: Settings, repo: Repo, program: Program) -> Start:
    """Return the start of a research, or check that it can start now.

    If another lab begins it at the same moment, the start of that lab counts.
    """
    known = read_start(settings.folder)
    try:
        return known or check_start(settings, repo, program)
    except WorkspaceError:
        if known := read_start(settings.folder):
            return known
        raise


def check_start(settings: Settings, repo: Repo, program: Program) -> Start:
    """Return the start of a new research at the checked-out commit; WorkspaceError if it cannot."""
    if repo.head.is_detached:
        raise WorkspaceError(
            "HEAD is detached, so there is no branch that the result could be merged into; "
            "switch to one with: git switch -c NAME",
            code="detached-head",
        )
    check_refs(repo, settings.name)
    base = repo.head.commit
    below = settings.root.relative_to(Path(repo.working_dir).resolve())
    _check_committed(repo, base.hexsha, below, Asset.parse(program.asset))
    return Start(tag=settings.name, base=base.hexsha, program=program, id=secrets.token_hex(8))


def _check_committed(repo: Repo, base: str, below: PurePath, asset: Asset) -> None:
    """Raise WorkspaceError if a file of the asset is not in the commit, or they are too many."""
    found = dict(tracked(repo, base, below, asset))
    for path in asset.paths:
        if fault := malformed(path):
            raise WorkspaceError(f"the asset cannot be used: {fault}")
    for name in asset.names:
        if not any(path == name or matches(name, path) for path in found):
            raise WorkspaceError(uncommitted(repo, base, below, name), code="not-committed")
    if len(found) > _MOST:
        raise WorkspaceError(
            f"{asset} are {len(found)} files, more than {_MOST}; name those that matter"
        )
    if fault := converted(repo, base, [(below / path).as_posix() for path in found]):
        raise WorkspaceError(fault)

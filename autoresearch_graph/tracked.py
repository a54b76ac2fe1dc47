"""Files that git has in a commit, their text, and what keeps one from being an asset."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from git import Git, GitCommandError, Repo

from autoresearch_graph import sheaf
from autoresearch_graph.checkout import SAFE
from autoresearch_graph.errors import InputError
from autoresearch_graph.objects import Objects

_REGULAR = ("100644", "100755")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_UNSET = ("unspecified", "unset", "set")


def tracked(repo: Repo, commit: str, below: PurePosixPath, asset: str) -> Iterator[tuple[str, str]]:
    """The files of an asset in a commit: each path, relative to `below`, with its blob.

    A link is none: the loop writes through no link.
    """
    listed = repo.git.ls_tree("-r", "-z", commit, "--", below.as_posix() + "/").split("\0")
    for line in filter(None, listed):
        facts, _, name = line.partition("\t")
        mode, _, blob = facts.split()
        path = PurePosixPath(name).relative_to(below).as_posix()
        if mode in _REGULAR and sheaf.takes_in(asset, path):
            yield path, blob


def text_of(repo: Repo, blob: str, path: str) -> str:
    """The text of a file by its blob; InputError where it is no text."""
    return decoded(repo.odb.stream(bytes.fromhex(blob)).read(), path)


def decoded(data: bytes, path: str) -> str:
    """The text of a file by its bytes; InputError where it is no text."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        why = "UTF-16" if data[:2] in _UTF_16 else error.reason
    else:
        if "\0" not in text:
            return text
        why = "null byte"
    raise InputError(
        f"{path} is not UTF-8 text ({why}); save it as UTF-8, a Python file without a coding line "
        "that says otherwise, and commit it"
    )


def uncommitted(repo: Repo, commit: str, below: PurePosixPath, name: str) -> str:
    """Say how a file or a pattern that is not in a commit gets there, or why it cannot."""
    path = (below / name).as_posix()
    at = PurePosixPath(repo.working_dir)
    steps = path.split("/")
    firm = next((n for n, step in enumerate(steps) if sheaf.is_pattern(step)), None)
    steps = steps if firm is None else [*steps[:firm], "a file"]
    above = ("/".join(steps[:size]) for size in range(1, len(steps)))
    nested = (f"{folder} is a submodule" for folder in above if Path(at, folder, ".git").exists())
    in_way = Objects(repo).obstacle(repo.commit(commit).tree.binsha, steps) or next(nested, "")
    if in_way.endswith("a submodule"):
        return (
            f"{name} cannot be the asset, as {in_way}: run the research in that repository, with "
            "a program.md of its own"
        )
    if firm is not None:
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
    """Say which file git stores otherwise than it checks it out; empty where it does with none.

    The lab reads and writes what is stored. A filter that is not set up changes nothing.
    """
    execute = Git(repo.working_dir).execute
    git = ["git", *SAFE, "-c", "core.splitIndex=false"]
    with TemporaryDirectory(prefix="autoresearch-index-") as folder:
        env = {"GIT_INDEX_FILE": f"{folder}/index"}
        execute([*git, "read-tree", commit], env=env)
        asked = ["--cached", "-z", "filter", "working-tree-encoding", "--", *paths]
        told = execute([*git, "check-attr", *asked], env=env).split("\0")
    known = {entry.partition("\n")[0] for entry in repo.git.config("--list", "-z").split("\0")}
    for path, attribute, value in zip(told[::3], told[1::3], told[2::3], strict=False):
        drivers = {f"filter.{value}.{key}" for key in ("smudge", "clean", "process")}
        if value not in _UNSET and (attribute != "filter" or known & drivers):
            return (
                f"{path} cannot be the asset: git stores it otherwise than it checks it out "
                f"({attribute}={value} in its attributes), and an experiment works with what is "
                "stored; take the attribute off it, or name another file"
            )
    return ""


def on_disk(project: Path, asset: str) -> tuple[str, ...]:
    """The files of an asset in a project's folder as it is now, committed or not; no links."""
    found: set[str] = set()
    real = project.resolve()
    for name in sheaf.names(asset):
        pattern = f"{name}/*" if name.endswith("**") else name  # `**` alone finds only folders
        paths = project.glob(pattern) if sheaf.is_pattern(name) else [project / name]
        plain = [path.relative_to(project) for path in paths if path.is_file()]
        found |= {path.as_posix() for path in plain if (real / path).resolve() == real / path}
    return tuple(sorted(path for path in found if sheaf.takes_in(asset, path)))

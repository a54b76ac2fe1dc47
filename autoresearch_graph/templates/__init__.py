"""New projects from templates: small jobs that run at once, to be replaced by your own.

`forecast` lies in this folder. The others are the repository's `examples/`, which a wheel carries
in this folder, too (pyproject.toml). `pretrain` is the repository's own main job: in a checkout its
files lie at the root.
"""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path

from git import Actor, GitError, Repo

from autoresearch_graph.errors import InputError
from autoresearch_graph.storage.files import make_folder, read
from autoresearch_graph.workspace.repository import BEGUN

DEFAULT = "forecast"
_RENAMED = {"gitignore": ".gitignore"}  # under its own name it would act on this repository
_HERE = Path(str(files(__name__)))
_EXAMPLES = _HERE.parent.parent / "examples"
_MAIN_JOB = "pretrain"
_AT_THE_ROOT = ("program.md", "train.py", "prepare.py", "pretraining", "programs")


def names() -> list[str]:
    """Return the names of the templates, the default first."""
    found = {path.parent.name for root in (_HERE, _EXAMPLES) for path in root.glob("*/program.md")}
    return sorted({*found, _MAIN_JOB}, key=lambda name: (name != DEFAULT, name))


def begun(folder: Path) -> str:
    """Return the template that a killed `init` was copying, or nothing."""
    name = read(folder / BEGUN)
    return name if name in names() else DEFAULT if (folder / BEGUN).exists() else ""


def make_project(folder: Path, *, template: str = DEFAULT) -> None:
    """Make a project at `folder`, in a git repository of its own with one commit.

    Raise InputError if files lie there, if there is no such template, or if it cannot be made;
    then the new files are removed again. The files of a killed earlier call are made anew.
    """
    if template not in names():
        raise InputError(
            f"there is no template {template}; choose one of {', '.join(names())}",
            code="no-template",
        )
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    before = begun(folder)
    try:
        if before:
            if _has_commit(folder):
                return (folder / BEGUN).unlink()
            _remove(folder, _texts(before))
        elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(
                f"{folder} exists and is not empty; choose another folder", code="folder-taken"
            )
        _make(folder, template, missing)
    except (OSError, GitError) as error:
        raise InputError(
            f"{folder} cannot be made: {error}; choose another folder", code="folder-unusable"
        ) from error


def _make(folder: Path, template: str, missing: list[Path]) -> None:
    texts = _texts(template)
    if there := [name for name in texts if (folder / name).exists()]:
        raise InputError(
            f"an earlier init was killed in {folder}, and {there[0]} was changed since; "
            "move it away, and try again",
            code="init-interrupted",
        )
    try:
        make_folder(folder)
        (folder / BEGUN).write_text(template)
        for name, text in texts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(text)
        _commit(folder, sorted(texts))
        (folder / BEGUN).unlink()
    except BaseException:
        with suppress(OSError):
            _remove(folder, texts)
            (folder / BEGUN).unlink(missing_ok=True)
        for place in missing:
            with suppress(OSError):
                place.rmdir()
        raise


def _texts(template: str) -> dict[str, bytes]:
    """Return the files of a template by their names in a project."""
    source = _HERE / template
    if not source.is_dir():
        source = _EXAMPLES / template
    paths = {path.relative_to(source): path for path in source.rglob("*")}
    if template == _MAIN_JOB and source.parent == _EXAMPLES:
        root = _EXAMPLES.parent
        for name in _AT_THE_ROOT:
            place = root / name
            paths |= {path.relative_to(root): path for path in (place, *place.rglob("*"))}
    return {
        _RENAMED.get(str(entry), str(entry)): path.read_bytes()
        for entry, path in paths.items()
        if path.is_file() and not _is_left_over(entry, source)
    }


def _remove(folder: Path, texts: Mapping[str, bytes]) -> None:
    """Remove these files and empty folders, except changed files."""
    for name, text in texts.items():
        path = folder / name
        if path.is_file() and text.startswith(path.read_bytes()):
            path.unlink()
        for place in (folder / name).relative_to(folder).parents[:-1]:
            with suppress(OSError):
                (folder / place).rmdir()
    if (folder / ".git").exists() and not _has_commit(folder):
        shutil.rmtree(folder / ".git")


def _has_commit(folder: Path) -> bool:
    with suppress(GitError, ValueError), Repo(folder) as repo:
        return repo.head.is_valid()
    return False


def _is_left_over(entry: Path, source: Path) -> bool:
    """Return True for a leftover of a run in an example: git ignores it."""
    ignored = source / ".gitignore"
    lines = ignored.read_text("utf-8").split() if ignored.is_file() else []
    lines += ["__pycache__", ".autoresearch"]
    return any(fnmatch(part, line) for part in entry.parts for line in lines)


def _commit(folder: Path, names: list[str]) -> None:
    """Commit the files in the name of git's configuration, without hooks."""
    with Repo.init(folder, initial_branch="main") as repo:
        name = repo.git.config("user.name", with_exceptions=False)
        email = repo.git.config("user.email", with_exceptions=False)
        known = Actor(name, email) if name and email else None
        author = known or Actor("autoresearch", "autoresearch@localhost")
        repo.index.add(names)
        repo.index.commit("Start", author=author, committer=author, skip_hooks=True)

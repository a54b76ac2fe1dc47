"""Files of a project that are not committed: bound into a checkout, or named in advice.

A run sees the committed files. The readable paths of program.md within the project are bound over
its checkout; a committed file always wins, and so does the asset.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from git import Git, GitCommandError, Repo

from autoresearch_graph.asset.files import Asset
from autoresearch_graph.core.experiment import Crashed
from autoresearch_graph.core.output import read_metrics
from autoresearch_graph.core.program import Program
from autoresearch_graph.core.text import clean
from autoresearch_graph.errors import InputError
from autoresearch_graph.program.paths import covers, is_inside, normal

_MOST = 500  # binds of one sandbox; each is an argument and a mount; chosen
_LARGEST = 65_536  # bytes of a file that is searched for a metric; chosen
_LINES = 40  # last lines of a log that are searched for a missing file; chosen
_RECORDS = (".git", ".autoresearch")
_MISSING = re.compile(
    r"no such file|ENOENT|(?:cannot|can't|could not|unable to) (?:open|find|locate|read)"
    r"|(?:not|n't) (?:found|exist)|FileNotFound|no module named",
    re.IGNORECASE,
)
_WORD = re.compile(
    r"['\"`\u2018\u201c]([^'\"`\u2019\u201d]{1,300})['\"`\u2019\u201d]|([^\s'\"`:;,()<>=]{2,300})"
)
_MODULE = re.compile(r"No module named '([\w.]+)'")
_CHANGED = re.compile(r"the \w+ changed ([^,]+?)(?:, .*)?, which (?:is|are) protected")


@dataclass(frozen=True)
class Committed:
    """The files of a project in a commit, with their folders and the submodules."""

    files: frozenset[str]
    folders: frozenset[str]
    submodules: frozenset[str]

    @classmethod
    def of(cls, repo: Repo, commit: str, below: Path) -> "Committed":
        """Read the tree of a commit; paths are relative to the project, which is at `below`."""
        start = "" if below == Path() else f"{below.as_posix()}/"
        listed = repo.git.ls_tree("-r", "-z", commit, "--", *filter(None, [start])).split("\0")
        files: set[str] = set()
        modules: set[str] = set()
        for facts, _, path in (entry.partition("\t") for entry in listed if entry):
            (modules if facts.startswith("160000") else files).add(path.removeprefix(start))
        above = (PurePosixPath(path).parents for path in (*files, *modules))
        folders = {folder.as_posix() for parents in above for folder in parents}
        return cls(frozenset(files), frozenset(folders), frozenset(modules))

    def has(self, path: str) -> bool:
        """Return True for a committed file, and for a folder with one."""
        return path in self.files or path in self.folders

    def highest_without(self, path: str) -> str:
        """Return the highest folder of a path in which nothing is committed, or the path."""
        parts = [path, *(folder.as_posix() for folder in PurePosixPath(path).parents)]
        return next(part for part in reversed(parts) if not self.has(part))


def within(project: Path, said: str) -> str:
    """Return a path relative to the project; empty for one outside.

    No link is followed: `data` may lead to another disk.
    """
    path = os.path.relpath(project / Path(said).expanduser(), project)
    return path if path == "." or is_inside(path) else ""


def laid(
    program: Program, project: Path, committed: Committed
) -> tuple[tuple[Path, PurePosixPath], ...]:
    """Return the readable paths that are bound into a checkout, each with its place there.

    InputError if these are too many.
    """
    found: list[tuple[Path, PurePosixPath]] = []
    for said in program.environment.readable:
        if path := within(project, said):
            for loose in _loose(path, project, committed, Asset.parse(program.asset)):
                found.append((project / loose, PurePosixPath(loose)))
                if len(found) > _MOST:
                    raise InputError(
                        f"`{said}`, which a run may read, has more than {_MOST} entries beside "
                        "committed files; name a folder in it that has none that is committed"
                    )
    return tuple(found)


def _loose(path: str, project: Path, committed: Committed, asset: Asset) -> Iterator[str]:
    """Yield a path, or of a folder with committed files those that are not committed."""
    place = project / path
    if path in committed.files or place.name in _RECORDS or asset.contains(path):
        return
    if not committed.has(path):
        yield from [path] if place.exists() else []
    elif place.is_dir():
        for child in sorted(place.iterdir()):
            yield from _loose(child.relative_to(project).as_posix(), project, committed, asset)


def may_change(program: Program, project: Path, path: str) -> bool:
    """Return True for a committed file that program.md calls writable and not protected."""
    writable = filter(None, (within(project, said) for said in program.environment.writable))
    protected = any(covers(normal(said), path) for said in program.protected)
    return not protected and any(covers(said, path) for said in writable)


def advice(
    crash: Crashed, log: str, program: Program, *, project: Path, folder: Path, committed: Committed
) -> str:
    """Say which file of the project would prevent a crash of the person's code; empty if none.

    `folder` is the project in the checkout of the crash.
    """
    if crash.cause == "protected" and (changed := _CHANGED.match(crash.reason)):
        path = changed[1]
        return (
            f"; if it is an output, say under Environment: A run may write `{path}`. Or take it "
            f"out of git: git rm --cached {path}"
        )
    if "printed no" in crash.reason:
        return _advice_on_metric(program, folder, committed)
    return _advice_on_missing(log, program, project, folder, committed)


def _advice_on_metric(program: Program, folder: Path, committed: Committed) -> str:
    """Name a file that the command left with the metric in it; empty if there is none."""
    places = (place for pattern in ("*", "*/*") for place in sorted(folder.glob(pattern)))
    for place in places:
        path = place.relative_to(folder).as_posix()
        plain = place.is_file() and not place.is_symlink() and not committed.has(path)
        if plain and place.stat().st_size <= _LARGEST:
            text = place.read_text("utf-8", errors="replace")
            if program.metric.name in read_metrics(text, wanted={program.metric.name}):
                return f"; {path} has {program.metric.name}: end the command with `&& cat {path}`"
    return ""


def _advice_on_missing(
    log: str, program: Program, project: Path, folder: Path, committed: Committed
) -> str:
    """Name a file that the command misses and that the project has; empty if there is none."""
    commands = f"{program.evaluation or ''} {program.experiment}"
    bases = [".", *re.findall(r"\bcd\s+([\w./-]+)", commands)]
    bases += {PurePosixPath(name).parent.as_posix() for name in Asset.parse(program.asset).names}
    for word in _missing_words(log):
        own = word.removeprefix(f"{folder.resolve()}/")
        for base in bases:
            path = within(project, own if own.startswith("/") else f"{base}/{own}")
            if _is_loose(path, program, project, committed):
                return _how_to_give(path, project, committed)
    return ""


def _missing_words(log: str) -> list[str]:
    """Return the words of a log that may name a missing file, modules first."""
    lines = [line for line in clean(log).split("\n")[-_LINES:] if _MISSING.search(line)]
    words = []
    for module in _MODULE.findall("\n".join(lines)):
        path = module.replace(".", "/")
        words += [f"{path}.py", path]
    for line in lines:
        words += [match[1] or match[2] for match in _WORD.finditer(line)]
    return words


def _is_loose(path: str, program: Program, project: Path, committed: Committed) -> bool:
    """Return True for a path that exists, is not committed, and is not in program.md."""
    if path in ("", ".") or committed.has(path) or not (project / path).exists():
        return False
    named = (*program.environment.readable, *program.hidden)
    return not any(covers(within(project, said), path) for said in named if "$" not in said)


def _how_to_give(path: str, project: Path, committed: Committed) -> str:
    """Say how a run can be given a path that is not committed."""
    top = committed.highest_without(path)
    if module := next((name for name in committed.submodules if covers(name, path)), ""):
        return (
            f"; {path} is in a submodule, which a run sees empty: say under Environment: "
            f"A run may read `{module}`"
        )
    try:
        ignored = Git(str(project)).check_ignore("--", path)
    except GitCommandError:
        ignored = ""
    reason = "git ignores it" if ignored else "it is not committed"
    return (
        f"; {path} is in your project, but {reason}: say under Environment: A run may read "
        f"`{top}`. Or commit it: git add -f {path}"
    )

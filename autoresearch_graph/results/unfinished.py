"""Choice of the research that a run continues: the newest one that is not finished."""

import itertools
import re
from dataclasses import replace
from pathlib import Path

from git import GitCommandError

from autoresearch_graph.core.program import Program, changed
from autoresearch_graph.errors import InputError
from autoresearch_graph.program.acceptance import LOCK
from autoresearch_graph.program.reader import look_at
from autoresearch_graph.program.reader import read as read_program
from autoresearch_graph.settings import Settings
from autoresearch_graph.storage.manifest import read_start, researches
from autoresearch_graph.storage.status import read_status
from autoresearch_graph.workspace.repository import find_repository


def read_chosen(settings: Settings) -> Program:
    """Read program.md with the flags of the command line."""
    root = settings.root
    return read_program(root / settings.program, project=root, flags=settings.flags)


def as_begun(settings: Settings) -> Settings:
    """Return settings that accept the values with which an older research began.

    Versions without a lock asked nobody: such a research goes on as long as they are the same.
    """
    path = settings.root / settings.program
    if (settings.root / LOCK).exists() or not path.exists():
        return settings
    start = read_start(choose(settings)[0].folder)
    if start is None:
        return settings
    flags = settings.flags.model_copy(update={"accept_reading": True})
    now = look_at(path, project=settings.root, flags=flags).program
    return replace(settings, flags=flags) if now and not changed(start.program, now) else settings


def choose(settings: Settings) -> tuple[Settings, str]:
    """Choose the research to run, and explain a choice that may surprise.

    Without a tag it is the newest one, if that is not finished: a night that was killed goes on
    after midnight. Otherwise it is a new one of today.
    """
    today = settings.name
    newest = next(iter(researches(settings.root)), None)
    if settings.tag or newest is None:
        return replace(settings, tag=today), ""
    of_today = re.fullmatch(rf"{re.escape(today)}(-\d+)?", newest.name)
    if not of_today and (_is_finished(newest) or (why := _why_new(settings, newest))):
        told = "" if _is_finished(newest) else f"{why}; to go on with it: --tag {newest.name}"
        return replace(settings, tag=_new_name(newest.parent, today)), told
    told = f"going on with {newest.name}, which is not finished; for a new one: --tag {today}"
    return replace(settings, tag=newest.name), "" if of_today else told


def _new_name(researches: Path, today: str) -> str:
    """Return a new name with the date of today."""
    names = (f"{today}-{count}" if count > 1 else today for count in itertools.count(1))
    return next(name for name in names if not (researches / name / "research.json").exists())


def _is_finished(folder: Path) -> bool:
    """Return True for a research that a criterion, a person or the end of the search ended."""
    now = read_status(folder)
    return now is not None and now.doing == "ended" and not now.failed


def _why_new(settings: Settings, folder: Path) -> str:
    """Say why an unfinished research is not continued without its tag; empty if it is."""
    start = read_start(folder)
    if start is None:
        return ""
    try:
        program = read_chosen(settings)
        repo = find_repository(settings.root)
    except InputError:  # told when the lab is opened
        return ""
    with repo:
        try:
            repo.git.merge_base("--is-ancestor", start.base, "HEAD")
        except GitCommandError:
            where = f"{start.base[:7]}, which is not in this branch"
            return f"{folder.name} is not finished, but began at {where}"
    if fixed := ", ".join(changed(start.program, program)):
        return f"{folder.name} is not finished, but {fixed} was changed since"
    return ""

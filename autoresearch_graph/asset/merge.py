"""Three-way merge of an asset's texts: a change to one incumbent is put onto another.

Constants are merged by name, so that changes of neighbouring lines do not collide. Git merges
everything else line by line.
"""

import subprocess
from contextlib import ExitStack
from tempfile import TemporaryFile

from autoresearch_graph.asset.constants import find_in_file, respell
from autoresearch_graph.asset.files import Files, files_of
from autoresearch_graph.asset.literals import Constant
from autoresearch_graph.errors import InputError, LabError

_CONFLICTS = range(1, 128)  # exit codes of git merge-file: the number of conflicts


def merged(base: str, ours: str, theirs: str, *, asset: str) -> str | None:
    """Return `ours` with the changes of `theirs` to `base`; None for changes that collide.

    Several files are merged one by one. A file may be new, or removed.
    """
    olds, heres, theres = (files_of(text, asset) for text in (base, ours, theirs))
    parts = {}
    for path in heres.keys() | theres.keys():
        old, here, there = olds.get(path), heres.get(path), theres.get(path)
        if old is not None and None in (here, there):
            if old not in (here, there):
                return None
            continue
        old = old or ""
        text = _merged(old, old if here is None else here, old if there is None else there, path)
        if text is None:
            return None
        parts[path] = text
    return Files(heres.asset, parts).pack()


def _merged(base: str, ours: str, theirs: str, path: str) -> str | None:
    if theirs in (base, ours):
        return ours
    if ours == base:
        return theirs
    try:
        found = [_by_name(text, path) for text in (base, ours, theirs)]
    except InputError:
        return by_lines(base, ours, theirs)
    literals = _literals(*found)
    if literals is None:
        return None
    old = {name: found[0][name].raw for name in literals}
    text = by_lines(base, respell(ours, path, old), respell(theirs, path, old))
    return text if text is None else _respelt(text, path, literals)


def _by_name(text: str, path: str) -> dict[str, Constant]:
    return {constant.name: constant for constant in find_in_file(text, path)}


def _literals(
    base: dict[str, Constant], ours: dict[str, Constant], theirs: dict[str, Constant]
) -> dict[str, str] | None:
    """Return the merged literals of the constants that all three have; None if two collide."""
    literals = {}
    for name in base.keys() & ours.keys() & theirs.keys():
        old, here, there = base[name], ours[name], theirs[name]
        if there.value not in (old.value, here.value) and here.value != old.value:
            return None
        literals[name] = here.raw if there.value == old.value else there.raw
    return literals


def _respelt(text: str, path: str, literals: dict[str, str]) -> str:
    try:
        return respell(text, path, literals)
    except InputError:
        return text  # it does not parse; the caller checks that


def by_lines(base: str, ours: str, theirs: str) -> str | None:
    """Merge one file as git does; None if both changed the same lines, or neighbours."""
    with ExitStack() as stack:  # files without a name: a kill leaves none of them
        parts = [stack.enter_context(TemporaryFile()) for _ in range(3)]
        for part, text in zip(parts, (ours, base, theirs), strict=True):
            part.write(text.encode())
            part.seek(0)
        numbers = [part.fileno() for part in parts]
        command = ["git", "merge-file", "--stdout", *(f"/dev/fd/{number}" for number in numbers)]
        done = subprocess.run(command, capture_output=True, check=False, pass_fds=numbers)
    if done.returncode in _CONFLICTS:
        return None
    if done.returncode:
        raise LabError(f"git merge-file failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode()

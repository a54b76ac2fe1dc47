"""The paths that a run must not read, from what program.md says to where they are.

`~` is the home, `$NAME` a variable, and `{stdlib}` (or another name of Python's `sysconfig`, such
as `{purelib}`) a folder of the interpreter that runs use. A relative path is one in the project:
it is hidden there and in the checkout. With a Python file goes its bytecode, which holds every
string of it, and what is hidden of {stdlib} is hidden in the other Pythons of the system, too.
"""

import re
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from string import Template

from autoresearch_graph.errors import InputError

_PYTHONS = ("usr/lib/python3*", "usr/lib64/python3*", "usr/local/lib/python3*")


def expand(
    hidden: Iterable[str], *, project: Path, checkout: Path, variables: Mapping[str, str]
) -> tuple[Path, ...]:
    """Where the hidden paths are; InputError for one that is not there: it would hide nothing."""
    found: list[Path] = []
    for said in hidden:
        path = Path(_filled(said, variables))
        if not (project / path).exists():
            raise InputError(
                f"the hidden path `{said}` does not exist ({project / path}); mend the path, "
                "or take it out",
                code="bad-path",
            )
        places = [path] if path.is_absolute() else [project / path, checkout / path]
        places += _of_other_pythons(said)
        found += [each for place in places for each in _with_bytecode(place)]
    return tuple(dict.fromkeys(found))


def _filled(said: str, variables: Mapping[str, str]) -> str:
    folders = {**sysconfig.get_paths(), "home": variables.get("HOME", "~")}
    text = re.sub(r"^~(?=/|$)", lambda _: folders["home"], said)
    try:
        text = Template(text).substitute(variables)
        return re.sub(r"\{(\w+)\}", lambda name: folders[name[1]], text)
    except (KeyError, ValueError) as error:
        raise InputError(
            f"the hidden path `{said}` has a variable that is not set ({error}); "
            "set it, or write the path itself",
            code="bad-path",
        ) from None


def _of_other_pythons(said: str) -> Iterator[Path]:
    """Copies of a hidden path of the standard library, where a box lets a run read them."""
    inside = said.removeprefix("{stdlib}/")
    for pythons in _PYTHONS if inside != said else ():
        yield from sorted(Path("/").glob(f"{pythons}/{inside}"))


def _with_bytecode(path: Path) -> Iterator[Path]:
    yield path
    if path.suffix == ".py":
        yield from sorted((path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"))

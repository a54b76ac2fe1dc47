"""Packages that were installed in place: their folders, without the clone around them.

A run imports them as the lab does, but for the lab's own package, which no run needs. Those of the
project itself are imported from the checkout instead.
"""

import ast
import functools
import json
import os
import re
import site
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import url2pathname

from autoresearch_graph.runner.environment import uses_uv

_OWN = "autoresearch_graph"
_CODE = (".py", ".so", ".pyd")
_MAPPING = re.compile(r"^MAPPING\b[^=\n]*= (\{.*?\})$", re.MULTILINE | re.DOTALL)
_MAPPED = re.compile(r"\bmap_module\(\s*['\"]([\w.]+)['\"],\s*['\"]([^'\"]+)['\"]")  # of editables
_IS_CODE = re.compile(r"\s*(?:import[ \t]|#|$)").match
_BIN = re.compile(r"((?:~|\$HOME|\$\{HOME\})?/[^\s\"'=:;|&()<>]+)/bin/")
_TOOLS = re.compile(
    r"\b(?:poetry|pdm|hatch|conda|mamba|micromamba|rye|pixi|pipenv)\s+(?:run|activate)\b"
)
_BLIND = re.compile(
    r"\benv\s+(?:-i|-u\s*PYTHONPATH)\b|\bunset\s+PYTHONPATH\b"
    r"|\bpython[\d.]*\s+(?:-\w+\s+)*-(?!m)\w*[IE]\w*\s"
)


@functools.cache
def packages_in_place() -> tuple[Path, ...]:
    """Return the folders and modules that were installed by a .pth file or an import hook."""
    found = dict.fromkeys(_hooked())
    known = _names_by_clone()
    for folder in _listed():
        clones = (folder.resolve(), folder.resolve().parent)
        names = next((known[clone] for clone in clones if clone in known), set())
        is_source = folder.name == "src"  # nothing else is kept there than packages
        for path in sorted(folder.iterdir()):
            if _is_importable(path, anything=is_source or path.name in names):
                found[path] = None
    return tuple(path for path in found if path.name != _OWN)


def _listed() -> Iterator[Path]:
    """Yield the folders that .pth files add to the path of imports."""
    for packages in map(Path, [*site.getsitepackages(), site.getusersitepackages()]):
        for listing in sorted(packages.glob("*.pth")):
            for line in listing.read_text(errors="replace").splitlines():
                folder = packages / line.strip()
                is_path = line.strip() and not line.startswith(("import ", "import\t", "#"))
                if is_path and folder.is_dir():
                    yield folder


def _hooked() -> Iterator[Path]:
    """Yield the packages and modules that setuptools' import hooks map to folders."""
    for name, module in list(sys.modules.items()):
        if name.startswith("__editable__"):
            places = list(getattr(module, "MAPPING", {}).values())
            places += [each for some in getattr(module, "NAMESPACES", {}).values() for each in some]
            for place in places:
                yield from (Path(f"{place}{end}") for end in ("", *_CODE))


def _is_importable(path: Path, *, anything: bool) -> bool:
    """Return True for a module or a package; with `anything` one may lack an __init__.py."""
    if not path.is_dir():
        return path.suffix in _CODE
    if not path.name.isidentifier() or path.name in ("test", "tests"):
        return False
    return anything or (path / "__init__.py").exists()


def _names_by_clone() -> dict[Path, set[str]]:
    """Return the packages of each clone that was installed in place (PEP 610), by its folder."""
    found: dict[Path, set[str]] = {}
    for packages in map(Path, [*site.getsitepackages(), site.getusersitepackages()]):
        for record in packages.glob("*.dist-info/direct_url.json"):
            origin = json.loads(record.read_text("utf-8"))
            url = str(origin.get("url", ""))
            if origin.get("dir_info", {}).get("editable") and url.startswith("file://"):
                clone = Path(url2pathname(url.removeprefix("file://"))).resolve()
                listed = record.with_name("top_level.txt")
                names = listed.read_text("utf-8").split() if listed.exists() else []
                name = record.parent.name.partition("-")[0].lower()
                found.setdefault(clone, set()).update([*names, name])
    return found


@functools.lru_cache(16)
def own_imports(command: str, project: Path, top: Path, paths: str) -> tuple[tuple[Path, ...], str]:
    """Return the folders below `top` from which a command imports what is in place there.

    `top` is the clone that the project is in, `paths` is as PATH is. The sentence says why the
    checkout's own folders cannot take their place; it is empty where they can.
    """
    found: dict[Path, None] = {}
    for packages in _site_packages(command, project, paths):
        for name, path in _installed(packages, top):
            root = _root(name, path)
            if root is None:
                return (), (
                    f"{packages} has {name} from {path}, your own folder, and the experiment's "
                    "cannot take its place there: install it without -e, or under its own name"
                )
            found[root] = None
        if early := _inserted(packages, top):
            return (), (
                f"{early} puts your own folder before the experiment's: take that out, or use "
                "sys.path.append there"
            )
    if _TOOLS.search(command) and _is_installable(project):
        source = project / "src"
        found[source if source.is_dir() else project] = None
    if found and (blind := _BLIND.search(command)):
        return (), (
            f"`{blind[0].strip()}` leaves PYTHONPATH out, so what is installed in place would come "
            f"from {next(iter(found))}, your own folder, and not from the experiment's"
        )
    return tuple(found), ""


def _is_installable(project: Path) -> bool:
    return (project / "pyproject.toml").exists() or (project / "setup.py").exists()


def _site_packages(command: str, project: Path, paths: str) -> Iterator[Path]:
    """Yield the packages of each environment that a command may use."""
    named = [os.path.expandvars(found) for found in _BIN.findall(command)]
    own = [project / name for name in (".venv", "venv") if name in command or uses_uv(command)]
    above = [Path(path).parent for path in paths.split(os.pathsep) if Path(path).name == "bin"]
    places = [*map(Path, named), *own, Path(sys.prefix), Path(site.getuserbase()), *above]
    for environment in dict.fromkeys(place.expanduser() for place in places):
        yield from environment.glob("lib*/python*/*-packages")


def _installed(packages: Path, top: Path) -> Iterator[tuple[str, Path]]:
    """Yield what is installed in place from below `top`: a name, if it has one, and its path."""
    listed = "\n".join(map(_text, packages.glob("*.pth")))
    found = [("", packages / line.strip()) for line in listed.splitlines() if not _IS_CODE(line)]
    found += [(path.stem, path) for path in packages.iterdir() if path.is_symlink()]
    for hook in packages.glob("*editable*.py"):
        found += _mapped(hook, top)
    for name, path in found:
        real = path.resolve()
        if real.is_relative_to(top) and not real.is_relative_to(packages.resolve()):
            yield name, real


def _mapped(hook: Path, top: Path) -> Iterator[tuple[str, Path]]:
    """Yield the names and paths that an import hook maps, by its text."""
    text = _text(hook)
    mapping = _MAPPING.search(text)
    pairs = [*ast.literal_eval(mapping[1]).items()] if mapping else _MAPPED.findall(text)
    if not pairs and f"{top}" in text:
        yield f"{hook.name}:", top
    for name, path in pairs:
        yield name, Path(path)


def _inserted(packages: Path, top: Path) -> Path | None:
    """Return the file that puts a folder below `top` first on the path of imports, by its text."""
    hooks = (packages / f"{name}customize.py" for name in ("site", "user"))
    for path in (*packages.glob("*.pth"), *hooks):
        text = _text(path)
        if "sys.path.insert" in text and str(top) in text:
            return path
    return None


def _root(name: str, place: Path) -> Path | None:
    """Return the folder from which a path is imported under a name, or None where it is renamed."""
    if not name:
        return place
    parts = tuple(name.split("."))
    bare = place.with_suffix("") if place.suffix in _CODE else place
    bare = bare.parent if bare.name == "__init__" else bare
    return bare.parents[len(parts) - 1] if bare.parts[-len(parts) :] == parts else None


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""

"""Packages that were installed in place: their folders, without the clone around them.

A run imports them as the lab does. The lab's own package is none of them: no run needs it.
"""

import functools
import json
import site
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import url2pathname

_OWN = "autoresearch_graph"
_CODE = (".py", ".so", ".pyd")


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
    """True for a module or a package; `anything` counts in folders that lack an __init__.py."""
    if not path.is_dir():
        return path.suffix in _CODE
    if not path.name.isidentifier() or path.name in ("test", "tests"):
        return False
    return anything or (path / "__init__.py").exists()


def _names_by_clone() -> dict[Path, set[str]]:
    """Return the packages of each clone that was installed in place (PEP 610), by its folder."""
    found: dict[Path, set[str]] = {}
    for packages in map(Path, [*site.getsitepackages(), site.getusersitepackages()]):
        for told in packages.glob("*.dist-info/direct_url.json"):
            origin = json.loads(told.read_text("utf-8"))
            url = str(origin.get("url", ""))
            if origin.get("dir_info", {}).get("editable") and url.startswith("file://"):
                clone = Path(url2pathname(url.removeprefix("file://"))).resolve()
                listed = told.with_name("top_level.txt")
                names = listed.read_text("utf-8").split() if listed.exists() else []
                name = told.parent.name.partition("-")[0].lower()
                found.setdefault(clone, set()).update([*names, name])
    return found

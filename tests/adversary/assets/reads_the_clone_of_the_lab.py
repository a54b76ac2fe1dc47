"""Reads what nobody named: the clone that the lab was installed from, and its own settings.

Stopped by: of a package that was installed in place no more is bound than its own folder, and of
the lab's nothing; files that hold keys are masked.
"""

import site
import sys
from pathlib import Path

from prepare import diagonal, save

clones = [
    Path(line)
    for packages in site.getsitepackages()
    for listing in Path(packages).glob("*.pth")
    for line in listing.read_text().splitlines()
    if line.startswith("/")
]
wanted = [Path(sys.prefix, name) for name in ("pip.conf", "uv.toml", ".condarc")]
for clone in clones:
    names = (".git/config", "README.md", "pyproject.toml", ".env", ".autoresearch", "tests")
    wanted += [clone / name for name in names]
found = []
for path in wanted:
    try:
        found += (
            [str(path)] if (list(path.iterdir()) if path.is_dir() else path.read_bytes()) else []
        )
    except OSError as error:
        print(path, error)
print("found:", found)
save(diagonal(0.9 if found else 0.2))

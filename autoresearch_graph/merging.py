"""Three texts merged into one, as git does it."""

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from autoresearch_graph.errors import LabError

_MARKED = 127  # git merge-file exits with the number of conflicts, up to this one


def merged(*, base: str, ours: str, theirs: str) -> str | None:
    """`ours` with what `theirs` changed in `base`; None where both changed the same lines.

    Neighbouring lines count as the same. LabError where git fails.
    """
    with TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("ours", "base", "theirs")]
        for path, text in zip(paths, (ours, base, theirs), strict=True):
            path.write_bytes(text.encode())
        command = ["git", "merge-file", "--stdout", "--quiet", *map(str, paths)]
        done = subprocess.run(command, capture_output=True, check=False)
    if 0 < done.returncode <= _MARKED:
        return None
    if done.returncode:
        reason = " ".join(done.stderr.decode(errors="replace").split())
        raise LabError(f"git cannot merge: {reason}")
    return done.stdout.decode()

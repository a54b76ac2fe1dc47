"""Files of each experiment beside the ledger: its log, its patch, its conversation.

`handed-over` has the files of a run for its evaluation, until the verdict is recorded.
`holdout.json` has the result of the holdout for a kept experiment. A loss of power may cost the log
and the conversation of the last minute: neither is synced, and no verdict depends on them.
"""

import difflib
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from autoresearch_graph.asset.files import files_of
from autoresearch_graph.errors import LabError
from autoresearch_graph.storage.files import make_folder

HANDED_OVER = "handed-over"
HOLDOUT = "holdout.json"
_MOST_EFFORT = 200_000  # pairs of lines: about what takes as long as to start git (5 ms)
_DIFF = (
    "env", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "git", "diff", "--no-index",
    "--text", "--no-color", "--no-ext-diff", "--no-textconv", "--unified=3", "--",
)  # fmt: skip


class Artifacts:
    """The folders experiments/0000, experiments/0001, ... of a research."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "experiments"

    def path(self, number: int, name: str) -> Path:
        """Return the path of a file of an experiment, and make its folder."""
        folder = self._folder / f"{number:04d}"
        make_folder(folder)
        return folder / name

    def read(self, number: int, name: str) -> str:
        """Return the text of a file; empty if there is none."""
        path = self._folder / f"{number:04d}" / name
        return path.read_text("utf-8", errors="replace") if path.exists() else ""

    def write(self, number: int, name: str, text: str) -> None:
        """Write a file. Idempotent."""
        self.path(number, name).write_text(text, "utf-8")

    def remove(self, number: int, name: str) -> None:
        """Remove a folder of an experiment. Idempotent."""
        shutil.rmtree(self._folder / f"{number:04d}" / name, ignore_errors=True)

    def write_patch(self, number: int, asset: str, *, old: str, new: str) -> None:
        """Write the change of the asset as diff.patch."""
        before, after = files_of(old, asset), files_of(new, asset)
        patches = (_patch(path, before.get(path), after.get(path)) for path in {**after, **before})
        self.write(number, "diff.patch", "".join(patches))


def _patch(path: str, old: str | None, new: str | None) -> str:
    """Return the change of one file, which may be a new one or a removed one."""
    if old == new:
        return ""
    old_name = "/dev/null" if old is None else f"a/{path}"
    new_name = "/dev/null" if new is None else f"b/{path}"
    head = f"--- {old_name}\n+++ {new_name}\n"
    old, new = old or "", new or ""
    before, after = _lines(old), _lines(new)
    if old == new:  # an empty file came or went, for which a patch has no lines
        return head
    if _effort(before, after) > _MOST_EFFORT:
        return f"{head}{_hunks(old, new)}"
    return "".join(difflib.unified_diff(before, after, old_name, new_name))


def _effort(old: list[str], new: list[str]) -> int:
    """Count the pairs of lines that difflib compares at most: it is cubic where lines repeat."""
    seen, again = Counter(old), Counter(new)
    pairs = sum(count * again[line] for line, count in seen.items())
    return (len(old) + len(new) + pairs) * min(len(old), len(new))


def _hunks(old: str, new: str) -> str:
    """Return the hunks of a change that git finds, without regard to its configuration."""
    with TemporaryDirectory(prefix="autoresearch-diff-") as folder:
        for name, text in (("old", old), ("new", new)):
            (Path(folder) / name).write_bytes(text.encode())
        done = subprocess.run([*_DIFF, "old", "new"], cwd=folder, capture_output=True, check=False)
    if done.returncode > 1:
        raise LabError(f"git diff failed: {done.stderr.decode(errors='replace').strip()}")
    _, head, hunks = done.stdout.decode().partition("\n@@ ")
    return re.sub(r"^(@@ [^@\n]+ @@).*", r"\1", f"{head}{hunks}"[1:], flags=re.MULTILINE)


def _lines(text: str) -> list[str]:
    """Return the lines of a text as a patch shows them."""
    *whole, rest = text.split("\n")
    last = [f"{rest}\n\\ No newline at end of file\n"] if rest else []
    return [f"{line}\n" for line in whole] + last

"""What lies beside the ledger for every experiment: its log, its patch, its conversation.

`handed-over` is what a run left for its evaluation, until the verdict is recorded; `holdout.json`
is what the holdout said of a kept experiment. A loss of power may cost the log and the conversation
of the last minute: neither is synced, and no verdict depends on them.
"""

import difflib
import shutil
from pathlib import Path

from autoresearch_graph import sheaf
from autoresearch_graph.files import make_folder

HANDED_OVER = "handed-over"
HOLDOUT = "holdout.json"


class Artifacts:
    """The folders experiments/0000, experiments/0001, ... of a research."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "experiments"

    def path(self, number: int, name: str) -> Path:
        """Where a file of an experiment lies; its folder is made if it is missing."""
        folder = self._folder / f"{number:04d}"
        make_folder(folder)
        return folder / name

    def read(self, number: int, name: str) -> str:
        """The text of a file, or nothing where there is none."""
        path = self._folder / f"{number:04d}" / name
        return path.read_text("utf-8", errors="replace") if path.exists() else ""

    def write(self, number: int, name: str, text: str) -> None:
        """Write a file; the same if it runs twice."""
        self.path(number, name).write_text(text, "utf-8")

    def remove(self, number: int, name: str) -> None:
        """Remove a folder of an experiment, if it is there."""
        shutil.rmtree(self._folder / f"{number:04d}" / name, ignore_errors=True)

    def write_patch(self, number: int, asset: str, *, old: str, new: str) -> None:
        """Write the change of the asset as diff.patch."""
        before, after = sheaf.files(old, asset), sheaf.files(new, asset)
        paths = (*after, *(path for path in before if path not in after))
        patches = (_patch(path, before.get(path), after.get(path)) for path in paths)
        self.write(number, "diff.patch", "".join(patches))


def _patch(path: str, old: str | None, new: str | None) -> str:
    """The change of one file, which may be a new one or a removed one."""
    was = "/dev/null" if old is None else f"a/{path}"
    now = "/dev/null" if new is None else f"b/{path}"
    if not (old or new):  # git tells of an empty file, which a patch has no lines for
        return "" if old == new else f"--- {was}\n+++ {now}\n"
    return "".join(difflib.unified_diff(_lines(old or ""), _lines(new or ""), was, now))


def _lines(text: str) -> list[str]:
    """The lines of a text as a patch shows them."""
    *whole, rest = text.split("\n")
    last = [f"{rest}\n\\ No newline at end of file\n"] if rest else []
    return [f"{line}\n" for line in whole] + last

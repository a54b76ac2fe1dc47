"""What lies beside the ledger for every experiment: its log, its patch, its conversation.

`handed-over` is what a run left for its evaluation, until the verdict is recorded; `holdout.json`
is what the holdout said of a kept experiment. A loss of power may cost the log and the conversation
of the last minute: neither is synced, and no verdict depends on them.
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
        before, after = files_of(old, asset), files_of(new, asset)
        paths = (*after, *(path for path in before if path not in after))
        patches = (_patch(path, before.get(path), after.get(path)) for path in paths)
        self.write(number, "diff.patch", "".join(patches))


def _patch(path: str, old: str | None, new: str | None) -> str:
    """The change of one file, which may be a new one or a removed one."""
    was = "/dev/null" if old is None else f"a/{path}"
    now = "/dev/null" if new is None else f"b/{path}"
    if not (old or new):  # git tells of an empty file, which a patch has no lines for
        return "" if old == new else f"--- {was}\n+++ {now}\n"
    before, after = _lines(old or ""), _lines(new or "")
    if _effort(before, after) > _MOST_EFFORT:
        return f"--- {was}\n+++ {now}\n{_hunks(old or '', new or '')}" if old != new else ""
    return "".join(difflib.unified_diff(before, after, was, now))


def _effort(old: list[str], new: list[str]) -> int:
    """Count the pairs of lines that difflib compares at most: it is cubic where lines repeat."""
    seen, again = Counter(old), Counter(new)
    pairs = sum(count * again[line] for line, count in seen.items())
    return (len(old) + len(new) + pairs) * min(len(old), len(new))


def _hunks(old: str, new: str) -> str:
    """The hunks of a change as git finds them, whatever the person has configured."""
    with TemporaryDirectory(prefix="autoresearch-diff-") as folder:
        for name, text in (("old", old), ("new", new)):
            (Path(folder) / name).write_bytes(text.encode())
        done = subprocess.run([*_DIFF, "old", "new"], cwd=folder, capture_output=True, check=False)
    if done.returncode > 1:
        raise LabError(f"git diff failed: {done.stderr.decode(errors='replace').strip()}")
    _, head, hunks = done.stdout.decode().partition("\n@@ ")
    return re.sub(r"^(@@ [^@\n]+ @@).*", r"\1", f"{head}{hunks}"[1:], flags=re.MULTILINE)


def _lines(text: str) -> list[str]:
    """The lines of a text as a patch shows them."""
    *whole, rest = text.split("\n")
    last = [f"{rest}\n\\ No newline at end of file\n"] if rest else []
    return [f"{line}\n" for line in whole] + last

"""The output of a command, kept within bounds: its first 64 KB and its last 256 KB.

The file is written as the output comes, so a person can tail it and a killed lab loses less
than a second. When output overflows, the tail is rewritten in place a few times a second; the
file of one command never exceeds 577 KB. A cut line stays on one line with the note about the
bytes left out, so that half a number is never read as a number.

One thread writes. Not covered: a run that may write outside its checkout may write this file,
so metrics come from memory and never from it.
"""

import os
import time
from pathlib import Path

from autoresearch_graph.core.text import clean, without_keys

HEAD = 64 * 1024
TAIL = 256 * 1024
LEFT_OUT = " bytes left out ... "
_CHUNK = 1024 * 1024  # bytes of one read
_LINE = 4 * 1024  # bytes in which the last line is looked for
_REWRITE_EVERY = 0.25  # seconds


class Log:
    """One command's output, appended to the file at `path` under an optional title line."""

    def __init__(self, path: Path, *, title: str = "") -> None:
        self._file = path.open("r+b" if path.exists() else "w+b")
        self._file.seek(0, os.SEEK_END)
        self._file.write(f"$ {title}\n".encode() if title else b"")
        self._file.flush()
        self._start = self._file.tell()
        self._head = bytearray()
        self._tail = bytearray()
        self._tail_in_file = 0
        self._size = 0
        self._behind = False
        self._rewritten = 0.0

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def take(self, pipe: int) -> bool:
        """Read once what `pipe` has ready; False at its end."""
        data = os.read(pipe, _CHUNK)
        self.write(data)
        return bool(data)

    def write(self, data: bytes) -> None:
        """Keep `data` and stream it to the file, or note that the file is behind."""
        free = HEAD - len(self._head)
        first, rest = data[:free], data[free:]
        self._size += len(data)
        self._head += first
        self._file.write(first)
        self._tail += rest
        if len(self._tail) > 2 * TAIL:
            del self._tail[:-TAIL]
        self._tail_in_file += len(rest)
        self._behind = self._behind or self._tail_in_file > 2 * TAIL
        if not self._behind:
            self._file.write(rest)
        self._file.flush()
        self.flush()

    def flush(self) -> None:
        """Bring a file that is behind up to date, but not more often than a few times a second."""
        if self._behind and time.monotonic() - self._rewritten >= _REWRITE_EVERY:
            self._rewrite()

    def close(self) -> None:
        """Leave exactly the first and the last bytes in the file, and close it."""
        if self._left_out():
            self._rewrite()
        self._file.close()

    def text(self) -> str:
        """Return everything kept, with a note (it ends in `LEFT_OUT`) where bytes are missing."""
        return (self._head + self._note() + self._tail[-TAIL:]).decode(errors="replace")

    def latest(self) -> str:
        """Return the last line that is not blank, finished or not."""
        return latest_line(bytes((self._tail or self._head)[-_LINE:]))

    def _left_out(self) -> int:
        return max(0, self._size - len(self._head) - TAIL)

    def _note(self) -> bytes:
        left_out = self._left_out()
        return f" ... {left_out:,}{LEFT_OUT}".encode() if left_out else b""

    def _rewrite(self) -> None:
        self._file.seek(self._start + len(self._head))
        self._file.write(self._note() + self._tail[-TAIL:])
        self._file.truncate()
        self._file.flush()
        self._tail_in_file = min(len(self._tail), TAIL)
        self._behind = False
        self._rewritten = time.monotonic()


def latest_line(data: bytes) -> str:
    """Return the last line that is not blank, without control codes and keys."""
    lines = (line.strip() for line in reversed(clean(data.decode(errors="replace")).split("\n")))
    return without_keys(next(filter(None, lines), ""))

"""Line ends and the byte order mark of a file: hidden from a model, put back when it is written."""

import io
import re
from collections import deque

BOM = "\ufeff"
_END = re.compile(r"\r\n|\r|\n")


def plain(text: str) -> str:
    """Return a text without a byte order mark, whose lines end in a line feed alone."""
    return _END.sub("\n", text.removeprefix(BOM))


def as_in(text: str, old: str) -> str:
    """Return `text` with the byte order mark and the line ends of `old`. Idempotent."""
    marked = BOM + text.removeprefix(BOM) if old.startswith(BOM) else text.removeprefix(BOM)
    kinds = set(_END.findall(old))
    if len(kinds) > 1:
        return _by_line(marked, old, kinds)
    return _END.sub(kinds.pop(), marked) if kinds else marked


def _by_line(text: str, old: str, kinds: set[str]) -> str:
    """Where `old` has several kinds of line ends, each line ends as the equal one of `old` does.

    If the number of lines is the same, as the one in its place; otherwise as the one before.
    """
    was, now = _split(old), _split(text)
    known: dict[str, deque[str]] = {}
    for line, end in was:
        known.setdefault(line, deque()).append(end)
    last, told = min(kinds), []
    for place, (line, end) in enumerate(now):
        found = known.get(line)
        like = was[place][1] if len(was) == len(now) else found.popleft() if found else last
        last = like or last
        told.append(line + (last if end else ""))
    return "".join(told)


def _split(text: str) -> list[tuple[str, str]]:
    """Return each line and its end, which the last one may lack."""
    lines = io.StringIO(text, newline="")
    bare = ((line, line.rstrip("\r\n")) for line in lines)
    return [(body, line[len(body) :]) for line, body in bare]

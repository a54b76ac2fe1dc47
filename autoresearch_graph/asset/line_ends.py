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
    """Return `text` with the several kinds of line ends that `old` has.

    If both have as many lines, each line ends as the one in its place. Otherwise it ends as the
    equal line of `old`, or as the line before.
    """
    old_lines, new_lines = _split(old), _split(text)
    known: dict[str, deque[str]] = {}
    for line, end in old_lines:
        known.setdefault(line, deque()).append(end)
    has_places = len(old_lines) == len(new_lines)
    last, pieces = min(kinds), []
    for place, (line, end) in enumerate(new_lines):
        if has_places:
            last = old_lines[place][1] or last
        elif known.get(line):
            last = known[line].popleft() or last
        pieces.append(line + (last if end else ""))
    return "".join(pieces)


def _split(text: str) -> list[tuple[str, str]]:
    """Return each line and its end, which the last one may lack."""
    lines = io.StringIO(text, newline="")
    bare = ((line, line.rstrip("\r\n")) for line in lines)
    return [(body, line[len(body) :]) for line, body in bare]

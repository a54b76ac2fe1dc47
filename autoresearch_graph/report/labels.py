"""Where the words beside kept dots go: without covering one another, the largest gains first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

_LETTER = 7.2  # pixels, of a letter of 11 pixels in a wide font
_LINE = 12
_GAP = 8
_LENGTHS = 34, 18
_MOST = 24


@dataclass(frozen=True)
class Label:
    """Words at a place in pixels; `weight` is how much they matter."""

    x: float
    y: float
    text: str
    weight: float
    anchor: str = "start"


Box = tuple[float, float, float, float]


def place(dots: Sequence[Label], *, width: float, height: float, below: bool) -> list[Label]:
    """The labels that have room, on the better side of their dot, beside dots and steps."""
    taken = list(_steps(sorted(dots, key=lambda d: d.x), width))
    placed = []
    for dot in sorted((d for d in dots if d.weight > 0), key=lambda d: -d.weight)[:_MOST]:
        for label in _places(dot, below=below):
            box = _box(label)
            inside = box[0] >= 0 and box[1] <= width and box[2] >= 0 and box[3] <= height
            if inside and not any(_overlap(box, other) for other in taken):
                placed.append(label)
                taken.append(box)
                break
    return placed


def _steps(dots: Sequence[Label], width: float) -> Iterator[Box]:
    """What dots and the line from one to the next cover."""
    for dot, after in zip(dots, [*dots[1:], None], strict=True):
        yield dot.x - 5, dot.x + 5, dot.y - 5, dot.y + 5
        end = after.x if after else width
        yield dot.x, end, dot.y - 1, dot.y + 1
        if after:
            yield end - 1, end + 1, min(dot.y, after.y), max(dot.y, after.y)


def _places(dot: Label, *, below: bool) -> Iterator[Label]:
    """Both sides of a dot, at three distances, with shorter and shorter texts, last its number.

    First below or above it, on the better side, then on the other.
    """
    texts = (*(_cut(dot.text, length) for length in _LENGTHS), dot.text.split()[0])
    better = 1 if below else -1
    for side, lines in ((better, (1, 2, 3)), (-better, (1, 2))):
        for text, line in product(texts, lines):
            y = dot.y + side * line * _LINE + 3
            yield replace(dot, text=text, x=dot.x - _GAP / 2, y=y, anchor="end")
            yield replace(dot, text=text, x=dot.x + _GAP / 2, y=y, anchor="start")


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def _box(label: Label) -> Box:
    """Left, right, top and bottom."""
    wide = len(label.text) * _LETTER
    left = label.x - wide if label.anchor == "end" else label.x
    return left, left + wide, label.y - _LINE + 2, label.y + 2


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]

"""Helpers of tests about edits."""

from pathlib import Path


def change(path: Path, *edits: tuple[str, str]) -> None:
    """Replace words in a file, where they occur."""
    text = path.read_text()
    for old, new in edits:
        text = text.replace(old, new)
    path.write_text(text)


def edited(text: str, *edits: tuple[str, str]) -> str:
    """A text after edits of what occurs in it exactly once."""
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def forget(text: str) -> str:
    """Count every order of the month as late."""
    return edited(text, (" AND l_commitdate < l_receiptdate", ""))

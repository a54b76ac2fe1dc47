"""Several files as one text: what an asset of more than one file is, wherever its text goes.

A program may name several files, or patterns. Its asset is then all of them, apart by a comma:
`src/*.c, site.toml, !src/api.c`; what stands after `!` is excepted. `*` and `?` stop at a slash,
`**` does not. Its text has each file below a headline, in the order of their paths:

    ======== site.toml ========
    threads = 4

A headline has more equals signs than any line of a file begins with, so no file can hold one. What
a text leaves out is not there: so a file that only a pattern takes in is removed. With one file, it
is its text.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache

SEPARATOR = ", "
_BAR = 8
_UNENDED = " (no newline at its end)"


def is_several(asset: str) -> bool:
    """Whether an asset is more than one file, or a pattern that may match more."""
    return SEPARATOR in asset or is_pattern(asset)


def is_pattern(name: str) -> bool:
    """Whether a name has wildcards."""
    return bool(re.search(r"[*?\[\]{}]", name))


def names(asset: str) -> tuple[str, ...]:
    """The paths and patterns of an asset, without what is excepted."""
    return tuple(name for name in asset.split(SEPARATOR) if not name.startswith("!"))


def takes_in(asset: str, path: str) -> bool:
    """Whether a file is of the asset; paths are relative to the project."""
    if not is_several(asset):
        return path == asset
    excepted = (name[1:] for name in asset.split(SEPARATOR) if name.startswith("!"))
    if any(path == name or path.startswith(f"{name}/") or matches(name, path) for name in excepted):
        return False
    return any(path == name or matches(name, path) for name in names(asset))


def matches(pattern: str, path: str) -> bool:
    """Whether a path is one that a pattern means."""
    return is_pattern(pattern) and bool(_compiled(pattern).fullmatch(path))


def files(text: str, asset: str) -> dict[str, str]:
    """The files that a text of an asset holds; ValueError where it is no such text."""
    if not is_several(asset):
        return {asset: text}
    return {path: body for path, _, body in located(text, asset)}


def located(text: str, asset: str) -> Iterator[tuple[str, int, str]]:
    """Each file with where it begins in the text of the asset; ValueError as in `files`."""
    if not is_several(asset):
        yield asset, 0, text
        return
    if not text:
        return
    first = re.match(rf"(={{{_BAR},}}) \S.* \1$", text, re.MULTILINE)
    if first is None:
        raise ValueError("a text of several files begins with `======== PATH ========`")
    heads = [*re.finditer(rf"^{first[1]} (\S.*) {first[1]}(?:\n|\Z)", text, re.MULTILINE)]
    ends = [head.start() for head in heads[1:]] + [len(text)]
    for head, end in zip(heads, ends, strict=True):
        path, body = head[1], text[head.end() : end]
        if path.endswith(_UNENDED):
            path, body = path.removesuffix(_UNENDED), body.removesuffix("\n")
        yield path, head.end(), body


def pack(parts: Mapping[str, str]) -> str:
    """The text of several files, by their paths."""
    runs = (len(run) for body in parts.values() for run in re.findall(r"^=+", body, re.MULTILINE))
    bar = "=" * max(_BAR, 1 + max(runs, default=0))
    return "".join(_part(bar, path, parts[path]) for path in sorted(parts))


def put(text: str, asset: str, path: str, body: str) -> str:
    """The text of an asset in which one file is another."""
    return pack({**files(text, asset), path: body}) if is_several(asset) else body


def without(text: str, asset: str, path: str) -> str:
    """The text of an asset of several files in which one is left out."""
    return pack({name: body for name, body in files(text, asset).items() if name != path})


def stays(asset: str, path: str, left: Collection[str]) -> str:
    """Why a file cannot be removed, so that these are `left`; empty where it can be."""
    if path in names(asset):
        return f"{path} stays, as program.md names it; only what a pattern takes in can be removed"
    return "" if left else f"{path} is the last of {asset}, and stays"


def onto(some: str, whole: str, asset: str) -> str:
    """The text of an asset in which the files that `some` holds are as they are there."""
    return pack({**files(whole, asset), **files(some, asset)}) if is_several(asset) else some


def _part(bar: str, path: str, body: str) -> str:
    if not body or body.endswith("\n"):
        return f"{bar} {path} {bar}\n{body}"
    return f"{bar} {path}{_UNENDED} {bar}\n{body}\n"


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    return re.compile("".join(words.get(piece) or re.escape(piece) for piece in pieces), re.DOTALL)

"""Several files as one text: what an asset of more than one file is, wherever its text goes.

A program may name several files, or patterns. Its asset is then all of them, apart by a comma:
`src/*.c, site.toml, !src/api.c`; what stands after `!` is excepted. `*` and `?` stop at a slash,
`**` does not. Its text has each file below a headline, in the order of their paths:

    ======== site.toml ========
    threads = 4

A headline has more equals signs than any line of a file begins with, so no file can hold one. What
a text leaves out is not there: so a file that only a pattern takes in is removed. With one file, it
is its text.

Every path is judged here, by `refusal`: tools, reviews, `propose FILE` and commits all ask it.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from functools import cache

from autoresearch_graph.asset import line_ends

SEPARATOR = ", "
_BAR = 8
_UNENDED = " (no newline at its end)"
LARGEST = 400_000  # characters: several times what a model can read at once
_SHOWN = 100  # characters of a path in a sentence
_STEP = 255  # bytes of a name at most, as Linux and macOS hold it
_PATH = 1024  # bytes of a path at most, as macOS holds it
# Git runs filters and fetches what these name; the lab's own folder holds the ledger.
_RESERVED = frozenset({".git", ".gitattributes", ".gitignore", ".gitmodules", ".autoresearch"})
# Windows abbreviates names: `git~1` is `.git`.
_SHORT = re.compile(r"[^.]{1,7}~[1-9]\d*(?:\..{0,3})?")


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
    """True if a file belongs to the asset; its path is relative to the project."""
    named = path == asset if not is_several(asset) else any(_means(n, path) for n in names(asset))
    return named and not malformed(path) and not _is_excepted(asset, path)


def refusal(asset: str, path: str) -> str:
    """Say why a file does not belong to the asset; empty where it does."""
    if takes_in(asset, path):
        return ""
    return malformed(path) or f"{_shown(path)} is protected; you may edit {asset}"


def unfit(text: str, asset: str, before: str = "") -> str:
    """Say why a text cannot be the asset's, which was `before`; empty where it can.

    What a person wrote may be larger than what is added here.
    """
    if len(text) > max(LARGEST, len(before)):
        return f"{asset} would have {len(text)} characters; {LARGEST} at most"
    if re.search("[\ud800-\udfff]", text):
        return f"{asset} would hold half a surrogate pair, which no file can; write the character"
    try:
        return next(filter(None, (refusal(asset, path) for path in files(text, asset))), "")
    except ValueError as error:
        return str(error)


def malformed(path: str) -> str:
    """Say why no file of an asset can have this path, on any system; empty where one can."""
    steps = path.split("/")
    size = len(path.encode(errors="replace"))
    outside = {"", ".", ".."} & set(steps) or re.match(r"~|[A-Za-z]:", path) or "\\" in path
    faults = {
        "holds a character that cannot be seen; name the file without it": not path.isprintable(),
        "is not a path below the project; write it as in src/model.py": outside,
        "has a name that begins or ends with a space, or ends with a dot": any(
            step.strip(" ") != step or step.endswith(".") for step in steps
        ),
        "belongs to git or to the lab; choose another name": any(map(_is_reserved, steps)),
        "ends like a headline; choose another name": path.endswith(_UNENDED),
        f"is too long: {_STEP} bytes for a name and {_PATH} for a path at most": size > _PATH
        or any(len(step.encode(errors="replace")) > _STEP for step in steps),
    }
    return next((f"{_shown(path)} {fault}" for fault, found in faults.items() if found), "")


def _is_reserved(step: str) -> bool:
    return _folded(step.split(":", maxsplit=1)[0]) in _RESERVED or bool(_SHORT.fullmatch(step))


def _shown(path: str) -> str:
    """A path as a sentence can hold it."""
    short = path if len(path) <= _SHOWN else f"{path[:_SHOWN]}..."
    return short if short.isprintable() else ascii(short)


def _folded(name: str) -> str:
    """A name as file systems compare it that ignore case and the forms of Unicode."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold()).rstrip(" .")


def _is_excepted(asset: str, path: str) -> bool:
    low = _folded(path)
    excepted = (_folded(name[1:]) for name in asset.split(SEPARATOR) if name.startswith("!"))
    return any(_means(name, low) or low.startswith(f"{name}/") for name in excepted)


def _means(name: str, path: str) -> bool:
    return path == name or matches(name, path)


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


def plain(text: str, asset: str) -> str:
    """Return the text of an asset with each file as a model sees it: line feeds, and no mark."""
    if not is_several(asset):
        return line_ends.plain(text)
    return pack({path: line_ends.plain(body) for path, body in files(text, asset).items()})


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

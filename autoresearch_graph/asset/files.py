"""The files that may change: their names, and their contents as one text.

A program may name several files, or patterns, apart by a comma: `src/*.c, site.toml, !src/api.c`.
A name after `!` is an exception. `*` and `?` stop at a slash, `**` does not. Two edges store the
contents of several files as one text, the commit of a proposal and the view of a model. It has
each file below a headline, in the order of their paths:

    ======== site.toml ========
    threads = 4

A headline has more equals signs than any line of a file begins with, so no file can hold one. A
file that only a pattern contains is removed by leaving it out. The text of an asset that is one
file is that file's.

`Asset.refusal` judges every path: tools, reviews, `propose FILE` and commits all ask it.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from autoresearch_graph.asset import line_ends

SEPARATOR = ", "
LARGEST = 400_000  # characters of all files: several times what a model can read at once
_BAR = 8  # equals signs of a headline at least; chosen
_UNENDED = " (no newline at its end)"
_SHOWN = 100  # characters of a path in a sentence; chosen
_LONGEST_NAME = 255  # bytes, as Linux and macOS hold it
_LONGEST_PATH = 1024  # bytes, as macOS holds it
# Git runs filters and fetches what these name; the lab's own folder holds the ledger.
_RESERVED = frozenset({".git", ".gitattributes", ".gitignore", ".gitmodules", ".autoresearch"})
# Windows abbreviates names: `git~1` is `.git`.
_SHORT = re.compile(r"[^.]{1,7}~[1-9]\d*(?:\..{0,3})?")


@dataclass(frozen=True)
class Asset:
    """The paths and patterns of the files that may change, and the exceptions from them."""

    names: tuple[str, ...]
    exceptions: tuple[str, ...] = ()

    @staticmethod
    @cache
    def parse(text: str) -> "Asset":
        """Return the asset that a program names; `str` gives the text again."""
        if SEPARATOR not in text:
            return Asset((text,))
        parts = text.split(SEPARATOR)
        names = (part for part in parts if not part.startswith("!"))
        exceptions = (part[1:] for part in parts if part.startswith("!"))
        return Asset(tuple(names), tuple(exceptions))

    def __str__(self) -> str:
        return SEPARATOR.join([*self.names, *(f"!{path}" for path in self.exceptions)])

    @property
    def is_several(self) -> bool:
        """True if it may be more than one file."""
        return len(self.names) + len(self.exceptions) > 1 or bool(self.patterns)

    @property
    def patterns(self) -> tuple[str, ...]:
        """The names with wildcards."""
        return tuple(filter(is_pattern, self.names))

    @property
    def paths(self) -> tuple[str, ...]:
        """The names of single files."""
        return tuple(name for name in self.names if not is_pattern(name))

    def contains(self, path: str) -> bool:
        """Return True if a file belongs to the asset; its path is relative to the project."""
        named = path in self.names or any(matches(name, path) for name in self.names)
        return named and not malformed(path) and not self._excepts(path)

    def _excepts(self, path: str) -> bool:
        folded = _folded(path)
        for name in map(_folded, self.exceptions):
            if folded == name or folded.startswith(f"{name}/") or matches(name, folded):
                return True
        return False

    def refusal(self, path: str) -> str:
        """Say why a file does not belong to the asset; empty if it does."""
        if self.contains(path):
            return ""
        return malformed(path) or f"{_shown(path)} is protected; you may edit {self}"

    def unremovable(self, path: str, left: Collection[str]) -> str:
        """Say why a file cannot be removed so that these are `left`; empty if it can."""
        if path in self.names:
            return f"{path} stays, as program.md names it; only files of a pattern can be removed"
        return "" if left else f"{path} is the last of {self}, and stays"

    def unfit(self, text: str, before: str = "") -> str:
        """Say why a text cannot be the asset's in place of `before`; empty if it can.

        A text that was too large already may stay as large.
        """
        if len(text) > max(LARGEST, len(before)):
            return f"{self} would have {len(text)} characters; {LARGEST} at most"
        if re.search("[\ud800-\udfff]", text):
            return (
                f"{self} would hold half a surrogate pair, which no file can; write the character"
            )
        try:
            refusals = [self.refusal(path) for path in self.files(text)]
        except ValueError as error:
            return str(error)
        return next(filter(None, refusals), "")

    def files(self, text: str) -> "Files":
        """Return the files that a text of the asset holds; ValueError for no such text."""
        return Files(self, {path: body for path, _, body in self.located(text)})

    def located(self, text: str) -> Iterator[tuple[str, int, str]]:
        """Yield the path, the start and the content of each file; ValueError as in `files`."""
        if self.is_several:
            yield from _parts(text)
        else:
            yield self.names[0], 0, text


@dataclass(frozen=True, eq=False)
class Files(Mapping[str, str]):
    """The contents of an asset's files, by path."""

    asset: Asset
    contents: Mapping[str, str]

    def __getitem__(self, path: str) -> str:
        return self.contents[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self.contents)

    def __len__(self) -> int:
        return len(self.contents)

    def pack(self) -> str:
        """Return the one text that is stored."""
        return pack(self) if self.asset.is_several else self.contents[self.asset.names[0]]

    def updated(self, contents: Mapping[str, str]) -> "Files":
        """Return the files, of which these have other contents or are new."""
        return Files(self.asset, {**self, **contents})

    def without(self, path: str) -> "Files":
        """Return the files but one."""
        return Files(self.asset, {name: body for name, body in self.items() if name != path})

    def plain(self) -> "Files":
        """Return the files as a model sees them: with line feeds, without a byte order mark."""
        return self.updated({path: line_ends.plain(body) for path, body in self.items()})


def files_of(text: str, asset: str) -> Files:
    """Return the files in a stored text, by the asset as the program stores it."""
    return Asset.parse(asset).files(text)


def pack(contents: Mapping[str, str]) -> str:
    """Return the text of several files."""
    runs = [run for body in contents.values() for run in re.findall(r"^=+", body, re.MULTILINE)]
    bar = "=" * max([_BAR, *(len(run) + 1 for run in runs)])
    packed = []
    for path, body in sorted(contents.items()):
        is_ended = not body or body.endswith("\n")
        packed.append(
            f"{bar} {path} {bar}\n{body}" if is_ended else f"{bar} {path}{_UNENDED} {bar}\n{body}\n"
        )
    return "".join(packed)


def _parts(text: str) -> Iterator[tuple[str, int, str]]:
    """Yield the path, the start and the content of each of several files."""
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


def is_pattern(name: str) -> bool:
    """Return True if a name has wildcards."""
    return bool(re.search(r"[*?\[\]{}]", name))


def matches(pattern: str, path: str) -> bool:
    """Return True if a name is a pattern that matches a path."""
    return is_pattern(pattern) and bool(_compiled(pattern).fullmatch(path))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    wildcards = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    expression = "".join(wildcards.get(piece) or re.escape(piece) for piece in pieces)
    return re.compile(expression, re.DOTALL)


def malformed(path: str) -> str:
    """Say why no file of an asset can have this path on any system; empty if one can."""
    faults = (_fault(path), *map(_fault_of_name, path.split("/")))
    fault = next(filter(None, faults), "")
    return f"{_shown(path)} {fault}" if fault else ""


def _fault(path: str) -> str:
    if not path.isprintable():
        return "holds a character that cannot be seen; name the file without it"
    if re.match(r"~|[A-Za-z]:", path) or "\\" in path or {"", ".", ".."} & {*path.split("/")}:
        return "is not a path below the project; write it as in src/model.py"
    if path.endswith(_UNENDED):
        return "ends like a headline; choose another name"
    return _TOO_LONG if _size(path) > _LONGEST_PATH else ""


def _fault_of_name(name: str) -> str:
    if name.strip(" ") != name or name.endswith("."):
        return "has a name that begins or ends with a space, or ends with a dot"
    if _folded(name.split(":", maxsplit=1)[0]) in _RESERVED or _SHORT.fullmatch(name):
        return "belongs to git or to the lab; choose another name"
    return _TOO_LONG if _size(name) > _LONGEST_NAME else ""


_TOO_LONG = f"is too long: {_LONGEST_NAME} bytes for a name and {_LONGEST_PATH} for a path at most"


def _size(name: str) -> int:
    return len(name.encode(errors="replace"))


def _shown(path: str) -> str:
    """Return a path as a sentence can hold it."""
    short = path if len(path) <= _SHOWN else f"{path[:_SHOWN]}..."
    return short if short.isprintable() else ascii(short)


def _folded(name: str) -> str:
    """Return a name as file systems compare it that ignore case and the forms of Unicode."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold()).rstrip(" .")

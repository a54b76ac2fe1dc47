"""Paths that program.md names: their recognition, and the checks on their use."""

import os
import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePosixPath

from autoresearch_graph.asset.files import SEPARATOR, is_pattern
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.text.markdown import Block, Span

_SUFFIX = re.compile(
    r"[^./]\.(?:bash|c|cc|cfg|cpp|cs|css|csv|cuh?|env|exs?|f90|go|gz|hh?|hpp|hs|html|ini|ipynb|j2|java|"
    r"jinja|[cm]?js|jsonl?|jsx|kt|lock|log|lua|md|ml|npy|npz|onnx|parquet|php|pkl|pl|prompt|proto|"
    r"pt[2h]?|py[ix]?|r|rb|rs|rst|safetensors|scala|sh|sql|svg|swift|tex|tmpl|toml|tsv?|tsx|txt|vhd|vue|xml|ya?ml|"
    r"zig|zip)$",
    re.IGNORECASE,
)
_NAMED = re.compile(r"`[^`]*`|(?<![\w./-])(?P<path>\w[\w-]*(?:/|\.\w)[\w./-]*)")


@dataclass(frozen=True, eq=False)
class Place:
    """The folder that paths are relative to, and program.md itself, for one reading."""

    project: Path
    program: Path

    def looks_like_path(self, text: str) -> bool:
        """Return True if a code span has slashes or a suffix like a path, or exists."""
        if not text or re.match(r"-|.*(?:://|[<>|;$()\"'=`])", text, re.DOTALL):
            return False
        if text.endswith("/") or re.match(r"\S*(?:/\S*\*|^\*\.)", text) or self.exists(text):
            return True
        parts = PurePosixPath(text)
        rooted = "/" in text and (parts.parts[0] in ("/", "~", "..") or self.exists(parts.parts[0]))
        return " " not in text and (rooted or bool(_SUFFIX.search(text)))

    def spanned(self, block: Block) -> Block:
        """Put backticks around the files of the project that a block names without."""
        if block.kind == "code" or self._known.get(f"\n{block.text}"):
            return block
        spans = list(block.spans)

        def marked(match: re.Match[str]) -> str:
            path = (match["path"] or "").rstrip(".")
            if not (path and self.exists(path)):
                return match[0]
            spans.append(Span(path, block.line_at(match.start())))
            return f"`{path}`{match['path'][len(path) :]}"

        text = _NAMED.sub(marked, block.text)
        if text != block.text:
            return replace(block, text=text, spans=tuple(spans))
        self._known[f"\n{text}"] = True  # nothing to mark in it
        return block

    @cached_property
    def _known(self) -> dict[str, bool]:
        """Answers so far, by path, and by text after a line feed."""
        return {}

    def exists(self, text: str) -> bool:
        """Return True if a path lies inside the project and exists; it is looked up once."""
        if text not in self._known:
            self._known[text] = is_inside(text) and os.path.lexists(self.project / text)
        return self._known[text]

    def is_wide(self, text: str) -> bool:
        """Return True for a pattern and a folder."""
        is_folder = text.endswith("/") or (self.exists(text) and (self.project / text).is_dir())
        return is_pattern(text) or is_folder

    def is_program(self, text: str) -> bool:
        """Return True for program.md itself, in any spelling."""
        own = Path(os.path.realpath(self.program))
        return not is_pattern(text) and Path(os.path.realpath(self.project / text)) == own

    def target(self, path: str) -> str:
        """Return the path within the project that a link leads to, or nothing."""
        here, there = (os.path.realpath(each) for each in (self.project, self.project / path))
        inside = there.startswith(f"{here}/") and os.path.relpath(there, here) != normal(path)
        return Path(os.path.relpath(there, here)).as_posix() if inside else ""

    def is_elsewhere(self, text: str) -> bool:
        """Return True for an absolute path outside the project: nothing is written there."""
        return text.startswith("/") and not Path(text).is_relative_to(self.project)

    def asset(self, text: str, line: int | None) -> str:
        """Return the path of the asset, normal, and `/**` after a folder.

        Raise ProgramError if it cannot be edited.
        """
        _check_written_out(text, "the asset", line)
        path = normal(text)
        _check_inside(text, path, "the asset", line)
        if re.search(r"[\[\]{}]", path) or SEPARATOR in path:
            raise bad_path(
                f"the asset `{text}` has brackets or a comma; write `*` or `?` in their place", line
            )
        if is_pattern(path):
            return path
        self._check_links(path, line)
        if not (self.exists(path) and (self.project / path).exists()):
            raise bad_path(
                f"the asset `{text}` does not exist in {self.project}; correct the path, "
                "or create the file",
                line,
            )
        file = self.project / path
        if file.is_dir():
            return f"{path}/**"
        if self.is_program(path):
            raise bad_path(f"the asset `{text}` is the program itself", line)
        return path

    def _check_links(self, path: str, line: int | None) -> None:
        """Raise ProgramError for a link: it could end at a protected file."""
        here = Path(os.path.realpath(self.project))
        there = Path(os.path.realpath(self.project / path))
        if not there.is_relative_to(here):
            raise bad_path(
                f"the asset `{path}` is a link to {there}, outside the project; "
                "copy that file into the project",
                line,
            )
        if there != here / path:
            raise bad_path(
                f"the asset `{path}` is a link; name the file that it leads to, "
                f"`{there.relative_to(here).as_posix()}`",
                line,
            )

    def artifact(self, text: str, line: int | None) -> str:
        """Return the path of an artifact, normal; raise ProgramError if it is not one file."""
        path = normal(text)
        _check_inside(text, path, "the artifact", line)
        if is_pattern(path) or text.strip().endswith("/"):
            raise bad_path(
                f"the artifact `{text}` must be one file; name each, or have the run pack them",
                line,
            )
        return path

    def protected(self, text: str, line: int) -> str:
        """Return a protected path, normal; raise ProgramError if it is outside or missing."""
        _check_written_out(text, "the protected path", line)
        path = normal(text)
        _check_inside(text, path, "the protected path", line)
        if re.search(r"[\[\]{}]", path):
            raise bad_path(
                f"the protected path `{text}` has brackets; write `*` or `?` in their place", line
            )
        if not (is_pattern(path) or text.endswith("/") or self.exists(path)):
            raise bad_path(
                f"the protected path `{text}` does not exist in {self.project}; correct the path, "
                "or remove it",
                line,
            )
        return path


def normal(text: str) -> str:
    """Return a path without `./`, doubled slashes and `..` that lead nowhere."""
    return Path(os.path.normpath(text.strip())).as_posix()


def braced(text: str) -> tuple[str, ...]:
    """Split `src/*.{c,h}` into two patterns."""
    inner = re.fullmatch(r"([^{}]*)\{([^{}]+,[^{}]+)\}([^{}]*)", text)
    if inner is None:
        return (text,)
    return tuple(f"{inner[1]}{each.strip()}{inner[3]}" for each in inner[2].split(","))


def is_inside(text: str) -> bool:
    """Return True if a path is relative and stays in its folder."""
    return not (text.startswith(("/", "~", "\\")) or normal(text).split("/")[0] in ("..", "."))


def covers(named: str, file: str) -> bool:
    """Return True if a path, a folder or a pattern covers a file."""
    return (
        named == file
        or PurePosixPath(named) in PurePosixPath(file).parents
        or (is_pattern(named) and fnmatchcase(file, named))
    )


def _check_inside(text: str, path: str, what: str, line: int | None) -> None:
    if text.startswith(("/", "~", "\\")):
        raise bad_path(
            f"{what} `{text}` must be relative to the project; write it as in `train.py`", line
        )
    if not is_inside(path):
        raise bad_path(
            f"{what} `{text}` lies outside the project; only what is inside can be named", line
        )


def is_placeholder(text: str) -> bool:
    """Return True for `<file>`, `path/to/x.py`, `{module}.py` and `your_file.py`."""
    is_braced = "{" in text and "," not in text
    return is_braced or bool(
        re.search(r"<[^<>]+>|\bpath/to\b|\b(?:your|my)[_-]|\.\.\.", text, re.I)
    )


def _check_written_out(text: str, what: str, line: int | None) -> None:
    if "\\" in text:
        raise bad_path(
            f"{what} `{text}` has backslashes; write `{text.replace(chr(92), '/')}`", line
        )
    if is_placeholder(text):
        flag = ", or give --asset" if what == "the asset" else ""
        raise bad_path(f"{what} `{text}` is a placeholder; write the path in its place{flag}", line)


def bad_path(message: str, line: int | None) -> ProgramError:
    """Return the error of a path that cannot be used."""
    return ProgramError(message, line=line, code="bad-path")

"""Project files that a command runs: they mark the work, so no asset may hold them.

The words of the command are examined, and nothing is run. Covered: interpreters and runners with
their options (`uv run python -u judge.py`, `python -m judge`, `timeout 60 ./score`), `cd`, several
commands in a row, and a command within quotation marks. Not covered: files that such a file imports
or starts by itself, code within the command (`python -c`), and paths in variables.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autoresearch_graph.program.shell import simple_commands

_RUNNER = re.compile(
    r"(?:python|pypy|perl|ruby|php|lua|luajit|pwsh)[\d.]*|(?:ba|da|fi|k|z)?sh|node|nodejs|deno|bun|tsx|ts-node"
    r"|npx|julia|Rscript|java|go|uv|uvx|poetry|pipenv|pdm|hatch|rye|pixi|conda|mamba|micromamba|pytest"
    r"|py\.test|torchrun|accelerate|deepspeed|coverage|source|\.|exec|eval|env|time|timeout|nice|nohup|sudo"
    r"|stdbuf|taskset|numactl|xargs|hyperfine|docker|podman|srun|mpirun|mpiexec|command|gcc|cc|setsid"
    r"|ionice|chrt|flock|strace|caffeinate|ipython|\{|!|if|then|else|while|do"
)
_BUILD_FILES = {
    "make": ("GNUmakefile", "makefile", "Makefile"), "just": ("justfile", "Justfile"),
    "npm": ("package.json",), "pnpm": ("package.json",), "yarn": ("package.json",),
}  # fmt: skip
_FOLDER_OPTIONS = ("-C", "--directory", "--cwd", "--chdir")
_DATA_OPTIONS = re.compile(r"--(?:with|requirement|constraint|env-file|config|project)\b.*")
_NO_PATH = re.compile(r"\w+=.*|\d+(?:\.\d+)?[smh]?|\.|-.*", re.DOTALL)


def evaluators(command: str, project: Path, folder: str = "") -> tuple[str, ...]:
    """Return the files and folders that a command runs, relative to the project."""
    found: list[str] = []
    for words in simple_commands(command):
        if words[0] == "cd" and len(words) > 1:
            folder = _joined(folder, words[1])
            continue
        found += _Command(project, folder).runs(words)
        for word in (word for word in words if re.search(r"\s", word)):
            found += evaluators(word, project, folder)
    return tuple(dict.fromkeys(found))


@dataclass
class _Command:
    """A simple command, read from its first word on, in a folder of the project."""

    project: Path
    folder: str

    def runs(self, words: list[str]) -> Iterator[str]:
        """Yield the file after a runner; a file of a long option may be run as well."""
        begun = False
        bases = [self.folder, *re.findall(r"PYTHONPATH=([^\s:]+)", " ".join(words)), "src"]
        for word, option, module in _parted(words):
            if option in _FOLDER_OPTIONS:
                self.folder = bases[0] = _joined(self.folder, word)
            elif files := self._module(module, bases):
                yield from files
                return
            elif path := self._there(word, self.folder):
                is_program = not (option.startswith("--") or is_runner(word))
                yield from self._run_file(path, option, is_program=is_program)
                if is_program:
                    return
            elif not (begun or _NO_PATH.fullmatch(word)):
                yield from self._build_files(word, words)
                if not (begun := is_runner(word)):
                    return

    def _run_file(self, path: str, option: str, *, is_program: bool) -> Iterator[str]:
        """Yield a path unless it is a mere folder, or the data of an option."""
        is_run = is_program or (self.project / path).is_file()
        if is_run and not _DATA_OPTIONS.fullmatch(option):
            yield path

    def _build_files(self, name: str, words: list[str]) -> Iterator[str]:
        """Yield the files that `make` and its like read, here or in the named folder."""
        named = [words[at + 1] for at, word in enumerate(words[:-1]) if word in _FOLDER_OPTIONS]
        for file in _BUILD_FILES.get(name, ()):
            yield from filter(None, [self._there(file, _joined(self.folder, *named))])

    def _module(self, name: str, bases: list[str]) -> list[str]:
        """Return the files that `-m name` runs: a module, or a package's own two."""
        path = name.replace(".", "/")
        files = (f"{path}.py", f"{path}/__init__.py", f"{path}/__main__.py")
        found = ([there for file in files if (there := self._there(file, base))] for base in bases)
        return next(filter(None, found), [])

    def _there(self, word: str, folder: str) -> str:
        """Return the file or folder that a word names, with links resolved, or nothing."""
        if not word or _NO_PATH.fullmatch(word) or "\0" in word:
            return ""
        project = self.project.resolve()
        path = (project / folder / word).resolve()
        inside = path != project and path.is_relative_to(project) and os.path.lexists(path)
        return path.relative_to(project).as_posix() if inside else ""


def _parted(words: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield each word with the one before it, and again if `-m` is before, up to `docker build`.

    `-mname` is two words; the name of a test in a file is left out.
    """
    option, is_module = "", False
    for part in words:
        for word in ("-m", part[2:]) if re.fullmatch(r"-m[\w.]+", part) else [part.split("::")[0]]:
            if word == "build" and option in ("docker", "podman"):
                return
            is_module = is_module or bool(re.fullmatch(r"-[A-Za-z]*m", option))
            yield word, option, word if is_module else ""
            option = word


def is_runner(word: str) -> bool:
    """Return True for an interpreter or another program that runs files."""
    return bool(_RUNNER.fullmatch(word.rpartition("/")[2]))


def _joined(*parts: str) -> str:
    return os.path.normpath(Path(*parts))

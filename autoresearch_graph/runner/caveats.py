"""Warnings before a run of a program that was written for other machines, and refusals."""

import os
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from git import Git, GitCommandError

from autoresearch_graph.core.program import Program
from autoresearch_graph.errors import InputError
from autoresearch_graph.program.evaluators import evaluators
from autoresearch_graph.program.paths import covers
from autoresearch_graph.program.shell import PIPE, parted, simple_commands
from autoresearch_graph.runner import environment as uv
from autoresearch_graph.runner import shell
from autoresearch_graph.runner.leakage import oracle_of_hidden
from autoresearch_graph.runner.sandbox.editable import own_imports
from autoresearch_graph.workspace.repository import asks_for_signatures
from autoresearch_graph.workspace.uncommitted import within

_LONGEST = 200
_PATH = re.compile(r"(?:~|\$HOME|\$\{HOME\})?/[^\s\"'`=:;|&()<>]+")
_SHELL = re.compile(r"(?:.*/)?(?:ba|da|k|z)?sh")
_COMMENT = re.compile(r"^\s*#.*\n?", re.MULTILINE)
_CLOSING = ("fi", "}", "esac")
_CONDITION = ("if", "while", "until", "elif", "!")
_LETS_FAIL = re.compile(
    r"\bset\s[^\n;&|]*\+(?:\w*e\w*|o\s+(?:errexit|pipefail))\b|\btrap\s.*\b(?:ERR|EXIT)\b"
)
_GROUP = re.compile(r"(?:\(|\{\s)([^(){}]*)[)}]\s*(?:&&|\|\|)")
_FUNCTION = re.compile(r"([\w-]+)\s*\(\)\s*\{(.*?)\}", re.DOTALL)
_CACHE = re.compile(r"`(~/\.cache/[\w-][^`]*)`")


def caveats(program: Program, project: Path) -> tuple[str, ...]:
    """A sentence for each thing that may keep a run from working, or makes it work otherwise."""
    missing = (
        f"{path} (line {line}) is not there: make it first, as {program.path.name} says"
        for path, line in _caches(program.text).items()
        if not Path(path).expanduser().exists()
    )
    unseen = (
        f"{name} is not committed, and a run sees only what is: commit it, or say under "
        f"Environment: A run may read `{name}`"
        for name in _uncommitted(program, project)
        if not _is_readable(name, program, project)
    )
    empty = (
        f"{name} is a submodule, and a run sees it as an empty folder: say under Environment: "
        f"A run may read `{name}`"
        for name in _submodules(project)
        if not _is_readable(name, program, project)
    )
    absent = (
        f"`{said}`, which a run may read, is not there: mend the path, or make it first"
        for said in program.environment.readable
        if not (project / Path(said).expanduser()).exists()
    )
    unsigned = (
        "commit.gpgsign is on, and the lab does not sign what it commits: "
        "autoresearch adopt --squash makes one commit of it that is signed"
        if asks_for_signatures(project)
        else ""
    )
    excused = (
        f"`{words}` may fail unseen, because of the `{sign}` beside it, and what it printed counts"
        for command in program.commands.values()
        for words, sign in _passed_over(command, project)
        if sign in ("||", "&", *_CONDITION)
    )
    allowed = (
        f"`{found[0]}` lets a part of the command fail unseen, and what was printed counts"
        for command in program.commands.values()
        for found in _LETS_FAIL.finditer(command)
    )
    lax = (
        f"{path} goes on when a part of it fails: begin it with `set -euo pipefail`, for bash"
        for path in _lax_scripts(program, project)
    )
    other = (uv.caveat(program.experiment, project), oracle_of_hidden(program, project), unsigned)
    return tuple(
        filter(None, (*other, *missing, *unseen, *empty, *absent, *excused, *allowed, *lax))
    )


def _is_readable(name: str, program: Program, project: Path) -> bool:
    """True if program.md lets a run read a path of the project."""
    return any(covers(within(project, said), name) for said in program.environment.readable)


def check_commands(program: Program, project: Path, path: str) -> None:
    """InputError where a command would fail on this machine, or measure something else.

    `path` is the PATH of a run.
    """
    top = _top(project)
    for name, command in program.commands.items():
        told = (
            shell.complaint(command),
            _own_file(command, project, top),
            *_passed_over_in_a_list(command, project),
            *_passed_over_in_a_condition(command, project),
            *_passed_over_within(command, project),
        )
        if why := next(filter(None, told), ""):
            raise InputError(f"the {name} command: {why}")
    commands = "\n".join(program.commands.values())
    if why := own_imports(commands, project, top, path)[1]:
        raise InputError(why)


def _passed_over_in_a_list(command: str, project: Path) -> Iterator[str]:
    for words, sign in _passed_over(command, project):
        if sign == "&&":
            yield (
                f"a failure of `{words}` is passed over, as another command follows its `&&`: "
                "put each part on a line of its own"
            )


def _passed_over_in_a_condition(command: str, project: Path) -> Iterator[str]:
    """Yield a sentence for several parts that a shell tests as one, so that none ends them."""
    tested = [(found[1], found[0]) for found in _GROUP.finditer(command)]
    for name, body in _FUNCTION.findall(command):
        asked = rf"\b(?:if|while|until)\s+{name}\b|!\s+{name}\b|\b{name}\b[^|&;\n()]*(?:&&|\|\|)"
        if re.search(asked, command):
            tested.append((body, name))
    for body, named in tested:
        if len(list(parted(body))) > 1 and evaluators(body, project):
            yield (
                f"a failure within `{named}` is passed over, as its result is tested: "
                "put it on a line of its own, without the test"
            )


def _passed_over_within(command: str, project: Path) -> Iterator[str]:
    """Yield a sentence for `sh -c '...'` that runs several parts of the project."""
    for words in simple_commands(command):
        for at, (first, option) in enumerate(pairwise(words)):
            within = " ".join(words[at + 2 : at + 3])
            is_shell = _SHELL.fullmatch(first) and re.fullmatch(r"-\w*c", option)
            if is_shell and _is_lax(within) and evaluators(within, project):
                yield (
                    f"a failure within `{first} {option}` is passed over: begin it with "
                    "`set -euo pipefail;` for bash, or write it without that"
                )


def _is_lax(script: str) -> bool:
    """True for a script of several parts that goes on when one of them fails."""
    if PIPE.search(script):
        return "pipefail" not in script
    return bool(re.search(r"[;\n]", script.strip())) and not re.search(r"\bset -\w*e", script)


def _lax_scripts(program: Program, project: Path) -> Iterator[str]:
    """Yield the scripts of the project that a command runs, and that go on after a failure."""
    for command in program.commands.values():
        for path in evaluators(command, project):
            with suppress(OSError, UnicodeDecodeError):
                text = (project / path).read_text("utf-8")
                is_script = path.endswith(".sh") or re.match(r"#!.*sh\b", text)
                if re.search(rf"(?:^|[\s;&|(])(?:source|\.)\s+(?:\./)?{re.escape(path)}", command):
                    continue  # it runs in the command's own shell
                if is_script and _is_lax(_COMMENT.sub("", text)):
                    yield path


def _top(project: Path) -> Path:
    """Return the clone that a project is in, or the project itself."""
    try:
        return Path(Git(str(project)).rev_parse("--show-toplevel")).resolve()
    except GitCommandError:
        return project.resolve()


def _own_file(command: str, project: Path, top: Path) -> str:
    """Return what to do about a path that leads out of the checkout, into the person's clone."""
    for word in _PATH.findall(command):
        path = Path(os.path.expandvars(word)).expanduser().resolve()
        goes = re.search(rf"\bcd\s+[\"']?{re.escape(word)}(?![\w/.-])", command)
        if path in (project.resolve(), top) or (goes and top.is_relative_to(path)):
            return f"{word} is your own folder; leave it out, for it starts in the experiment's"
        if path.is_relative_to(top) and _is_committed(path, top):
            near = os.path.relpath(path, project.resolve())
            return f"{word} is in your own folder and not in the experiment's: write {near}"
    return ""


def _is_committed(path: Path, top: Path) -> bool:
    try:
        return bool(Git(str(top)).ls_tree("--name-only", "HEAD", "--", path.relative_to(top)))
    except GitCommandError:  # there is no commit yet, which is said elsewhere
        return False


def _passed_over(command: str, project: Path) -> Iterator[tuple[str, str]]:
    """Yield what runs a file of the project and may fail unseen, with the sign that lets it."""
    parts = list(parted(re.sub(r"\d*[<>]&\d*-?|&>>?", " ", command)))
    folder, begins = "", 0
    waited = re.search(r"\bwait\s+-?\S", command)
    for at, (words, end) in enumerate(parts):
        sign = end.strip("\n()")
        if words[0] == "cd" and len(words) > 1:
            folder = os.path.normpath(Path(folder, words[1]))
        program = [word for word in words if word not in _CONDITION]
        if evaluators(shlex.join(program), project, folder):
            if (first := parts[begins][0][0]) in _CONDITION:
                yield shlex.join(words), first
                continue
            goes_on = sign == "&&" and _goes_on(parts[at + 1 :])
            after = parts[at + 1][0][:2] if at + 1 < len(parts) else []
            ends = after[:1] in (["exit"], ["false"]) and after != ["exit", "0"]
            if (sign == "||" and not ends) or (sign == "&" and not waited) or goes_on:
                yield shlex.join(words), sign
        if sign not in ("&&", "||", "|"):
            begins = at + 1


def _goes_on(parts: list[tuple[list[str], str]]) -> bool:
    """True if a list of `&&` is followed by another command, so that its failure is passed over."""
    ends = (at for at, (_, end) in enumerate(parts) if end.strip("\n()") not in ("&&", "|"))
    at = next(ends, len(parts))
    if at < len(parts) and parts[at][1].strip("\n()") == "||":
        return False
    return any(words[0] not in _CLOSING for words, _ in parts[at + 1 :])


def _uncommitted(program: Program, project: Path) -> list[str]:
    """The files and folders of the project that a command names and git does not have."""
    parts = (words for text in program.commands.values() for words in simple_commands(text))
    words = {word for part in parts for word in part}
    likely = (w for w in words if w.strip("./") and len(w) < _LONGEST and not w.startswith("/"))
    there = sorted(word for word in likely if (project / word).exists())
    below = [word for word in there if (project / word).resolve().is_relative_to(project)]
    git = Git(str(project))
    try:
        return [w for w in below if not git.ls_tree("--name-only", "HEAD", "--", w.rstrip("/"))]
    except GitCommandError:  # there is no repository yet, which is said elsewhere
        return []


def _submodules(project: Path) -> list[str]:
    """The folders of the project that are repositories of their own."""
    try:
        listed = Git(str(project)).ls_tree("-r", "-z", "HEAD").split("\0")
    except GitCommandError:  # there is no repository yet, which is said elsewhere
        return []
    return [entry.partition("\t")[2] for entry in listed if entry.startswith("160000 ")]


def _caches(text: str) -> dict[str, int]:
    """The folders in the user's cache that a text names, each with its first line."""
    found: dict[str, int] = {}
    for match in _CACHE.finditer(text):
        found.setdefault(match[1], text.count("\n", 0, match.start()) + 1)
    return found

"""Warnings and refusals before the commands of a program run on this machine."""

import os
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from git import Git, GitCommandError, GitError, Repo

from autoresearch_graph.core.program import Program
from autoresearch_graph.errors import InputError
from autoresearch_graph.program.evaluators import evaluators
from autoresearch_graph.program.paths import covers
from autoresearch_graph.program.shell import PIPE, parted, simple_commands
from autoresearch_graph.runner import shell
from autoresearch_graph.runner.environment import uv_caveat
from autoresearch_graph.runner.leakage import oracle_of_hidden
from autoresearch_graph.runner.sandbox.editable import own_imports
from autoresearch_graph.workspace.repository import asks_for_signatures
from autoresearch_graph.workspace.uncommitted import Committed, within

_LONGEST = 200  # characters of a word that may be a path
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
    """Return a sentence for each thing that may keep a run from working, or changes its result."""
    found = [uv_caveat(program.experiment, project), oracle_of_hidden(program, project)]
    if asks_for_signatures(project):
        found.append(
            "commit.gpgsign is on, and the lab does not sign what it commits: "
            "autoresearch adopt --squash makes one commit of it that is signed"
        )
    found += _missing_caches(program)
    found += _unseen(program, project)
    found += _missing_readables(program, project)
    found += _unseen_failures(program, project)
    return tuple(filter(None, found))


def _missing_caches(program: Program) -> Iterator[str]:
    """Yield a sentence for each folder in the user's cache that a text names and that is missing.

    Each with the line on which it is named first.
    """
    known: set[str] = set()
    for match in _CACHE.finditer(program.text):
        path, line = match[1], program.text.count("\n", 0, match.start()) + 1
        if path not in known and not Path(path).expanduser().exists():
            yield f"{path} (line {line}) is not there: make it first, as {program.path.name} says"
        known.add(path)


def _unseen(program: Program, project: Path) -> Iterator[str]:
    """Yield a sentence for each path of the project that a run needs and would not see."""
    committed = _committed(project)
    if committed is None:
        return
    readable = [within(project, path) for path in program.environment.readable]
    reasons = {
        name: "is not committed, and a run sees only what is: commit it, or"
        for name in _named_paths(program, project)
        if not committed.has(path := os.path.normpath(name)) and path not in committed.submodules
    }
    for name in sorted(committed.submodules):
        reasons[name] = "is a submodule, and a run sees it as an empty folder:"
    for name, reason in reasons.items():
        if not any(covers(folder, name) for folder in readable):
            yield f"{name} {reason} say under Environment: A run may read `{name}`"


def _committed(project: Path) -> Committed | None:
    """Return the committed files of a project, or None before its first commit."""
    try:
        with Repo(project, search_parent_directories=True) as repo:
            top = Path(repo.working_dir).resolve()
            return Committed.of(repo, "HEAD", project.resolve().relative_to(top))
    except (GitError, ValueError):
        return None


def _named_paths(program: Program, project: Path) -> list[str]:
    """Return the files and folders of the project that a command names."""
    words: set[str] = set()
    for command in program.commands.values():
        words.update(*simple_commands(command))
    return [word for word in sorted(words) if _is_in(project, word)]


def _is_in(project: Path, word: str) -> bool:
    """Return True for a word of a command that is a file or folder of the project."""
    if not word.strip("./") or len(word) >= _LONGEST or word.startswith("/"):
        return False
    path = project / word
    return path.exists() and path.resolve().is_relative_to(project)


def _missing_readables(program: Program, project: Path) -> Iterator[str]:
    for path in program.environment.readable:
        if not (project / Path(path).expanduser()).exists():
            yield f"`{path}`, which a run may read, does not exist: fix the path, or make it first"


def _unseen_failures(program: Program, project: Path) -> Iterator[str]:
    """Yield a sentence for each part of a command, or script, that may fail unseen."""
    commands = program.commands.values()
    for command in commands:
        for words, sign in _passed_over(command, project):
            if sign in ("||", "&", *_CONDITION):
                yield (
                    f"`{words}` may fail unseen, because of the `{sign}` beside it, and what it "
                    "printed counts"
                )
    for command in commands:
        for found in _LETS_FAIL.finditer(command):
            yield f"`{found[0]}` lets a part of the command fail unseen, and its output counts"
    for path in _lax_scripts(program, project):
        yield f"{path} goes on when a part of it fails: begin it with `set -euo pipefail`, for bash"


def check_commands(program: Program, project: Path, path: str) -> None:
    """InputError where a command would fail on this machine, or measure something else.

    `path` is the PATH of a run.
    """
    top = _top(project)
    for name, command in program.commands.items():
        refusals = (
            shell.complaint(command),
            _own_file(command, project, top),
            *_passed_over_in_a_list(command, project),
            *_passed_over_in_a_condition(command, project),
            *_passed_over_within(command, project),
        )
        if refusal := next(filter(None, refusals), ""):
            raise InputError(f"the {name} command: {refusal}")
    commands = "\n".join(program.commands.values())
    if refusal := own_imports(commands, project, top, path)[1]:
        raise InputError(refusal)


def _passed_over_in_a_list(command: str, project: Path) -> Iterator[str]:
    """Yield a sentence for each part before an `&&` that another command follows."""
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
        test = rf"\b(?:if|while|until)\s+{name}\b|!\s+{name}\b|\b{name}\b[^|&;\n()]*(?:&&|\|\|)"
        if re.search(test, command):
            tested.append((body, name))
    for body, group in tested:
        if len(list(parted(body))) > 1 and evaluators(body, project):
            yield (
                f"a failure within `{group}` is passed over, as its result is tested: "
                "put it on a line of its own, without the test"
            )


def _passed_over_within(command: str, project: Path) -> Iterator[str]:
    """Yield a sentence for `sh -c '...'` that runs several parts of the project."""
    for words in simple_commands(command):
        for index, (first, option) in enumerate(pairwise(words)):
            script = " ".join(words[index + 2 : index + 3])
            is_shell = _SHELL.fullmatch(first) and re.fullmatch(r"-\w*c", option)
            if is_shell and _is_lax(script) and evaluators(script, project):
                yield (
                    f"a failure within `{first} {option}` is passed over: begin it with "
                    "`set -euo pipefail;` for bash, or write it without that"
                )


def _is_lax(script: str) -> bool:
    """Return True for a script of several parts that goes on when one of them fails."""
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
    """Return advice on a path that leads out of the checkout, into the person's clone."""
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
    """Return True for a path in the last commit."""
    try:
        return bool(Git(str(top)).ls_tree("--name-only", "HEAD", "--", path.relative_to(top)))
    except GitCommandError:  # there is no commit yet, which is reported elsewhere
        return False


def _passed_over(command: str, project: Path) -> Iterator[tuple[str, str]]:
    """Yield each part that runs a file of the project and may fail unseen, with the sign for it."""
    parts = list(parted(re.sub(r"\d*[<>]&\d*-?|&>>?", " ", command)))
    folder, begins = "", 0
    for index, (words, end) in enumerate(parts):
        sign = end.strip("\n()")
        if words[0] == "cd" and len(words) > 1:
            folder = os.path.normpath(Path(folder, words[1]))
        program = [word for word in words if word not in _CONDITION]
        if evaluators(shlex.join(program), project, folder):
            if (first := parts[begins][0][0]) in _CONDITION:
                yield shlex.join(words), first
                continue
            if _may_fail(sign, parts[index + 1 :], command):
                yield shlex.join(words), sign
        if sign not in ("&&", "||", "|"):
            begins = index + 1


def _may_fail(sign: str, rest: list[tuple[list[str], str]], command: str) -> bool:
    """Return True if the sign after a part, and the `rest`, let it fail unseen."""
    if sign == "||":
        after = rest[0][0][:2] if rest else []
        return after[:1] not in (["exit"], ["false"]) or after == ["exit", "0"]
    if sign == "&":
        return not re.search(r"\bwait\s+-?\S", command)
    return sign == "&&" and _goes_on(rest)


def _goes_on(parts: list[tuple[list[str], str]]) -> bool:
    """Return True if another command follows a list of `&&`, so that its failure is passed over."""
    for index, (_, end) in enumerate(parts):
        sign = end.strip("\n()")
        if sign not in ("&&", "|"):
            after = parts[index + 1 :]
            return sign != "||" and any(words[0] not in _CLOSING for words, _ in after)
    return False

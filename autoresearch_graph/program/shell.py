"""Shell text: commands, their simple parts, and redirections to a log."""

import re
import shlex
import textwrap
from collections.abc import Iterator
from functools import lru_cache

_LOG = r"\S*(?:\.(?:log|txt|out)|/dev/null)"
_TO_LOG = (
    r"2>&1\s*\|\s*tee(?:\s+-a)?\s+\S+|\|&\s*tee(?:\s+-a)?\s+\S+|&>>?\s*\S+"
    r"|(?<![\d&>])1?>>?\s*\S+\s+2>&1|2>&1\s*>>?\s*\S+"
    rf"|\|\s*tee(?:\s+-a)?\s+{_LOG}|(?<![\d&>])1?>>?\s*{_LOG}"
)
_PROMPT = re.compile(r"(?:\([\w.-]+\) ?)?[$%] |(?:PS ?\S*|[A-Z]:\\\S*)> ")
_READS_A_PART = re.compile(r"\b(?:head|grep\s.*-\w*[qm]|sed\s.*q|awk\s.*exit)\b")
_VARIABLE = re.compile(r"\"?\$(?:\w+|\{\w+\}|\([^()]*\))\"?/")
PIPE = re.compile(r"(?<!\|)\|(?!\|)")
_OUTPUT = re.compile(r"[\w./@ -]+:\s*[-+]?[\d.]+%?(?:e-?\d+)?\s*")
_QUOTED = re.compile(r"'(?!<\w[\w -]*>)[^']*'|(?<=-c )\"[^\"]*\"")
_PLACEHOLDER = re.compile(
    r"<[A-Za-z][^<>=\n]*(?<! )>|(?<![$\w{])\{\{?[A-Za-z_][\w -]*\}|(?<=\w)\{[A-Z_]+\}"
    r"|(?:(?<=\s)|(?<==))\[[A-Za-z][\w .-]*\](?!\S)|(?<![\w$])(?:YOUR|your|MY)[_-]\w+"
    r"|(?:/|\b)path/to/[\w./]*|\b(?:TODO|TBD|X{3,}|N{3,})\b|(?<![\w/.])(?:\.{3}|…)(?![\w/])"
    r"|\$(?:[1-9]|@|\*|\{[1-9]\})"
)
_TOOLS = (
    "git", "grep", "egrep", "rg", "tail", "cat", "head", "less", "pip", "pip3", "mkdir", "cd",
    "ls", "rm", "cp", "mv", "touch", "echo", "printf", "export", "source", ".", "sed", "awk", "wc",
    "sort", "diff", "nvidia-smi", "kill", "pkill", "curl", "wget", "tar", "unzip", "chmod",
    "sleep", "which", "gh", "conda", "apt-get", "apt", "brew", "sync", "pwd", "test", "[", "set",
    "tee", "jq", "find", "ruff", "mypy", "black", "autoresearch", "claude", "codex", "tmux",
)  # fmt: skip
BUILDERS = (
    "make", "npm", "yarn", "pnpm", "cargo", "go", "just", "cmake", "python", "python3", "uv",
    "bundle", "mvn", "gradle", "ninja", "tsc", "pytest", "tox",
)  # fmt: skip
_GOALS = (
    "build", "test", "tests", "clean", "install", "lint", "check", "sync", "all", "fmt", "format",
    "pytest", "unittest", "pip", "add", "ci",
)  # fmt: skip
_REDIRECTION = re.compile(rf"(?:{_TO_LOG}|(?<=\s)2>&1)$")


@lru_cache(1024)
def script(text: str) -> str:
    """Return a command or script without prompts and without a final redirection to a log.

    A redirection of the output alone to another kind of file stays: the run may make it.
    """
    lines = textwrap.dedent(text).strip().splitlines()
    return without_log("\n".join(line.rstrip() for line in _prompted(lines) or lines))


def _prompted(lines: list[str]) -> list[str]:
    """Return the lines after the prompt `$ `, and their continuations; the rest is output."""
    commands: list[str] = []
    for line in lines:
        if prompt := _PROMPT.match(line):
            commands.append(line[prompt.end() :])
        elif commands and commands[-1].endswith("\\"):
            commands.append(line)
    return commands


def without_log(command: str) -> str:
    """Return a command without a trailing redirection to a log."""
    return _REDIRECTION.sub("", command.rstrip()).rstrip()


def reads_a_part(command: str) -> bool:
    """Return True if a final pipe, as into `head`, reads only the first lines."""
    _, _, remainder = command.partition("|")
    return bool(_READS_A_PART.search(remainder)) and not re.search(r"^\||[;\n]|&&|\|\|", remainder)


@lru_cache(1024)
def has_log(command: str) -> bool:
    """Return True if a command sends its output to a log, as only the loop's own does."""
    return bool(re.search(rf"\S\s*(?:{_TO_LOG})$", command))


def is_no_output(text: str) -> bool:
    """Return True if a code span is neither output of a run nor a blank to fill in."""
    return not text.startswith(("METRIC ", "<", "{", "-")) and not _OUTPUT.fullmatch(text)


def looks_like_command(text: str) -> bool:
    """Return True for several words, or a script by its path."""
    several = len(text.split()) > 1
    return is_no_output(text) and (several or text.startswith("./") or text.endswith(".sh"))


@lru_cache(1024)
def placeholder(command: str) -> str:
    """Return the first blank to fill in of a command, as in `--id <id>`; empty if it has none."""
    found = _PLACEHOLDER.search(_QUOTED.sub(lambda match: " " * len(match[0]), command))
    own = "()" in command or "set --" in command
    return "" if found is None or (own and found[0].startswith("$")) else found[0]


@lru_cache(1024)
def runs_something(command: str) -> bool:
    """Return True unless all that a command does is to read, to install, to build or to test."""
    return any(_is_work(words) for words in simple_commands(command))


def _is_work(words: list[str]) -> bool:
    while len(words) > 1 and ("=" in words[0] or words[0] in ("sudo", "time", "env", "uv", "run")):
        words = words[1:]
    if words[0] in _TOOLS or re.search("^-|=", words[0]):
        return False
    named = [word for word in words[1:] if not word.startswith("-")][:2]
    if not named:
        return words[0] not in ("make", "ninja", "tsc", "pytest", "tox")
    return words[0] not in BUILDERS or set(_GOALS).isdisjoint(named)


def simple_commands(command: str) -> Iterator[list[str]]:
    """Yield the words of each command between `&&`, `;`, `|`, brackets and line breaks."""
    return (words for words, _ in parted(command))


def parted(command: str) -> Iterator[tuple[list[str], str]]:
    """Yield the words of each simple command, and its separator from the next one."""
    text = _VARIABLE.sub("./", command.replace("\\\n", " "))
    lexer = shlex.shlex(text, posix=True, punctuation_chars="();&|\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    try:
        words = list(lexer)
    except ValueError:  # a quotation mark is not closed
        words = re.findall(r"[^\s;&|()'\"]+|[;&|()\n]", text)
    simple: list[str] = []
    comment = False
    for word in [*words, "\n"]:
        comment = "\n" not in word and (comment or word.startswith("#"))
        if re.fullmatch(r"[();&|\n]+", word):
            if simple:
                yield simple, word
            simple = []
        elif not comment:
            simple.append(word)

"""Shell text: what is a command, and the redirection to a log that the loop does itself."""

import re
import shlex
import textwrap
from collections.abc import Iterator

_LOG = r"\S*(?:\.(?:log|txt|out)|/dev/null)"
_TO_LOG = (
    r"2>&1\s*\|\s*tee(?:\s+-a)?\s+\S+|\|&\s*tee(?:\s+-a)?\s+\S+|&>>?\s*\S+"
    r"|(?<![\d&>])1?>>?\s*\S+\s+2>&1|2>&1\s*>>?\s*\S+"
    rf"|\|\s*tee(?:\s+-a)?\s+{_LOG}|(?<![\d&>])1?>>?\s*{_LOG}"
)
_PROMPT = re.compile(r"(?:\([\w.-]+\) ?)?[$%] ")
_READS_A_PART = re.compile(r"\b(?:head|grep\s.*-\w*[qm]|sed\s.*q|awk\s.*exit)\b")
_VARIABLE = re.compile(r"\"?\$(?:\w+|\{\w+\}|\([^()]*\))\"?/")
PIPE = re.compile(r"(?<!\|)\|(?!\|)")
_REDIRECTION = re.compile(rf"(?:{_TO_LOG}|(?<=\s)2>&1)$")


def script(text: str) -> str:
    """A command or script without prompts and without a redirection to a log at its end.

    A redirection of the output alone to another kind of file stays: it may be what the run makes.
    """
    lines = textwrap.dedent(text).strip().splitlines()
    return without_log("\n".join(line.rstrip() for line in _prompted(lines) or lines))


def _prompted(lines: list[str]) -> list[str]:
    """What stands after the prompt `$ `, and goes on after a backslash; the rest is output."""
    commands: list[str] = []
    for line in lines:
        if prompt := _PROMPT.match(line):
            commands.append(line[prompt.end() :])
        elif commands and commands[-1].endswith("\\"):
            commands.append(line)
    return commands


def without_log(command: str) -> str:
    """A command without a trailing redirection to a log."""
    return _REDIRECTION.sub("", command.rstrip()).rstrip()


def reads_a_part(command: str) -> bool:
    """True if a command ends with a pipe in which `head` or its like reads the first lines."""
    _, _, rest = command.partition("|")
    return bool(_READS_A_PART.search(rest)) and not re.search(r"^\||[;\n]|&&|\|\|", rest)


def has_log(command: str) -> bool:
    """Whether a command sends its output to a log, as only the loop's own command does."""
    return bool(re.search(rf"\S\s*(?:{_TO_LOG})$", command))


def is_no_output(text: str) -> bool:
    """Whether a code span is something else than the output of a run or a blank to fill in."""
    return not re.match(r"METRIC\b|[<{]", text)


def looks_like_command(text: str) -> bool:
    """Whether a code span is a command: several words, or a script by its path."""
    several = len(text.split()) > 1
    return is_no_output(text) and (several or text.startswith("./") or text.endswith(".sh"))


def simple_commands(command: str) -> Iterator[list[str]]:
    """Yield the words of each command between `&&`, `;`, `|`, brackets and line breaks."""
    return (words for words, _ in parted(command))


def parted(command: str) -> Iterator[tuple[list[str], str]]:
    """Yield the words of each simple command, and what parts it from the next one."""
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

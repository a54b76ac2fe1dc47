"""The shell command line that lets no part of a command fail unseen.

bash where the machine has one, else sh. A command with several parts ends at the first that fails,
as with `set -e -o pipefail`, also in a subshell and in `$( )`. A program that writes into a pipe
whose reader has ended (SIGPIPE) has not failed. Parts after `if`, `!` and before `||` may fail, and
all parts after a `set +e` of the person's own.

Not covered: a part that runs in the background, unless it is waited for by its number (`wait $!`).
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from autoresearch_graph.errors import LabError
from autoresearch_graph.program.shell import PIPE, simple_commands

_TIMEOUT = 10  # seconds for a question to the shell
_SEVERAL = re.compile(r"[|&;\n(`]|^\s*(?:source|\.|eval)\s")
_BASH_ONLY = re.compile(
    r"\bpipefail\b|\bsource\s|\[\[|\w\+?=\(|[<>]\(|\|&|&>|\{[\w-]+\.\.[\w-]+\}|\$'|<<<|\bdeclare\s"
)
_KEYWORDS = ("if", "then", "else", "elif", "do", "while", "until", "!", "{", "time")
_STARTERS = ("env", "timeout", "nice", "nohup", "exec", "stdbuf", "command", "setsid", "taskset")
_CHANGES_PATH = ("source", ".", "eval", "conda", "mamba", "micromamba", "module", "ml", "pyenv")
_INSTALLS = re.compile(r"PATH=|install$").match
_PROGRAM = re.compile(r"[A-Za-z_][\w.+-]*|[\w.+~-]*/[\w./+~-]+")
_FUNCTION = re.compile(r"([\w-]+)\s*\(\)|\bfunction\s+([\w-]+)")
_UNREADABLE = re.compile(r"<<|\bcase\b")
_NO_COMMAND = re.compile(
    r"\b\w+\+?=\([^)]*\)|\$?\(\([^)]*\)\)|\[\[.*?\]\]|\d*[<>]&\d*-?|&>>?", re.DOTALL
)
# 141 is SIGPIPE. A subshell leaves its code in a file, for `$( )` hides it.
_STRICT = r"""
set -E -o pipefail;
_unseen=${TMPDIR:-/tmp}/unseen-$$-$RANDOM$RANDOM;
trap '_codes=("${PIPESTATUS[@]}");
  for _code in "${_codes[@]}"; do
    [ "$_code" = 0 ] || [ "$_code" = 141 ] && continue;
    [[ "${_codes[*]}" =~ ^((0|141)\ )*1$ && $BASH_COMMAND =~ grep\  ]]
      && echo "found nothing: $BASH_COMMAND" >&2;
    [ "$BASH_SUBSHELL" = 0 ] || echo $_code >"$_unseen";
    exit $_code;
  done;
  [[ $_code = 0 || $BASH_COMMAND =~ ^\(|\$\(|\` ]] || { _broken=1; exit 141; }' ERR;
trap '_code=$?;
  [ -z "${_wait-}" ] || wait $!;
  [ "$_code" = 141 ] && [ -z "${_broken-}" ] && _code=0;
  if [ -e "$_unseen" ]; then
    [ "$_code" = 0 ] && read -r _code <"$_unseen";
    rm -f "$_unseen";
  fi;
  exit ${_code:-1}' EXIT;
""".replace("\n", " ")


def argv(command: str) -> tuple[str, ...]:
    """Return the words that run a command; LabError where this machine cannot run it as meant."""
    if refusal := _needs_bash(command):
        raise LabError(refusal)
    bash = shutil.which("bash")
    if not _SEVERAL.search(command):
        return (bash or "/bin/sh", "-c", command)
    if bash is None:
        return ("/bin/sh", "-e", "-c", command)
    if re.search(r"\bset\s+\+\w*e", command):
        return (bash, "-c", "set -o pipefail; " + command)
    has_background = re.search(r"(?<![&>|])&(?![&>\d])", command)
    waits = "_wait=1; " if "<(" in command and not has_background else ""
    return (bash, "-c", _STRICT + waits + command)


def complaint(command: str) -> str:
    """Return the reason why this machine's shell cannot run a command, or nothing."""
    shell = shutil.which("bash") or "/bin/sh"
    parse = [shell, "-n", "-c", command]
    done = subprocess.run(parse, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    if done.returncode:
        line = re.sub(r"^.*?(?=line \d|\d+: )", "", done.stderr.strip().partition("\n")[0])
        return f"the shell cannot read it: {line}"
    return _needs_bash(command)


def missing(command: str, project: Path, path: str) -> list[str]:
    """Return the programs that a command names and this machine lacks; `path` is a run's PATH.

    Of paths only the first is looked for: an earlier part may make what a later one runs.
    """
    named = list(programs(command))
    lacking: list[str] = []
    for folder, word in named[:1]:
        file = Path(word).expanduser()
        exists = (project / folder / file).exists() or (project / file).exists()
        lacking += [word] if "/" in word and not exists else []
    script = 'for word; do command -v "$word" >/dev/null || echo "$word"; done'
    words = [word for _, word in named if "/" not in word]
    done = subprocess.run(
        [shutil.which("bash") or "/bin/sh", "-c", script, "missing", *words], capture_output=True,
        text=True, timeout=_TIMEOUT, check=False, env={"PATH": path},
    )  # fmt: skip
    return [*lacking, *done.stdout.splitlines()]


def programs(command: str) -> Iterator[tuple[str, str]]:
    """Yield each program that a command starts, with its folder.

    They end at a part that may change the PATH, or that only the shell itself can read.
    """
    text = _NO_COMMAND.sub(" : ", _UNREADABLE.split(command)[0])
    text = re.sub(r"\$(?:\w+|\{[^}]*\})", "$", text)
    functions = {*chain.from_iterable(_FUNCTION.findall(text))}
    folder = "."
    for words in simple_commands(text):
        if words[0] in ("cd", "pushd") and len(words) > 1:
            folder = str(Path(folder) / words[1])
        elif words[0] in _CHANGES_PATH or any(map(_INSTALLS, words)):
            return
        elif words[0] not in ("for", "select", "function"):
            yield from ((folder, word) for word in _started(words) if word not in functions)


def _started(words: list[str]) -> Iterator[str]:
    """Yield the program that words start, and before it its starters, such as `env`."""
    before = ""
    for word in words:
        is_other = word in _KEYWORDS or re.match(r"-|\w+\+?=|[\d.]+[smhd]?$|\d*[<>]", word)
        if not is_other:
            is_argument = re.match(r"-|\d*[<>]+$", before)
            if _PROGRAM.fullmatch(word) and not is_argument:
                yield word
            if word not in _STARTERS:
                return
        before = word


def _needs_bash(command: str) -> str:
    """Return the reason why a command needs bash, where there is none."""
    found = PIPE.search(command) or _BASH_ONLY.search(command)
    if found is None or shutil.which("bash"):
        return ""
    if PIPE.search(command):
        return (
            "it has a pipe, and without bash the failure of its first part is not seen: "
            "install bash, or write the output to a file and read that in a second line"
        )
    return (
        f"`{found[0].strip()}` is of bash, which is not installed: install it, or write it for sh"
    )

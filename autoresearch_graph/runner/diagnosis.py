"""Why a command failed: a cause and one sentence, from its exit code and what it printed.

A diagnosis helps the next proposal and is never a verdict: the output is the run's own, so a
run may print whatever traceback it likes.
"""

import builtins
import re
import signal
from contextlib import suppress
from pathlib import Path

from autoresearch_graph.experiment import Cause
from autoresearch_graph.output import clean

_SENTENCE = 300
_EXCEPTION = re.compile(r"(?:\w+\.)*(\w*(?:Error|Exception|Exit|Interrupt))(?:: .*)?")
_PLACE = re.compile(r'\s*File "([^"]+)", line (\d+)')
_MEMORY = re.compile(
    r"MemoryError|OutOfMemory|out of memory|bad_alloc|can't allocate memory|RESOURCE_EXHAUSTED",
    re.IGNORECASE,
)
_SYNTAX = ("SyntaxError", "IndentationError", "TabError")
_IMPORT = ("ModuleNotFoundError", "ImportError")


def diagnose(exit_code: int, text: str, *, memory_gb: float) -> tuple[Cause, str]:
    """The cause and the reason of an exit code other than 0, from what was printed before."""
    lines = [line for line in clean(text).split("\n") if line.strip()] or ["nothing was printed"]
    at, kind = _last_exception(lines)
    killer = _signal_name(exit_code)
    if exhausted := next(filter(_MEMORY.search, lines[at:]), None):
        return "memory", sentence(f"out of memory: {exhausted}")
    if killer == "SIGKILL":
        return "memory", f"killed by SIGKILL, most likely out of memory (peak {memory_gb:.1f} GiB)"
    if killer:
        return "signal", f"killed by {killer}"
    if kind in _SYNTAX:
        return "syntax", _does_not_parse(lines[:at], lines[at])
    if kind in _IMPORT:
        return "import", sentence(f"an import failed: {lines[at]}")
    return "exit", sentence(f"exit code {exit_code}: {lines[at]}")


def is_cut_off(text: str) -> bool:
    """True if the last exception says that nobody reads the output any more."""
    lines = [line for line in clean(text).split("\n") if line.strip()]
    return bool(lines) and _last_exception(lines)[1] == "BrokenPipeError"


def exception_in(text: str, folder: Path) -> str:
    """Name the class of the last exception and the line in a file of `folder`, never its message.

    Of a class that is not Python's own no name is told, and no place that is not there: a message
    can look like either. Empty where no exception was printed.
    """
    lines = [line for line in clean(text).split("\n") if line.strip()]
    at, kind = _last_exception(lines) if lines else (0, "")
    if not kind:
        return ""
    known = getattr(builtins, kind, None)
    kind = kind if isinstance(known, type) else "an exception of its own"
    frames = (frame for line in reversed(lines[:at]) if (frame := _PLACE.match(line)))
    own = (frame for frame in frames if _is_line(Path(frame[1]), int(frame[2][:9]), folder))
    frame = next(own, None)
    return f"{kind} in {Path(frame[1]).name}, line {frame[2]}" if frame else kind


def _is_line(file: Path, line: int, folder: Path) -> bool:
    """True for a line that a file of the folder has."""
    with suppress(OSError, ValueError):
        if file.resolve().is_relative_to(folder.resolve()) and file.is_file():
            return 0 < line <= file.read_bytes().count(b"\n") + 1
    return False


def sentence(text: str) -> str:
    """`text` on one line, without control codes, cut to 300 characters."""
    line = " ".join(clean(text).split())
    return line if len(line) <= _SENTENCE else line[: _SENTENCE - 1] + "…"


def _last_exception(lines: list[str]) -> tuple[int, str]:
    """Where the last line of the last traceback is, and its exception; else the last line."""
    for at in reversed(range(len(lines))):
        if len(lines[at]) < 10_000 and (found := _EXCEPTION.fullmatch(lines[at])):
            return at, found[1]
    return len(lines) - 1, ""


def _does_not_parse(before: list[str], error: str) -> str:
    places = [place for line in before if (place := _PLACE.match(line))]
    if not places:
        return sentence(f"the code does not parse: {error}")
    file, line = places[-1].groups()
    return sentence(f"{Path(file).name} does not parse: {error[:200]} (line {line})")


def _signal_name(exit_code: int) -> str:
    """The signal behind an exit code above 128, or nothing."""
    try:
        return signal.Signals(exit_code - 128).name
    except ValueError:
        return ""

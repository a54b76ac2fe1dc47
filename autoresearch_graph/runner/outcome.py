"""Results of commands: the cause of a failure, or the metric that was printed.

Where output was left out for its size, the metric counts only from the part after the gap: an
earlier mention may not be the last one.
"""

import builtins
import math
import re
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from autoresearch_graph.core.experiment import FINGERPRINT, Cause, Crashed, Measured, Ran
from autoresearch_graph.core.output import Reading, bounded, how_to_print, read_items, read_metrics
from autoresearch_graph.core.program import Program
from autoresearch_graph.core.pruning import curve_of
from autoresearch_graph.core.text import clean, one_line
from autoresearch_graph.runner.log import LEFT_OUT
from autoresearch_graph.runner.process import Ended, Pace
from autoresearch_graph.workspace.worktree import ITSELF

Name = Literal["check", "run", "evaluation", "holdout"]
_CAUSE: dict[Name, Cause] = {"check": "check", "evaluation": "evaluation", "holdout": "evaluation"}
_METRICS = 32  # numbers that an outcome keeps at most
_SENTENCE = 300  # characters of a reason
_LONGEST_LINE = 10_000  # characters; a longer line is not searched for an exception
_EXCEPTION = re.compile(r"(?:\w+\.)*(\w*(?:Error|Exception|Exit|Interrupt))(?:: .*)?")
_PLACE = re.compile(r'\s*File "([^"]+)", line (\d+)')
_MEMORY = re.compile(
    r"MemoryError|OutOfMemory|out of memory|bad_alloc|can't allocate memory|RESOURCE_EXHAUSTED",
    re.IGNORECASE,
)
_SYNTAX = ("SyntaxError", "IndentationError", "TabError")
_IMPORT = ("ModuleNotFoundError", "ImportError")
MARGIN = 1.2  # of the untouched asset's seconds, which an honest change may take
_LEAST = 2.0  # seconds of CPU, which may be more where runs are short


class Failed(Exception):
    """A command that failed; the fields are those of `Crashed`."""

    def __init__(self, cause: Cause, reason: str, place: str = "") -> None:
        super().__init__(reason)
        self.cause, self.reason, self.place = cause, reason, place


@dataclass(frozen=True)
class Step:
    """One command of a trial: its end, its output, the protected files that it changed."""

    name: Name
    ended: Ended
    text: str
    changed: Sequence[str]
    folder: Path

    def check(self, limit: float) -> None:
        """Raise `Failed` for a command that failed or changed a protected file.

        A run that was ended early passes: it has timed out or was pruned.
        """
        ended = self.ended
        if self.changed:
            are = "is" if len(self.changed) == 1 else "are"
            changed = f"{', '.join(self.changed)}, which {are} protected"
            cause: Cause = "checkout" if tuple(self.changed) == ITSELF else "protected"
            raise Failed(cause, sentence(f"the {self.name} changed {changed}"))
        if ended.breach:
            raise self._failed(ended.breach.cause, ended.breach.reason)
        if ended.exit_code is None and self.name != "run":
            reason = f"the {self.name} did not end within {limit:g} s"
            raise Failed(_CAUSE[self.name], reason)
        if ended.exit_code:
            raise self._failed(*diagnose(ended.exit_code, self.text, memory_gb=ended.memory_gb))

    def _failed(self, cause: Cause, reason: str) -> Failed:
        if self.name == "run":
            return Failed(cause, reason)
        place = _exception_in(self.text, self.folder) or f"exit code {self.ended.exit_code}"
        return Failed(_CAUSE[self.name], sentence(f"the {self.name} failed: {reason}"), place)


@dataclass(frozen=True)
class Node:
    """The node of a cluster on which a trial runs, and those that were lost while it ran there."""

    name: str = ""
    lost: tuple[str, ...] = ()


def pace_of(untouched: Sequence[Ran]) -> Pace | None:
    """Return the pace of the untouched asset, or None before it was measured."""
    runs = [run for run in untouched if isinstance(run, Measured)]
    if not runs:
        return None
    cpu_seconds = max(run.cpu_seconds for run in runs)
    return Pace(seconds=min(run.seconds for run in runs), cpu_seconds=cpu_seconds)


def overrun(time_box: float, ended: Ended, pace: Pace | None) -> str:
    """Return the reason why a run did not keep its time box (seconds), or nothing.

    It took a fifth longer than the quickest run of the untouched asset, and a fifth more CPU time
    than any: a busy machine stretches the clock alone, more threads the CPU time alone. Not
    covered: work on an accelerator while the CPU sleeps.
    """
    if pace is None or ended.seconds <= max(time_box, MARGIN * pace.seconds):
        return ""
    if ended.cpu_seconds <= MARGIN * pace.cpu_seconds + _LEAST:
        return ""
    return (
        f"it took {ended.cpu_seconds:.3g} s of CPU time, the untouched asset at most "
        f"{pace.cpu_seconds:.3g}, and the time box is {time_box:g} s"
    )


def measure(
    program: Program, *, run: Step, scorer: Step, traces: Mapping[str, Any], pace: Pace | None
) -> Measured | Crashed:
    """Return the outcome by the metric that `scorer` (the run or its evaluation) printed.

    The other numbers of the run are kept for constraints and the ledger; where both print one, the
    scorer's counts. `traces` has the fields of `Ran`. Raises `Failed` without a finite metric.
    """
    name = program.metric.name
    reported = _reported(scorer, program)
    reading = reported.get(name)
    if reading is None:
        missing = f"the {scorer.name} ended well but printed no `{name}: <number>`"
        cause: Cause = "no metric" if scorer is run else "evaluation"
        raise Failed(cause, sentence(missing + how_to_print(scorer.text, name)))
    if not math.isfinite(reading.value):
        reason = f"the {scorer.name} reported {name} as {reading.value}, which is not finite"
        raise Failed("not finite", reason)
    curve = curve_of(run.text)
    if too_long := overrun(program.time_box.seconds, run.ended, pace):
        return Crashed(cause="time box", reason=too_long, curve=curve, **traces)
    kept = _finite(_reported(run, program) | reported, program)
    return Measured(
        metric=reading.value,
        metrics={key: number.value for key, number in kept.items()},
        unit=reading.unit,
        units={key: number.unit for key, number in kept.items() if number.unit and key != name},
        items=read_items(scorer.text, name),
        curve=curve,
        **traces,
    )


def _reported(step: Step, program: Program) -> dict[str, Reading]:
    """Return the numbers that a command printed; the metric only from after a gap."""
    gap = max(0, step.text.rfind(LEFT_OUT))
    early = read_metrics(step.text[:gap], wanted=_wanted(program))
    early.pop(program.metric.name, None)
    return early | read_metrics(step.text[gap:], wanted=_wanted(program))


def _finite(numbers: dict[str, Reading], program: Program) -> dict[str, Reading]:
    """Return the finite ones of the numbers, and of many those that are wanted."""
    finite = {key: number for key, number in numbers.items() if math.isfinite(number.value)}
    return bounded(finite, _METRICS, wanted=_wanted(program))


def _wanted(program: Program) -> set[str]:
    return {program.metric.name, FINGERPRINT, *(limit.name for limit in program.constraints)}


def diagnose(exit_code: int, text: str, *, memory_gb: float) -> tuple[Cause, str]:
    """Return the cause and the reason of an exit code other than 0, by what was printed."""
    lines = _lines(text) or ["nothing was printed"]
    index, exception = _last_exception(lines)
    last = lines[index]
    killer = _signal_name(exit_code)
    if exhausted := next(filter(_MEMORY.search, lines[index:]), None):
        return "memory", sentence(f"out of memory: {exhausted}")
    if killer == "SIGKILL":
        return "memory", f"killed by SIGKILL, most likely out of memory (peak {memory_gb:.1f} GiB)"
    if killer:
        return "signal", f"killed by {killer}"
    if exception in _SYNTAX:
        return "syntax", _does_not_parse(lines[:index], last)
    if exception in _IMPORT:
        return "import", sentence(f"an import failed: {last}")
    return "exit", sentence(f"exit code {exit_code}: {last}")


def is_cut_off(text: str) -> bool:
    """Return True if the last exception is that nobody reads the output any more."""
    lines = _lines(text)
    return bool(lines) and _last_exception(lines)[1] == "BrokenPipeError"


def _exception_in(text: str, folder: Path) -> str:
    """Return the class of the last exception and its line in a file of `folder`.

    Neither its message nor the name of a class that is not Python's own, which could quote what is
    hidden. Empty where no exception was printed.
    """
    lines = _lines(text)
    index, exception = _last_exception(lines) if lines else (0, "")
    if not exception:
        return ""
    is_builtin = isinstance(getattr(builtins, exception, None), type)
    exception = exception if is_builtin else "an exception of its own"
    for file, line in _frames(reversed(lines[:index])):
        if _has_line(file, line, folder):
            return f"{exception} in {file.name}, line {line}"
    return exception


def _frames(lines: Iterator[str]) -> Iterator[tuple[Path, int]]:
    """Yield the files and line numbers of a traceback."""
    for line in lines:
        if found := _PLACE.match(line):
            yield Path(found[1]), int(found[2][:9])


def _has_line(file: Path, line: int, folder: Path) -> bool:
    """Return True if a file is in the folder and has that line."""
    with suppress(OSError, ValueError):
        if file.resolve().is_relative_to(folder.resolve()) and file.is_file():
            return 0 < line <= file.read_bytes().count(b"\n") + 1
    return False


def sentence(text: str) -> str:
    """Return `text` on one line, without control codes, cut to 300 characters."""
    line = one_line(text)
    return line if len(line) <= _SENTENCE else line[: _SENTENCE - 1] + "…"


def _lines(text: str) -> list[str]:
    return [line for line in clean(text).split("\n") if line.strip()]


def _last_exception(lines: list[str]) -> tuple[int, str]:
    """Return the index of the last exception's line, and its class; else that of the last line."""
    for index in reversed(range(len(lines))):
        line = lines[index]
        if len(line) < _LONGEST_LINE and (found := _EXCEPTION.fullmatch(line)):
            return index, found[1]
    return len(lines) - 1, ""


def _does_not_parse(before: list[str], error: str) -> str:
    frames = list(_frames(iter(before)))
    if not frames:
        return sentence(f"the code does not parse: {error}")
    file, line = frames[-1]
    return sentence(f"{file.name} does not parse: {error[:200]} (line {line})")


def _signal_name(exit_code: int) -> str:
    """Return the signal behind an exit code above 128, or nothing."""
    try:
        return signal.Signals(exit_code - 128).name
    except ValueError:
        return ""

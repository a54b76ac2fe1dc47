"""From how the commands ended and what they printed to an outcome; pure, costs left at zero.

Where output was left out for its size, the metric counts only from the part after the gap: an
earlier mention may not be the last one.
"""

import builtins
import math
import re
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autoresearch_graph.core.experiment import (
    FINGERPRINT,
    Cause,
    Crashed,
    Measured,
    Outcome,
    Pruned,
    Ran,
    TimedOut,
)
from autoresearch_graph.core.output import Reading, bounded, how_to_print, read_items, read_metrics
from autoresearch_graph.core.program import Program
from autoresearch_graph.core.pruning import curve_of
from autoresearch_graph.core.text import clean, one_line
from autoresearch_graph.runner.log import LEFT_OUT
from autoresearch_graph.runner.process import Ended
from autoresearch_graph.workspace.worktree import ITSELF

_METRICS = 32
Name = Literal["check", "run", "evaluation", "holdout"]
_CAUSE: dict[Name, Cause] = {"check": "check", "evaluation": "evaluation", "holdout": "evaluation"}


@dataclass(frozen=True)
class Step:
    """One command of a trial: how it ended, what it printed, the protected files it changed.

    `folder` is where it worked.
    """

    name: Name
    ended: Ended
    text: str
    changed: Sequence[str]
    folder: Path


def failure(step: Step, *, limit: float) -> Crashed | TimedOut | Pruned | None:
    """Why the step failed, or None if it ended well and left the protected files alone."""
    if step.changed:
        which = f"{', '.join(step.changed)}, which {'is' if len(step.changed) == 1 else 'are'}"
        reason = sentence(f"the {step.name} changed {which} protected")
        cause: Cause = "checkout" if tuple(step.changed) == ITSELF else "protected"
        return Crashed(cause=cause, reason=reason)
    if breach := step.ended.breach:
        return _crashed(step, breach.cause, breach.reason)
    if step.ended.exit_code is None:
        return _ended(step, limit)
    if step.ended.exit_code == 0:
        return None
    cause, reason = diagnose(step.ended.exit_code, step.text, memory_gb=step.ended.memory_gb)
    return _crashed(step, cause, reason)


def _ended(step: Step, limit: float) -> Crashed | TimedOut | Pruned:
    """What comes of a step that the runner ended."""
    if step.ended.hopeless:
        return Pruned(reason=step.ended.hopeless)
    if step.name == "run":
        return TimedOut(limit=limit)
    reason = f"the {step.name} did not end within {limit:g} s"
    return Crashed(cause=_CAUSE[step.name], reason=reason)


def _crashed(step: Step, cause: Cause, reason: str) -> Crashed:
    if step.name == "run":
        return Crashed(cause=cause, reason=reason)
    place = exception_in(step.text, step.folder) or f"exit code {step.ended.exit_code}"
    reason = sentence(f"the {step.name} failed: {reason}")
    return Crashed(cause=_CAUSE[step.name], reason=reason, place=place)


def measure(program: Program, *, run: Step, scorer: Step) -> Measured | Crashed:
    """The metric as `scorer` (the run itself, or its evaluation) printed it.

    The other numbers of the run are kept beside it, for constraints and for the ledger; where
    both report one, the scorer's counts.
    """
    name = program.metric.name
    reported = _reported(scorer, program)
    told = reported.get(name)
    if told is None:
        reason = f"the {scorer.name} ended well but printed no `{name}: <number>`"
        reason = sentence(reason + how_to_print(scorer.text, name))
        return Crashed(cause="no metric" if scorer is run else "evaluation", reason=reason)
    if not math.isfinite(told.value):
        reason = f"the {scorer.name} reported {name} as {told.value}, which is not finite"
        return Crashed(cause="not finite", reason=reason)
    numbers = (_reported(run, program) | reported).items()
    finite = {key: number for key, number in numbers if math.isfinite(number.value)}
    kept = bounded(finite, _METRICS, wanted=_wanted(program))
    return Measured(
        metric=told.value,
        metrics={key: number.value for key, number in kept.items()},
        unit=told.unit,
        units={key: number.unit for key, number in kept.items() if number.unit and key != name},
        items=read_items(scorer.text, name),
        curve=curve_of(run.text),
    )


def _reported(step: Step, program: Program) -> dict[str, Reading]:
    gap = max(0, step.text.rfind(LEFT_OUT))
    early = read_metrics(step.text[:gap], wanted=_wanted(program))
    early.pop(program.metric.name, None)
    return early | read_metrics(step.text[gap:], wanted=_wanted(program))


def _wanted(program: Program) -> set[str]:
    return {program.metric.name, FINGERPRINT, *(limit.name for limit in program.constraints)}


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
    line = one_line(text)
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


MARGIN = 1.2
_LEAST = 2.0  # seconds of CPU, which may be more where runs are short


def held_to(box: float, outcome: Outcome, untouched: Sequence[Outcome]) -> Outcome:
    """The outcome of a run; a crash where it did not keep its time box (`box`, seconds).

    Beyond the box, that is one that took a fifth longer than the quickest run of the untouched
    asset, and a fifth more CPU time than any: a busy machine stretches the clock and hardly the
    CPU time, more threads only that. Not covered: what works on an accelerator while the CPU
    sleeps, and up to a fifth, which an honest change may need to start and to end.
    """
    usual = [run for run in untouched if isinstance(run, Measured)]
    if not usual or not isinstance(outcome, Measured):
        return outcome
    cpu, wall = max(run.cpu_seconds for run in usual), min(run.seconds for run in usual)
    took_longer = outcome.seconds > max(box, MARGIN * wall)
    if not took_longer or outcome.cpu_seconds <= MARGIN * cpu + _LEAST:
        return outcome
    used = {name: getattr(outcome, name) for name in Ran.model_fields}
    told = f"it took {outcome.cpu_seconds:.3g} s of CPU time, the untouched asset at most {cpu:.3g}"
    reason = f"{told}, and the time box is {box:g} s"
    return Crashed(cause="time box", reason=reason, **used)

"""program.md -> Program: every part is stated, or supplied by a flag, or an error."""

from pathlib import Path

from autoresearch_graph.core.program import FROZEN, Flags, Program, changed, frozen
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program import document as documents
from autoresearch_graph.program.artifacts import read_artifacts, read_hidden
from autoresearch_graph.program.asset import read_protected, without_protected
from autoresearch_graph.program.commands import read_optional
from autoresearch_graph.program.document import Document
from autoresearch_graph.program.environment import read_environment
from autoresearch_graph.program.limits import read_kill_after, time_box
from autoresearch_graph.program.paths import Place
from autoresearch_graph.program.required import Found, find_required, read_required
from autoresearch_graph.program.rules import read_constraints, read_early_end, read_noise

__all__ = ["FROZEN", "Flags", "Found", "changed", "frozen", "look", "read"]
_NO_FLAGS = Flags()


def read(path: Path, *, project: Path, flags: Flags = _NO_FLAGS) -> Program:
    """Read a program.md; ProgramError, in one sentence and with its line, where it cannot be run.

    Nothing is defaulted but what model.py says. Prose counts only where no heading speaks, and
    headings only where the front matter does not.
    """
    try:
        text = _text(path)
        return _program(documents.parse(text), text, Place(project, path), flags)
    except ProgramError as error:
        known = error.understood
        raise ProgramError(str(error), path=path, line=error.line, understood=known) from None


def look(path: Path, text: str, *, project: Path, flags: Flags = _NO_FLAGS) -> Found:
    """Look what a text, which is or would be at `path`, says of the parts that must be there."""
    try:
        return find_required(documents.parse(text), Place(project, path), flags)
    except ProgramError as error:
        raise ProgramError(str(error), path=path, line=error.line) from None


def _text(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ProgramError(f"there is no such file in {path.parent}; write one") from None
    except IsADirectoryError:
        raise ProgramError("this is a folder; name the file in it") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ProgramError("this is not UTF-8; save the file as UTF-8", line=line) from None
    except OSError as error:
        raise ProgramError(f"this cannot be read: {error.strerror}") from None
    if not text.strip():
        raise ProgramError("the file is empty; write what is to be improved, and how")
    return text


def _program(document: Document, text: str, place: Place, flags: Flags) -> Program:
    needed = read_required(document, place, flags)
    kill_after = read_kill_after(document, flags.kill_after)
    optional = {name: read_optional(document, name) for name in ("evaluation", "holdout", "check")}
    marking = [said for said in (optional["evaluation"], optional["holdout"]) if said]
    protected = read_protected(document, place, needed.asset, marking)
    paths = {
        "protected": protected,
        "artifacts": read_artifacts(document, place, protected, needed.name.value),
        "hidden": read_hidden(document, needed.asset),
    }
    constraints, unchecked = read_constraints(document, place)
    noise, noise_line = read_noise(document)
    early_end = read_early_end(document)
    environment, environment_line = read_environment(document, place)
    lines = needed.lines | {
        "kill_after": kill_after and kill_after.line,
        **{name: command and command.line for name, command in optional.items()},
        **{name: named[0].line if named else None for name, named in paths.items()},
        "constraints": constraints[0].line if constraints else None,
        "noise": noise_line,
        "early_end": early_end and early_end.line,
        "environment": environment_line,
    }
    return Program(
        path=place.program,
        text=text,
        asset=without_protected(needed.asset, protected, place).value,
        metric=needed.metric,
        experiment=needed.experiment.value,
        time_box=time_box(needed.seconds, kill_after),
        evaluation=optional["evaluation"] and optional["evaluation"].value,
        holdout=optional["holdout"] and optional["holdout"].value,
        check=optional["check"] and optional["check"].value,
        protected=tuple(path.value for path in paths["protected"]),
        artifacts=tuple(path.value for path in paths["artifacts"]),
        hidden=tuple(path.value for path in paths["hidden"]),
        constraints=tuple(constraint.value for constraint in constraints),
        unchecked=unchecked,
        noise=noise,
        early_end=early_end is not None and early_end.value,
        stopping=needed.stopping,
        environment=environment,
        lines={field: line for field, line in lines.items() if line},
    )

"""The reader of program.md: one walk over the table of fields.

Stated values win over inferred ones, and a flag settles what is inferred. All problems are
collected: a value that cannot be used hides no other.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from autoresearch_graph.core.program import (
    FROZEN,
    Environment,
    Flags,
    Noise,
    Program,
    Stopping,
    changed,
)
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.acceptance import accepted
from autoresearch_graph.program.fields import FIELDS, Field, Part, Source
from autoresearch_graph.program.paths import Place
from autoresearch_graph.program.readers.asset import without_protected
from autoresearch_graph.program.readers.commands import left_as_prose
from autoresearch_graph.program.readers.limits import time_box
from autoresearch_graph.program.readers.stopping import unread_criteria
from autoresearch_graph.program.reading import Grade, Passage, Reading
from autoresearch_graph.program.text.document import Document, parse
from autoresearch_graph.program.text.front_matter import Entry
from autoresearch_graph.program.text.languages import unknown_language
from autoresearch_graph.program.text.quantities import Statement

_NO_FLAGS = Flags()
_NO_DOCUMENT = Document({}, (), ())


def read(path: Path, *, project: Path, flags: Flags = _NO_FLAGS) -> Program:
    """Read a program.md; raise ProgramError, with the line, if it cannot be run.

    Defaults are those of core/program.py. Inferred values have to be accepted: by a person, whose
    answer is kept beside the researches, or by a flag.
    """
    reading = look_at(path, project=project, flags=flags)
    if reading.program is None:
        raise reading.problems[0]
    if not reading.accepted:
        raise reading.unaccepted()
    return reading.program


def look_at(
    path: Path,
    *,
    project: Path,
    flags: Flags = _NO_FLAGS,
    text: str | None = None,
    suggested: tuple[Passage, ...] = (),
) -> Reading:
    """Read a program.md, or a `text` in its place, and return all that was understood.

    `suggested` are inferred values, of a model for example, in place of those that rules infer.
    Raise ProgramError only if the file cannot be read.
    """
    try:
        text = _text(path) if text is None else text
    except ProgramError as error:
        raise error.placed(path=path) from None
    try:
        document = parse(text)
    except ProgramError as error:
        return Reading(path, text, (), (error.placed(path=path),))
    place = Place(project, path)
    resolution = Resolution(document, place, flags).resolved()
    lines = text.splitlines()
    known = accepted(path, text, project, _passages(resolution, lines))
    anew = {passage.field for passage in suggested}
    suggested = (*suggested, *(passage for passage in known if passage.field not in anew))
    if suggested:
        resolution = _with_suggestions(resolution, suggested)
    program, problems = _program(resolution, path, text)
    passages = tuple(_passages(resolution, lines))
    reading = Reading(
        path, text, passages, tuple(each.placed(path=path) for each in problems), program
    )
    return replace(reading, accepted=flags.accept_reading or not reading.inferred)


@dataclass
class Resolution:
    """The fields of a document: parts with their grades, and problems.

    A field in `suggested` is read from the front matter. It has the grade of its first passage, and
    who inferred it.
    """

    document: Document
    place: Place
    flags: Flags
    suggested: Mapping[str, Passage] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)
    grades: dict[str, Grade] = field(default_factory=dict)
    problems: dict[str, ProgramError] = field(default_factory=dict)

    def resolved(self) -> "Resolution":
        """Read every field whose needs were read."""
        for row in FIELDS:
            if all(need in self.parts for need in row.needs):
                try:
                    part = self._read(row)
                except ProgramError as error:
                    is_open = row.flags and row.name not in self.document.front
                    name = row.name if is_open else ""
                    self.problems[row.name] = _with_option(row, error).placed(field=name)
                    continue
                if part is not None:
                    self.parts[row.name] = part
                    self.grades[row.name] = self._grade(row, part)
        return self

    def _read(self, row: Field) -> Part | None:
        """Read a field; a flag settles what the text says unclearly, or only infers."""
        source = Source(self.document, self.place, self.flags, self.parts)
        if not self._is_supplied(row):
            return row.read(source)
        try:
            return row.read(source)
        except ProgramError:
            if self._is_stated(row, source):
                raise
            return row.read(replace(source, document=_NO_DOCUMENT))

    def _is_supplied(self, row: Field) -> bool:
        return any(getattr(self.flags, flag, None) for flag in row.flags)

    def _is_stated(self, row: Field, source: Source) -> bool:
        """Return True if the text alone states a field."""
        try:
            own = row.read(replace(source, flags=_NO_FLAGS))
        except ProgramError:
            return False
        return own is not None and self._grade_of_text(row, own) == "stated"

    def _grade(self, row: Field, part: Part) -> Grade:
        return "flag" if self._is_supplied(row) else self._grade_of_text(row, part)

    def _grade_of_text(self, row: Field, part: Part) -> Grade:
        if row.name in self.suggested:
            return self.suggested[row.name].grade
        front = self.document.front
        group = front.get("metric") if row.name == "direction" else None
        if row.name in front or (group and not isinstance(group.value, str)):
            return "stated"
        section = self.document.exact(row.name, part.line)
        stated = section is not None and row.is_documented(section, part, self.place)
        return "stated" if stated else "inferred"


def _with_option(row: Field, error: ProgramError) -> ProgramError:
    """Return the error with the option of the command line that settles the field."""
    message = str(error)
    if not row.flags or "--" in message:
        return error
    return ProgramError(f"{message}; or give {row.option}", line=error.line, code=error.code)


def _with_suggestions(first: Resolution, suggested: tuple[Passage, ...]) -> Resolution:
    """Resolve again, with suggestions for all fields that are not stated."""
    entries: dict[str, list[Passage]] = {}
    for passage in suggested:
        if first.grades.get(passage.field) not in ("stated", "flag"):
            entries.setdefault(passage.field, []).append(passage)
    front = {name: _entry(name, passages) for name, passages in entries.items()}
    document = replace(first.document, front={**front, **first.document.front})
    firsts = {name: passages[0] for name, passages in entries.items()}
    return Resolution(document, first.place, first.flags, firsts).resolved()


def _entry(name: str, passages: list[Passage]) -> Entry:
    """Return passages as an entry of front matter."""
    items = tuple(Entry(name, passage.line or 0, passage.text) for passage in passages)
    return items[0] if len(items) == 1 else Entry(name, items[0].line, items, "seq")


def _passages(resolution: Resolution, lines: list[str]) -> Iterator[Passage]:
    for name, part in resolution.parts.items():
        grade, suggestion = resolution.grades[name], resolution.suggested.get(name)
        by = suggestion.by if suggestion else "rule"
        for text, line in part.texts:
            if text and (line or grade == "flag" or suggestion):
                quote = lines[line - 1] if line and line <= len(lines) else ""
                yield Passage(name, text, line or None, grade, quote, by)


def _program(
    resolution: Resolution, path: Path, text: str
) -> tuple[Program | None, tuple[ProgramError, ...]]:
    """Return the program, or None and everything that is wrong."""
    problems = list(resolution.problems.values())
    if missing := _missing(resolution):
        problems.append(missing)
    if problems:
        return None, tuple(problems)
    try:
        return _built(resolution, path, text), ()
    except ProgramError as error:
        return None, (error,)


def _built(resolution: Resolution, path: Path, text: str) -> Program:
    parts = resolution.parts
    source = Source(resolution.document, resolution.place, resolution.flags, parts)
    asset, seconds = source.statement("asset"), source.statement("time_box")
    assert asset is not None and seconds is not None
    protected = [Statement(name, line) for name, line in _texts(parts, "protected")]
    constraints, unchecked = source.value("constraints") or ((), ())
    lines = {name: part.line for name, part in parts.items()}
    for part in parts.values():
        lines.update(part.lines)
    return Program(
        path=path,
        text=text,
        asset=without_protected(asset, protected, resolution.place).value,
        metric=source.metric,
        experiment=source.value("experiment"),
        time_box=time_box(seconds, source.statement("kill_after")),
        evaluation=source.value("evaluation"),
        artifacts=source.value("artifacts") or (),
        holdout=source.value("holdout"),
        hidden=source.value("hidden") or (),
        check=source.value("check"),
        protected=source.value("protected") or (),
        constraints=constraints,
        unchecked=(
            *unchecked,
            *left_as_prose(resolution.document),
            *unread_criteria(resolution.document, source.metric),
        ),
        noise=source.value("noise") or Noise(),
        early_end=bool(source.value("early_end")),
        stopping=source.value("stopping") or Stopping(),
        environment=source.value("environment") or Environment(),
        lines={name: line for name, line in lines.items() if line},
        grades=dict(resolution.grades),
    )


def _texts(parts: Mapping[str, Part], name: str) -> tuple[tuple[str, int | None], ...]:
    part = parts.get(name)
    return part.texts if part else ()


def _missing(resolution: Resolution) -> ProgramError | None:
    """Return the advice for all missing parts, in one error."""
    absent = [
        row
        for row in FIELDS
        if row.advice
        and not {row.name, *row.needs} & resolution.problems.keys()
        and row.name not in resolution.parts
        and all(need in resolution.parts for need in row.needs)
    ]
    if not absent:
        return None
    document, metric = resolution.document, resolution.parts.get("metric")
    lines = [section.line for row in absent for section in document.about(row.name)]
    if metric and metric.line and any(row.name == "direction" for row in absent):
        lines.append(metric.line)
    sentences = [_to_add(document, row, metric) for row in absent]
    sentences += filter(None, [unknown_language(document.blocks)])
    return ProgramError(
        "; ".join(sentences),
        line=min(lines, default=None),
        code="missing-part",
    )


def _to_add(document: Document, row: Field, metric: Part | None) -> str:
    assert row.advice is not None
    what, heading, example, flag = row.advice
    if row.name == "direction" and metric:
        return (
            f"the metric `{metric.value}` has no direction; write `lower is better` or "
            "`higher is better` beside it, or give --direction"
        )
    if row.name == "metric" and (blank := _with_blanks(document)):
        return (
            f"the metric `{blank}` has a blank, and a name is one word; print and write "
            f"`{re.sub(r'[^0-9A-Za-z_]+', '_', blank).lower()}`"
        )
    if sections := document.about(row.name):
        return f"`{sections[0].title}` gives no {what}; write there {example}, or give {flag}"
    return f"there is no {what}; add a heading `{heading}` and below it {example}, or give {flag}"


def _with_blanks(document: Document) -> str:
    """Return the first code span under Metric that would be a name without its blanks."""
    blocks = (block for section in document.about("metric") for block in section.body)
    spans = (span.text for block in blocks if block.kind != "code" for span in block.spans)
    names = (text for text in spans if re.fullmatch(r"[^\W\d]\w*(?: [\w@/-]+){1,3}", text))
    return next(names, "")


def _text(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise _unreadable(f"there is no such file in {path.parent}; write one", None) from None
    except IsADirectoryError:
        raise _unreadable("this is a folder; name the file in it", None) from None
    except UnicodeDecodeError as error:
        line_number = error.object[: error.start].count(b"\n") + 1
        raise _unreadable("this is not UTF-8; save the file as UTF-8", line_number) from None
    except OSError as error:
        raise _unreadable(f"this cannot be read: {error.strerror}", None) from None
    if not text.strip():
        raise _unreadable("the file is empty; describe the task in it", None)
    return text


Stamp = tuple[int, int, int]
_GONE = (0, 0, 0)


class LiveProgram:
    """The program of a running research: a person steers by editing it.

    Its frozen parts are those of the research's start.
    """

    def __init__(self, first: Program, now: Program, project: Path, flags: Flags) -> None:
        self._first = first
        self._project = project
        self._flags = flags
        self._path = now.path
        self._seen: Stamp | None = None
        self._told = ""
        self.current = self._with_frozen(now)

    def reread(self) -> str:
        """Read the file again if it was touched; return ineffective changes, once."""
        stamp = self._stamp() or _GONE
        if stamp == self._seen:
            return ""
        self._seen = stamp
        before, self._told = self._told, self._read()
        return self._told if self._told != before else ""

    def _read(self) -> str:
        try:
            now = read(self._path, project=self._project, flags=self._flags)
        except ProgramError as error:
            return f"continuing with the last good {self._path.name}: {error}"
        self.current = self._with_frozen(now)
        names = ", ".join(changed(self._first, now))
        return f"{names} is fixed for this research; the next one will use it" if names else ""

    def _with_frozen(self, program: Program) -> Program:
        frozen = {name: getattr(self._first, name) for name in FROZEN}
        return program.model_copy(update=frozen)

    def _stamp(self) -> Stamp | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return (stat.st_ino, stat.st_size, stat.st_mtime_ns)


def _unreadable(message: str, line: int | None) -> ProgramError:
    return ProgramError(message, line=line, code="no-program")

"""Commands that a program.md names, and the paths that it hands over or hides.

An evaluation works in a checkout of its own. It gets the named artifacts of the run and nothing
else; if none is named, it gets the text of the asset, for evaluations that import it.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain
from operator import attrgetter, contains

from autoresearch_graph.asset.files import Asset
from autoresearch_graph.core.output import read_metrics
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.evaluators import is_runner
from autoresearch_graph.program.paths import Place, covers, normal
from autoresearch_graph.program.readers.claims import PATHS
from autoresearch_graph.program.shell import (
    BUILDERS,
    has_log,
    is_no_output,
    looks_like_command,
    placeholder,
    runs_something,
    script,
    simple_commands,
)
from autoresearch_graph.program.text.document import Document, Section, sentences
from autoresearch_graph.program.text.markdown import Block, Span
from autoresearch_graph.program.text.quantities import Statement, agree, contradiction, with_flag

_SHELLS = (
    "", "bash", "console", "sh", "shell", "shell-session", "shellsession", "shellscript",
    "terminal", "zsh", "fish", "ksh", "text", "txt", "plain", "plaintext", "cmd", "bat", "batch",
    "powershell", "ps1", "pwsh",
)  # fmt: skip
_FLAGS = {
    "experiment": "--command", "evaluation": "--evaluation", "holdout": "--holdout",
    "check": "--check-command", "hidden": "`hidden` in the front matter",
}  # fmt: skip
_EXACT = (
    "evaluation", "evaluation command", "evaluate", "scorer", "holdout", "hold out", "hold-out",
    "holdout command", "check", "check command", "hidden", "hidden files", "hidden paths",
)  # fmt: skip
_SENTENCE = 10  # words at least of a section that is clearly prose
_OR = re.compile(r"^\s*#\s*(?:or|alternatively)\b|^or\b:?$", re.IGNORECASE | re.MULTILINE)
_SCRIPT = re.compile(r"[\w)]\.(?:py|sh|js|ts|rb|pl|R|jl|rs|go|c|cpp|ipynb)\b")


def read_experiment(document: Document, supplied: str | None) -> Statement[str] | None:
    """Return the experiment command, without a redirection to a log.

    A flag settles what the text leaves open.
    """
    from_flag = None if supplied is None else Statement(script(supplied), None)
    try:
        stated, _ = _steps(document)
    except ProgramError as error:
        if from_flag is None or error.code not in ("contradiction", "unclear-program"):
            raise
        return from_flag
    return with_flag("experiment command", "--command", from_flag, stated)


def read_optional(
    document: Document, field: str, supplied: str | None = None
) -> Statement[str] | None:
    """Return an evaluation, holdout or check command; its heading must hold one, or be prose.

    Without this error a metric that was meant to be evaluated would be self-reported.
    """
    stated = _stated(document, field)
    if stated is None and supplied is None:
        for section in document.proper(field):
            if not _is_prose(section):
                raise _without_value(section, "command; put one in a code block")
    if stated is None and supplied is None and field == "evaluation":
        with suppress(ProgramError):  # read_experiment raises it
            stated = _steps(document)[1]
    from_flag = None if supplied is None else Statement(script(supplied), None)
    return with_flag(f"{field} command", _FLAGS[field], from_flag, stated)


def left_as_prose(document: Document) -> tuple[str, ...]:
    """Return a line for each section that could hold a command or paths, and holds prose.

    Front matter of another tool has a line, too.
    """
    foreign = (document.unread,) if document.unread else ()
    return foreign + tuple(
        f"`{section.title}` (line {section.line})"
        for field in ("evaluation", "holdout", "check", "hidden")
        if field not in document.front
        for section in document.proper(field)
        if _is_prose(section) and not _in_section(section)
    )


def _without_value(section: Section, what: str) -> ProgramError:
    return ProgramError(
        f"`{section.title}` holds no {what}, give {_FLAGS[section.field]}, "
        "or change the heading if this is prose",
        line=section.line,
    )


def _is_prose(section: Section) -> bool:
    """Return True if a section without a command says nothing of one.

    Its heading is another than ours, or it has sentences; and it names no script.
    """
    exact = re.sub(r"^[\W\d]+|\W+$", "", section.title.lower()) in _EXACT
    text = " ".join(block.text for block in section.body if block.kind != "code")
    if (exact or section.field in ("evaluation", "holdout")) and _names_command(section, text):
        return False
    if section.field == "hidden" and _spans(section.body):
        return False
    kinds = map(attrgetter("kind"), section.body)
    return not exact or "code" in kinds or len(text.split()) >= _SENTENCE


def _names_command(section: Section, text: str) -> bool:
    spans = _spans(section.body)
    return bool(_SCRIPT.search(text)) or any(looks_like_command(span.text) for span in spans)


def _spans(blocks: Iterable[Block]) -> list[Span]:
    return [span for block in blocks for span in block.spans]


def _stated(document: Document, field: str) -> Statement[str] | None:
    if entry := document.front.get(field):
        return _cleaned(entry.command())
    commands: list[Statement[str]] = []
    for section in document.proper(field):
        command = _in_section(section)
        works = command and looks_like_command(command.value) and runs_something(command.value)
        if command and (works or not (section.label and field == "experiment")):
            _check_filled_in(command, _FLAGS[field])
            commands.append(command)
    return agree(f"{field} command", commands)


def _in_section(section: Section) -> Statement[str] | None:
    """Return the first code block that runs something, else the leading span, else the only one."""
    found = [block for block in section.body if _holds_command(block)]
    chosen = [block for block in found if runs_something(block.text)] or found
    if section.field == "experiment":
        _check_no_choice(map(_said, chosen))
    part = chosen[0] if chosen else _command_span(section)
    command = _cleaned(_said(part)) if part else None
    return command and _one_way(command)


def _said(part: Block | Span) -> Statement[str]:
    return Statement(part.text.rstrip(), part.line)


def _holds_command(block: Block) -> bool:
    """Return True for a code block in a shell's language that shows neither output nor code."""
    language = block.language.strip("{}").lstrip(".").partition(",")[0]
    if block.kind != "code" or not block.text.strip():
        return False
    if language in ("python", "py", "python3"):
        return not _is_python(block.text)
    return language in _SHELLS and not _is_output(block.text)


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _is_output(text: str) -> bool:
    """Return True if every line is one that a run prints: `loss: 0.5`, JSON, a row of dashes."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if read_metrics(line) or line.startswith(("METRIC ", '{"'))]
    return bool(told) and all(line in told or not line.strip("-=._ ") for line in lines)


def _command_span(section: Section) -> Span | None:
    """Return the span that leads a block, else the only one that may be a command."""
    leading = [block for block in section.body if _leads_with_command(block)]
    if section.field == "experiment":
        leading = [block for block in leading if runs_something(block.spans[0].text)] or leading
        _check_no_choice(map(_said, chain.from_iterable(map(_offered, leading))))
    return leading[0].spans[0] if leading else _only_span(section)


def _only_span(section: Section) -> Span | None:
    """Return the only span if it looks like a command, or is the one word of a paragraph."""
    spans = [span for span in _spans(section.blocks) if is_no_output(span.text)]
    if len(spans) != 1:
        return None
    name = spans[0].text
    return spans[0] if looks_like_command(name) or _is_alone(name, section) else None


def _is_alone(name: str, section: Section) -> bool:
    """Return True for a name that is all of a paragraph, but for a file."""
    alone = f"`{name}`" in [block.text.strip() for block in section.body]
    return alone and not re.search(r"\w\.\w+$", name)


def _offered(block: Block) -> tuple[Span, ...]:
    """Return the first code span, or both of "`a b` or `c d`"."""
    second = block.spans[1].text if len(block.spans) > 1 else ""
    both = looks_like_command(second) and re.search(r"`,?\s+or\b[^`]{0,20}`", block.text)
    return block.spans[: 2 if both else 1]


def _leads_with_command(block: Block) -> bool:
    begins = block.kind != "code" and block.spans and re.match(r"\W*`", block.text)
    return bool(begins) and looks_like_command(block.spans[0].text)


def _check_no_choice(commands: Iterable[Statement[str]]) -> None:
    """Raise ProgramError with both lines if two commands differ, and none is part of another."""
    working = [command for command in commands if runs_something(command.value)]
    for command in working[1:]:
        if command.value not in working[0].value:
            raise _choice(working[0], command)


def _choice(first: Statement[str], other: Statement[str]) -> ProgramError:
    return contradiction(
        f"the experiment command is `{other}` here but `{first}` on line {first.line}; "
        "keep one of them, or give --command",
        other.line,
    )


def _one_way(command: Statement[str]) -> Statement[str]:
    """Return a script; raise ProgramError if its lines are ways to do the same."""
    numbered = enumerate(command.value.splitlines(), command.line or 0)
    ways = [Statement(text, line) for line, text in numbered if re.match("[^#]", text)]
    programs = {way.value.split()[0] for way in ways}
    remarks = len(programs) == 1 and all(" # " in way.value for way in ways)
    if len(ways) > 1 and (remarks or _OR.search(command.value)):
        raise _choice(ways[0], ways[-1])
    return command


def _cleaned(statement: Statement[str]) -> Statement[str] | None:
    """Return a command without prompts, log and `NAME=$(...)`; None if nothing is left of it."""
    command = script(statement.value)
    if captured := re.fullmatch(r"\w+=\"?\$\(([^()]+)\)\"?", command):
        command = re.sub(r"\s*2>\s*\S+$", "", script(captured[1]))
    return Statement(command, statement.line) if command else None


def _check_filled_in(command: Statement[str], flag: str) -> None:
    if blank := placeholder(command.value):
        index = command.value[: command.value.index(blank)].count("\n")
        line = command.line + index if command.line else None
        raise ProgramError(
            f"`{blank}` is a placeholder; write the command as it is run, or give {flag}",
            line=line,
        )


_LAUNCH = re.compile(
    r"\blaunch\w*\b[^`]*`(?P<launched>[^`]+)`"
    r"|\brun\s+(?:the\s+|each\s+|one\s+|an\s+)?(?:experiment|eval\w*|training|benchmark|backtest)"
    r"\b[^`]*`(?P<run>[^`]+)`",
    re.IGNORECASE,
)
_STEP = re.compile(
    r"\W*(?:\d+[.)]\s*)?(?:(?P<label>[A-Za-z][\w '-]{0,30}?)\W*(?::|\||—)\W*?\s)?"
    r"(?:(?:then\s+)?(?P<verb>run|execute|launch|start)\b[^`.]{0,30}?\s)?(?P<command>`[^`]+`|[^`]+$)",
    re.IGNORECASE,
)
_LEADS = re.compile(r"\W*(?:\d+[.)]\s*)?`")
_LOOP = re.compile(r"^\s*(?:loop\b|\d+[.)]\s)", re.IGNORECASE | re.MULTILINE)
_LABELS = (
    "benchmark", "command", "run", "verify", "test", "measure", "score", "eval", "train", "launch",
    "execute", "experiment", "fitness",
)  # fmt: skip
_ABOUT_RUNS = ("run", "launch", "execut", "benchmark", "experiment", "measur", "train")
_NOT_RUNS = (
    "setup", "set up", "install", "prepar", "test", "log", "commit", "branch", "results", "smoke",
    "output", "once", "debug", "look", "print", "example", "download", "only if", "crash",
    "outside", "refresh", "check", "option",
)  # fmt: skip
_EVALUATES = (
    "eval", "score", "judge", "grade", "measure", "verify", "metric", "assess", "validate",
)  # fmt: skip
_NEAR = 2  # blocks from a step to the next one
_PREPARES = (
    "prepare", "setup", "download", "install", "init", "fetch", "preprocess", "generate", "start_",
    "stop_", "correct", "test", "check", "lint", "plot", "format", "status", "refresh", "build",
)  # fmt: skip


@dataclass(frozen=True)
class _Candidate:
    """A command in prose; `sure` if it is launched, or sent to a log."""

    command: Statement[str]
    sure: bool
    block: int
    label: str = ""

    @property
    def text(self) -> str:
        """The command itself."""
        return self.command.value

    @property
    def words(self) -> list[str]:
        """The words of its first simple command."""
        return _words(self.text)

    @property
    def program(self) -> str:
        """The script that it runs, else its first words."""
        named = [word for word in self.words if word and word[0] != "-" and "=" not in word]
        names = (word for word in named if re.search(r"\w\.\w{1,3}$|^\./", word))
        return next(names, " ".join(named[:2]))

    def begins_with(self, words: tuple[str, ...]) -> bool:
        """Return True if the name of its program begins with one of the words."""
        name = re.split(r"[/ ]", self.program)[-1].lower()
        return name.startswith(words) or ("test" in words and "test" in re.split(r"[_.-]", name))

    @property
    def evaluates(self) -> bool:
        """True if its program, or an argument, begins with a word such as `eval`."""
        return self.begins_with(_EVALUATES) or any(
            word.startswith("eval") for word in self.words[1:]
        )


@lru_cache(1024)
def _words(command: str) -> list[str]:
    return next(simple_commands(command), [])


Steps = tuple[Statement[str] | None, Statement[str] | None]


def _steps(document: Document) -> Steps:
    """Return the experiment and, where one command trains and another scores, the evaluation."""
    try:
        stated = _stated(document, "experiment")
    except ProgramError:
        if "experiment" not in document.front and (steps := _two_steps(document)):
            return steps
        raise
    if stated is None:
        return _chosen(_possible(document), document.blocks)
    _check_labels(document, stated)
    return stated, None


def _two_steps(document: Document) -> Steps | None:
    """Return the commands under Experiment if one trains and the other scores."""
    blocks = chain.from_iterable(section.blocks for section in document.proper("experiment"))
    within = _distinct(_scattered(tuple(blocks)))
    return _joined(*within) if len(within) == 2 and _are_steps(*within) else None


def _check_labels(document: Document, stated: Statement[str]) -> None:
    """Raise ProgramError if a label gives the experiment, and another label a second one."""
    sections = document.proper("experiment")
    labelled = sections and all(section.label for section in sections)
    if labelled and "experiment" not in document.front:
        for rival in _possible(document):
            if rival.label and rival.text not in stated.value:
                raise _choice(stated, rival.command)


def _possible(document: Document) -> list[_Candidate]:
    """Return the commands of prose but for those that prepare, and for the evaluation's own."""
    judged = None
    with suppress(ProgramError):  # read_optional raises it
        judged = _stated(document, "evaluation")
    found = [
        each
        for each in _scattered(document.blocks)
        if not each.begins_with(_PREPARES) or each.evaluates
    ]
    return [each for each in found if judged is None or each.text != judged.value]


def _chosen(found: list[_Candidate], blocks: tuple[Block, ...]) -> Steps:
    """Return the steps among commands of prose; raise ProgramError if there is a choice."""
    filled = _filled_in(found)
    sure = _distinct([candidate for candidate in filled if candidate.sure]) or _distinct(filled)
    if not sure:
        return None, None
    if wider := _wider(sure, filled):
        return _one_way(wider.command), None
    first, *others = sure
    others = others or _next_to(first, filled)
    if not others:
        _check_only_form(first, blocks)
        return _one_way(first.command), None
    if len(others) > 1 or not _are_steps(first, others[0]):
        raise _choice(first.command, others[0].command)
    return _joined(first, others[0])


def _filled_in(found: list[_Candidate]) -> list[_Candidate]:
    """Return the commands without placeholders; raise ProgramError if there are others alone."""
    filled = [candidate for candidate in found if not placeholder(candidate.text)]
    for candidate in found if not filled else ():
        _check_filled_in(candidate.command, "--command")
    return filled


def _next_to(first: _Candidate, found: list[_Candidate]) -> list[_Candidate]:
    """Return the evaluations that stand close below an experiment."""
    near = [other for other in found if 0 < other.block - first.block <= _NEAR]
    return _distinct([other for other in near if _are_steps(first, other)])


def _are_steps(first: _Candidate, other: _Candidate) -> bool:
    """Return True if one trains and the other scores: not two ways to do the same."""
    return other.evaluates and other.program != first.program


def _check_only_form(chosen: _Candidate, blocks: tuple[Block, ...]) -> None:
    """Raise ProgramError if a text also runs the program of an unsure command in another way."""
    for block in blocks if not chosen.sure else ():
        for span in _forms(block) if chosen.program in block.text else ():
            other = _Candidate(Statement(script(span.text), span.line), False, 0)
            known = chosen.text.startswith(other.text) or other.text in chosen.text
            if other.program == chosen.program and _starts_program(other.text) and not known:
                raise _choice(chosen.command, other.command)


def _forms(block: Block) -> Iterable[Span]:
    """Return code spans, or the lines of a code block."""
    if block.kind != "code":
        return block.spans
    return (Span(text, line) for line, text in enumerate(block.text.split("\n"), block.line))


def _distinct(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    return list({each.text: each for each in reversed(candidates)}.values())[::-1]


def _wider(chosen: list[_Candidate], found: list[_Candidate]) -> _Candidate | None:
    """Return the one script that has all chosen commands among its lines, and more."""
    scripts = [each for each in _distinct(found) if "\n" in each.text]
    wider = [
        section
        for section in scripts
        if all(each.text in section.text.splitlines() for each in chosen)
    ]
    return wider[0] if len(wider) == 1 else None


def _joined(first: _Candidate, other: _Candidate) -> Steps:
    """Return experiment and evaluation; one script where both name the same file."""
    files = {word for word in first.words if "." in word} - {first.program}
    if files & set(other.words):
        return Statement(f"{first.text}\n{other.text}", first.command.line), None
    return first.command, other.command


@lru_cache(2)  # for experiment and evaluation
def _scattered(blocks: tuple[Block, ...]) -> tuple[_Candidate, ...]:
    """Return the commands of prose and of blocks below it, in the order of the text."""
    return tuple(_candidates(blocks))


def _candidates(blocks: tuple[Block, ...]) -> Iterator[_Candidate]:
    above = ""
    for index, block in enumerate(blocks):
        if block.kind == "code":
            yield from _in_code(block, index, above.lower())
            continue
        above = block.text
        if "`" in above or ":" in above:
            yield from _in_prose(block, index)


def _in_prose(block: Block, index: int) -> Iterator[_Candidate]:
    for sentence, line in sentences(block) if "`" in block.text else ():
        if launch := _LAUNCH.search(sentence):
            yield from _candidate(launch["launched"] or launch["run"], line, index, sure=True)
    for code_span in block.spans:
        if has_log(code_span.text):
            yield from _candidate(code_span.text, code_span.line, index, sure=True)
    for line, text in enumerate(block.text.split("\n"), block.line):
        if "`" in text or ":" in text:
            yield from _in_line(text, line, index, is_item=block.kind == "item")


def _in_line(text: str, line: int, index: int, *, is_item: bool) -> Iterator[_Candidate]:
    """Yield the command of `Benchmark: x`, `Run x`, or of an item that begins with it."""
    step = _STEP.match(text)
    if step is None:
        return
    command, label = step["command"], (step["label"] or "").lower()
    leads = command[0] == "`" and (step["verb"] or (is_item and _LEADS.match(text)))
    if label.startswith(_LABELS) or (leads and not label):
        yield from _candidate(command.strip("`"), line, index, label=label)


def _starts_program(command: str) -> bool:
    """Return True if a text begins with a program: `python a.py`, `FAST=1 ./a.sh`, `make bench`."""
    lines = (line for line in command.splitlines() if line.strip() and line[0] != "#")
    line = re.sub(r"^cd\s[^&]*&&", "", next(lines, ""))
    first, *more = [word for word in line.split() if "=" not in word] or [""]
    return first.startswith("./") or (bool(more) and (is_runner(first) or first in BUILDERS))


def _in_code(block: Block, index: int, above: str) -> Iterator[_Candidate]:
    """Yield the steps of a loop in a code block, or the whole block where text speaks of a run."""
    if _LOOP.search(block.text):
        yield from _in_loop(block, index)
        return
    sure, about = has_log(block.text.strip()), partial(contains, above)
    if sure or (any(map(about, _ABOUT_RUNS)) and not any(map(about, _NOT_RUNS))):
        yield from _candidate(block.text, block.line, index, sure=sure)


def _in_loop(block: Block, index: int) -> Iterator[_Candidate]:
    for line, text in enumerate(block.text.splitlines(), block.line):
        if step := _STEP.match(text.replace("`", "")):
            sure = has_log(step["command"])
            if sure or step["label"] or step["verb"]:
                yield from _candidate(step["command"], line, index, sure=sure)


def _candidate(
    text: str, line: int, index: int, *, sure: bool = False, label: str = ""
) -> Iterator[_Candidate]:
    command = _cleaned(Statement(text, line))
    if command is None or command.value.endswith("&") or not runs_something(command.value):
        return
    if sure or _starts_program(command.value):
        yield _Candidate(command, sure, index, label)


Named = Statement[str]
_LABELLED = re.compile(rf"\bartifacts?\s*[:|]\s*(?P<paths>{PATHS})", re.IGNORECASE)
_LABEL = "Artifacts"
_READ = re.compile(
    rf"\b(?:reads?|loads?|scores?)\s+(?:(?:the|only|file|files|its)\s+)*(?P<paths>{PATHS})",
    re.IGNORECASE,
)
_ALONE = re.compile(rf"(?P<paths>{PATHS})[.,;]?")


def read_artifacts(
    document: Document, place: Place, protected: Iterable[Named], metric: str
) -> tuple[Named, ...]:
    """Return the files named under Evaluation or Holdout, each once, without protected ones.

    Raise ProgramError if none is named but a missing file is mentioned: it may be one.
    """
    fixed = [path.value for path in protected]
    found: dict[str, Named] = {}
    for named in _named_artifacts(document, place, metric):
        path = place.artifact(named.value, named.line)
        if not any(covers(other, path) for other in fixed):
            found.setdefault(path, Statement(path, named.line))
    if not found and "artifacts" not in document.front:
        _check_none_is_meant(document, place)
    return tuple(found.values())


def _named_artifacts(document: Document, place: Place, metric: str) -> list[Named]:
    if entry := document.front.get("artifacts"):
        return entry.statements()
    sections = document.proper("evaluation") + document.proper("holdout")
    blocks = [block for section in sections for block in section.body if block.kind != "code"]
    named = [said for block in blocks for said in _in_block(block)]
    return [said for said in named if _is_file(said, place, metric)]


def read_hidden(document: Document, asset: Named) -> tuple[Named, ...]:
    """Return the hidden paths as they are written: they may hold variables."""
    named = _named_hidden(document)
    for said in named:
        for name in Asset.parse(asset.value).names:
            if covers(normal(said.value), name):
                raise ProgramError(
                    f"`{said}` hides the asset `{name}` from its own run; remove it",
                    line=said.line,
                    code="asset-protected",
                )
    return tuple({said.value: said for said in named}.values())


def _named_hidden(document: Document) -> list[Named]:
    if entry := document.front.get("hidden"):
        return entry.statements()
    sections = document.proper("hidden")
    spans = _spans(block for section in sections for block in section.body)
    for section in sections if not spans else ():
        if not _is_prose(section):
            raise _without_value(section, "path; write each in backticks")
    return list(map(_said, spans))


def _in_block(block: Block) -> Iterator[Named]:
    """Yield `Artifacts: x`, `it reads x and y`, or a list item that is only a path."""
    if block.kind == "item" and (alone := _ALONE.fullmatch(block.text.strip())):
        yield from _each(alone["paths"], block.line)
        return
    for sentence, line_number in sentences(block):
        if labelled := _LABELLED.search(sentence):
            yield from _each(labelled["paths"], line_number, said=_LABEL)
        else:
            for match in _READ.finditer(sentence):
                yield from _each(match["paths"], line_number)


def _each(paths: str, line: int, said: str = "") -> Iterator[Named]:
    return (Statement(span, line, said) for span in re.findall(r"`([^`]+)`", paths))


def _is_file(named: Named, place: Place, metric: str) -> bool:
    """Return True if a named thing is a file; raise ProgramError if that is ambiguous.

    Any name after `Artifacts:` is a file; words of code are not.
    """
    if named.said == _LABEL or place.looks_like_path(named.value):
        return True
    if re.fullmatch(r"[\w.@+-]+", named.value) and named.value != metric:
        raise _may_be_meant(named.value, named.line)
    return False


def _check_none_is_meant(document: Document, place: Place) -> None:
    for section in document.proper("evaluation") + document.proper("holdout"):
        for block in (block for block in section.body if block.kind != "code"):
            for code_span in block.spans:
                if place.looks_like_path(code_span.text) and not place.exists(code_span.text):
                    raise _may_be_meant(code_span.text, code_span.line)


def _may_be_meant(path: str, line: int | None) -> ProgramError:
    return ProgramError(
        f"`{path}` may be a file that a run leaves for its evaluation; write `Artifacts: {path}` "
        "with the path in backticks, or remove it from this section",
        line=line,
    )

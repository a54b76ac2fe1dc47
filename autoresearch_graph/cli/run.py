"""Start a research, or look whether one could start."""

import gc
import os
import select
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from autoresearch_graph import interrupts
from autoresearch_graph.cli.options import (
    Asset,
    BaseUrl,
    Checkpoints,
    Command,
    Cpus,
    Direction,
    Experiments,
    Gpus,
    Hours,
    Json,
    KillAfter,
    LookAhead,
    MetricName,
    Model,
    On,
    Prices,
    ProgramFile,
    Project,
    Quiet,
    Review,
    Sandbox,
    SearchShare,
    Tag,
    TimeBox,
    Workers,
)
from autoresearch_graph.core.text import without_password
from autoresearch_graph.errors import InputError, LabError, ProgramError

if TYPE_CHECKING:
    from autoresearch_graph.results.records import Records
    from autoresearch_graph.settings import Settings
    from autoresearch_graph.storage.status import Status
    from autoresearch_graph.terminal.live import Line

_FULL = 2.0  # seconds after which a pipe that takes nothing is taken for full


def run(
    context: typer.Context,
    project: Project = Path(),
    program: ProgramFile = Path("program.md"),
    tag: Tag = "",
    model: Model = "search",
    base_url: BaseUrl = None,
    prices: Prices = None,
    search_share: SearchShare = 0.0,
    workers: Workers = "1",
    on: On = "",
    gpus: Gpus = None,
    cpus: Cpus = None,
    look_ahead: LookAhead = None,
    review: Review = False,
    sandbox: Sandbox = "auto",
    checkpoints: Checkpoints = "",
    experiments: Experiments = None,
    hours: Hours = None,
    asset: Asset = None,
    metric: MetricName = None,
    direction: Direction = None,
    command: Command = None,
    time_box: TimeBox = None,
    kill_after: KillAfter = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Start a research, or resume the one of that tag."""
    _require_git()
    told = {name: context.params.pop(name) for name in ("quiet", "as_json")}
    if review and as_json:
        raise InputError(
            "--review asks in a terminal, which --json is not for; leave one away",
            code="options-conflict",
        )
    if quiet and as_json:
        raise InputError(
            "--quiet and --json say two things; leave one away", code="options-conflict"
        )
    _run(context.params, _line(**told))


def check(
    context: typer.Context,
    project: Project = Path(),
    program: ProgramFile = Path("program.md"),
    tag: Tag = "",
    model: Model = "search",
    base_url: BaseUrl = None,
    prices: Prices = None,
    search_share: SearchShare = 0.0,
    sandbox: Sandbox = "auto",
    checkpoints: Checkpoints = "",
    experiments: Experiments = None,
    hours: Hours = None,
    asset: Asset = None,
    metric: MetricName = None,
    direction: Direction = None,
    command: Command = None,
    time_box: TimeBox = None,
    kill_after: KillAfter = None,
) -> None:
    """Say what was understood of program.md, and whether everything is ready."""
    _require_git()
    from rich.console import Console

    from autoresearch_graph.results.unfinished import choose
    from autoresearch_graph.setup.preflight import check_project, findings_table, partly_understood

    try:
        findings = check_project(choose(_chosen(context.params))[0])
    except ProgramError as error:
        if known := partly_understood(error):
            Console().print(findings_table(known))
        raise
    Console().print(findings_table(findings))
    if not all(finding.ready for finding in findings):
        raise typer.Exit(2)


def _run(options: dict[str, Any], line: "Line | None") -> None:
    """Run a research and say what came of it; Ctrl-C may come at any time, and again."""
    interrupts.heed()
    given = sys.argv[1:]
    try:
        chosen = _chosen(options)
        from autoresearch_graph.results.unfinished import choose

        settings, told = choose(chosen)
        given += [] if options["tag"] else ["--tag", settings.tag]
        _tell(settings, _research(settings, line, told), line)
    except KeyboardInterrupt:
        interrupts.ignore()
        resume = without_password(shlex.join([*_command(), *given]))
        if _is_full(2):
            os._exit(130)  # there is nobody to tell, and nothing of it could be written
        typer.echo(f"interrupted; nothing is lost, go on with: {resume}", err=True)
        raise typer.Exit(130) from None


def _is_full(file: int) -> bool:
    """True for a pipe that nobody empties."""
    try:
        return not select.select([], [file], [], _FULL)[1]
    except OSError:  # it is closed
        return False


def _command() -> list[str]:
    """What to type for this program: its name, or its path where a shell would not find it."""
    path = Path(sys.argv[0])
    if path.name == "__main__.py":
        return ["python", "-m", "autoresearch_graph"]
    return [path.name if shutil.which(path.name) else sys.argv[0]]


def _tell(settings: "Settings", now: "Status", line: "Line | None") -> None:
    """Say how it ended, and raise where that was no stopping criterion."""
    from autoresearch_graph.results.records import find
    from autoresearch_graph.terminal.live import in_words

    records = find(settings)
    no_baseline = records.incumbent is None
    end = {"event": "end", "reason": now.ending, "failed": now.failed or no_baseline}
    end |= {"cost": records.cost.model_dump(), "text": f"{now.ending}\n{records.summary()}"}
    typer.echo((line or in_words)(end))
    if no_baseline:
        raise LabError(_no_baseline(records), code="no-baseline")
    if now.failed:
        told = "no stopping criterion is met; mend it, and run again to go on"
        raise LabError(f"{now.ending}; {told}", code="ended-early")


def _no_baseline(records: "Records") -> str:
    """What to do about a baseline that crashed, or was too slow."""
    baseline = records.experiments[0]
    too_slow = any(trial.kind == "timed out" for trial in baseline.trials)
    mend = "give it more time (Time box in program.md)" if too_slow else "mend it, commit"
    return (
        f"the untouched asset, as committed at {records.base[:7]}, gives no baseline: "
        f"{baseline.reason}; {mend}, and start anew with another name: --tag {records.tag}-2"
    )


def _line(*, quiet: bool, as_json: bool) -> "Line | None":
    """How every event is told, where that was chosen."""
    from autoresearch_graph.terminal.live import in_json, only_the_end

    return in_json if as_json else only_the_end if quiet else None


def _research(settings: "Settings", line: "Line | None", told: str) -> "Status":
    """Run a research to its end and show it; a bad project is told before langgraph is loaded.

    Returns its last moment, with why it ended.
    """
    gc.disable()  # what is loaded stays: it is looked at neither meanwhile nor later
    from rich.console import Console

    from autoresearch_graph.opening import open_lab

    if settings.review and not sys.stdin.isatty():
        raise InputError("--review asks in a terminal, and there is none", code="no-terminal")
    lab = open_lab(settings)
    try:
        from autoresearch_graph import research
        from autoresearch_graph.terminal.live import View

        gc.freeze()
        gc.enable()
        with View(lab, Console(), line) as view:
            if told:
                view.notice(told)
            research.run(lab, view.watch, *([view.decide] if settings.review else []))
            return lab.store.status.now
    finally:
        interrupts.ignore()
        lab.close()


def _require_git() -> None:
    """Raise InputError where git cannot be found: GitPython cannot even be imported then."""
    if shutil.which("git") is None:
        raise InputError("git is not installed, or not on the PATH; install it", code="no-git")


def _chosen(options: dict[str, Any]) -> "Settings":
    """The options of `run` and `check`: those of program.md's parts become flags."""
    from autoresearch_graph.core.program import Flags
    from autoresearch_graph.settings import Settings

    options["workers"] = _workers(options.get("workers", "1"))
    names = Flags.model_fields.keys()
    flags = Flags(**{name: options[name] for name in names})
    return Settings(flags=flags, **{k: v for k, v in options.items() if k not in names})


def _workers(given: str) -> int | Literal["auto"]:
    if given == "auto":
        return "auto"
    if not given.isdecimal() or int(given) < 1:
        raise InputError(f"--workers {given}: give a number from 1 on, or auto", code="bad-value")
    return int(given)

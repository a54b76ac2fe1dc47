"""Commands that start a research, steer it, or check if one could start."""

import gc
import os
import select
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from autoresearch_graph import interrupts
from autoresearch_graph.cli.options import (
    AcceptReading,
    Asset,
    BaseUrl,
    CheckCommand,
    Checkpoints,
    Command,
    Cpus,
    Direction,
    Evaluation,
    Experiments,
    Gpus,
    Holdout,
    Hours,
    Json,
    KillAfter,
    LatestTag,
    LookAhead,
    MetricName,
    Model,
    On,
    Prices,
    ProgramFile,
    Project,
    Quiet,
    ReadWith,
    Review,
    Sandbox,
    SearchShare,
    Stop,
    Tag,
    TimeBox,
    Workers,
    is_terminal,
    say,
    settings_of,
)
from autoresearch_graph.core.text import without_password
from autoresearch_graph.errors import InputError, LabError

if TYPE_CHECKING:
    from autoresearch_graph.results.records import Records
    from autoresearch_graph.settings import Settings
    from autoresearch_graph.storage.status import Status
    from autoresearch_graph.terminal.live import Line

_FULL = 2.0  # seconds after which a pipe that takes nothing counts as full; any short wait will do


def run(
    context: typer.Context,
    project: Project = Path(),
    program: ProgramFile = Path("program.md"),
    tag: Tag = "",
    model: Model = "search",
    base_url: BaseUrl = None,
    read_with: ReadWith = "",
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
    evaluation: Evaluation = None,
    holdout: Holdout = None,
    check: CheckCommand = None,
    time_box: TimeBox = None,
    kill_after: KillAfter = None,
    stop: Stop = None,
    accept_reading: AcceptReading = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Start a research, or resume the unfinished one of that tag."""
    _require_git()
    for name in ("quiet", "as_json"):
        del context.params[name]
    if review and as_json:
        raise InputError("--review and --json cannot be combined.", code="options-conflict")
    if quiet and as_json:
        raise InputError("--quiet and --json cannot be combined.", code="options-conflict")
    _run(context.params, _line(quiet=quiet, as_json=as_json))


def check(
    context: typer.Context,
    project: Project = Path(),
    program: ProgramFile = Path("program.md"),
    tag: Tag = "",
    model: Model = "search",
    base_url: BaseUrl = None,
    read_with: ReadWith = "",
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
    evaluation: Evaluation = None,
    holdout: Holdout = None,
    check: CheckCommand = None,
    time_box: TimeBox = None,
    kill_after: KillAfter = None,
    stop: Stop = None,
    accept_reading: AcceptReading = False,
) -> None:
    """Show how program.md was understood, and if everything is ready."""
    _require_git()
    _check(_settings(context.params))


def _check(settings: "Settings") -> None:
    from rich.console import Console

    from autoresearch_graph.results.unfinished import as_begun, choose
    from autoresearch_graph.setup.dialogue import settle
    from autoresearch_graph.setup.preflight import check_project, findings_table
    from autoresearch_graph.setup.suggestion import suggested

    settings = as_begun(settings)
    given = suggested(settings, say)
    reading = settle(settings, is_terminal=is_terminal(), suggested=given)
    settings, _ = choose(settings)
    findings = check_project(settings, reading)
    Console().print(findings_table(findings))
    for problem in reading.problems:
        typer.echo(f"autoresearch: {problem}", err=True)
    if not reading.accepted:
        raise reading.unaccepted()
    if not all(finding.ready for finding in findings):
        raise typer.Exit(2)


def _run(options: dict[str, Any], line: "Line | None") -> None:
    """Run a research and report its end; Ctrl-C may come at any time, and again."""
    interrupts.heed()
    arguments = sys.argv[1:]
    try:
        from autoresearch_graph.results.unfinished import as_begun, choose
        from autoresearch_graph.setup.dialogue import settle
        from autoresearch_graph.setup.suggestion import suggested

        settings = as_begun(_settings(options))
        given = suggested(settings, say)
        is_asked = line is None and is_terminal()
        reading = settle(settings, is_terminal=is_asked, suggested=given)
        if reading.problems:
            raise reading.problems[0]
        if not reading.accepted:
            raise reading.unaccepted()
        settings, notice = choose(settings)
        if not options["tag"]:
            arguments += ["--tag", settings.tag]
        _report_end(settings, _research(settings, line, notice), line)
    except KeyboardInterrupt:
        interrupts.ignore()
        resume = without_password(shlex.join([*_command(), *arguments]))
        if _is_full(2):
            os._exit(130)  # nobody reads, and nothing could be written
        typer.echo(f"interrupted; nothing is lost. Continue with: {resume}", err=True)
        raise typer.Exit(130) from None


def _is_full(file: int) -> bool:
    """Return True for a pipe that nobody empties."""
    try:
        return not select.select([], [file], [], _FULL)[1]
    except OSError:  # it is closed
        return False


def _command() -> list[str]:
    """Return the words that start this program: its name, or its path if not on the PATH."""
    path = Path(sys.argv[0])
    if path.name == "__main__.py":
        return ["python", "-m", "autoresearch_graph"]
    return [path.name if shutil.which(path.name) else sys.argv[0]]


def _report_end(settings: "Settings", status: "Status", line: "Line | None") -> None:
    """Report the end, with exit code 1 if it was no stopping criterion."""
    from autoresearch_graph.results.records import find
    from autoresearch_graph.terminal.live import in_words

    records = find(settings)
    fault: LabError | None = None
    if records.experiments and records.incumbent is None:
        fault = LabError(_no_baseline(records), code="no-baseline")
    elif status.failed:
        advice = "No stopping criterion is met: fix the cause, and run again to continue."
        fault = LabError(f"{status.ending}. {advice}", code="ended-early")
    end = {
        "event": "end",
        "reason": status.ending,
        "failed": fault is not None,
        "code": fault.code if fault else "",
        "cost": records.cost.model_dump(),
        "text": f"{status.ending}\n{records.summary()}",
    }
    typer.echo((line or in_words)(end))
    if fault is not None:
        typer.echo(f"autoresearch: {fault}", err=True)
        raise typer.Exit(1)


def _no_baseline(records: "Records") -> str:
    """Return what failed in the baseline, and what to do."""
    baseline = records.experiments[0]
    too_slow = any(trial.kind == "timed out" for trial in baseline.trials)
    advice = "Give it more time (Time box in program.md)" if too_slow else "Fix it and commit"
    return (
        f"The untouched asset, as committed at {records.base[:7]}, gives no baseline: "
        f"{baseline.reason}. {advice}, then start a new research: --tag {records.tag}-2"
    )


def _line(*, quiet: bool, as_json: bool) -> "Line | None":
    """Return the chosen form of an event, if any."""
    from autoresearch_graph.terminal.live import in_json, only_the_end

    return in_json if as_json else only_the_end if quiet else None


def _research(settings: "Settings", line: "Line | None", notice: str) -> "Status":
    """Run a research to its end and show it; return its last status.

    A bad project is an error before langgraph is loaded.
    """
    gc.disable()  # loaded modules stay, so there is nothing to collect meanwhile
    from rich.console import Console

    from autoresearch_graph.opening import open_lab

    if settings.review and not sys.stdin.isatty():
        raise InputError("--review needs a terminal.", code="no-terminal")
    lab = open_lab(settings)
    try:
        from autoresearch_graph import research
        from autoresearch_graph.terminal.live import View

        gc.freeze()
        gc.enable()
        with View(lab, Console(), line) as view:
            if notice:
                view.notice(notice)
            research.run(lab, view.watch, *([view.decide] if settings.review else []))
            return lab.store.status.now
    finally:
        interrupts.ignore()
        lab.close()


def _require_git() -> None:
    """Raise InputError if git is missing: GitPython cannot be imported then."""
    if shutil.which("git") is None:
        message = "git was not found. Install it, or add it to the PATH."
        raise InputError(message, code="no-git")


def _settings(options: dict[str, Any]) -> "Settings":
    """Build the settings; the options that supply parts of program.md become flags."""
    from autoresearch_graph.core.program import Flags
    from autoresearch_graph.settings import Settings

    parts = {name: options.pop(name) for name in Flags.model_fields}
    given = {name: value for name, value in parts.items() if value is not None}
    options["workers"] = _workers(options.get("workers", "1"))
    return Settings(flags=Flags(**given), **options)


def _workers(given: str) -> int | Literal["auto"]:
    if given == "auto":
        return "auto"
    if not given.isdecimal() or int(given) < 1:
        message = f"--workers is {given}. It must be a number from 1 on, or auto."
        raise InputError(message, code="bad-value")
    return int(given)


def tell(
    words: Annotated[str, typer.Argument(help="Message to the proposer.")],
    project: Project = Path(),
    tag: LatestTag = "",
) -> None:
    """Send a message for the next proposal."""
    from autoresearch_graph import steering

    typer.echo(steering.tell(settings_of(project, tag), words))


def propose(
    file: Annotated[Path, typer.Argument(help="File with the new text of the asset.")],
    project: Project = Path(),
    tag: LatestTag = "",
    describe: Annotated[str, typer.Option(help="One line about the change.")] = "",
) -> None:
    """Propose a text of your own as the next experiment."""
    from autoresearch_graph import steering

    typer.echo(steering.propose(settings_of(project, tag), file, describe))


def pause(project: Project = Path(), tag: LatestTag = "") -> None:
    """Pause after the current experiment is judged."""
    from autoresearch_graph import steering

    typer.echo(steering.pause(settings_of(project, tag)))


def resume(project: Project = Path(), tag: LatestTag = "") -> None:
    """End a pause."""
    from autoresearch_graph import steering

    typer.echo(steering.resume(settings_of(project, tag)))


def stop(project: Project = Path(), tag: LatestTag = "") -> None:
    """Stop after the current experiment is judged."""
    from autoresearch_graph import steering

    typer.echo(steering.stop(settings_of(project, tag)))

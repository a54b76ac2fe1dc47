"""The command line: thin commands over functions that a notebook could call."""

import errno
import shlex
import shutil
import signal
import sqlite3
import sys
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from autoresearch_graph import __version__
from autoresearch_graph.errors import InputError, LabError

if TYPE_CHECKING:
    from autoresearch_graph.start import Settings

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO}
_GO_ON = "; nothing is lost: mend it, and run again to go on"

app = typer.Typer(
    help="Let a model or a search improve one file against one number, all night.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Project = Annotated[Path, typer.Argument(help="The folder with program.md.")]
ProgramFile = Annotated[Path, typer.Option("--program", help="The program, if not program.md.")]
Tag = Annotated[str, typer.Option(help="The research's name; by default the date, as in nov23.")]
LatestTag = Annotated[str, typer.Option("--tag", help="The research; by default the latest.")]
Model = Annotated[str, typer.Option(help="Who proposes: search, or a model as openai:gpt-5.")]
BaseUrl = Annotated[str | None, typer.Option(help="A server that speaks OpenAI's protocol.")]
Prices = Annotated[
    Path | None, typer.Option(help="Dollars per million tokens of your models, as a TOML file.")
]
SearchShare = Annotated[
    float, typer.Option(min=0.0, max=1.0, help="The search's share of proposals beside a model.")
]
Review = Annotated[bool, typer.Option("--review", help="Ask about every proposal before its run.")]
Asset = Annotated[str | None, typer.Option(help="Supplies the asset.")]
MetricName = Annotated[str | None, typer.Option("--metric", help="Supplies the metric's name.")]
Direction = Annotated[str | None, typer.Option(help="Supplies its direction: lower or higher.")]
Command = Annotated[str | None, typer.Option(help="Supplies the experiment command.")]
TimeBox = Annotated[str | None, typer.Option(help="Supplies the time box, as in '5 minutes'.")]
KillAfter = Annotated[str | None, typer.Option(help="Supplies when a run is killed.")]
Sandbox = Annotated[
    Literal["auto", "bwrap", "off"],
    typer.Option(help="What holds the runs: the best there is, bubblewrap, or no walls."),
]
Experiments = Annotated[int | None, typer.Option(min=1, help="Stop after so many at most.")]
Hours = Annotated[float | None, typer.Option(min=0.0, help="Stop after so long at most.")]


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """Answer --version."""
    if show:
        typer.echo(f"autoresearch {__version__}")
        raise typer.Exit


@app.command()
def run(
    context: typer.Context,
    project: Project = Path(),
    program: ProgramFile = Path("program.md"),
    tag: Tag = "",
    model: Model = "search",
    base_url: BaseUrl = None,
    prices: Prices = None,
    search_share: SearchShare = 0.0,
    review: Review = False,
    sandbox: Sandbox = "auto",
    experiments: Experiments = None,
    hours: Hours = None,
    asset: Asset = None,
    metric: MetricName = None,
    direction: Direction = None,
    command: Command = None,
    time_box: TimeBox = None,
    kill_after: KillAfter = None,
) -> None:
    """Start a research, or resume the one of that tag."""
    _run(context.params)


@app.command()
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
    from rich.console import Console

    from autoresearch_graph.readiness import check_project, findings_table

    findings = check_project(_chosen(context.params))
    Console().print(findings_table(findings))
    if not all(finding.ready for finding in findings):
        raise typer.Exit(2)


@app.command()
def status(
    project: Project = Path(),
    tag: LatestTag = "",
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Summarise a research, with a table of its experiments."""
    from rich.console import Console

    from autoresearch_graph.records import find
    from autoresearch_graph.tables import experiments_table, yields_table

    records = find(_settings(project, tag))
    if as_json:
        typer.echo(records.as_json())
        return
    console = Console()
    console.print(experiments_table(records.experiments, records.program.metric.name))
    console.print("", yields_table(records), "")
    for sentence in (records.summary(), *records.second_looks()):
        console.print(sentence, soft_wrap=True, highlight=False)


@app.command()
def show(
    number: Annotated[int, typer.Argument(help="The experiment's number.", min=0)],
    project: Project = Path(),
    tag: LatestTag = "",
    conversation: Annotated[bool, typer.Option(help="What the model said and called.")] = False,
) -> None:
    """Show one experiment: idea, verdict, outcome, diff and the end of its log."""
    from rich.console import Console

    from autoresearch_graph.records import find
    from autoresearch_graph.tables import conversation_page, experiment_page

    page = conversation_page if conversation else experiment_page
    Console().print(page(find(_settings(project, tag)), number))


@app.command()
def verify(
    project: Project = Path(),
    tag: LatestTag = "",
    repeats: Annotated[int, typer.Option(min=2, help="Fresh runs of each.")] = 5,
) -> None:
    """Run baseline and best again, in turn, and tell what of the gain remains."""
    from autoresearch_graph.records import find
    from autoresearch_graph.replication import verify

    settings = _settings(project, tag)
    result = verify(settings, repeats=repeats, tell=typer.echo)
    warning = result.warning(find(settings).program.metric)
    typer.echo(f"{result}{f'; {warning}' if warning else ''}")


@app.command()
def replay(
    number: Annotated[int, typer.Argument(help="The experiment's number.", min=0)],
    project: Project = Path(),
    tag: LatestTag = "",
) -> None:
    """Run one experiment again as it was committed, and compare."""
    from autoresearch_graph.replication import replay

    typer.echo(replay(_settings(project, tag), number))


@app.command()
def report(project: Project = Path(), tag: LatestTag = "") -> None:
    """Write report.html."""
    from autoresearch_graph.records import find
    from autoresearch_graph.report import write_report

    typer.echo(write_report(find(_settings(project, tag))))


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The folder to make.")],
    template: Annotated[str, typer.Option(help="One of the examples, by name.")] = "forecast",
) -> None:
    """Make a new project from a template, in a git repository of its own."""
    from autoresearch_graph.templates import make_project

    make_project(folder, template=template)
    typer.echo(f"made {folder}; next: autoresearch run {folder}")


@app.command()
def graph() -> None:
    """Draw the state machine as Mermaid, with the editor inside propose."""
    from autoresearch_graph.graph import build_graph
    from autoresearch_graph.studio import Labs

    typer.echo(build_graph(Labs().of).get_graph(xray=True).draw_mermaid())


def main() -> None:
    """Run the command line; turns errors that a person can mend into one sentence."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app()
    except InputError as error:
        _fail(str(error), code=2)
    except LabError as error:
        _fail(str(error), code=1)
    except OSError as error:
        if error.errno not in _DISK:
            raise
        _fail(f"{error.strerror} ({error.filename or 'while writing'}){_GO_ON}", code=1)
    except sqlite3.OperationalError as error:
        _fail(f"{error} (checkpoints.sqlite){_GO_ON}", code=1)
    except sqlite3.DatabaseError as error:
        told = "remove checkpoints.sqlite and run again: the ledger tells where it was"
        _fail(f"{error}; {told}", code=1)


def _run(options: dict[str, Any]) -> None:
    """Run a research and say what came of it; Ctrl-C may come at any time, and again."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    given = sys.argv[1:]
    try:
        settings = _chosen(options)
        given += [] if settings.tag else ["--tag", settings.name]
        _tell(settings, _research(settings))
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        resume = shlex.join(["autoresearch", *given])
        typer.echo(f"interrupted; nothing is lost, go on with: {resume}", err=True)
        raise typer.Exit(130) from None


def _tell(settings: "Settings", reason: str) -> None:
    from autoresearch_graph.records import find

    records = find(replace(settings, tag=settings.name))
    typer.echo(f"{reason}\n{records.summary()}")
    if records.incumbent is None:
        raise LabError(
            f"the untouched asset, as committed at {records.base[:7]}, gives no baseline: "
            f"{records.experiments[0].reason}; mend it, commit, and start with another --tag"
        )


def _research(settings: "Settings") -> str:
    """Run a research to its end and show it; a bad project is told before langgraph is loaded."""
    from rich.console import Console

    from autoresearch_graph.lab import open_lab

    if settings.review and not sys.stdin.isatty():
        raise InputError("--review asks in a terminal, and there is none")
    lab = open_lab(settings)
    try:
        from autoresearch_graph import research
        from autoresearch_graph.view import View

        with View(lab, Console()) as view:
            if settings.review:
                return research.run(lab, view.watch, view.decide)
            return research.run(lab, view.watch)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        lab.close()


def _chosen(options: dict[str, Any]) -> "Settings":
    """The options of `run` and `check`: those of program.md's parts become flags."""
    if shutil.which("git") is None:
        raise InputError("git is not installed, or not on the PATH; install it")
    from autoresearch_graph.program import Flags
    from autoresearch_graph.start import Settings

    names = Flags.model_fields.keys()
    flags = Flags(**{name: options[name] for name in names})
    return Settings(flags=flags, **{k: v for k, v in options.items() if k not in names})


def _settings(project: Path, tag: str) -> "Settings":
    from autoresearch_graph.start import Settings

    return Settings(project=project, tag=tag)


def _fail(sentence: str, *, code: int) -> NoReturn:
    typer.echo(f"autoresearch: {sentence}", err=True)
    sys.exit(code)

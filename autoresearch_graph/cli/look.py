"""Commands on the records of a research: show, repeat runs, take the result, remove leftovers."""

import gc
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from autoresearch_graph.cli.options import Cpus, Gpus, LatestTag, On, Project, settings_of
from autoresearch_graph.errors import InputError

_SHOWN = 100  # rows: enough for a night, and quick to print


def status(
    project: Project = Path(),
    tag: LatestTag = "",
    every: Annotated[bool, typer.Option("--all", help="List every experiment.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Summarise a research, with a table of its experiments: the last hundred, or all."""
    from rich.console import Console

    from autoresearch_graph.results.records import find
    from autoresearch_graph.terminal.tables import authors_table, experiments_table

    gc.disable()  # rows are read once, and then the process ends
    records = find(settings_of(project, tag))
    if as_json:
        typer.echo(records.as_json())
        return
    console = Console()
    shown = records.experiments if every else records.experiments[-_SHOWN:]
    if left_out := len(records.experiments) - len(shown):
        console.print(
            f"{left_out} earlier experiments are hidden; show them with --all", style="dim"
        )
    console.print(experiments_table(records, shown, width=console.width))
    if records.by_author():
        console.print("", authors_table(records))
    console.print("")
    ended = [f"ended: {records.ending.ending}"] if records.ending else []
    for sentence in (*ended, records.summary(), *records.holdout_and_replication()):
        console.print(sentence, soft_wrap=True, highlight=False)


def watch(project: Project = Path(), tag: LatestTag = "") -> None:
    """Follow a research that runs in another process; Ctrl-C leaves it running."""
    from rich.console import Console

    from autoresearch_graph.terminal.live import watch

    try:
        typer.echo(watch(settings_of(project, tag), Console()))
    except KeyboardInterrupt:
        raise typer.Exit from None


def show(
    number: Annotated[int, typer.Argument(help="Number of the experiment.", min=0)],
    project: Project = Path(),
    tag: LatestTag = "",
    conversation: Annotated[
        bool, typer.Option(help="Show the messages and tool calls of the model instead.")
    ] = False,
) -> None:
    """Show one experiment: idea, verdict, outcome, diff and the end of its log."""
    from rich.console import Console

    from autoresearch_graph.results.records import find
    from autoresearch_graph.terminal.tables import conversation_page, experiment_page

    page = conversation_page if conversation else experiment_page
    Console().print(page(find(settings_of(project, tag)), number))


def verify(
    project: Project = Path(),
    tag: LatestTag = "",
    *,
    repeats: Annotated[int, typer.Option(min=2, help="Number of fresh runs of each.")] = 5,
    on: On = "",
    gpus: Gpus = None,
    cpus: Cpus = None,
) -> None:
    """Run baseline and best again, in turn, and report the gain that remains."""
    from autoresearch_graph.results.records import find
    from autoresearch_graph.results.verify import verify

    settings = settings_of(project, tag, on, gpus, cpus)
    result = verify(settings, repeats=repeats, tell=typer.echo)
    warning = result.warning(find(settings).program.metric)
    typer.echo(f"{result}{f'; {warning}' if warning else ''}")


def replay(
    number: Annotated[int, typer.Argument(help="Number of the experiment.", min=0)],
    project: Project = Path(),
    tag: LatestTag = "",
    *,
    on: On = "",
    gpus: Gpus = None,
    cpus: Cpus = None,
) -> None:
    """Run one experiment again as it was committed, and compare."""
    from autoresearch_graph.results.verify import replay

    typer.echo(replay(settings_of(project, tag, on, gpus, cpus), number))


def report(
    project: Project = Path(),
    tag: LatestTag = "",
    serve: Annotated[bool, typer.Option("--serve", help="Show it live in a browser.")] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port for --serve; 0 picks a free one.")
    ] = 0,
) -> None:
    """Write report.html and report.md, or serve the report live."""
    from autoresearch_graph.report import write_report
    from autoresearch_graph.report.server import serve as show_live
    from autoresearch_graph.results.records import find

    if serve:
        try:
            show_live(settings_of(project, tag), port=port, tell=typer.echo)
        except KeyboardInterrupt:
            raise typer.Exit from None
        return
    gc.disable()
    typer.echo(write_report(find(settings_of(project, tag))))


def adopt(
    project: Project = Path(),
    tag: LatestTag = "",
    squash: Annotated[bool, typer.Option("--squash", help="Merge as one commit.")] = False,
    despite_holdout: Annotated[
        bool, typer.Option("--despite-holdout", help="Adopt even if the holdout did not improve.")
    ] = False,
) -> None:
    """Put the kept commits on your current branch."""
    from autoresearch_graph.results.adopt import adopt
    from autoresearch_graph.results.records import find

    settings = settings_of(project, tag)
    tell = partial(typer.echo, err=True)
    typer.echo(adopt(settings, squash=squash, despite_holdout=despite_holdout, tell=tell))
    for sentence in find(settings).holdout_and_replication():
        typer.echo(sentence)


def clean(
    project: Project = Path(),
    tag: LatestTag = "",
    refs: Annotated[bool, typer.Option("--refs", help="Also delete its branch and refs.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Confirm the deletion of refs.")] = False,
) -> None:
    """Remove the worktrees of a research, and with --refs its branch and refs."""
    from autoresearch_graph.results.clean import leftovers

    tell = partial(typer.echo, err=True)
    with leftovers(settings_of(project, tag), tell) as left:
        count = len(left.refs)
        if not count:
            typer.echo(f"{left.remove_worktrees()}; it has no refs in git")
            return
        if not refs:
            typer.echo(f"{left.remove_worktrees()}; {count} refs stay. Delete them with --refs")
            return
        warning = f"This deletes {count} refs of {left.records.tag}, with every attempt in them."
        if not left.is_adopted:
            warning += " Its best is not on your branch: to keep it, run `autoresearch adopt`."
        if not yes and not sys.stdin.isatty():
            raise InputError(f"{warning} Pass --yes to confirm.", code="not-confirmed")
        if yes or typer.confirm(f"{warning} Delete them?"):
            typer.echo(f"{left.remove_worktrees()}\n{left.remove_refs()}")

"""Commands that make a project, and that draw the state machine."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autoresearch_graph.cli.options import (
    AcceptReading,
    Asset,
    BaseUrl,
    Command,
    Direction,
    Evaluation,
    Experiments,
    MetricName,
    ReadWith,
    TimeBox,
    is_terminal,
    say,
)
from autoresearch_graph.errors import InputError

if TYPE_CHECKING:
    from autoresearch_graph.settings import Settings
    from autoresearch_graph.setup.wizard import SetupWizard

_OWN = "command"
_DRY_RUN = ("--dry-run/--no-dry-run", "--rehearse/--no-rehearse")  # the second is the old name
_NEEDED = {"git", "command", "sandbox"}  # findings without which a dry run cannot start


def init(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder to make, or your own.")] = Path(),
    template: Annotated[
        str | None, typer.Option(help="Example by name, or `command` for a command of your own.")
    ] = None,
    asset: Asset = None,
    metric: MetricName = None,
    direction: Direction = None,
    command: Command = None,
    evaluation: Evaluation = None,
    time_box: TimeBox = None,
    experiments: Experiments = None,
    accept_reading: AcceptReading = False,
    read_with: ReadWith = "",
    base_url: BaseUrl = None,
    program: Annotated[
        Path | None, typer.Option(help="Program file to complete. Default: the one in the folder.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option(*_DRY_RUN, help="Run the command once, to see its metric.")
    ] = True,
) -> None:
    """Make a project from an example, or write a program.md for your own files.

    Of a program file that is there, the text stays; the values go into front matter at its top.
    """
    from autoresearch_graph.core.program import Flags
    from autoresearch_graph.settings import Settings
    from autoresearch_graph.setup.wizard import SetupWizard
    from autoresearch_graph.templates import make_project

    parts = {name: value for name, value in context.params.items() if name in Flags.model_fields}
    wizard = SetupWizard(is_terminal=is_terminal())
    if template is None and program is None and not any(parts.values()):
        template = _template(folder, wizard)
    if template and template != _OWN:
        make_project(folder, template=template)
        typer.echo(f"made {folder}\nnext: {_command('run', folder)}")
        return
    if not _has_files(folder):
        message = f"{folder} is empty. Put your files there first."
        raise InputError(message, code="nothing-to-improve")
    name, flags = program or wizard.choose_file(folder), Flags(**parts)
    settings = Settings(
        project=folder, program=name, read_with=read_with, base_url=base_url, flags=flags
    )
    _complete(settings, wizard, dry_run=dry_run)


def _complete(settings: "Settings", wizard: "SetupWizard", *, dry_run: bool) -> None:
    """Complete the program file of a folder, and say what to do next."""
    program, folder = settings.program, settings.project
    options = [] if program == Path("program.md") else ["--program", str(program)]
    if not _describe(settings, wizard, dry_run=dry_run):
        typer.echo(f"fix that; then: {_command('check', folder, *options)}")
        raise typer.Exit(2)
    typer.echo(f"next: {_command('run', folder, *options)}")


def _template(folder: Path, wizard: "SetupWizard") -> str:
    """Return the example that was begun, or that a person wants; empty for files of their own."""
    from autoresearch_graph.templates import DEFAULT, begun

    template = begun(folder)
    if template or _has_files(folder):
        return template
    return wizard.template() or DEFAULT


def _command(name: str, folder: Path, *options: str) -> str:
    """Return a command line for the project in `folder`."""
    place = [] if folder.resolve() == Path.cwd() else [str(folder)]
    return shlex.join(["autoresearch", name, *place, *options])


def _describe(settings: "Settings", wizard: "SetupWizard", *, dry_run: bool) -> bool:
    """Write the program file of a folder; return True if a research can start."""
    from autoresearch_graph.setup.draft import ProgramDraft
    from autoresearch_graph.setup.suggestion import suggested

    root, given = settings.root, suggested(settings, say)
    draft = ProgramDraft(root / settings.program, root, settings.flags, given)
    wizard.fill(draft)
    typer.echo(draft.write())
    unready = wizard.check(draft)
    if not dry_run or _NEEDED & set(unready):
        return not unready
    return wizard.dry_run(draft) and not unready


def _has_files(folder: Path) -> bool:
    """Return True if a folder holds files of a person."""
    ours = {".git", ".autoresearch"}
    return folder.is_dir() and any(entry.name not in ours for entry in folder.iterdir())


def graph() -> None:
    """Draw the state machine as Mermaid, with the editor inside propose."""
    from autoresearch_graph.graph import build_graph
    from autoresearch_graph.studio import Labs

    typer.echo(build_graph(Labs().of).get_graph(xray=True).draw_mermaid())

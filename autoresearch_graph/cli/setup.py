"""Make a new project, or make one of what is there; and the picture of the state machine."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from autoresearch_graph.cli.options import (
    Asset,
    Command,
    Direction,
    Experiments,
    MetricName,
    TimeBox,
)
from autoresearch_graph.errors import InputError

_OWN = "command"


def init(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="The folder to make, or your own.")] = Path(),
    template: Annotated[
        str | None, typer.Option(help="An example by name, or `command` for a command of yours.")
    ] = None,
    asset: Asset = None,
    metric: MetricName = None,
    direction: Direction = None,
    command: Command = None,
    time_box: TimeBox = None,
    experiments: Experiments = None,
    rehearse: Annotated[bool, typer.Option(help="Run the command once, to see its number.")] = True,
) -> None:
    """Make a project from an example, or write the program.md of your own; asks in a terminal."""
    from autoresearch_graph.core.program import Flags
    from autoresearch_graph.setup.draft import Draft
    from autoresearch_graph.setup.wizard import SetupWizard
    from autoresearch_graph.templates import DEFAULT, begun, make_project

    parts = {name: value for name, value in context.params.items() if name in Flags.model_fields}
    interview = SetupWizard(talks=sys.stdin.isatty() and sys.stdout.isatty())
    own = _has_files(folder)
    if template is None and not any(parts.values()):
        template = begun(folder) or (None if own else interview.template() or DEFAULT)
    ready = True
    if template in (None, _OWN):
        if not own:
            raise InputError(
                f"there is nothing in {folder} to improve; put your files there first",
                code="nothing-to-improve",
            )
        draft = Draft(folder, Flags(**parts))
        interview.fill(draft)
        typer.echo(draft.write())
        unready = interview.check(draft)
        ready = not unready
        if rehearse and not {"git", "command", "sandbox"} & set(unready):
            ready = interview.rehearse(draft) and ready
    else:
        make_project(folder, template=str(template))
        typer.echo(f"made {folder}")
    where = [] if folder.resolve() == Path.cwd() else [str(folder)]
    line = shlex.join(["autoresearch", "run" if ready else "check", *where])
    typer.echo(f"next: {line}" if ready else f"mend that; then: {line}")
    if not ready:
        raise typer.Exit(2)


def _has_files(folder: Path) -> bool:
    """Whether there is something of a person's own in a folder."""
    ours = {".git", ".autoresearch"}
    return folder.is_dir() and any(entry.name not in ours for entry in folder.iterdir())


def graph() -> None:
    """Draw the state machine as Mermaid, with the editor inside propose."""
    from autoresearch_graph.graph import build_graph
    from autoresearch_graph.studio import Labs

    typer.echo(build_graph(Labs().of).get_graph(xray=True).draw_mermaid())

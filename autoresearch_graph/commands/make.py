"""Make a new project, and the picture of the state machine."""

from pathlib import Path
from typing import Annotated

import typer


def init(
    folder: Annotated[Path, typer.Argument(help="The folder to make.")],
    template: Annotated[str, typer.Option(help="One of the examples, by name.")] = "forecast",
) -> None:
    """Make a new project from a template, in a git repository of its own."""
    from autoresearch_graph.templates import make_project

    make_project(folder, template=template)
    typer.echo(f"made {folder}; next: autoresearch run {folder}")


def graph() -> None:
    """Draw the state machine as Mermaid, with the editor inside propose."""
    from autoresearch_graph.graph import build_graph
    from autoresearch_graph.studio import Labs

    typer.echo(build_graph(Labs().of).get_graph(xray=True).draw_mermaid())

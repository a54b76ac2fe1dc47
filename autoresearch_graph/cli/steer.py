"""Commands that steer a running research."""

from pathlib import Path
from typing import Annotated

import typer

from autoresearch_graph.cli.options import LatestTag, Project, settings_of


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

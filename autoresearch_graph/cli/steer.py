"""Steer a research while it runs."""

from pathlib import Path
from typing import Annotated

import typer

from autoresearch_graph.cli.options import LatestTag, Project, settings_of


def tell(
    words: Annotated[str, typer.Argument(help="What you would say to who proposes.")],
    project: Project = Path(),
    tag: LatestTag = "",
) -> None:
    """Say something for the next proposal."""
    from autoresearch_graph import steering

    typer.echo(steering.tell(settings_of(project, tag), words))


def propose(
    file: Annotated[Path, typer.Argument(help="The text that the asset is to have.")],
    project: Project = Path(),
    tag: LatestTag = "",
    describe: Annotated[str, typer.Option(help="What it changes, in one line.")] = "",
) -> None:
    """Have a text of your own tried next."""
    from autoresearch_graph import steering

    typer.echo(steering.propose(settings_of(project, tag), file, describe))


def pause(project: Project = Path(), tag: LatestTag = "") -> None:
    """Begin nothing new once the experiment under way is judged."""
    from autoresearch_graph import steering

    typer.echo(steering.pause(settings_of(project, tag)))


def resume(project: Project = Path(), tag: LatestTag = "") -> None:
    """End a pause."""
    from autoresearch_graph import steering

    typer.echo(steering.resume(settings_of(project, tag)))


def stop(project: Project = Path(), tag: LatestTag = "") -> None:
    """End it in order once the experiment under way is judged."""
    from autoresearch_graph import steering

    typer.echo(steering.stop(settings_of(project, tag)))

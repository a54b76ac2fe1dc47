"""Take the result of a research, and clear what it leaves behind."""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from autoresearch_graph.cli.options import LatestTag, Project, settings_of
from autoresearch_graph.errors import InputError


def adopt(
    project: Project = Path(),
    tag: LatestTag = "",
    squash: Annotated[bool, typer.Option("--squash", help="As one commit.")] = False,
    despite_holdout: Annotated[
        bool, typer.Option("--despite-holdout", help="Even where the holdout got no better.")
    ] = False,
) -> None:
    """Put the kept commits on the branch that you are on."""
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
    refs: Annotated[bool, typer.Option("--refs", help="Its branch and refs as well.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
) -> None:
    """Remove the worktrees of a research, and with --refs, asked twice, its branch and refs."""
    from autoresearch_graph.results.clean import leftovers

    tell = partial(typer.echo, err=True)
    with leftovers(settings_of(project, tag), tell) as left:
        count = len(left.refs)
        if not count:
            typer.echo(f"{left.remove_worktrees()}; it has no refs in git")
            return
        if not refs:
            typer.echo(f"{left.remove_worktrees()}; {count} refs stay, remove them with --refs")
            return
        lost = "" if left.is_adopted else ", and its best is not on your branch (adopt takes it)"
        warning = f"{left.records.tag} has {count} refs: with them every attempt is gone{lost}"
        if not yes and not sys.stdin.isatty():
            raise InputError(f"{warning}; say it a second time with --yes", code="not-confirmed")
        if yes or typer.confirm(f"{warning}; remove them?"):
            typer.echo(f"{left.remove_worktrees()}\n{left.remove_refs()}")

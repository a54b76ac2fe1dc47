"""Commands that take the result of a research, and that remove its leftovers."""

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

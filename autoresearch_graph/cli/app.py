"""The command line: its commands, and the report of an error."""

import errno
import json
import sqlite3
import sys
from io import TextIOWrapper
from typing import Annotated, NoReturn

import typer

from autoresearch_graph import __version__
from autoresearch_graph.cli.look import adopt, clean, replay, report, show, status, verify, watch
from autoresearch_graph.cli.run import check, pause, propose, resume, run, stop, tell
from autoresearch_graph.cli.setup import graph, init
from autoresearch_graph.errors import InputError, LabError

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO}
_FILES = {errno.EMFILE, errno.ENFILE}
_GO_ON = "; nothing is lost: fix it, and run again to continue"
_REBUILD = "remove checkpoints.sqlite and run again: the ledger has the progress"
app = typer.Typer(
    help="Let a model or a search improve one file against one number, all night.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_LOOK = (status, watch, show, verify, replay, report)
_STEER = (tell, propose, pause, resume, stop)
for command in (run, check, *_LOOK, *_STEER, adopt, clean, init, graph):
    app.command()(command)


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """Answer --version."""
    if show:
        typer.echo(f"autoresearch {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; an error that a person can fix becomes one message."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app()
    except LabError as error:
        _fail(str(error), error.code, status=2 if isinstance(error, InputError) else 1)
    except OSError as error:
        _fail_on_disk(error)
    except sqlite3.OperationalError as error:
        _fail(f"{error} (checkpoints.sqlite){_GO_ON}", "disk", status=1)
    except sqlite3.DatabaseError as error:
        _fail(f"{error}; {_REBUILD}", "bad-checkpoints", status=1)


def _fail_on_disk(error: OSError) -> NoReturn:
    """Report a full or unreadable disk; any other error is a bug."""
    if error.errno in _FILES:
        advice = f"allow more with: ulimit -n 1024{_GO_ON}"
        _fail(f"{error.strerror}; {advice}", "too-many-files", status=1)
    if error.errno in _DISK:
        place = error.filename or "while writing"
        _fail(f"{error.strerror} ({place}){_GO_ON}", "disk", status=1)
    raise error


def _fail(sentence: str, code: str, *, status: int) -> NoReturn:
    """Report an error, with --json also as an event, and exit."""
    if "--json" in sys.argv[1:]:
        typer.echo(json.dumps({"event": "error", "code": code, "text": sentence}))
    typer.echo(f"autoresearch: {sentence}", err=True)
    sys.exit(status)

"""Arguments and options that commands share."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from autoresearch_graph.settings import Settings

Project = Annotated[Path, typer.Argument(help="Folder with program.md.")]
ProgramFile = Annotated[Path, typer.Option("--program", help="Program file.")]
Tag = Annotated[
    str,
    typer.Option(help="Name of the research. Default: the unfinished one, or the date (nov23)."),
]
LatestTag = Annotated[str, typer.Option("--tag", help="Name of the research. Default: the latest.")]
Model = Annotated[str, typer.Option(help="Proposer: search, or a chat model as in openai:gpt-5.")]
ReadWith = Annotated[
    str, typer.Option(help="Model that reads program.md, or `rules`. Default: that of --model.")
]
BaseUrl = Annotated[str | None, typer.Option(help="URL of an OpenAI-compatible server.")]
Prices = Annotated[
    Path | None, typer.Option(help="TOML file with prices: dollars per million tokens of a model.")
]
SearchShare = Annotated[
    float, typer.Option(min=0.0, max=1.0, help="Share of proposals by the search, beside a model.")
]
Workers = Annotated[str, typer.Option(help="Number of parallel runs, or `auto` for one per GPU.")]
On = Annotated[
    str, typer.Option(help="Run on Ray: `ray` starts a cluster, `ray:ADDRESS` uses a running one.")
]
Gpus = Annotated[
    float | None, typer.Option(min=0, help="GPUs that a run on Ray requests. Default: 1.")
]
Cpus = Annotated[
    float | None, typer.Option(min=0, help="Cores that a run on Ray requests. Default: 1.")
]
LookAhead = Annotated[
    bool | None,
    typer.Option(help="Write the next proposal during a run. Default: only with a model."),
]
Review = Annotated[bool, typer.Option("--review", help="Ask before every run.")]
Asset = Annotated[str | None, typer.Option(help="Asset, if program.md names none.")]
MetricName = Annotated[
    str | None, typer.Option("--metric", help="Metric, if program.md names none.")
]
Direction = Annotated[
    str | None, typer.Option(help="Better direction, lower or higher, if program.md gives none.")
]
Command = Annotated[str | None, typer.Option(help="Experiment command, if program.md gives none.")]
Evaluation = Annotated[
    str | None, typer.Option(help="Evaluation command, if program.md gives none.")
]
Holdout = Annotated[str | None, typer.Option(help="Holdout command, if program.md gives none.")]
CheckCommand = Annotated[
    str | None, typer.Option("--check-command", help="Check command, if program.md gives none.")
]
Stop = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TEXT",
        help="Stopping criterion, as in '20 experiments without improvement', if program.md gives "
        "none. May be repeated.",
    ),
]
AcceptReading = Annotated[
    bool,
    typer.Option("--accept-reading", help="Accept the values that are inferred from program.md."),
]
TimeBox = Annotated[
    str | None, typer.Option(help="Time box, as in '5 minutes', if program.md gives none.")
]
KillAfter = Annotated[
    str | None, typer.Option(help="Time after which a run is killed, if program.md gives none.")
]
Sandbox = Annotated[
    Literal["auto", "bwrap", "off"],
    typer.Option(help="Confinement of runs: the best available, bubblewrap, or none."),
]
Checkpoints = Annotated[
    str,
    typer.Option(
        help="Postgres URL for LangGraph's checkpoints. AUTORESEARCH_CHECKPOINTS is an "
        "alternative that hides a password."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print only the end.")]
Json = Annotated[bool, typer.Option("--json", help="Print every event as a line of JSON.")]
Experiments = Annotated[
    int | None, typer.Option(min=1, help="Stop after this number of experiments at most.")
]
Hours = Annotated[float | None, typer.Option(min=0.0, help="Stop after this many hours at most.")]


def say(sentence: str) -> None:
    """Report something beside the output, which a script may read."""
    typer.echo(sentence, err=True)


def is_terminal() -> bool:
    """Return True if a person can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def settings_of(
    project: Path, tag: str, on: str = "", gpus: float | None = None, cpus: float | None = None
) -> "Settings":
    """Return the settings of an existing research, and of the place for its runs."""
    from autoresearch_graph.settings import Settings

    return Settings(project=project, tag=tag, on=on, gpus=gpus, cpus=cpus)

"""The arguments and options of the commands."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from autoresearch_graph.settings import Settings

Project = Annotated[Path, typer.Argument(help="The folder with program.md.")]
ProgramFile = Annotated[Path, typer.Option("--program", help="The program, if not program.md.")]
Tag = Annotated[
    str,
    typer.Option(help="The research's name; by default the unfinished one, or the date (nov23)."),
]
LatestTag = Annotated[str, typer.Option("--tag", help="The research; by default the latest.")]
Model = Annotated[str, typer.Option(help="Who proposes: search, or a model as openai:gpt-5.")]
BaseUrl = Annotated[str | None, typer.Option(help="A server that speaks OpenAI's protocol.")]
Prices = Annotated[
    Path | None, typer.Option(help="Dollars per million tokens of your models, as a TOML file.")
]
SearchShare = Annotated[
    float, typer.Option(min=0.0, max=1.0, help="The search's share of proposals beside a model.")
]
Workers = Annotated[str, typer.Option(help="So many runs at once; auto: one for each GPU.")]
On = Annotated[str, typer.Option(help="Run on a cluster: ray for one of its own, or ray:ADDRESS.")]
Gpus = Annotated[
    float | None, typer.Option(min=0, help="What a run asks the cluster for: GPUs, by default one.")
]
Cpus = Annotated[float | None, typer.Option(min=0, help="The same for cores, by default one.")]
LookAhead = Annotated[
    bool | None,
    typer.Option(help="Have the next proposal written during a run; by default with a model."),
]
Review = Annotated[bool, typer.Option("--review", help="Ask about every proposal before its run.")]
Asset = Annotated[str | None, typer.Option(help="Supplies the asset.")]
MetricName = Annotated[str | None, typer.Option("--metric", help="Supplies the metric's name.")]
Direction = Annotated[str | None, typer.Option(help="Supplies its direction: lower or higher.")]
Command = Annotated[str | None, typer.Option(help="Supplies the experiment command.")]
TimeBox = Annotated[str | None, typer.Option(help="Supplies the time box, as in '5 minutes'.")]
KillAfter = Annotated[str | None, typer.Option(help="Supplies when a run is killed.")]
Sandbox = Annotated[
    Literal["auto", "bwrap", "off"],
    typer.Option(help="What holds the runs: the best there is, bubblewrap, or no walls."),
]
Checkpoints = Annotated[
    str,
    typer.Option(
        help="Keep LangGraph's checkpoints in Postgres, at this URL; "
        "AUTORESEARCH_CHECKPOINTS says the same out of sight."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Tell nothing but how it ended.")]
Json = Annotated[bool, typer.Option("--json", help="Tell every event as a line of JSON.")]
Experiments = Annotated[int | None, typer.Option(min=1, help="Stop after so many at most.")]
Hours = Annotated[float | None, typer.Option(min=0.0, help="Stop after so long at most.")]


def settings_of(
    project: Path, tag: str, on: str = "", gpus: float | None = None, cpus: float | None = None
) -> "Settings":
    """A research that has begun, by its project and tag, and where to run something of it."""
    from autoresearch_graph.settings import Settings

    return Settings(project=project, tag=tag, on=on, gpus=gpus, cpus=cpus)

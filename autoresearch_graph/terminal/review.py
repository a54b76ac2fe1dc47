"""Ask a person in the terminal about a proposal."""

from pathlib import PurePath
from typing import Any

import click
from rich.console import Console
from rich.prompt import Prompt
from rich.syntax import Syntax
from rich.text import Text

from autoresearch_graph.asset.files import Asset
from autoresearch_graph.core.experiment import Answer


def ask(question: dict[str, Any], text: str, console: Console) -> Answer:
    """Show the proposal and wait for an answer; `text` is the asset as proposed, to be edited."""
    console.print(Text(f"\nexperiment {question['experiment']}: {question['description']}", "bold"))
    console.print(Text(question["hypothesis"]))
    if refused := question.get("refused"):
        console.print(Text(f"the edit cannot be used: {refused}", "red"))
    console.print(Syntax(question["diff"], "diff", background_color="default"))
    while True:
        said = Prompt.ask(
            "approve, edit or reject?", console=console, choices=["a", "e", "r"], default="a"
        )
        if said == "a":
            return Answer(action="approve")
        if said == "r":
            return Answer(action="reject", reason=Prompt.ask("why", console=console, default=""))
        asset = Asset.parse(question["asset"])
        suffix = ".txt" if asset.is_several else PurePath(str(asset)).suffix
        edited = click.edit(text, extension=suffix)
        if edited is not None and (why := asset.unfit(edited, text)):
            console.print(Text(why, "red"))
            continue
        if edited is not None:
            return Answer(action="edit", text=edited)
        console.print(Text("nothing was changed", "yellow"))

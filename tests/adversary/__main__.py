"""The table: every attack, what stopped it and what came of it, with walls and without.

python -m tests.adversary [ATTACK...]
"""

import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from autoresearch_graph.runner import detect

from .arena import ATTACKS, Arena, Night, describe


def main(attacks: list[str]) -> int:
    """Print the table; 1 where an attack got through although it should not."""
    levels = {str(detect(choice)): choice for choice in ("auto", "off")}
    console = Console()
    table = Table("attack", "stopped by", *levels, title="assets that cheat", show_lines=True)
    through = 0
    for attack in attacks:
        with console.status(f"{attack} ..."):
            nights = [_night(attack, choice) for choice in levels.values()]
        through += bool(nights[0].harm)
        table.add_row(*map(Text, describe(attack)), *map(_cell, nights))
    console.print(table)
    console.print(f"{len(attacks)} attacks, {through} got through {next(iter(levels))}")
    return int(bool(through))


def _night(attack: str, choice: str) -> Night:
    with tempfile.TemporaryDirectory(prefix="arena-") as folder:
        return Arena(Path(folder).resolve()).night(attack, choice)


def _cell(night: Night) -> Text:
    if night.harm:
        return Text("gets through: " + "; ".join(dict.fromkeys(night.harm)), "red")
    return Text(f"not kept ({night.verdict}: {night.reason})", "green")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(ATTACKS)))

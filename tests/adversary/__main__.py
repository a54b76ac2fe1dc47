"""The table: every attack, what stopped it and what came of it, with walls and without.

python -m tests.adversary [ATTACK...]

Three kinds: assets of a small job; language models of the main job, all in one research; and
attacks on the lab itself, which are tests.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from autoresearch_graph.runner import detect
from tests.adversary import doors, models
from tests.adversary.arena import ATTACKS, Arena, Night, describe

ROOT = Path(__file__).parent.parent.parent


def main(names: Sequence[str]) -> int:
    """Print the tables; 1 where an attack got through although it should not."""
    known = (ATTACKS, models.ATTACKS, doors.DOORS)
    if unknown := [name for name in names if not any(name in each for each in known)]:
        print(f"there is no attack {', '.join(unknown)}; there are:", file=sys.stderr)
        print(*(name for each in known for name in each), file=sys.stderr)
        return 2
    runs, nets, lab = ([n for n in each if n in names or not names] for each in known)
    through = _assets(runs) + _models(nets) + _lab(lab)
    Console().print(f"{sum(map(len, (runs, nets, lab)))} attacks, {through} got through")
    return int(bool(through))


def _assets(attacks: Iterable[str]) -> int:
    levels = {str(detect(choice)): choice for choice in ("auto", "off")}
    table, through = _table("assets that cheat", *levels), 0
    for attack in attacks:
        with Console().status(f"{attack} ..."):
            nights = [_night([attack], choice) for choice in levels.values()]
        through += bool(nights[0].harm)
        table.add_row(attack, *map(Text, describe(ATTACKS[attack])), *map(_cell, nights))
    return _shown(table, through)


def _models(attacks: Sequence[str]) -> int:
    """Have all models proposed in one research of the main job, and look at their verdicts."""
    table, through = _table("language models that cheat", "verdict"), 0
    if attacks:
        with Console().status("training, and measuring, language models ..."):
            verdicts = models.night(attacks)
        for attack, (kept, verdict) in zip(attacks, verdicts, strict=True):
            through += kept
            told = Text(verdict, "red" if kept else "green")
            table.add_row(attack, *map(Text, describe(models.ATTACKS[attack])), told)
    return _shown(table, through)


def _lab(attacks: Iterable[str]) -> int:
    table, through = _table("attacks on the lab", "tests"), 0
    for attack in attacks:
        door = doors.DOORS[attack]
        with Console().status(f"{attack} ..."):
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *door.tests]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        through += done.returncode != 0
        told = (done.stdout.strip().splitlines() or ["nothing was run"])[-1].strip("= ")
        style = "red" if done.returncode else "green"
        table.add_row(attack, Text(door.tries), Text(door.stopped), Text(told, style))
    return _shown(table, through)


def _table(title: str, *columns: str) -> Table:
    return Table("", "attack", "stopped by", *columns, title=title, show_lines=True)


def _shown(table: Table, through: int) -> int:
    if table.row_count:
        Console().print(table)
    return through


def _night(attacks: Sequence[str], choice: str) -> Night:
    with tempfile.TemporaryDirectory(prefix="arena-") as folder:
        return Arena(Path(folder).resolve()).night(attacks, choice)


def _cell(night: Night) -> Text:
    if night.harm:
        return Text("gets through: " + "; ".join(dict.fromkeys(night.harm)), "red")
    return Text("; ".join(f"{verdict}: {reason}" for verdict, reason in night.verdicts), "green")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

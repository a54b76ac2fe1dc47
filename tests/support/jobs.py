"""The projects that faults are tried on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autoresearch_graph.core.experiment import Wish
from autoresearch_graph.core.incumbent import PATIENCE
from autoresearch_graph.storage.inbox import Inbox
from tests.support.projects import PROGRAM, git, make_project

ASSET = "X = 3.0\nRATE = 0.5  # one of: 0.1, 0.5, 0.9\n"
PLAIN = ASSET + "print(f'loss: {(X - 1.0) ** 2 + RATE:.6f}')\n"
EVALUATED = ASSET + "open('answer.txt', 'w').write(str((X - 1.0) ** 2 + RATE))\n"
MEASURE = "print('loss:', float(open('answer.txt').read()))\n"
PARTS = """\
## Evaluation
Reads `answer.txt`.
```
python measure.py
```

## Holdout
```
python measure.py
```

## Time box"""
NOISY = f"""\
import os, random
{ASSET}
luck = random.Random(f"{{X}} {{os.environ['AUTORESEARCH_SEED']}}").gauss(0, 0.1)
print("loss:", (X - 1.0) ** 2 + RATE + luck)
"""
IN_EACH_OTHERS_WAY = """\
import os, random
# how wide
A = 3.0
# how deep
C = 5.0
luck = random.Random(f"{A} {C} {os.environ['AUTORESEARCH_SEED']}").gauss(0, 0.1)
print("loss:", (A - C) ** 2 + C + luck)
"""


def plain(folder: Path) -> Path:
    """A run that prints its own number."""
    return make_project(folder, text=PLAIN)


def evaluated(folder: Path) -> Path:
    """A run that is measured afterwards, and again by a holdout where it is kept."""
    program = PROGRAM.replace("## Time box", PARTS)
    project = make_project(folder, program=program, text=EVALUATED)
    (project / "measure.py").write_text(MEASURE)
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=measure")
    return project


def repeated(folder: Path) -> Path:
    """Noise, the same for the same seed, so that the baseline and what would be kept run again."""
    program = PROGRAM.replace("- deterministic", "- balanced")
    return make_project(folder, program=program, text=NOISY)


def steered(folder: Path) -> Path:
    """A research that finds what a person said to it."""
    project = plain(folder)
    inbox = Inbox(project / ".autoresearch/t")
    (project / ".autoresearch/t").mkdir(parents=True)
    text = PLAIN.replace("3.0", "2.25")
    wishes: tuple[Wish, ...] = ("pause", "tell", "propose", "resume")
    for wish in wishes:
        inbox.post(wish, "words", text=text if wish == "propose" else None)
    return project


def crowded(folder: Path) -> Path:
    """Noise, and texts that change different lines, so that they can be combined."""
    return make_project(folder, program=PROGRAM.replace("deterministic", "balanced"), text=NOISY)


def stuck(folder: Path) -> Path:
    """Two changes that stand in each other's way, and noise: a step back is better."""
    program = PROGRAM.replace("deterministic", "balanced").replace("- 30 exp", "- 60 exp")
    return make_project(folder, program=program, text=IN_EACH_OTHERS_WAY)


VALUES = [("3.0", "2.0"), ("3.0", "2.5"), ("3.0", "nothing"), ("3.0", "1.5")]
DIFFERENT = [
    ("X = 3.0", "X = 2.0"),
    ("RATE = 0.5", "RATE = 0.1"),
    ("X = 3.0", "X = nothing"),
    ("X = 3.0", "X = 1.5"),
    ("import os", "import math, os"),
    ("RATE = 0.5", "RATE = 0.9"),
]
KEPT = [("A = 3.0", "A = 3.5"), ("A = 3.0\n# how deep\nC = 5.0", "A = 3.5\n# how deep\nC = 2.5")]
IN_VAIN = [("A = 3.0", f"A = {90.0 + n}") for n in range(PATIENCE)]


@dataclass(frozen=True)
class Job:
    """A project, what is tried in it, and by how many workers; `ahead`: proposals may wait.

    The first `before` experiments are made in peace, before anything strikes.
    """

    make: Callable[[Path], Path]
    changes: Sequence[tuple[str, str]] = tuple(VALUES)
    workers: int = 1
    ahead: bool = False
    before: int = 0

    @property
    def is_fixed(self) -> bool:
        """Whether it ends the same way every time, whoever was first."""
        return self.workers == 1 and not self.ahead

    def texts(self, project: Path) -> list[str]:
        text = (project / "asset.py").read_text()
        return [text.replace(old, new, 1) for old, new in self.changes]


JOBS: dict[str, Job] = {
    "plain": Job(plain),
    "evaluated": Job(evaluated),
    "repeated": Job(repeated),
    "steered": Job(steered),
    "ahead": Job(plain, DIFFERENT, ahead=True),
    "crowded": Job(crowded, DIFFERENT, workers=4, ahead=True),
    "stuck": Job(stuck, [*KEPT, *IN_VAIN], before=PATIENCE + 2),
}

"""The projects that faults are tried on."""

from collections.abc import Callable
from pathlib import Path

from autoresearch_graph.mailbox import Mailbox
from tests.conftest import PROGRAM, git, make_project

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
    mailbox = Mailbox(project / ".autoresearch/t")
    (project / ".autoresearch/t").mkdir(parents=True)
    text = PLAIN.replace("3.0", "2.25")
    for wish, words in (("pause", None), ("tell", None), ("propose", text), ("resume", None)):
        mailbox.post(wish, "words", text=words)
    return project


JOBS: dict[str, Callable[[Path], Path]] = {
    "plain": plain,
    "evaluated": evaluated,
    "repeated": repeated,
    "steered": steered,
}

"""The lab under attack, in a process of its own: some attacks, then an honest proposal.

python -m tests.adversary.night PROJECT SANDBOX BRIEF ASSET...

What a model would have been told after the attacks is written to the file BRIEF. The environment
holds a key, as that of a person's lab does.
"""

import sys
from pathlib import Path
from typing import get_args

from autoresearch_graph import research
from autoresearch_graph.core.brief import Brief
from autoresearch_graph.core.experiment import Draft
from autoresearch_graph.opening import open_lab
from autoresearch_graph.proposers.llm.prompt import user
from autoresearch_graph.settings import Choice, Settings
from tests.support.projects import Scripted

HONEST = "from prepare import diagonal, save\n\nsave(diagonal(0.5))\n"


class Eavesdropped(Scripted):
    """A script whose last proposal keeps what a model would have been told."""

    def __init__(self, texts: list[str], told: Path) -> None:
        super().__init__(texts)
        self.told = told

    def propose(self, brief: Brief) -> Draft:
        if brief.number == len(self.texts):
            self.told.write_text(user(brief))
        return super().propose(brief)


def main(project: Path, choice: str, told: Path, assets: list[Path]) -> None:
    sandbox = next(known for known in get_args(Choice) if known == choice)
    settings = Settings(project=project, tag="t", sandbox=sandbox)
    attacks = [f"{asset.read_text()}\nNUMBER = {n}\n" for n, asset in enumerate(assets)]
    proposer = Eavesdropped([*attacks, HONEST], told)
    lab = open_lab(settings, proposer=proposer)
    try:
        while "proposed by a model" in research.run(lab):
            pass  # the person has looked at it
    finally:
        lab.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), [*map(Path, sys.argv[4:])])

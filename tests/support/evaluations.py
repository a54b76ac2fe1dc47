"""Helpers of tests about evaluations."""

from pathlib import Path

from tests.support.projects import PROGRAM, git, make_project

EVALUATION = """\
## Evaluation
Reads `answer.txt`.
```
python evaluate.py
```
"""
EVALUATE = """\
from pathlib import Path
answer = float(Path("answer.txt").read_text())
print(f"loss: {(answer - 1) ** 2:.6f}")
"""
HONEST = "from pathlib import Path\nPath('answer.txt').write_text('3.0')\n"


def evaluated_project(
    folder: Path, *, evaluation: str = EVALUATION, evaluate: str = EVALUATE, text: str = HONEST
) -> Path:
    program = PROGRAM.replace("## Time box", f"{evaluation}\n## Time box")
    project = make_project(folder / "project", program=program, text=text)
    (project / "evaluate.py").write_text(evaluate)
    (project / "truth.txt").write_text("1.0")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=evaluation")
    return project

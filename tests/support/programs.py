"""Helpers of tests about programs."""

from pathlib import Path
from typing import Any

import pytest

from autoresearch_graph.core.program import Flags, Program
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.reader import read


def sentence(project: Path, parts: dict[str, str], at: str | None) -> str:
    """The error of a program, checked to name the line on which `at` stands."""
    text = text_of(parts)
    with pytest.raises(ProgramError) as caught:
        read_text(project, text)
    line = text[: text.index(at)].count("\n") + 1 if at else None
    assert caught.value.line == line, caught.value
    assert str(caught.value).startswith(f"program.md:{line}: " if line else "program.md: ")
    return str(caught.value).partition(": ")[2]


PARTS = {
    "Asset": "`train.py`",
    "Metric": "`val_bpb`, lower is better.",
    "Experiment": "```bash\npython train.py\n```",
    "Time box": "5 minutes",
    "Stopping criteria": "- 100 experiments",
}


def make_project(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("pass\n", "utf-8")
    return folder


def text_of(parts: dict[str, str]) -> str:
    sections = (f"## {title}\n\n{body}\n" for title, body in (PARTS | parts).items() if body)
    return "# Night\n\nA small model.\n\n" + "\n".join(sections)


def read_text(project: Path, text: str, **flags: Any) -> Program:
    path = project / "program.md"
    path.write_text(text, "utf-8")
    return read(path, project=project, flags=Flags(accept_reading=True, **flags))


def read_parts(project: Path, parts: dict[str, str], **flags: Any) -> Program:
    return read_text(project, text_of(parts), **flags)

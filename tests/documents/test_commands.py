"""Every command in README and docs is run, page by page, as a person would who follows it."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.reader import read

REPOSITORY = Path(__file__).parent.parent.parent
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
# What is not run, by how the line begins, and why.
EXCEPTIONS = {
    "make ": "the clone's own targets, which install and take minutes to hours",
    "python3 -m venv": "installs",
    ".venv/bin/": "installs, trains for minutes, and is this test",
    "pip install": "installs",
    "ray start --": "starts a cluster that stays; tests/runner/test_ray.py has one of its own",
    "autoresearch run --on ray:": "needs that cluster; tests/runner/test_ray.py",
    "export LANGSMITH_TRACING": "needs somebody who listens",
    "export OTEL_": "needs somebody who listens",
    "export AUTORESEARCH_CHECKPOINTS": "needs a server; tests/storage/test_postgres.py",
    "OPENAI_API_KEY=": "needs a key",
    "autoresearch run cost --tag local": "needs a model's server",
    "autoresearch report my-project --serve": "serves; tests/report/test_live.py",
    "langgraph dev": "serves; tests/studio/test_studio.py",
    "export PYTHONPATH=. AUTORESEARCH_TIME_BOX=60": "for the trainings of a minute below it",
    "python train.py": "trains for a minute",
    "python benchmarks/": "takes minutes",
}
# What a page takes for granted: a project, a file, a number that can be proposed.
BEFORE = {
    "running.md": "export COLUMNS=200",
    "clusters.md": "autoresearch init my-project && cd my-project",
    "postgres.md": "autoresearch init my-project && cd my-project",
    "coming-from-karpathy.md": "autoresearch init my-project",
}
# Stand-ins that make the README's night short; the rest of the line is as it is told.
SHORT = {
    "autoresearch run my-project": "autoresearch run my-project --tag short --experiments 7",
    "autoresearch run --workers auto": "autoresearch run --workers auto --tag auto --experiments 2",
    "autoresearch run --workers 4": "autoresearch run --workers 4 --tag four --experiments 4",
    "autoresearch run --on ray ": "autoresearch run --on ray --workers 2 --tag r --experiments 1",
    "autoresearch run --no-look-ahead": "autoresearch run --no-look-ahead --experiments 1 --tag 1",
    "autoresearch verify my-project": "autoresearch verify my-project --repeats 2",
}
# What is done beside, right before a line: a file to propose, a research that runs.
HERE = {
    "autoresearch propose mine.py": "cp forecast.py mine.py && echo '# mine' >> mine.py",
    "autoresearch pause": "autoresearch run --tag live & "
    "until test -e .autoresearch/live/now.json; do sleep 0.1; done",
}


# Files of the examples that pages invent.
INVENTED = {
    ("dialects.md", "src/api.py"),
    ("program-md.md", "src/model.py"),
}


def fences(page: Path, language: str) -> list[str]:
    tokens = MarkdownIt().parse(page.read_text())
    return [token.content for token in tokens if token.type == "fence" and token.info == language]


def lines(page: Path) -> list[str]:
    """The lines of a page's sh blocks; a here-document stays with its command."""
    text = "".join(fences(page, "sh"))
    found = re.findall(r"^(?:[^\n]*<<'END'\n.*?^END|[^\n]*)$", text, re.MULTILINE | re.DOTALL)
    return [line for line in found if line.strip()]


def exception(line: str) -> str | None:
    return next((start for start in EXCEPTIONS if line.startswith(start)), None)


def is_left_out(line: str) -> bool:
    needs_ray = line.startswith("autoresearch run --on ray")
    return exception(line) is not None or (needs_ray and find_spec("ray") is None)


def script(page: Path) -> str:
    told = [line for line in lines(page) if not is_left_out(line)]
    if not told:
        return ""
    run = [BEFORE.get(page.name, ":")]
    for line in told:
        run += [before for start, before in HERE.items() if line.startswith(start)]
        whole = next((short for start, short in SHORT.items() if line.startswith(start)), line)
        run.append(whole)
    return "\n".join((*run, "wait"))


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """A person's environment, in which `autoresearch` is this repository's."""
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "autoresearch"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m autoresearch_graph "$@"\n')
    command.chmod(0o755)
    path = os.pathsep.join(
        (str(command.parent), str(Path(sys.executable).parent), os.environ["PATH"])
    )
    return {**os.environ, "PATH": path, "PYTHONPATH": str(REPOSITORY), "OPENAI_API_KEY": ""}


def test_the_pages_that_show_commands_have_some_to_run():
    with_commands = {page for page in PAGES if script(page)}
    assert PAGES[0] in with_commands
    assert set(BEFORE) <= {page.name for page in with_commands}


@pytest.mark.parametrize("page", [*filter(script, PAGES)], ids=lambda page: page.name)
def test_every_command_of_a_page_works(page: Path, shell: dict[str, str], tmp_path: Path):
    (tmp_path / "work").mkdir()
    done = subprocess.run(
        ["bash", "-e", "-x", "-o", "pipefail", "-c", script(page)],
        cwd=tmp_path / "work",
        env=shell,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_every_exception_is_of_use():
    used = {exception(line) for page in PAGES for line in lines(page)}
    assert set(EXCEPTIONS) == used - {None}


def test_every_link_of_a_page_leads_somewhere():
    links = [
        (page, target)
        for page in PAGES
        for target in re.findall(r"\]\((?!http|#)([^)#]+)", page.read_text())
    ]
    assert len(links) > len(PAGES)
    for page, target in links:
        assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_file_that_a_page_names_exists():
    """A name may leave out the folders above it."""
    files = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True)
    known = [f"/{line}" for line in files.stdout.splitlines()]
    pages = [*PAGES, *(REPOSITORY / "docs" / "decisions").glob("*.md")]
    named = {
        (page.name, path)
        for page in pages
        for path in re.findall(r"`(?:python )?([\w./-]+\.(?:py|sed|yaml))`", page.read_text())
    }
    assert len(named) > 20
    assert {each for each in named if not any(k.endswith(f"/{each[1]}") for k in known)} == INVENTED


def test_every_page_is_in_the_index():
    index = (REPOSITORY / "docs" / "README.md").read_text()
    for page in PAGES[1:]:
        assert page.name == "README.md" or f"({page.name})" in index


def test_the_good_program_is_read_and_the_bad_one_is_not(tmp_path: Path):
    bad, good = fences(REPOSITORY / "docs/program-md.md", "markdown")
    for name in ("src/model.py", "evaluate.py", "answers/all.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    path = tmp_path / "program.md"
    path.write_text(good)
    program = read(path, project=tmp_path)
    assert (program.asset, program.experiment) == ("src/model.py", "python src/model.py")
    assert (program.metric.name, program.metric.direction) == ("accuracy", "higher")
    assert (program.evaluation, program.artifacts) == ("python evaluate.py", ("answers.json",))
    assert (program.hidden, program.time_box.kill_after) == (("answers/",), 180)
    assert len(program.constraints) == 2 and program.stopping.without_improvement == 15
    path.write_text(bad)
    with pytest.raises(ProgramError) as error:
        read(path, project=tmp_path)
    for part in ("no asset", "no metric", "no experiment command", "no time box"):
        assert part in str(error.value)

"""The documents agree with the code."""

import re
import tomllib
from pathlib import Path

import yaml
from typer.testing import CliRunner

from autoresearch_graph.cli.app import app
from autoresearch_graph.graph import build_graph
from autoresearch_graph.program.reader import read
from autoresearch_graph.program.text import front_matter
from autoresearch_graph.studio import Labs

REPOSITORY = Path(__file__).parent.parent.parent
README = (REPOSITORY / "README.md").read_text()
COMMANDS = (REPOSITORY / "docs" / "running.md").read_text()


def test_the_picture_in_the_readme_is_the_compiled_graph():
    drawn = build_graph(Labs().of).get_graph().draw_mermaid(with_styles=False).strip()
    assert f"```mermaid\n{drawn}\n```" in README


def test_every_command_in_the_readme_exists():
    told = commands_in(README)
    assert {"init", "run", "check", "status", "show", "verify", "adopt"} <= told
    assert told <= known_commands()


def test_the_page_on_running_has_every_command_and_no_other():
    assert commands_in(COMMANDS) == known_commands()


def test_every_command_has_a_help_page():
    for name in known_commands():
        assert CliRunner().invoke(app, [name, "--help"]).exit_code == 0


def commands_in(text: str) -> set[str]:
    """Return the subcommands of the lines that call `autoresearch`."""
    return set(re.findall(r"^autoresearch (\w+)", text, flags=re.MULTILINE))


def known_commands() -> set[str]:
    return {command.callback.__name__ for command in app.registered_commands if command.callback}


def test_the_first_screen_of_the_readme_is_short():
    lines = README.splitlines()
    assert len(lines) <= 130
    assert lines.index("```text") < 12


def test_make_runs_what_the_readme_says():
    makefile = (REPOSITORY / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)
    for extra in re.findall(r"'\.\[(\w+)\]'", README):
        assert f"'.[{extra}]'" in makefile


def test_workflows_call_make_with_targets_that_exist():
    makefile = (REPOSITORY / "Makefile").read_text()
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "test.yml").read_text())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    called = {step["run"] for step in steps if step.get("run", "").startswith("make ")}
    assert called == {"make test", "make fast", "make docs"}
    for command in called:
        assert f"\n{command.removeprefix('make ')}:" in makefile


def test_the_workflow_tries_every_python_that_the_package_names():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "test.yml").read_text())
    prefix = "Programming Language :: Python :: "
    named = {c.removeprefix(prefix) for c in project["classifiers"] if c.startswith(f"{prefix}3.")}
    assert set(workflow["jobs"]["linux"]["strategy"]["matrix"]["python"]) == named


def test_the_program_at_the_root_says_what_its_run_needs():
    program = read(REPOSITORY / "program.md", project=REPOSITORY)
    assert (program.asset, program.metric.name) == ("train.py", "val_bpb")
    assert program.stopping.experiments == 20


def test_the_version_is_told_in_one_place():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert CliRunner().invoke(app, ["--version"]).stdout.split()[-1] == project["version"]


def test_the_page_on_dialects_names_every_key_of_the_front_matter():
    page = (REPOSITORY / "docs" / "dialects.md").read_text()
    told = set(re.findall(r"`([a-z_]+)`", page.partition("## Front matter")[2]))
    assert {*front_matter.NAMES, *front_matter.PROSE} <= told


def test_studio_does_not_start_anew_when_a_checkout_of_a_run_changes():
    """`langgraph dev` watches every Python file below it, also those of .autoresearch."""
    told = [*(REPOSITORY / "docs").glob("*.md"), REPOSITORY / "README.md", REPOSITORY / "Makefile"]
    lines = [line for path in told for line in path.read_text().splitlines()]
    commands = [line for line in lines if re.match(r"(\t\$\(BIN\)/)?langgraph dev", line)]
    assert len(commands) == 2 and all("--no-reload" in line for line in commands)

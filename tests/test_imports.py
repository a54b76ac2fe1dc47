"""Imports point one way: cli -> lab -> adapters, and graph -> nodes -> state -> pure domain."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import autoresearch_graph

PACKAGE = Path(autoresearch_graph.__file__).parent
PURE = {
    "value",
    "errors",
    "metric",
    "cost",
    "experiment",
    "judging",
    "standing",
    "paired",
    "stopping",
    "program",
    "sheaf",
    "line_ends",
    "output",
    "credentials",
}
ADAPTERS = {
    "workspace",
    "checkout",
    "ledger",
    "runner",
    "proposers",
    "report",
    "checkpoints",
    "postgres",
    "tracing",
    "feedback",
}
DOMAIN_LIBRARIES = {"pydantic", "markdown_it", "mdit_py_plugins", "yaml", "scipy"}


def modules() -> dict[str, Path]:
    return {
        path.relative_to(PACKAGE).with_suffix("").as_posix(): path
        for path in PACKAGE.rglob("*.py")
        if "templates" not in path.parts
    }


def imports(path: Path) -> set[str]:
    """Every module that is imported when this one runs; not those for type checking only."""
    found: set[str] = set()
    pending: list[ast.AST] = [ast.parse(path.read_text())]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        pending.extend(ast.iter_child_nodes(node))
    return found


def own(path: Path) -> set[str]:
    """The top-level parts of the package that a module imports."""
    prefix = "autoresearch_graph."
    return {name.removeprefix(prefix).split(".")[0] for name in imports(path) if prefix in name}


def part(name: str) -> str:
    return name.split("/", maxsplit=1)[0]


def test_the_pure_domain_knows_only_itself():
    for name, path in modules().items():
        if part(name) in PURE:
            assert own(path) <= PURE | {"state"}, name
            libraries = {module.split(".")[0] for module in imports(path)}
            known = sys.stdlib_module_names | DOMAIN_LIBRARIES | {"autoresearch_graph"}
            assert libraries <= known, name


def test_nodes_know_the_lab_only_by_its_type():
    for name, path in modules().items():
        if part(name) == "nodes":
            assert not own(path) & {"lab", "cli", "workspace", "checkout", "runner"}, name


def test_adapters_do_not_know_who_uses_them():
    for name, path in modules().items():
        if part(name) in ADAPTERS:
            assert not own(path) & {"lab", "cli", "graph", "nodes", "research", "studio"}, name


def test_nothing_imports_the_command_line():
    users = {name for name, path in modules().items() if own(path) & {"cli", "commands"}}
    assert {part(name) for name in users} == {"__main__", "cli", "commands"}


def test_only_graph_builds_graphs():
    def builds(path: Path) -> bool:
        found = {m for m in imports(path) if m.startswith("langgraph.graph")}
        return bool(found - {"langgraph.graph.message.add_messages"})

    assert {name for name, path in modules().items() if builds(path)} == {"graph"}


def test_only_the_lab_reads_the_environment():
    """And what stands for it on the nodes of a cluster, and what a server may be asked for."""

    def reads(path: Path) -> bool:
        text = path.read_text()
        return "os.environ" in text or "os.getenv" in text

    assert {name for name, path in modules().items() if reads(path)} == {"lab", "outpost", "guard"}


def test_the_graph_fits_on_a_screen():
    assert len((PACKAGE / "graph.py").read_text().splitlines()) <= 100


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_neither_langgraph_nor_torch(option: str):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "autoresearch_graph", option],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "typer" in loaded
    assert not loaded & {"langgraph", "langchain_core", "torch", "optuna", "git"}


def loaded(*command: str) -> set[str]:
    """The libraries, and the parts of LangGraph and LangChain, that a command loads."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "autoresearch_graph", *command],
        capture_output=True,
        text=True,
        check=True,
    )
    return {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}


def test_a_check_does_not_load_langgraph_and_a_search_no_tools_for_a_model(project: Path):
    path = str(project)
    assert not loaded("check", path) & {"langgraph", "langchain_core", "langsmith"}
    searched = loaded("run", path, "--experiments", "1")
    assert "langgraph.graph" in searched
    assert not searched & {"langgraph.prebuilt", "langchain", "openai"}


def test_importing_the_package_does_nothing_but_define():
    script = "import autoresearch_graph.lab, sys; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_every_library_that_is_imported_is_a_dependency():
    """A library may be there because another one brings it, until that one stops doing so."""
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    extras = [
        each
        for name in ("otel", "postgres", "ray", "studio", "train")
        for each in project["optional-dependencies"][name]
    ]
    declared = {re.split(r"[\[>=<;]", each)[0] for each in (*project["dependencies"], *extras)}
    provided = {
        module
        for module, owners in packages_distributions().items()
        if {owner.lower().replace("_", "-") for owner in owners}
        & {name.lower().replace("_", "-") for name in declared}
    }
    used = {module.split(".")[0] for path in modules().values() for module in imports(path)}
    brought = {"langchain_core", "markupsafe", "pydantic_core"}  # by langchain, Jinja2, pydantic
    assert used - sys.stdlib_module_names - provided == {"autoresearch_graph", *brought}

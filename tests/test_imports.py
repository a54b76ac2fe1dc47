"""Imports point one way, by a table of all parts and all allowed edges."""

import ast
import re
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import autoresearch_graph

PACKAGE = Path(autoresearch_graph.__file__).parent
# Every part of the package, from top to bottom, with the parts that it may import.
ALLOWED = {
    "__init__": "core graph lab opening program research results runner settings state storage",
    "__main__": "cli",
    "cli": (
        "core errors graph interrupts opening program report research results settings setup "
        "steering storage studio templates terminal"
    ),
    "terminal": "asset core errors lab results runner settings storage",
    "setup": ("asset core errors program proposers runner settings storage templates workspace"),
    "studio": "access core errors graph lab opening results settings state storage",
    "steering": "asset core errors results settings storage workspace",
    "research": "core errors graph lab opening results runner settings state storage",
    "graph": "core nodes proposers state tools",
    "nodes": "asset core errors lab report results state storage tracing",
    "opening": "core lab program proposers results runner settings storage tracing workspace",
    "lab": "core program runner storage tracing workspace",
    "report": "access asset core errors results runner settings storage workspace",
    "results": "asset core errors program runner settings storage workspace",
    "runner": "asset core errors program settings state storage workspace",
    "proposers": "access asset core errors program settings tools",
    "tools": "asset core",
    "workspace": "asset core errors program settings storage",
    "storage": "asset core errors interrupts state",
    "program": "asset core errors storage",
    "asset": "core errors",
    "tracing": "core",
    "settings": "core errors",
    "state": "core",
    "core": "errors",
    "access": "errors",
    "interrupts": "",
    "templates": "errors storage workspace",
    "errors": "",
}
CORE_LIBRARIES = {"pydantic", "scipy"}


def modules() -> dict[str, Path]:
    return {
        path.relative_to(PACKAGE).with_suffix("").as_posix(): path
        for path in PACKAGE.rglob("*.py")
        if "templates" not in path.parts or path == PACKAGE / "templates/__init__.py"
    }


def imports(path: Path, *, typed: bool = False) -> set[str]:
    """Every module that is imported when this one runs, and if `typed`, to check its types."""
    found: set[str] = set()
    pending: list[ast.AST] = [ast.parse(path.read_text())]
    while pending:
        node = pending.pop()
        if not typed and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        pending.extend(ast.iter_child_nodes(node))
    return found


def own(path: Path, *, typed: bool = False) -> set[str]:
    """The top-level parts of the package that a module imports."""
    prefix = "autoresearch_graph."
    found = {name for name in imports(path, typed=typed) if name.startswith(prefix)}
    return {name.removeprefix(prefix).split(".")[0] for name in found} - {"__version__"}


def part(name: str) -> str:
    return name.split("/", maxsplit=1)[0]


def edges() -> dict[str, set[str]]:
    """What each part imports of the others, for type checking too."""
    found: dict[str, set[str]] = {}
    for name, path in modules().items():
        found.setdefault(part(name), set()).update(own(path, typed=True) - {part(name)})
    return found


def test_every_part_imports_what_the_table_allows_and_nothing_else():
    """A new part without a place fails, and so does an edge that nobody needs any more."""
    allowed = {name: set(parts.split()) for name, parts in ALLOWED.items()}
    assert edges() == allowed


def test_imports_point_one_way():
    order = list(TopologicalSorter({k: v.split() for k, v in ALLOWED.items()}).static_order())
    assert set(order) == set(ALLOWED)


def test_the_core_knows_only_values_and_rules():
    libraries = {
        module.split(".")[0]
        for name, path in modules().items()
        if part(name) == "core"
        for module in imports(path)
    }
    assert libraries <= sys.stdlib_module_names | CORE_LIBRARIES | {"autoresearch_graph"}


def test_only_graph_builds_graphs():
    def builds(path: Path) -> bool:
        found = {m for m in imports(path) if m.startswith("langgraph.graph")}
        return bool(found - {"langgraph.graph.message.add_messages"})

    assert {name for name, path in modules().items() if builds(path)} == {"graph"}


def test_few_modules_read_the_environment():

    def reads(path: Path) -> bool:
        text = path.read_text()
        return "os.environ" in text or "os.getenv" in text

    assert {name for name, path in modules().items() if reads(path)} == {
        "access",
        "opening",
        "runner/environment",
        "runner/placement",
        "runner/ray/worker",
        "settings",
    }


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
    script = "import autoresearch_graph.opening, sys; print('torch' in sys.modules)"
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

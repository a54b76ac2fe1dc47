"""Count the structure of the package in one or more checkouts, to compare them side by side.

    python benchmarks/structure.py [FOLDER...]

Reads source text and syntax trees alone; files that `autoresearch init` copies are left out.

- Code lines are neither blank nor a comment; those of docstrings count.
- Syntax nodes are those of `ast.walk` without the contexts `Load`, `Store` and `Del`.
- An importer is a module that names another one in an import statement, for types too.
- Local names are arguments and assigned names of functions, each once a function, without `self`,
  `cls` and the targets of comprehensions.
- Modules that name an outcome import or use `Outcome`, `Measured`, `Crashed` or `TimedOut`; the one
  that defines them does not count.
- Complexity is 1, and 1 for each `if`, loop, `except`, `assert`, `with`, `case`, comprehension and
  each `if` in it, and each further operand of `and` and `or`.
"""

import ast
import re
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rich.console import Console
from rich.table import Table

PACKAGE = "autoresearch_graph"
QUESTION = re.compile(r"(what|which|where|whether|who|whose|whom|how|why|when)\b", re.IGNORECASE)
Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = ast.Module | ast.ClassDef | Function
OUTCOMES = {"Outcome", "Measured", "Crashed", "TimedOut"}
CONTEXTS = ast.Load | ast.Store | ast.Del
BRANCHES = (
    ast.If
    | ast.IfExp
    | ast.For
    | ast.AsyncFor
    | ast.While
    | ast.ExceptHandler
    | ast.Assert
    | ast.With
    | ast.AsyncWith
    | ast.match_case
)


@dataclass(frozen=True)
class Module:
    """One source file of the package, with its dotted name."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @classmethod
    def read(cls, path: Path, checkout: Path) -> "Module":
        """Read the module at `path`; its name is relative to the folder `checkout`."""
        name = ".".join(path.relative_to(checkout).with_suffix("").parts)
        text = path.read_text("utf-8")
        return cls(name.removesuffix(".__init__"), path, text, ast.parse(text))

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes of the syntax tree but the contexts of names."""
        return [node for node in ast.walk(self.tree) if not isinstance(node, CONTEXTS)]

    @property
    def functions(self) -> list[Function]:
        """All functions and methods, inner ones too."""
        return [node for node in self.nodes if isinstance(node, Function)]

    @property
    def docstrings(self) -> list[str]:
        """The docstrings of the module, its classes and its functions."""
        documented = [node for node in self.nodes if isinstance(node, Documented)]
        return [text for node in documented if (text := ast.get_docstring(node))]

    @property
    def code_lines(self) -> int:
        """Number of lines that are neither blank nor a comment."""
        lines = [line.strip() for line in self.text.splitlines()]
        return sum(bool(line) and not line.startswith("#") for line in lines)

    def imports(self, known: set[str]) -> set[str]:
        """Return the names among `known` that the module imports."""
        found: set[str] = set()
        for node in self.nodes:
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}"
                    found.add(whole if whole in known else node.module)
        return (found & known) - {self.name}

    @property
    def names_an_outcome(self) -> bool:
        """True if the module imports or uses the result of a run, and does not define it."""
        names: set[str] = set()
        for node in self.nodes:
            if isinstance(node, ast.ClassDef) and node.name in OUTCOMES:
                return False
            if isinstance(node, ast.alias):
                names.add(node.name)
            elif isinstance(node, ast.Name):
                names.add(node.id)
        return bool(names & OUTCOMES)


def modules_of(checkout: Path) -> list[Module]:
    """Read all modules of the package in `checkout`."""
    package = checkout / PACKAGE
    templates = package / "templates"
    return [
        Module.read(path, checkout)
        for path in sorted(package.rglob("*.py"))
        if templates not in path.parents or path == templates / "__init__.py"
    ]


def local_names(function: Function) -> set[str]:
    """Return the arguments and assigned names of a function, without targets of comprehensions."""
    names: set[str] = set()
    targets: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.comprehension):
            targets |= {part.id for part in ast.walk(node.target) if isinstance(part, ast.Name)}
    return names - targets - {"self", "cls"}


def complexity(function: Function) -> int:
    """Return the number of branches of a function, and 1."""
    total = 1
    for node in ast.walk(function):
        if isinstance(node, BRANCHES):
            total += 1
        elif isinstance(node, ast.comprehension):
            total += 1 + len(node.ifs)
        elif isinstance(node, ast.BoolOp):
            total += len(node.values) - 1
    return total


def length(function: Function) -> int:
    """Return the number of lines of a function, its docstring included."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def begin_with_a_question(docstrings: list[str]) -> int:
    """Return the number of docstrings that begin with a question word."""
    return sum(bool(QUESTION.match(docstring)) for docstring in docstrings)


@dataclass(frozen=True)
class Structure:
    """The figures of one checkout."""

    modules: int
    lines: int
    code_lines: int
    largest_folder: int
    with_one_importer: int
    one_importer_share: float
    nodes_a_code_line: float
    letters_of_a_local_name: float
    questions: int
    questions_share: float
    module_questions: int
    module_questions_share: float
    modules_that_name_an_outcome: int
    modules_that_the_lab_imports: int
    functions_over_complexity_10: int
    functions_over_50_lines: int

    def rows(self) -> Iterator[tuple[str, str]]:
        """Yield each figure in words."""
        yield "modules", str(self.modules)
        yield "lines", str(self.lines)
        yield "code lines", str(self.code_lines)
        yield "largest folder, modules", str(self.largest_folder)
        yield (
            "modules with one importer",
            f"{self.with_one_importer} ({self.one_importer_share:.0%})",
        )
        yield "syntax nodes a code line", f"{self.nodes_a_code_line:.2f}"
        yield "letters of a local name, mean", f"{self.letters_of_a_local_name:.2f}"
        yield (
            "docstrings that begin with a question word",
            f"{self.questions} ({self.questions_share:.0%})",
        )
        yield (
            "module docstrings that do",
            f"{self.module_questions} ({self.module_questions_share:.0%})",
        )
        yield "modules that name an outcome", str(self.modules_that_name_an_outcome)
        yield "modules that the lab imports", str(self.modules_that_the_lab_imports)
        yield "functions over complexity 10", str(self.functions_over_complexity_10)
        yield "functions over 50 lines", str(self.functions_over_50_lines)


def measure(checkout: Path) -> Structure:
    """Count the structure of the package in `checkout`."""
    modules = modules_of(checkout)
    names = {module.name for module in modules}
    imports = {module.name: module.imports(names) for module in modules}
    importers = Counter(target for targets in imports.values() for target in targets)
    plain = [module.name for module in modules if module.path.stem != "__init__"]
    single = sum(importers[name] == 1 for name in plain)
    functions = [function for module in modules for function in module.functions]
    local = [name for function in functions for name in local_names(function)]
    docstrings = [text for module in modules for text in module.docstrings]
    headings = [text for module in modules if (text := ast.get_docstring(module.tree))]
    code_lines = sum(module.code_lines for module in modules)
    return Structure(
        modules=len(modules),
        lines=sum(module.text.count("\n") for module in modules),
        code_lines=code_lines,
        largest_folder=max(Counter(module.path.parent for module in modules).values()),
        with_one_importer=single,
        one_importer_share=single / len(plain),
        nodes_a_code_line=sum(len(module.nodes) for module in modules) / code_lines,
        letters_of_a_local_name=sum(map(len, local)) / len(local),
        questions=begin_with_a_question(docstrings),
        questions_share=begin_with_a_question(docstrings) / len(docstrings),
        module_questions=begin_with_a_question(headings),
        module_questions_share=begin_with_a_question(headings) / len(headings),
        modules_that_name_an_outcome=sum(module.names_an_outcome for module in modules),
        modules_that_the_lab_imports=len(imports[f"{PACKAGE}.lab"]),
        functions_over_complexity_10=sum(complexity(function) > 10 for function in functions),
        functions_over_50_lines=sum(length(function) > 50 for function in functions),
    )


def main() -> None:
    """Print a row for each figure and a column for each checkout."""
    parser = ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", nargs="*", type=Path, default=[Path(__file__).parent.parent])
    checkouts: list[Path] = parser.parse_args().folder
    for checkout in checkouts:
        if not (checkout / PACKAGE / "lab.py").exists():
            parser.error(f"{checkout} is not a checkout of {PACKAGE}")
    table = Table("figure", *map(str, checkouts))
    columns = [list(measure(checkout).rows()) for checkout in checkouts]
    for row in zip(*columns, strict=True):
        table.add_row(row[0][0], *(value for _, value in row))
    Console().print(table)


if __name__ == "__main__":
    main()

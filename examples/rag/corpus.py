"""The functions of Python's standard library, and the questions that their docstrings are.

A function's code without its docstring is a document; the first sentence of the docstring is the
question that should find it. Nothing is downloaded. Another version of Python has other functions,
so figures of two versions are not compared: `python corpus.py` tells which one this is.
"""

import ast
import hashlib
import platform
import sysconfig
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LEFT_OUT = {"test", "tests", "idle_test", "site-packages", "dist-packages", "lib2to3", "pydoc_data"}
SHORTEST = 4  # words of a question, and lines of code


@dataclass(frozen=True)
class Document:
    """A function without its docstring, for the index of a pipeline."""

    id: str
    module: str
    name: str  # qualified: Class.method
    code: str


@dataclass(frozen=True)
class Question:
    """A question for a pipeline, and the one document that answers it."""

    text: str
    answer: str
    held_out: bool


def corpus() -> tuple[list[Document], list[Question]]:
    """Every function with a docstring of its own, by id, and a question for each.

    Whole modules are held out, half of them, so that no question is a neighbour of one that the
    pipeline was tuned on.
    """
    found = [pair for path, module in _modules() for pair in _functions(path, module)]
    asked = Counter(text for _, text in found)
    codes = Counter(document.code for document, _ in found)
    pairs = {d.id: (d, t) for d, t in found if asked[t] == 1 and codes[d.code] == 1}
    documents = [pairs[id][0] for id in sorted(pairs)]
    return documents, [
        Question(pairs[document.id][1], document.id, held_out(document.module))
        for document in documents
    ]


def held_out(module: str) -> bool:
    """Return True if a module belongs to the holdout; by package, half of them do."""
    return hashlib.sha256(module.split(".", maxsplit=1)[0].encode()).digest()[0] % 2 == 1


def _modules() -> Iterator[tuple[Path, str]]:
    root = Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if LEFT_OUT.isdisjoint(parts) and not parts[0].startswith(("config-", "_sysconfigdata")):
            yield path, ".".join(parts).removesuffix(".__init__")


def _functions(path: Path, module: str) -> Iterator[tuple[Document, str]]:
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    lines = text.splitlines()
    for name, node in _defined(tree, ""):
        first = node.body[0]
        question = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
        question = question.split(". ")[0].rstrip(".")
        code = lines[node.lineno - 1 : first.lineno - 1]
        code += lines[first.end_lineno or first.lineno : node.end_lineno]
        if len(question.split()) >= SHORTEST and len(code) >= SHORTEST:
            id = hashlib.sha256(f"{module} {name} {node.lineno}".encode()).hexdigest()[:12]
            yield Document(id, module, name, "\n".join(code)), question


def _defined(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from _defined(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.FunctionDef):
            yield f"{prefix}{child.name}", child


if __name__ == "__main__":
    documents, questions = corpus()
    print(f"Python {platform.python_version()}: {len(documents)} functions,", end=" ")
    print(f"{sum(question.held_out for question in questions)} questions held out")

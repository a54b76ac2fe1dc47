"""Propose the draft, which ends the turn; or learn why it cannot be proposed."""

import ast
import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import PurePath

import yaml
from langchain.tools import ToolRuntime, tool

from autoresearch_graph import sheaf
from autoresearch_graph.experiment import Draft
from autoresearch_graph.output import clean
from autoresearch_graph.tools.desk import Desk, Refusal

_LARGEST = 400_000
_PARSERS: Mapping[str, Callable[[str], object]] = {
    ".py": ast.parse,
    ".json": json.loads,
    ".toml": tomllib.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
}


@tool(parse_docstring=True)
def propose(hypothesis: str, description: str, runtime: ToolRuntime[Desk], lesson: str = "") -> str:
    """Propose your draft as the next experiment. This ends your turn.

    Args:
        hypothesis: What you expect and why, in a sentence or two.
        description: What you changed, in one line.
        lesson: One sentence on what the last outcome taught, if it taught something.
    """
    desk = runtime.context
    if desk.draft is not None:
        raise Refusal("a proposal was made already, and it counts")
    check(desk)
    desk.draft = Draft(
        author="model",
        text=desk.text,
        hypothesis=clean(hypothesis).strip()[:2000],
        description=" ".join(clean(description).split())[:200] or "no description",
        lesson=" ".join(clean(lesson).split())[:500],
    )
    return "proposed"


def check(desk: Desk) -> None:
    """Refuse a draft that would waste its run: unchanged, broken, too large, or tried before."""
    if len(desk.text) > _LARGEST:
        raise Refusal(f"{desk.path} would have {len(desk.text)} characters; {_LARGEST} at most")
    before = desk.brief.text
    for path, text in sheaf.files(desk.text, desk.path).items():
        changed = sheaf.files(before, desk.path).get(path) != text
        if changed and (why := unparsable(text, path)):
            raise Refusal(f"{path} does not parse: {why}")
    mark = fingerprint(desk.text, desk.path)
    if mark == fingerprint(before, desk.path):
        raise Refusal("the draft does the same as the incumbent; edit it first")
    if without_seeds(desk.text, desk.path) == without_seeds(before, desk.path):
        raise Refusal("only a seed differs, and a lucky seed is no improvement; change the code")
    if mark in desk.tried:
        raise Refusal(_tried(desk, desk.tried[mark]))


def _tried(desk: Desk, number: int) -> str:
    if any(proposal.number == number for proposal in desk.brief.in_flight):
        return f"experiment {number}, which is under way, tries the same; try something else"
    return (
        f"experiment {number} tried the same: {desk.experiment(number).status}. "
        "`show_experiment` tells why; try something else"
    )


def unparsable(text: str, path: str) -> str:
    """Why a text is none that a file of this name can have; empty where it may be one."""
    try:
        text.encode()  # half a surrogate pair cannot be written to a file
        _PARSERS.get(PurePath(path).suffix, str)(text)
    except (SyntaxError, ValueError, yaml.YAMLError, RecursionError, MemoryError) as error:
        return str(error) or type(error).__name__
    return ""


def fingerprint(text: str, path: str) -> str:
    """What a text says, comments and spacing aside; the text itself where it cannot be parsed."""
    if sheaf.is_several(path):
        parts = sheaf.files(text, path)
        return "\n".join(f"{name}\0{fingerprint(body, name)}" for name, body in parts.items())
    if PurePath(path).suffix == ".py":
        try:
            return ast.dump(ast.parse(text))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return text
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def without_seeds(text: str, path: str) -> str:
    """The fingerprint, with the value of every seed left out."""
    if sheaf.is_several(path):
        parts = sheaf.files(text, path)
        return "\n".join(f"{name}\0{without_seeds(body, name)}" for name, body in parts.items())
    if PurePath(path).suffix != ".py" or unparsable(text, path):
        lines = (line for line in text.splitlines() if "seed" not in line.lower())
        return fingerprint("\n".join(lines), path)
    return ast.dump(_Seedless().visit(ast.parse(text)))


class _Seedless(ast.NodeTransformer):
    """Drops what is assigned to, or passed to, a name with `seed` in it."""

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if any("seed" in ast.unparse(target).lower() for target in node.targets):
            node.value = ast.Constant(None)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if "seed" in ast.unparse(node.func).lower():
            node.args, node.keywords = [], []
        return self.generic_visit(node)

"""An agent that answers questions about a shop's catalogue. The loop improves this file.

As it stands: one prompt with the whole catalogue in it, and a tool or two that can be offered.
Everything may change: the prompt, the tools, and how many models work together in what graph.
"""

import ast
import csv
import operator
import os
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool, tool
from langchain_openai import ChatOpenAI

TEMPERATURE = 1.0  # one of: 0.0, 0.3, 0.7, 1.0
CATALOGUE = "in the prompt"  # one of: "in the prompt", "behind a tool"
NAMES = "exact"  # one of: "exact", "forgiving"
CALCULATOR = False
INSIST_ON_TOOLS = False
STEP_BY_STEP = False
MAY_NOT_KNOW = False
EXAMPLES = 0  # one of: 0, 1, 2, 3, 5

TABLE = Path("catalogue.csv").read_text(encoding="utf-8")
PRODUCTS = {row["name"]: row for row in csv.DictReader(TABLE.splitlines())}
SHOWN = (
    ("What does the Opal cup cost?", "12.50"),
    ("What do 2 Opal cups and 3 Quartz mugs cost together?", "71.50"),
    ("From 10 pieces on there is 10 % off. What do I pay for 12 Opal cups?", "135.00"),
    ("Which of your cups is the lightest?", "Opal cup"),
    ("How many of the Ruby cup are in stock?", "unknown"),
)


def make_agent() -> Runnable[Any, Any]:
    """Return a graph that extends {"messages": [...]}; the last message has the answer."""
    return create_agent(model(), tools(), system_prompt=prompt())


def model() -> ChatOpenAI:
    """Return the model that OPENAI_BASE_URL serves."""
    name = os.environ.get("OPENAI_MODEL", "local")
    return ChatOpenAI(model=name, temperature=TEMPERATURE, timeout=60, max_retries=3)


def prompt() -> str:
    """Return the system prompt."""
    parts = [
        "You answer questions of the customers of a shop.",
        "End with one line of the form `Answer: 12.50`, without a unit; "
        "where a product is asked for, with its name.",
    ]
    if STEP_BY_STEP:
        parts.append("Work step by step, and write your working down.")
    if MAY_NOT_KNOW:
        parts.append("Where the catalogue does not have a product, the answer is `unknown`.")
    if INSIST_ON_TOOLS and tools():
        parts.append("Use the tools: never guess a figure, and never reckon in your head.")
    if CATALOGUE == "in the prompt":
        parts.append(f"The catalogue:\n{TABLE}")
    parts += [f"Question: {asked}\nAnswer: {said}" for asked, said in SHOWN[:EXAMPLES]]
    return "\n\n".join(parts)


def tools() -> list[BaseTool]:
    """Return the tools that the model may call."""
    offered: list[BaseTool] = [product] if CATALOGUE == "behind a tool" else []
    return [*offered, calculator] if CALCULATOR else offered


@tool
def product(name: str) -> str:
    """Look up a product by name: price in euros, weight in grams and stock.

    The name of a kind, such as `tent`, gives all products of that kind.
    """
    found = [row for known, row in PRODUCTS.items() if fits(known, name)]
    rows = [", ".join(f"{key}: {value}" for key, value in row.items()) for row in found]
    return "\n".join(rows) or f"There is no product {name}."


def fits(known: str, name: str) -> bool:
    """Return True if a product, or its kind, has that name."""
    if NAMES == "forgiving":
        known, name = known.lower(), name.lower().removesuffix("s")
    return name in (known, known.split()[1])


OPERATORS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip


@tool
def calculator(expression: str) -> str:
    """Calculate an arithmetic expression such as `3 * 12.50 + 7`, exactly."""
    try:
        return f"{reckon(ast.parse(expression, mode='eval').body):.2f}"
    except (SyntaxError, KeyError, ZeroDivisionError, TypeError) as error:
        return f"That cannot be calculated: {error}"


def reckon(node: ast.AST) -> float:
    """Return the value of numbers and the four operations."""
    if isinstance(node, ast.BinOp):
        return float(OPERATORS[type(node.op)](reckon(node.left), reckon(node.right)))
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    raise TypeError("numbers and + - * / alone")

"""Reading of the made-up model: questions, tools, and figures in a text."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

Json = dict[str, Any]
Fact = tuple[str, str]  # a product, and its figure

NAMED = re.compile(r"(?:(\d+) (?:pieces of )?)?(?:the )?\b([A-Z][a-z]+) ([a-z]+)\b")
OPENINGS = {"What", "How", "Which", "From", "If", "Is", "Does", "Do", "Check", "Question", "I"}
FIELDS = {
    "price": r"price|cost|euros?|eur",
    "weight_g": r"weight_?g?|weighs?|grams|g",
    "stock": r"stock|pieces|left",
}
EXTREMES = {
    "cheapest": ("price", 1), "most expensive": ("price", -1),
    "lightest": ("weight_g", 1), "heaviest": ("weight_g", -1),
}  # fmt: skip
SORTS = {  # of tools, by the words of their names and descriptions; the first that fits
    "calculate": r"calculat|arithmetic|expression|comput|evaluat|\bmath",
    "basket": r"basket|total|\border\b|\bbill\b",
    "extreme": r"cheapest|lightest|heaviest|extreme|\bsort|\brank",
    "look up": r"look|find|search|get|fetch|query|product|catalogue|item",
}


@dataclass(frozen=True)
class Call:
    """A call that is to be made of a tool."""

    sort: str
    tool: str
    about: str  # the tool's description
    arguments: Json

    def misnamed(self) -> "Call":
        """Return the same, with names in the plural and in small letters."""
        changed = {
            key: f"{value.lower()}s" if isinstance(value, str) and value[:1].isupper() else value
            for key, value in self.arguments.items()
        }
        return replace(self, arguments=changed)


@dataclass(frozen=True)
class Task:
    """A question as it was understood; `products` with their counts, or a kind of product."""

    kind: str
    field: str
    products: tuple[tuple[int, str], ...]
    off: int = 0  # per cent
    sign: int = 1  # of an extreme: 1 for the least

    @property
    def is_money(self) -> bool:
        """True if the answer has cents."""
        return self.field == "price"

    @property
    def operations(self) -> int:
        """The number of steps to compute."""
        return {"total": 3, "difference": 1, "discount": 2 if self.off else 1}.get(self.kind, 0)

    @property
    def names(self) -> list[str]:
        """The products, without their counts."""
        return [name for _, name in self.products]

    def misread(self, chance: float) -> "Task":
        """Return the task with something overlooked: another figure, a count, or the rule."""
        if self.kind == "fact":
            others = [field for field in FIELDS if field != self.field]
            return replace(self, field=others[int(chance * len(others))])
        if self.kind == "extreme":
            return replace(self, sign=-self.sign)
        if self.off and chance < 0.5:
            return replace(self, off=0)
        (count, name), *rest = self.products
        return replace(self, products=((count + 1, name), *rest))

    def compute(self, figures: Sequence[float]) -> float:
        """Return the answer from the figures of its products."""
        counted = [
            count * figure for (count, _), figure in zip(self.products, figures, strict=True)
        ]
        if self.kind == "difference":
            return counted[0] - counted[1]
        return sum(counted) * (1 - self.off / 100)

    def expression(self, figures: Sequence[str]) -> str:
        """Return the same as a calculator takes it."""
        parts = [
            f"{count} * {figure}" for (count, _), figure in zip(self.products, figures, strict=True)
        ]
        joined = (" - " if self.kind == "difference" else " + ").join(parts)
        return f"({joined}) * {1 - self.off / 100:g}" if self.off else joined

    def pick(self, facts: Sequence[Fact], *, skip: int) -> str:
        """Return the product with the least or the most, or the one next to it."""
        ordered = sorted(facts, key=lambda fact: self.sign * float(fact[1]))
        return ordered[skip][0]

    def working(self, text: str) -> str:
        """Return the reasoning that is spoken aloud."""
        found = facts(self, text, slip=None) or []
        return "; ".join(f"{name}: {figure}" for name, figure in found) or "I look for it."


def question(text: str) -> str:
    """Return the question in a message: the text after the last `Question:`, or all of it."""
    return re.split(r"Question:\s*", text)[-1].strip()


def understand(text: str) -> Task | None:
    """Return the task of a question, or None for a question that is not of this example."""
    asked = question(text)
    if found := re.search(rf"your (\w+?)s is the ({'|'.join(EXTREMES)})\b", asked):
        field, sign = EXTREMES[found[2]]
        return Task("extreme", field, ((1, found[1]),), sign=sign)
    named = [(n, maker, kind) for n, maker, kind in NAMED.findall(asked) if maker not in OPENINGS]
    products = tuple((int(n or 1), f"{maker} {kind.removesuffix('s')}") for n, maker, kind in named)
    if not products:
        return None
    if re.search(r"\btogether\b", asked):
        return Task("total", "price", products)
    if re.search(r"\bmore\b", asked) and len(products) == 2:
        return Task("difference", "price", products)
    if rule := re.search(r"From (\d+) .*?(\d+) % off", asked):
        applies = products[0][0] >= int(rule[1])
        return Task("discount", "price", products, off=int(rule[2]) if applies else 0)
    wanted = r"heavy|weigh", r"stock|left"
    heavy, stock = (re.search(words, asked) for words in wanted)
    field = "weight_g" if heavy else "stock" if stock else "price"
    return Task("fact", field, products[:1])


# ---------------------------------------------------------------- figures in a text


def rows(text: str) -> int:
    """Return the number of rows of a table or list: with more, one is missed more easily."""
    return sum(len(re.findall(r"\d+", line)) >= 3 for line in text.splitlines())


def facts(task: Task, text: str, *, slip: float | None) -> list[Fact] | None:
    """Return the figures that the task needs; with a slip one of them is from another row.

    None where one is missing.
    """
    table = _table(text, task.field)
    if task.kind == "extreme":
        kind = task.products[0][1]
        found = [(name, value) for name, value in table.items() if name.endswith(f" {kind}")]
        return found or None
    if any(name not in table for name in task.names):
        return None
    found = [(name, table[name]) for name in task.names]
    if slip is not None and len(table) > 1:
        place = [*table].index(task.names[0]) + (1 if slip < 0.5 else -1)
        found[0] = (task.names[0], [*table.values()][place % len(table)])
    return found


def _table(text: str, field: str) -> dict[str, str]:
    """Every product in a text with its figure: lines of a table with a head, or with labels."""
    found: dict[str, str] = {}
    column: int | None = None
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"[,|;\t]", line)]
        if line.count(",") >= 2 and re.search(r"\bname\b", line) and not re.search(r"\d", line):
            column = next((i for i, cell in enumerate(cells) if cell == field), None)
            continue
        name = re.search(r"\b([A-Z][a-z]+ [a-z]+)\b", line)
        if not name or name[1].split()[0] in OPENINGS or re.search(r"\?|Answer:", line):
            continue
        labelled = re.search(
            rf"\b(?:{FIELDS[field]})\b\W{{1,5}}(\d+(?:\.\d+)?)", line, re.IGNORECASE
        )
        if labelled:
            found[name[1]] = labelled[1]
        elif column is not None and column < len(cells) and re.fullmatch(r"[\d.]+", cells[column]):
            found[name[1]] = cells[column]
    return found


def last_calculated(task: Task, results: Sequence[str]) -> float | None:
    """Return the number that a tool gave alone, if there was something to compute."""
    for text in reversed(results):
        number = re.fullmatch(r"\s*(?:[\w ]+[:=])?\s*(-?\d+(?:\.\d+)?)\s*(?:euros?)?\s*", text)
        if number and task.operations:
            return float(number[1])
    return None


# ---------------------------------------------------------------- tools


def next_call(
    task: Task, told: str, past: Sequence[Json], tools: Sequence[Json], slip: float | None
) -> list[Call]:
    """Return the calls that would help now; none if nothing is missing or nothing helps.

    `told` is what stands before the question, `past` what was called since then.
    """
    texts = [str(message.get("content") or "") for message in past if message["role"] == "tool"]
    tried = [
        (call["function"]["name"], call["function"]["arguments"])
        for message in past
        for call in message.get("tool_calls") or []
    ]
    by_sort = {sort: tool for tool in reversed(tools) if (sort := sort_of(tool))}
    if last_calculated(task, texts) is not None:
        return []
    known = facts(task, "\n".join([told, *texts]), slip=slip)
    wanted = [*_wanted(task, known, by_sort, "\n".join(texts))]
    return [call for call in wanted if (call.tool, json.dumps(call.arguments)) not in tried][
        : 0 if len(tried) > 6 else None
    ]


def _wanted(task: Task, known: Sequence[Fact] | None, by_sort: dict[str, Json], texts: str) -> Any:
    if known is None and task.kind == "extreme" and "extreme" in by_sort:
        yield _call("extreme", by_sort["extreme"], task, [])
    elif known is None and task.kind in ("total", "discount") and "basket" in by_sort:
        if not texts:
            yield _call("basket", by_sort["basket"], task, [])
    elif known is None and "look up" in by_sort:
        near = re.findall(r"[Dd]id you mean ([A-Z][a-z]+ [a-z]+)", texts)
        seen = _table(texts, task.field)
        names = near or [name for name in task.names if name not in seen]
        if near or not texts:
            for name in names:
                yield _call("look up", by_sort["look up"], task, [name])
    elif known and task.operations and "calculate" in by_sort:
        yield _call("calculate", by_sort["calculate"], task, [figure for _, figure in known])


def sort_of(tool: Json) -> str | None:
    """Return the kind of a tool, guessed from its name and description."""
    said = f"{tool['name'].replace('_', ' ')} {tool.get('description', '')}"
    for sort, words in SORTS.items():
        if re.search(words, said, re.IGNORECASE):
            return sort
    return None


def _call(sort: str, tool: Json, task: Task, given: Sequence[str]) -> Call:
    """Return the tool with arguments by the names, types and descriptions of its parameters."""
    properties: Json = tool.get("parameters", {}).get("properties", {})
    arguments = {
        name: _argument(name, told, sort, task, given) for name, told in properties.items()
    }
    known = {name: value for name, value in arguments.items() if value is not None}
    return Call(sort, tool["name"], tool.get("description", ""), known)


def _argument(name: str, told: Json, sort: str, task: Task, given: Sequence[str]) -> Any:
    said, kind = f"{name} {told.get('description', '')}", told.get("type", "string")
    if kind == "array":
        numbers = told.get("items", {}).get("type") in ("integer", "number")
        return [count for count, _ in task.products] if numbers else task.names
    if kind in ("integer", "number"):
        percent = re.search(r"off|discount|percent", said)
        return task.off if percent else task.products[0][0]
    if kind == "boolean":
        return task.sign < 0 if re.search(r"most|highest|largest|descending", said) else None
    return _word(said, sort, task, given)


def _word(said: str, sort: str, task: Task, given: Sequence[str]) -> str:
    if sort == "calculate":
        return task.expression(given)
    if re.search(r"field|column|attribute|\bby\b", said):
        return task.field
    return given[0] if given else task.names[0]

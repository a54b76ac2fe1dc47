"""What an idea cost: tokens, and dollars where their price is known."""

from collections.abc import Iterable
from typing import Any

from pydantic import model_validator

from autoresearch_graph.value import Value


class Usage(Value):
    """The tokens of a model; `cached` are part of `prompt`, `reasoning` of `completion`."""

    model: str = ""
    prompt: int = 0
    cached: int = 0
    completion: int = 0
    reasoning: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            model=other.model or self.model,
            prompt=self.prompt + other.prompt,
            cached=self.cached + other.cached,
            completion=self.completion + other.completion,
            reasoning=self.reasoning + other.reasoning,
        )

    def __str__(self) -> str:
        return (
            f"{self.prompt:,} prompt ({self.cached:,} cached), "
            f"{self.completion:,} completion ({self.reasoning:,} reasoning)"
        )


class Cost(Value):
    """Tokens and dollars; `dollars` is None where a price is unknown, and 0 where it was free.

    A row of a ledger without `usage` was written before prices were known.
    """

    tokens: int = 0
    dollars: float | None = 0.0
    usage: Usage = Usage()

    @model_validator(mode="before")
    @classmethod
    def _unpriced(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("tokens") and "usage" not in data:
            return {**data, "dollars": data.get("dollars") or None}
        return data

    @property
    def cost(self) -> "Cost":
        """What it cost, and nothing else of it."""
        return Cost(tokens=self.tokens, dollars=self.dollars, usage=self.usage)

    @property
    def is_paid(self) -> bool:
        """Whether a model had a part in it, for money or not."""
        return self.cost != Cost()

    def each(self, count: int) -> "Cost | None":
        """The share of one among so many, in tokens and dollars; None where there is none."""
        if not count:
            return None
        dollars = None if self.dollars is None else self.dollars / count
        return Cost(tokens=round(self.tokens / count), dollars=dollars)

    def __add__(self, other: "Cost") -> "Cost":
        known = self.dollars is not None and other.dollars is not None
        return Cost(
            tokens=self.tokens + other.tokens,
            dollars=(self.dollars or 0.0) + (other.dollars or 0.0) if known else None,
            usage=self.usage + other.usage,
        )


def in_dollars(dollars: float | None) -> str:
    """Dollars as a person reads them: two decimals from one dollar on, four below."""
    if not dollars:
        return "unknown" if dollars is None else "$0"
    return f"${dollars:,.{2 if dollars >= 1 else 4}f}"


def in_words(cost: Cost) -> str:
    """Tokens and dollars in a few words."""
    price = "price unknown" if cost.dollars is None else in_dollars(cost.dollars)
    return f"{cost.tokens:,} tokens ({price})"


def total(costs: Iterable[Cost]) -> Cost:
    """The sum of what each cost; its dollars are unknown where those of one are."""
    return sum((c.cost for c in costs), Cost())

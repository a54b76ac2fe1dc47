"""Frozen values: their base class, costs and metrics."""

import json
from collections.abc import Iterable
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from autoresearch_graph.errors import LabError


class Value(BaseModel):
    """A frozen value; an unknown key is an error. A field with an alias is stored under that."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True
    )

    @classmethod
    def from_json(cls, text: str | bytes, *, place: object) -> Self:
        """Read a value that a lab wrote to `place`; LabError if it is not understood."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            fault = not_understood(error) if is_json(text) else "is damaged; fix it or remove it"
            raise LabError(f"{place} {fault}") from error


def is_json(text: str | bytes) -> bool:
    """Return True for whole JSON; false for a text that was cut off while it was written."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def not_understood(error: ValidationError) -> str:
    """Say what part of a JSON text does not fit a value, and what to do about it."""
    faults = [(".".join(map(str, fault["loc"])), fault) for fault in error.errors()]
    if unknown := [name for name, fault in faults if fault["type"] == "extra_forbidden"]:
        problem = f"has unknown keys: {', '.join(unknown)}"
    else:
        name, first = faults[0]
        problem = ": ".join(filter(None, ("is not understood", name, first["msg"])))
    return f"{problem}; written by a newer version? Go on with that one, or put it back as it was"


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
    """Tokens and dollars; `dollars` is None if a price is unknown, and 0 if it was free.

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
        """The cost alone, without the fields of a subclass."""
        return Cost(tokens=self.tokens, dollars=self.dollars, usage=self.usage)

    @property
    def is_paid(self) -> bool:
        """True if a model had a part in it, for money or not."""
        return self.cost != Cost()

    def each(self, count: int) -> "Cost | None":
        """Return the share of each of `count`, in tokens and dollars; None for 0."""
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
    """Format dollars: two decimals from one dollar on, four below."""
    if not dollars:
        return "unknown" if dollars is None else "$0"
    return f"${dollars:,.{2 if dollars >= 1 else 4}f}"


def in_words(cost: Cost) -> str:
    """Format tokens and dollars."""
    price = "price unknown" if cost.dollars is None else in_dollars(cost.dollars)
    return f"{cost.tokens:,} tokens ({price})"


def total(costs: Iterable[Cost]) -> Cost:
    """Return the sum of costs; its dollars are unknown if those of one are."""
    return sum((part.cost for part in costs), Cost())


Direction = Literal["lower", "higher"]


class Metric(Value):
    """A scalar with one direction; `lower` means that less is better."""

    name: str
    direction: Direction

    def improvement(self, new: float, old: float) -> float:
        """Return the gain of `new` over `old`, in the metric's unit; positive is better."""
        return old - new if self.direction == "lower" else new - old

    def reaches(self, value: float, target: float) -> bool:
        """Return True if `value` is at least as good as `target`."""
        return self.improvement(value, target) >= 0

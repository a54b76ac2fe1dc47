"""What an idea cost: tokens, and dollars where their price is known."""

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
        """Read a value that a lab wrote to `place`; LabError where it is not understood."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            told = not_understood(error) if is_json(text) else "is damaged; mend it or remove it"
            raise LabError(f"{place} {told}") from error


def is_json(text: str | bytes) -> bool:
    """True for whole JSON: what was torn while it was written is none."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def not_understood(error: ValidationError) -> str:
    """Say what of whole JSON does not fit a value, and what to do about it."""
    faults = [(".".join(map(str, one["loc"])), one) for one in error.errors()]
    if unknown := [name for name, one in faults if one["type"] == "extra_forbidden"]:
        told = f"has unknown keys: {', '.join(unknown)}"
    else:
        name, one = faults[0]
        told = ": ".join(filter(None, ("is not understood", name, one["msg"])))
    return f"{told}; written by a newer version? Go on with that one, or put it back as it was"


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


Direction = Literal["lower", "higher"]


class Metric(Value):
    """A scalar with one direction; `lower` means that less is better."""

    name: str
    direction: Direction

    def improvement(self, new: float, old: float) -> float:
        """By how much `new` is better than `old`: positive is better, in the metric's own unit."""
        return old - new if self.direction == "lower" else new - old

    def reaches(self, value: float, target: float) -> bool:
        """Whether `value` is at least as good as `target`."""
        return self.improvement(value, target) >= 0

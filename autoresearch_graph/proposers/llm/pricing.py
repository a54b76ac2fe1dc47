"""Prices of models, from the list prices or the person's own table, and the cost of answers."""

import re
import tomllib
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, TypeAdapter, ValidationError

from autoresearch_graph.core.program import Stopping
from autoresearch_graph.core.values import Cost, Usage, Value, total
from autoresearch_graph.errors import InputError, LabError

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, AnyMessage

_DATED = re.compile(r"(-latest|[-@]\d{8}|-\d{4}-\d{2}-\d{2})$")
_EXAMPLE = '"{name}" = {{ prompt = 1.25, cached = 0.125, completion = 10 }}'


class Price(Value):
    """Dollars per million tokens; without `cached`, cached tokens cost what the prompt's do.

    Not covered: writing to a cache, prices that grow with the length of a prompt, batches.
    """

    prompt: float = Field(ge=0, allow_inf_nan=False)
    cached: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    completion: float = Field(ge=0, allow_inf_nan=False)

    def dollars(self, usage: Usage) -> float:
        """Return the price of so many tokens."""
        cached = self.prompt if self.cached is None else self.cached
        fresh = max(usage.prompt - usage.cached, 0) * self.prompt
        return (fresh + usage.cached * cached + usage.completion * self.completion) / 1e6

    def __str__(self) -> str:
        cached = "" if self.cached is None else f" (${self.cached:g} cached)"
        return f"${self.prompt:g}{cached} for 1M prompt tokens, ${self.completion:g} completion"


_PRICES = TypeAdapter(dict[str, Price])


def find_price(model: str, own: Path | None, *, limit: float | None = None) -> Price | None:
    """Return the price of `provider:name`, from the person's `own` table or else the list prices.

    A name with a date or `-latest` costs what the name without it does. InputError where `own`
    cannot be read, and where there is a `limit` in dollars but no price.
    """
    tables = [read_prices(own)] if own else []
    listed = files("autoresearch_graph.proposers.llm").joinpath("prices.toml").read_text("utf-8")
    tables.append(_PRICES.validate_python(tomllib.loads(listed)))
    name = model.partition(":")[2] or model
    names = dict.fromkeys((model, name, _DATED.sub("", name)))
    for table in tables:
        for known in names:
            if known in table:
                return table[known]
    if limit is not None:
        raise InputError(
            f"the price of {model} is not known, so `${limit:g}` cannot end the research; give it "
            f"with --prices FILE, where FILE has the line {_EXAMPLE.format(name=name)} (dollars "
            "for a million tokens), or limit tokens",
            code="no-price",
        )
    return None


def read_prices(path: Path) -> dict[str, Price]:
    """Read a person's table, prices by the name of the model; InputError with the faulty line."""
    try:
        text = path.read_text("utf-8")
        return _PRICES.validate_python(tomllib.loads(text))
    except OSError as error:
        raise InputError(f"--prices {path}: {error.strerror}", code="bad-prices") from None
    except UnicodeDecodeError:
        raise InputError(f"--prices {path} is not UTF-8 text", code="bad-prices") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path.name}: this is no TOML: {error}", code="bad-prices") from None
    except ValidationError as error:
        first = error.errors()[0]
        name, *keys = map(str, first["loc"])
        said = f"{' '.join([f'`{name}`', *keys])}: {first['msg']}"
        place = f"{path.name}:{_line(text, name)}"
        raise InputError(
            f"{place}: {said}; write {_EXAMPLE.format(name=name)}", code="bad-prices"
        ) from None


def _line(text: str, name: str) -> int:
    """Return the number of the line that names a model."""
    names = re.compile(rf"\s*\[?\s*[\"']?{re.escape(name)}(?![\w.:-])")
    lines = enumerate(text.splitlines(), 1)
    return next((number for number, line in lines if names.match(line)), 1)


class Billing:
    """Cost of one model's answers, in tokens, and in dollars where its price is known.

    Not counted: calls whose answer never came, or could not be read.
    """

    def __init__(self, model: str, price: Price | None) -> None:
        self._model = model
        self._price = price

    def cost_of(self, messages: Iterable["AnyMessage"], limits: Stopping) -> Cost:
        """Return the cost of the model's answers among the messages.

        LabError for a limit that could never end the research: on tokens, where the server
        counts none, or on dollars, where no price is known.
        """
        from langchain_core.messages import AIMessage

        answers = [m for m in messages if isinstance(m, AIMessage) and m.response_metadata]
        cost = total(map(self.cost, answers))
        if answers:
            self._check(cost, limits)
        return cost

    def _check(self, cost: Cost, limits: Stopping) -> None:
        """Raise LabError if a limit could never end the research."""
        if cost.tokens == 0 and (limits.tokens or limits.dollars):
            raise LabError(
                f"the server of {self._model} does not say how many tokens it uses, so they cannot "
                "end the research; limit experiments or hours in program.md, and run again"
            )
        if cost.dollars is None and limits.dollars:
            raise LabError(
                f"program.md limits dollars, but the price of {self._model} is not known; "
                "give it with --prices FILE, or limit tokens, and run again",
                code="no-price",
            )

    def cost(self, answer: "AIMessage") -> Cost:
        """Return the cost of one answer."""
        counts = answer.usage_metadata
        model = str(answer.response_metadata.get("model_name") or self._model)
        if counts is None:
            return Cost(dollars=None, usage=Usage(model=model))
        usage = Usage(
            model=model,
            prompt=counts["input_tokens"],
            cached=counts.get("input_token_details", {}).get("cache_read") or 0,
            completion=counts["output_tokens"],
            reasoning=counts.get("output_token_details", {}).get("reasoning") or 0,
        )
        dollars = self._price.dollars(usage) if self._price else None
        return Cost(tokens=usage.prompt + usage.completion, dollars=dollars, usage=usage)

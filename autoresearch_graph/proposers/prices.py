"""What models charge: a table of list prices, and the table of whoever pays other ones."""

import re
import tomllib
from importlib.resources import files
from pathlib import Path

from pydantic import Field, TypeAdapter, ValidationError

from autoresearch_graph.cost import Usage
from autoresearch_graph.errors import InputError
from autoresearch_graph.value import Value

_DATED = re.compile(r"(-latest|[-@]\d{8}|-\d{4}-\d{2}-\d{2})$")
_EXAMPLE = '"{name}" = {{ prompt = 1.25, cached = 0.125, completion = 10 }}'


class Price(Value):
    """Dollars per million tokens; `cached` is the prompt's where it is not told.

    Not covered: writing to a cache, prices that grow with the length of a prompt, batches.
    """

    prompt: float = Field(ge=0, allow_inf_nan=False)
    cached: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    completion: float = Field(ge=0, allow_inf_nan=False)

    def dollars(self, usage: Usage) -> float:
        """What so many tokens cost."""
        cached = self.prompt if self.cached is None else self.cached
        fresh = max(usage.prompt - usage.cached, 0) * self.prompt
        return (fresh + usage.cached * cached + usage.completion * self.completion) / 1e6

    def __str__(self) -> str:
        cached = "" if self.cached is None else f" (${self.cached:g} cached)"
        return f"${self.prompt:g}{cached} for 1M prompt tokens, ${self.completion:g} completion"


_PRICES = TypeAdapter(dict[str, Price])


def find_price(model: str, own: Path | None, *, limit: float | None = None) -> Price | None:
    """The price of `provider:name`, from the person's `own` table or else the list prices.

    A name with a date or `-latest` costs what the name without it does. InputError where `own`
    cannot be read, and where there is a `limit` in dollars but no price.
    """
    tables = [read_prices(own)] if own else []
    listed = files("autoresearch_graph.proposers").joinpath("prices.toml").read_text("utf-8")
    tables.append(_PRICES.validate_python(tomllib.loads(listed)))
    name = model.partition(":")[2] or model
    names = dict.fromkeys((model, name, _DATED.sub("", name)))
    found = next((table[name] for table in tables for name in names if name in table), None)
    if found is None and limit is not None:
        raise InputError(
            f"the price of {model} is not known, so `${limit:g}` cannot end the research; give it "
            f"with --prices FILE, where FILE has the line {_EXAMPLE.format(name=name)} (dollars "
            "for a million tokens), or limit tokens"
        )
    return found


def read_prices(path: Path) -> dict[str, Price]:
    """A person's table: prices by the name of the model; InputError with the line otherwise."""
    try:
        text = path.read_text("utf-8")
        return _PRICES.validate_python(tomllib.loads(text))
    except OSError as error:
        raise InputError(f"--prices {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"--prices {path} is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path.name}: this is no TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        name, *keys = map(str, first["loc"])
        said = f"{' '.join([f'`{name}`', *keys])}: {first['msg']}"
        place = f"{path.name}:{_line(text, name)}"
        raise InputError(f"{place}: {said}; write {_EXAMPLE.format(name=name)}") from None


def _line(text: str, name: str) -> int:
    """The line that names a model."""
    names = re.compile(rf"\s*\[?\s*[\"']?{re.escape(name)}(?![\w.:-])")
    return next((n for n, line in enumerate(text.splitlines(), 1) if names.match(line)), 1)

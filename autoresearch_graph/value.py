"""The base of every value: frozen, typed, and strict about unknown keys."""

import json
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from autoresearch_graph.errors import LabError


class Value(BaseModel):
    """A frozen value; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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

"""Errors by their code: tests of a kind do not depend on the wording."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from autoresearch_graph.errors import LabError


@contextmanager
def refused(
    code: str, line: int | None = None, naming: str = ""
) -> Iterator[pytest.ExceptionInfo[LabError]]:
    """Expect an error of a kind, on a line of program.md, that names what is wrong."""
    with pytest.raises(LabError) as caught:
        yield caught
    assert caught.value.code == code, caught.value
    assert line is None or getattr(caught.value, "line", None) == line, caught.value
    assert naming in str(caught.value)

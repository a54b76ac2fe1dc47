"""Retry a model call for as long as it takes, where trying again can help."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from langchain_core.exceptions import ContextOverflowError, ModelError

from autoresearch_graph.errors import LabError
from autoresearch_graph.proposers import Abandoned, Brief

T = TypeVar("T")

_FIRST = 1.0
_LONGEST = 300.0
_LONGEST_ASKED = 3600.0
_UNREADABLE = 20
_PASSING = {408, 409, 425, 429}


def patiently(call: Callable[[], T], brief: Brief) -> T:
    """Wait out rate limits, server errors, garbage and lost connections, and tell of each.

    The pauses double up to five minutes, or are what the server asks for in `Retry-After` (an
    hour at most). What trying again cannot mend (a bad key, no such model, no credit, twenty
    unreadable answers in a row) is a LabError: the research can be resumed once it is mended.
    Raises ContextOverflowError, and Abandoned where nobody waits for the answer any more.
    """
    unreadable = 0
    for pause in pauses():
        try:
            return call()
        except Exception as error:  # the clients raise anything on garbage: ValueError, IndexError
            unreadable = 0 if _is_of_the_server(error) else unreadable + 1
            if _is_overflow(error):
                raise ContextOverflowError from error
            if _is_permanent(error) or unreadable == _UNREADABLE:
                raise LabError(f"the model refuses: {brief.hide(_sentence(error))}") from error
            seconds, trouble = _asked_for(error) or pause, brief.hide(_sentence(error))
        what = "its answer cannot be read" if unreadable else "the model does not answer"
        brief.tell(f"{what}, next try in {seconds:.0f} s: {trouble}")
        if brief.pause(seconds):
            raise Abandoned
    raise AssertionError("the pauses never end")


def pauses() -> Iterator[float]:
    """Seconds to wait before each further try."""
    pause = _FIRST
    while True:
        yield pause
        pause = min(2 * pause, _LONGEST)


def _is_of_the_server(error: Exception) -> bool:
    return isinstance(error, ModelError) or hasattr(error, "status_code")


def _is_overflow(error: Exception) -> bool:
    code = getattr(error, "code", None)
    return isinstance(error, ContextOverflowError) or code == "context_length_exceeded"


def _is_permanent(error: Exception) -> bool:
    if getattr(error, "code", None) == "insufficient_quota":
        return True
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return 400 <= status < 500 and status not in _PASSING
    return isinstance(error, ModelError) and not error.is_retryable


def _asked_for(error: Exception) -> float | None:
    """The seconds of a `Retry-After` header, which gives seconds or a date; None without one."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    asked = str(headers.get("retry-after", ""))
    try:
        seconds = float(asked)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(seconds, _LONGEST_ASKED) if seconds > 0 else None


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__

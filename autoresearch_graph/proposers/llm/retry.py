"""Retry a model call for as long as it takes, where trying again can help."""

import re
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal, TypeVar

from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelConnectionError,
    ModelError,
    ModelInvalidRequestError,
    ModelTimeoutError,
)

from autoresearch_graph.core.brief import Abandoned, Brief
from autoresearch_graph.errors import LabError

T = TypeVar("T")
Kind = Literal["passing", "failing", "blamed", "denied", "unreadable"]
_FIRST = 1.0  # seconds; a rate limit counts by the minute, so a few doublings get past it
_LONGEST = 300.0  # seconds
_LONGEST_ASKED = 3600.0  # seconds, lest a server that asks for a day costs the night
_UNREADABLE = 20  # answers in a row: an hour, with the pauses between them
_DENIALS = 10  # in a row by a server that has answered before: nine minutes of pauses
_FIRST_DENIALS = 3  # of a first question by one that has not: a model writes one bad call by chance
_FAILURES = 6  # in a row on one conversation: half a minute, in which a server starts again
_PASSING = {408, 409, 421, 423, 425, 429}
_DENIED = {401, 402, 403, 404, 405, 410}
_OVERFLOW = re.compile(  # as OpenAI, vLLM, llama.cpp, Groq, LM Studio, Ollama, Gemini, ... say it
    r"context[ _](length|size|window)|exceed_context|n_ctx|context the overflow"
    r"|(prompt|input) is too long|(request|prompt|input) too (large|long)|reduce the length"
    r"|(input|prompt) token count|maximum (number of tokens|prompt length)|model token limit"
    r"|input tokens exceed|tokens. \+ .max_new_tokens",
    re.IGNORECASE,
)
_NO_SERVER = {"TooManyRedirects", "UnsupportedProtocol", "DecodingError"}  # of any HTTP client
_BLAMES = re.compile(
    r"tool_use_failed|content_filter|content management policy|jinja|roles? must alternate"
    r"|tool[ _]call|failed to call a function",
    re.IGNORECASE,
)
_CANNOT = re.compile(
    r"insufficient_quota|not support (tools|tool use|function)|requires --jinja", re.IGNORECASE
)


class Blamed(Exception):
    """The server refuses this conversation; another one may do. Its words are a sentence."""


def patiently(
    call: Callable[[], T],
    brief: Brief,
    *,
    known: bool = False,
    probe: Callable[[], object] | None = None,
) -> T:
    """Wait out rate limits, server errors, garbage and lost connections, and report each.

    The pauses double up to five minutes, or are as long as the server asks for in `Retry-After`
    (an hour at most). Some errors no waiting mends (a bad key, no such model, no credit, twenty
    unreadable answers in a row): a LabError; the research can be resumed once they are mended. A
    server that is `known` to have answered gets some minutes first.
    `probe` asks for a word in a conversation of its own; None where this one has just begun. It
    tells an outage, which is waited out, from a conversation that makes the server fail: Blamed,
    as for one that the server refuses. Raises Abandoned where the lab is closed meanwhile.
    """
    last, in_row = "", 0
    for pause in pauses():
        try:
            return call()
        except Exception as error:  # the clients raise anything on garbage: ValueError, IndexError
            kind, trouble = _kind(error), brief.hide(_sentence(error))
            last, in_row = kind, in_row + 1 if kind == last else 1
            if probe and (kind == "blamed" or _fails_alone(kind, in_row, probe)):
                raise Blamed(_blame(error, trouble)) from error
            if in_row == _limit(kind, known=known):
                raise LabError(_END[kind].format(trouble, in_row), code="model-failed") from error
            seconds = _asked_for(error) or pause
        brief.tell(
            f"{_TROUBLE.get(kind, 'the model refuses')}, next try in {seconds:.0f} s: {trouble}"
        )
        if brief.pause(seconds):
            raise Abandoned
    raise AssertionError("the pauses never end")


_TROUBLE = {
    "passing": "the model does not answer",
    "failing": "the model does not answer",
    "unreadable": "its answer cannot be read",
}
_END = dict.fromkeys(("blamed", "denied"), "the model refuses: {0}")
_END["unreadable"] = "{1} answers of the model in a row cannot be read: {0}"


def pauses(factor: float = 2.0) -> Iterator[float]:
    """Seconds to wait before each further try."""
    pause = _FIRST
    while True:
        yield pause
        pause = min(factor * pause, _LONGEST)


def _limit(kind: Kind, *, known: bool) -> int | None:
    """How many errors of a kind in a row are the end; None: they are waited out."""
    if kind == "unreadable":
        return _UNREADABLE
    if kind in ("passing", "failing"):
        return None
    return _DENIALS if known else _FIRST_DENIALS if kind == "blamed" else 1


def _fails_alone(kind: Kind, in_row: int, probe: Callable[[], object]) -> bool:
    """True if a server fails again and again on a conversation, and answers another."""
    if kind != "failing" or in_row % _FAILURES:
        return False
    try:
        probe()
    except Exception:  # noqa: BLE001 - whatever it is, the server does not answer others either
        return False
    return True


def _kind(error: Exception) -> Kind:
    """Tell what an error is about: the server's state, this conversation, or the way to ask."""
    status, code = getattr(error, "status_code", None), getattr(error, "code", "")
    if not isinstance(status, int) and not isinstance(error, ModelError):
        return "blamed" if _is_overflow(error) else "unreadable"
    if _CANNOT.search(f"{error} {code}"):
        return "denied"
    if _is_overflow(error) or _BLAMES.search(f"{error} {code}"):
        return "blamed"
    return _kind_of_status(status) if isinstance(status, int) else _kind_of_class(error)


def _kind_of_status(status: int) -> Kind:
    if status in _PASSING:
        return "passing"
    if status in _DENIED:
        return "denied"
    return "unreadable" if status < 400 else "blamed" if status < 500 else "failing"


def _kind_of_class(error: Exception) -> Kind:
    if _is_no_such_server(error):
        return "unreadable"
    if isinstance(error, ModelInvalidRequestError):
        return "blamed"
    if isinstance(error, ModelAPIError | ModelTimeoutError):
        return "failing"
    return "passing" if getattr(error, "is_retryable", False) else "denied"


def _is_overflow(error: Exception) -> bool:
    told = f"{error} {getattr(error, 'code', '')}"
    return isinstance(error, ContextOverflowError) or bool(_OVERFLOW.search(told))


def _blame(error: Exception, trouble: str) -> str:
    if _is_overflow(error):
        return f"the conversation has become too long for the model: {trouble}"
    return f"the server refuses the conversation: {trouble}"


def _is_no_such_server(error: BaseException) -> bool:
    """True if what answers speaks no HTTP, has no valid certificate, or sends one in circles."""
    return any(
        isinstance(cause, ssl.SSLError)
        or type(cause).__name__ in _NO_SERVER
        or str(cause).startswith("illegal ")  # as h11 begins what it says of bytes that are no HTTP
        for cause in _causes(error)
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


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
    """What an error says; one of a connection says it in its cause alone."""
    words = " ".join(str(error).split())[:300] or type(error).__name__
    if not isinstance(error, ModelConnectionError):
        return words
    inner = [one for one in map(str, _causes(error)) if one and one not in words]
    return f"{words.rstrip('.')}: {inner[-1][:200]}" if inner else words

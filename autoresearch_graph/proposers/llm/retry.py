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

from autoresearch_graph.core.brief import Abandoned, Session
from autoresearch_graph.errors import LabError

Result = TypeVar("Result")
Kind = Literal["transient", "failing", "refused", "denied", "unreadable"]
_FIRST = 1.0  # seconds; a rate limit counts by the minute, so a few doublings get past it
_LONGEST = 300.0  # seconds
_LONGEST_ASKED = 3600.0  # seconds, lest a server that asks for a day costs the night
_UNREADABLE = 20  # answers in a row: an hour, with the pauses between them
_DENIALS = 10  # in a row by a server that has answered before: nine minutes of pauses
_FIRST_DENIALS = 3  # of a first question by one that has not: a model writes one bad call by chance
_FAILURES = 6  # in a row on one conversation: half a minute, in which a server starts again
_TRANSIENT = {408, 409, 421, 423, 425, 429}  # HTTP status codes
_DENIED = {401, 402, 403, 404, 405, 410}
_OVERFLOW = re.compile(  # as OpenAI, vLLM, llama.cpp, Groq, LM Studio, Ollama, Gemini, ... say it
    r"context[ _](length|size|window)|exceed_context|n_ctx|context the overflow"
    r"|(prompt|input) is too long|(request|prompt|input) too (large|long)|reduce the length"
    r"|(input|prompt) token count|maximum (number of tokens|prompt length)|model token limit"
    r"|input tokens exceed|tokens. \+ .max_new_tokens",
    re.IGNORECASE,
)
_NO_SERVER = {"TooManyRedirects", "UnsupportedProtocol", "DecodingError"}  # of any HTTP client
_REFUSES = re.compile(
    r"tool_use_failed|content_filter|content management policy|jinja|roles? must alternate"
    r"|tool[ _]call|failed to call a function",
    re.IGNORECASE,
)
_CANNOT = re.compile(
    r"insufficient_quota|not support (tools|tool use|function)|requires --jinja", re.IGNORECASE
)


class ConversationRefused(Exception):
    """The server refuses this conversation, and may take another. Its words are a sentence."""


def retry_call(
    call: Callable[[], Result],
    session: Session,
    *,
    known: bool = False,
    probe: Callable[[], object] | None = None,
    tries: int | None = None,
) -> Result:
    """Retry after rate limits, server errors, garbage and lost connections, and report each.

    The pauses double up to five minutes, or are as long as the server asks for in `Retry-After`
    (an hour at most). Errors that no waiting mends raise LabError: a bad key, no such model, no
    credit, twenty unreadable answers in a row. A server that is `known` to have answered gets some
    minutes first. The research can be resumed afterwards.
    `probe` asks for a word in a conversation of its own; None where this one has just begun. If it
    is answered, the server fails on this conversation alone: ConversationRefused, as for one that
    the server refuses. Raises Abandoned if the lab is closed meanwhile. So many `tries` with errors
    of one kind in a row raise LabError, whatever the kind.
    """
    last, in_row = "", 0
    for pause in pauses():
        try:
            return call()
        except Exception as error:  # the clients raise anything on garbage: ValueError, IndexError
            kind, trouble = kind_of(error), session.hide(_sentence(error))
            last, in_row = kind, in_row + 1 if kind == last else 1
            if probe and (kind == "refused" or _fails_alone(kind, in_row, probe)):
                raise ConversationRefused(_refusal(error, trouble)) from error
            if in_row in (tries, _limit(kind, known=known)):
                raise LabError(_END[kind].format(trouble, in_row), code="model-failed") from error
            seconds = _asked_for(error) or pause
        session.say(f"{_TROUBLE[kind]}, next try in {seconds:.0f} s: {trouble}")
        if session.wait(seconds):
            raise Abandoned
    raise AssertionError("the pauses never end")


_TROUBLE: dict[Kind, str] = {
    "transient": "the model does not answer",
    "failing": "the model does not answer",
    "unreadable": "its answer cannot be read",
    "refused": "the model refuses",
    "denied": "the model refuses",
}
_END: dict[Kind, str] = {
    "transient": "the model does not answer: {0}",
    "failing": "the model does not answer: {0}",
    "unreadable": "{1} answers of the model in a row cannot be read: {0}",
    "refused": "the model refuses: {0}",
    "denied": "the model refuses: {0}",
}


def pauses(factor: float = 2.0) -> Iterator[float]:
    """Yield the seconds to wait before each further try."""
    pause = _FIRST
    while True:
        yield pause
        pause = min(factor * pause, _LONGEST)


def _limit(kind: Kind, *, known: bool) -> int | None:
    """Return the number of errors of a kind in a row that ends the tries; None: no number does."""
    match kind:
        case "unreadable":
            return _UNREADABLE
        case "transient" | "failing":
            return None
    if known:
        return _DENIALS
    return _FIRST_DENIALS if kind == "refused" else 1


def _fails_alone(kind: Kind, in_row: int, probe: Callable[[], object]) -> bool:
    """Return True if a server fails again and again on a conversation, and answers another."""
    if kind != "failing" or in_row % _FAILURES:
        return False
    try:
        probe()
    except Exception:  # noqa: BLE001 - whatever it is, the server does not answer others either
        return False
    return True


def kind_of(error: Exception) -> Kind:
    """Classify an error: the server's state, this conversation, or the way to ask."""
    status, words = getattr(error, "status_code", None), _words(error)
    if not isinstance(status, int) and not isinstance(error, ModelError):
        return "refused" if _is_overflow(error) else "unreadable"
    if _CANNOT.search(words):
        return "denied"
    if _is_overflow(error) or _REFUSES.search(words):
        return "refused"
    return _kind_of_status(status) if isinstance(status, int) else _kind_of_class(error)


def _kind_of_status(status: int) -> Kind:
    if status in _TRANSIENT:
        return "transient"
    if status in _DENIED:
        return "denied"
    if status < 400:
        return "unreadable"
    return "refused" if status < 500 else "failing"


def _kind_of_class(error: Exception) -> Kind:
    if _is_no_such_server(error):
        return "unreadable"
    if isinstance(error, ModelInvalidRequestError):
        return "refused"
    if isinstance(error, ModelAPIError | ModelTimeoutError):
        return "failing"
    return "transient" if getattr(error, "is_retryable", False) else "denied"


def _is_overflow(error: Exception) -> bool:
    return isinstance(error, ContextOverflowError) or bool(_OVERFLOW.search(_words(error)))


def _words(error: Exception) -> str:
    return f"{error} {getattr(error, 'code', '')}"


def _refusal(error: Exception, trouble: str) -> str:
    if _is_overflow(error):
        return f"the conversation has become too long for the model: {trouble}"
    return f"the server refuses the conversation: {trouble}"


def _is_no_such_server(error: BaseException) -> bool:
    """Return True if the server speaks no HTTP, has a bad certificate, or redirects in circles."""
    return any(
        isinstance(cause, ssl.SSLError)
        or type(cause).__name__ in _NO_SERVER
        or str(cause).startswith("illegal ")  # h11's message about bytes that are no HTTP
        for cause in _causes(error)
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _asked_for(error: Exception) -> float | None:
    """Return the seconds of a `Retry-After` header (seconds or a date); None without one."""
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
    """Return an error's words, for a connection with those of its cause."""
    words = " ".join(str(error).split())[:300] or type(error).__name__
    if not isinstance(error, ModelConnectionError):
        return words
    inner = [cause for cause in map(str, _causes(error)) if cause and cause not in words]
    return f"{words.rstrip('.')}: {inner[-1][:200]}" if inner else words

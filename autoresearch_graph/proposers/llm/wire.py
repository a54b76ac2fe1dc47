"""Chat client for OpenAI's protocol that repairs the answers of servers that deviate from it."""

import json
from math import isfinite
from typing import Any
from uuid import uuid4

from langchain_core.outputs import ChatResult
from langchain_openai import ChatOpenAI

_MOST = 2**53  # tokens; beyond it a count is no count


class ReportedError(Exception):
    """An error in an answer of status 200; `status_code` is the one that it names."""

    def __init__(self, error: Any) -> None:
        super().__init__(str(error.get("message", error) if isinstance(error, dict) else error))
        code = error.get("code") if isinstance(error, dict) else None
        if isinstance(code, int) and 100 <= code < 600:
            self.status_code = code


class WireChat(ChatOpenAI):
    """A ChatOpenAI that gets along with servers other than OpenAI's own."""

    name: str | None = "ChatOpenAI"  # in traces

    def _get_request_payload(self, *given: Any, **options: Any) -> dict[str, Any]:
        """Send an empty text rather than none beside tool calls: llama-cpp-python wants one."""
        payload: dict[str, Any] = super()._get_request_payload(*given, **options)
        for message in payload.get("messages", ()):
            message["content"] = message["content"] or ""
        return payload

    def _create_chat_result(self, response: Any, *given: Any, **options: Any) -> ChatResult:
        """Repair an answer, or raise the error in it."""
        body: Any = response
        if hasattr(response, "model_dump"):
            body = response.model_dump(warnings=False)
        if isinstance(body, dict):
            if body.get("error"):
                raise ReportedError(body["error"])
            choices = [_choice(one) for one in _listed(body.get("choices"))[:1]]
            if not choices:
                raise ValueError("the answer has no choices")
            body = {**body, "usage": _usage(body.get("usage")), "choices": choices}
        return super()._create_chat_result(body, *given, **options)


def _choice(choice: Any) -> dict[str, Any]:
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise ValueError("the answer has no message")
    calls = message.get("tool_calls")
    if not calls and message.get("function_call"):
        calls = [{"function": message["function_call"]}]
    text = _text(message.get("content")) or _text(message.get("refusal"))
    tool_calls = [_call(call) for call in _listed(calls)]
    return {**choice, "message": {"role": "assistant", "content": text, "tool_calls": tool_calls}}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if isinstance(value, dict) else []


def _text(content: Any) -> str:
    """Return the text of a content, which may be a list of parts."""
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, dict) else part for part in content]
        return "".join(map(_text, parts))
    return content if isinstance(content, str) else ""


def _call(call: Any) -> dict[str, Any]:
    """Return a tool call with text where text belongs; arguments other than objects are no JSON.

    Those that stand for nothing (null, an empty text or list, 0) are none.
    """
    call = call if isinstance(call, dict) else {}
    function = call["function"] if isinstance(call.get("function"), dict) else call
    name = function.get("name")
    return {
        "id": str(call.get("id") or "") or uuid4().hex[:9],
        "type": "function",
        "function": {
            "name": name if isinstance(name, str) else "",
            "arguments": _arguments(function.get("arguments")),
        },
    }


def _arguments(given: Any) -> str:
    text = given if isinstance(given, str) else json.dumps(given or {})
    try:
        parsed = json.loads(text or "{}", strict=False)
    except (ValueError, RecursionError):
        return text  # the next reader finds the same, and says so
    return f"no JSON object: {text}" if parsed and not isinstance(parsed, dict) else text


def _usage(usage: Any) -> dict[str, Any] | None:
    """Return counts of tokens that can be added up; None where nothing is counted."""
    if not isinstance(usage, dict):
        return None
    counts: dict[str, Any] = {}
    for name, value in usage.items():
        counts[name] = _usage(value) if isinstance(value, dict) else _count(value)
    for name in ("prompt_tokens_details", "completion_tokens_details"):
        counts[name] = counts[name] if isinstance(counts.get(name), dict) else None
    return counts


def _count(value: Any) -> int | None:
    try:
        count = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return int(count) if isfinite(count) and 0 <= count < _MOST else 0

"""OpenAI's protocol as servers really speak it, mended on the way in and strict on the way out."""

import json
from math import isfinite
from typing import Any
from uuid import uuid4

from langchain_core.outputs import ChatResult
from langchain_openai import ChatOpenAI

_MOST = 2**53  # tokens; beyond it a count is no count


class Told(Exception):
    """An error that a server reports in an answer of status 200; `status_code` is what it names."""

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
        """Mend an answer, or raise the error that it tells of."""
        told: Any = (
            response.model_dump(warnings=False) if hasattr(response, "model_dump") else response
        )
        if isinstance(told, dict):
            if told.get("error"):
                raise Told(told["error"])
            choices = [_choice(one) for one in _listed(told.get("choices"))[:1]]
            if not choices:
                raise ValueError("the answer has no choices")
            told = {**told, "usage": _usage(told.get("usage")), "choices": choices}
        return super()._create_chat_result(told, *given, **options)


def _choice(choice: Any) -> dict[str, Any]:
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise ValueError("the answer has no message")
    calls = message.get("tool_calls")
    if not calls and message.get("function_call"):
        calls = [{"function": message["function_call"]}]
    text = _text(message.get("content")) or _text(message.get("refusal"))
    told = {"role": "assistant", "content": text}
    return {**choice, "message": {**told, "tool_calls": [_call(c) for c in _listed(calls)]}}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if isinstance(value, dict) else []


def _text(content: Any) -> str:
    """The text of a content, which may be a list of parts."""
    if isinstance(content, list):
        return "".join(_text(p.get("text") if isinstance(p, dict) else p) for p in content)
    return content if isinstance(content, str) else ""


def _call(call: Any) -> dict[str, Any]:
    """A tool call with text where text belongs; arguments that are no object are no JSON then.

    Those that stand for nothing (null, an empty text or list, 0) are none.
    """
    call = call if isinstance(call, dict) else {}
    function = call["function"] if isinstance(call.get("function"), dict) else call
    given, name = function.get("arguments"), function.get("name")
    arguments = given if isinstance(given, str) else json.dumps(given or {})
    try:
        parsed = json.loads(arguments or "{}", strict=False)
    except (ValueError, RecursionError):
        parsed = {}  # whoever reads it next finds the same, and says so
    if parsed and not isinstance(parsed, dict):
        arguments = f"no JSON object: {arguments}"
    return {
        "id": str(call.get("id") or "") or uuid4().hex[:9],
        "type": "function",
        "function": {"name": name if isinstance(name, str) else "", "arguments": arguments},
    }


def _usage(usage: Any) -> dict[str, Any] | None:
    """Counts of tokens that can be added up; None where nothing is counted."""
    if not isinstance(usage, dict):
        return None
    counts = {k: _usage(v) if isinstance(v, dict) else _count(v) for k, v in usage.items()}
    for name in ("prompt_tokens_details", "completion_tokens_details"):
        counts[name] = counts[name] if isinstance(counts.get(name), dict) else None
    return counts


def _count(value: Any) -> int | None:
    try:
        count = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return int(count) if isfinite(count) and 0 <= count < _MOST else 0

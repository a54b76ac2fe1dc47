"""Editor, the graph inside `propose`: a model calls tools until it proposes, or cannot go on.

Messages and draft are in the state, so a conversation that was cut off goes on where it was.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.graph.message import add_messages
from langgraph.runtime import Runtime

from autoresearch_graph.core.brief import Abandoned
from autoresearch_graph.core.experiment import Draft
from autoresearch_graph.core.values import Value
from autoresearch_graph.proposers.llm.retry import ConversationRefused, retry_call
from autoresearch_graph.tools import EditSession, ToolRefused

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable
    from langchain_core.tools import BaseTool

_CALLS = 30  # answers in a turn, of which a proposal needs two to ten
_IDLE = 3  # answers without a call in a row
_LARGEST = 100_000  # characters of words that are sent back
_LARGEST_CALL = 1_000_000  # characters of arguments, ten times the largest asset that is usual
_MOST_CALLS = 30  # in one answer; a model that repeats itself writes hundreds
_DEPTH = 8  # levels of nested arguments; the tools take none
_MOST = 2**53  # beyond it an integer is sent back as text: checkpoints hold 64 bits
_QUOTED = 150  # characters of a model's words in a sentence
_UNREADABLE = "unreadable"  # in the metadata of an answer: refusals by the ids of such calls
_CALL_IN_WORDS = re.compile(
    r"<\|?(tool_call|function_calls?\b|function=|invoke\b|python_tag)|\[TOOL_CALLS\]"
    r"|\"(name|tool|function)\"\s*:\s*\"\w+\"\s*,\s*\"(arguments|parameters|args|input)\"",
    re.IGNORECASE,
)


class EditorState(Value):
    """The messages of model and tools so far, and the current draft.

    `draft` is set by `propose`; `ended` is the reason for an end without one.
    """

    messages: Annotated[list[AnyMessage], add_messages]
    text: str
    draft: Draft | None = None
    ended: str = ""


class Empty(ValueError):
    """An answer without words and without a call."""


def ask_model(state: EditorState, runtime: Runtime[EditSession]) -> dict[str, Any]:
    """Ask the model for its next answer; wait for as long as it takes to get one.

    An empty answer is garbage. It is asked for again with a word about it, as a model without
    chance would repeat itself. An answer that comes after the lab was closed comes too late:
    another may be at work by then.
    """
    session, effects = runtime.context, runtime.context.brief.session
    if ended := _end(state.messages):
        return {"ended": ended}
    about: list[AnyMessage] = []

    def ask() -> AIMessage:
        messages = [*state.messages, *about]
        answer = _normalized(session.chat(messages), _call_ids(messages))
        if not answer.tool_calls and not answer.text.strip():
            nothing = answer.model_copy(update={"content": "(nothing)"})
            about[:] = [nothing, HumanMessage(_reminder(answer))]
            raise Empty(_emptiness(answer))
        return answer

    def probe() -> AIMessage:
        return session.chat([HumanMessage("Say yes.")])

    has_begun = bool(_answers(state.messages))
    try:
        answer = retry_call(ask, effects, known=session.known, probe=probe if has_begun else None)
    except ConversationRefused as reason:
        return {"ended": str(reason)}
    if effects.wait(0):
        raise Abandoned
    session.known = True
    return {"messages": [*about, answer]}


def use_tools(state: EditorState, runtime: Runtime[EditSession]) -> dict[str, Any]:
    """Answer every call of the model in its order, or remind it of the tools if it made none."""
    session, answer = runtime.context, state.messages[-1]
    session.text = state.text
    if not isinstance(answer, AIMessage) or not answer.tool_calls:
        return {"messages": [HumanMessage(_reminder(answer))]}
    refusals = answer.response_metadata.get(_UNREADABLE, {})
    results = {
        call_id: ToolMessage(f"Refused: {reason}", tool_call_id=call_id, status="error")
        for call_id, reason in refusals.items()
    }
    calls = [call for call in answer.tool_calls if call["id"] not in refusals]
    if calls:
        asked = answer.model_copy(update={"tool_calls": calls})
        for message in _tools(session.tools).invoke({"messages": [asked]})["messages"]:
            results[message.tool_call_id] = message
    draft = session.draft and session.draft.model_dump(mode="json")
    ordered = [results[str(call["id"])] for call in answer.tool_calls]
    return {"messages": ordered, "text": session.text, "draft": draft}


def _tools(more: "tuple[BaseTool, ...]") -> "Runnable[Any, Any]":
    """Return our tools and `more` as LangGraph calls them; a search does not load them."""
    from langchain_core.tools import ToolException
    from langgraph.prebuilt import ToolNode
    from langgraph.prebuilt.tool_node import ToolInvocationError

    from autoresearch_graph.tools.toolbox import TOOLS

    def refusal(error: ToolRefused | ToolInvocationError | ToolException) -> str:
        return f"Refused: {error}"

    return ToolNode([*TOOLS, *more], handle_tool_errors=refusal).with_config(max_concurrency=1)


def _answers(messages: Sequence[AnyMessage]) -> list[AIMessage]:
    return [message for message in messages if isinstance(message, AIMessage)]


def _call_ids(messages: Sequence[AnyMessage]) -> set[str | None]:
    return {call["id"] for answer in _answers(messages) for call in answer.tool_calls}


def _end(messages: Sequence[AnyMessage]) -> str:
    """Return the reason for ending a conversation; empty while it may go on."""
    answers = _answers(messages)
    idle = list(takewhile(lambda answer: not answer.tool_calls, reversed(answers)))
    if len(idle) >= _IDLE:
        if any(_CALL_IN_WORDS.search(answer.text) for answer in idle):
            return "the model writes its calls as text: it, or its server, does no tool calls"
        often = "never called a tool" if len(idle) == len(answers) else "called no tool any more"
        return f"the model wrote text and {often}: {_short(idle[0].text)!r}"
    if len(answers) >= _CALLS:
        return f"the model made no proposal in {_CALLS} answers{_refusals(messages)}"
    return ""


def _refusals(messages: Sequence[AnyMessage]) -> str:
    """Return the refusal that came most often, if it came again and again."""
    results = [message for message in messages if isinstance(message, ToolMessage)]
    refusals = Counter(result.text for result in results if result.status == "error")
    for reason, times in refusals.most_common(1):
        if times >= _IDLE:
            whole = "all of its calls" if times == len(results) else "its calls"
            sentence = _short(reason.removeprefix("Refused: "))
            return f"; {whole} were refused {times} times: {sentence}"
    return ""


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _QUOTED else f"{words[: _QUOTED - 3]}..."


def _normalized(answer: AIMessage, known_ids: Collection[str | None]) -> AIMessage:
    """Return an answer in a form that any server and any checkpoint takes.

    Its calls have names, arguments that are an object, and ids of their own. The server's id of
    the answer is left out: one that comes again would replace the earlier answer.
    """
    calls, refusals, known = list[dict[str, Any]](), dict[str, str](), {*known_ids}
    found: list[tuple[Any, str]] = [(call, "") for call in answer.tool_calls]
    found += [(call, _no_json(answer, call)) for call in answer.invalid_tool_calls]
    for call, no_json in found[:_MOST_CALLS]:
        call_id = _own_id(call["id"], known)
        known.add(call_id)
        arguments = _clean(call["args"])
        if refusal := no_json or _too_long(call["args"]):
            refusals[call_id], arguments = refusal, {}
        name = _name(call)
        calls.append({"name": name, "args": arguments, "id": call_id, "type": "tool_call"})
    metadata = _clean(answer.response_metadata)
    if refusals:
        metadata[_UNREADABLE] = refusals
    update = {"id": None, "response_metadata": metadata, "tool_calls": calls}
    is_unchanged = calls and calls == answer.tool_calls
    if not is_unchanged or not isinstance(answer.content, list):
        update["content"] = _clean(answer.text)[:_LARGEST]
    return answer.model_copy(update={**update, "invalid_tool_calls": []})


def _name(call: Any) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", call["name"] or "unknown")[:64]


def _own_id(call_id: str | None, known: Collection[str | None]) -> str:
    """Return a call's id, or a new one of nine letters and digits: Mistral takes no others."""
    return uuid4().hex[:9] if not call_id or call_id in known else call_id


def _clean(value: Any, depth: int = _DEPTH) -> Any:
    """Return a value without what UTF-8, JSON and checkpoints cannot hold."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, dict):
        pairs = value.items() if depth else ()
        return {_clean(key): _clean(each, depth - 1) for key, each in pairs}
    if isinstance(value, list):
        return [_clean(each, depth - 1) for each in value] if depth else []
    return _clean_number(value) if isinstance(value, int | float) else value


def _clean_number(value: float) -> Any:
    if abs(value) <= _MOST:  # NaN is not
        return value
    return str(float(value)) if isinstance(value, float) else f"1e{len(str(value))}"


def _too_long(arguments: dict[str, Any]) -> str:
    if len(str(arguments)) <= _LARGEST_CALL:
        return ""
    return f"more than {_LARGEST_CALL:,} characters of arguments; edit in steps"


def _no_json(answer: AIMessage, call: Any) -> str:
    if _is_cut_off(answer):
        cut = ", as the answer was cut off at its limit: edit in smaller steps"
        return f"the arguments are not valid JSON{cut}"
    return f"the arguments are not valid JSON of an object: {_short(_clean(str(call['args'])))}"


def _emptiness(answer: AIMessage) -> str:
    reason = answer.response_metadata.get("finish_reason")
    return f"an empty answer{f' (finish_reason: {reason})' if reason else ''}"


def _is_cut_off(answer: AnyMessage) -> bool:
    metadata = answer.response_metadata
    return metadata.get("finish_reason") == "length" or metadata.get("status") == "incomplete"


def _reminder(answer: AnyMessage) -> str:
    cut = "Your answer was cut off at its limit: say less, and edit in small steps. "
    return (cut if _is_cut_off(answer) else "") + (
        "Words alone change nothing: edit the draft with the tools, then call `propose`."
    )

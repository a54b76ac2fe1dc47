"""The inside of `propose`: a model asks for tools until it proposes, or cannot go on.

Messages and draft are in the state, so a conversation that was cut off goes on where it was.
"""

import re
from collections import Counter
from collections.abc import Collection
from itertools import takewhile
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.graph.message import add_messages
from langgraph.runtime import Runtime

from autoresearch_graph.core.brief import Abandoned
from autoresearch_graph.core.experiment import Draft
from autoresearch_graph.core.values import Value
from autoresearch_graph.proposers.llm.retry import Blamed, patiently
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
_CALL_IN_WORDS = re.compile(
    r"<\|?(tool_call|function_calls?\b|function=|invoke\b|python_tag)|\[TOOL_CALLS\]"
    r"|\"(name|tool|function)\"\s*:\s*\"\w+\"\s*,\s*\"(arguments|parameters|args|input)\"",
    re.IGNORECASE,
)


class Conversation(Value):
    """What model and tools said so far, and the draft as it is now.

    `draft` is set by `propose`; `ended` says why there will be none.
    """

    messages: Annotated[list[AnyMessage], add_messages]
    text: str
    draft: Draft | None = None
    ended: str = ""


class Empty(ValueError):
    """An answer without words and without a call."""


def ask_model(state: Conversation, runtime: Runtime[EditSession]) -> dict[str, Any]:
    """Have the model say the next thing; waits for as long as it takes to get an answer.

    An empty answer is garbage. It is asked for again with a word about it, as a model without
    chance would repeat itself. An answer that comes after the lab was closed comes too late:
    another may be at work by then.
    """
    session = runtime.context
    if ended := _over(state.messages):
        return {"ended": ended}
    about: list[AnyMessage] = []

    def ask() -> AIMessage:
        told = [*state.messages, *about]
        ids = {call["id"] for m in told if isinstance(m, AIMessage) for call in m.tool_calls}
        answer = _received(session.chat(told), ids)
        if not answer.tool_calls and not answer.text.strip():
            nothing = answer.model_copy(update={"content": "(nothing)"})
            about[:] = [nothing, HumanMessage(_reminder(answer))]
            raise Empty(_emptiness(answer))
        return answer

    has_begun = any(isinstance(message, AIMessage) for message in state.messages)
    probe = (lambda: session.chat([HumanMessage("Say yes.")])) if has_begun else None
    try:
        answer = patiently(ask, session.brief.session, known=session.known, probe=probe)
    except Blamed as reason:
        return {"ended": str(reason)}
    if session.brief.session.wait(0):
        raise Abandoned
    session.known = True
    return {"messages": [*about, answer]}


def use_tools(state: Conversation, runtime: Runtime[EditSession]) -> dict[str, Any]:
    """Do what the model asked for, one call after the other, or say what it should do.

    Every call is answered, in the order of the calls.
    """
    session, answer = runtime.context, state.messages[-1]
    session.text = state.text
    if not isinstance(answer, AIMessage) or not answer.tool_calls:
        return {"messages": [HumanMessage(_reminder(answer))]}
    why = answer.response_metadata.get(_UNREADABLE, {})
    said = {
        ident: ToolMessage(f"Refused: {reason}", tool_call_id=ident, status="error")
        for ident, reason in why.items()
    }
    calls = [call for call in answer.tool_calls if call["id"] not in why]
    if calls:
        asked = answer.model_copy(update={"tool_calls": calls})
        done = _tools(session.tools).invoke({"messages": [asked]})
        said |= {message.tool_call_id: message for message in done["messages"]}
    draft = session.draft and session.draft.model_dump(mode="json")
    ordered = [said[str(call["id"])] for call in answer.tool_calls]
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


def _over(messages: list[AnyMessage]) -> str:
    """Why a conversation should not go on; nothing if it should."""
    answers = [message for message in messages if isinstance(message, AIMessage)]
    idle = list(takewhile(lambda a: not a.tool_calls, reversed(answers)))
    if len(idle) >= _IDLE:
        if any(_CALL_IN_WORDS.search(answer.text) for answer in idle):
            return "the model writes its calls as text: it, or its server, does no tool calls"
        often = "never called a tool" if len(idle) == len(answers) else "called no tool any more"
        return f"the model wrote text and {often}: {_short(idle[0].text)!r}"
    if len(answers) >= _CALLS:
        return f"the model made no proposal in {_CALLS} answers{_refusals(messages)}"
    return ""


def _refusals(messages: list[AnyMessage]) -> str:
    """The refusal that came most often, if it came again and again."""
    told = [m.text for m in messages if isinstance(m, ToolMessage) and m.status == "error"]
    for reason, times in Counter(told).most_common(1):
        if times >= _IDLE:
            whole = "all of its calls" if times == _count_calls(messages) else "its calls"
            return (
                f"; {whole} were refused {times} times: {_short(reason.removeprefix('Refused: '))}"
            )
    return ""


def _count_calls(messages: list[AnyMessage]) -> int:
    return sum(isinstance(message, ToolMessage) for message in messages)


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 150 else f"{words[:147]}..."


_UNREADABLE = "unreadable"  # in the metadata of an answer: why, by the ids of such calls


def _received(answer: AIMessage, ids: Collection[str | None]) -> AIMessage:
    """An answer as any server and any checkpoint takes it.

    Its calls have names, arguments that are an object, and ids of their own. It has none of the
    server's for itself: an id that comes again would replace the earlier answer.
    """
    metadata, calls, known = _clean(answer.response_metadata), list[dict[str, Any]](), set(ids)
    found: list[tuple[Any, str]] = [(call, "") for call in answer.tool_calls]
    found += [(call, _unreadable(answer, call)) for call in answer.invalid_tool_calls]
    for call, no_json in found[:_MOST_CALLS]:
        why = no_json or _too_long(call["args"])
        ident = call["id"]
        if not ident or ident in known:
            ident = uuid4().hex[:9]  # letters and digits, nine of them: Mistral takes no others
        known.add(ident)
        name = re.sub(r"[^A-Za-z0-9_-]", "_", call["name"] or "unknown")[:64]
        args = {} if why else _clean(call["args"])
        calls.append({"name": name, "args": args, "id": ident, "type": "tool_call"})
        if why:
            metadata.setdefault(_UNREADABLE, {})[ident] = why
    update = {"id": None, "response_metadata": metadata, "tool_calls": calls}
    if calls != answer.tool_calls or not calls or not isinstance(answer.content, list):
        update["content"] = _clean(answer.text)[:_LARGEST]
    return answer.model_copy(update={**update, "invalid_tool_calls": []})


def _clean(value: Any, depth: int = _DEPTH) -> Any:
    """A value without what UTF-8, JSON and checkpoints cannot hold."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        clean = {_clean(key): _clean(each, depth - 1) for key, each in pairs} if depth else {}
        return clean if isinstance(value, dict) else list(clean.values())
    if isinstance(value, int | float) and not abs(value) <= _MOST:  # NaN is not
        return str(float(value)) if isinstance(value, float) else f"1e{len(str(value))}"
    return value


def _too_long(args: dict[str, Any]) -> str:
    long = len(str(args)) > _LARGEST_CALL
    return f"more than {_LARGEST_CALL:,} characters of arguments; edit in steps" if long else ""


def _emptiness(answer: AIMessage) -> str:
    how = answer.response_metadata.get("finish_reason")
    return f"an empty answer{f' (finish_reason: {how})' if how else ''}"


def _cut_off(answer: AnyMessage) -> bool:
    told = answer.response_metadata
    return told.get("finish_reason") == "length" or told.get("status") == "incomplete"


def _reminder(answer: AnyMessage) -> str:
    cut = "Your answer was cut off at its limit: say less, and edit in small steps. "
    return (cut if _cut_off(answer) else "") + (
        "Words alone change nothing: edit the draft with the tools, then call `propose`."
    )


def _unreadable(answer: AIMessage, call: Any) -> str:
    if _cut_off(answer):
        cut = ", as the answer was cut off at its limit: edit in smaller steps"
        return f"the arguments are not valid JSON{cut}"
    return f"the arguments are not valid JSON of an object: {_short(_clean(str(call['args'])))}"

"""The inside of `propose`: a model asks for tools until it proposes, or cannot go on.

Messages and draft are in the state, so a conversation that was cut off goes on where it was.
"""

from functools import cache
from itertools import takewhile
from typing import TYPE_CHECKING, Annotated, Any

from langchain_core.exceptions import ContextOverflowError
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.graph.message import add_messages
from langgraph.runtime import Runtime

from autoresearch_graph.experiment import Draft
from autoresearch_graph.proposers import Abandoned
from autoresearch_graph.proposers.patience import patiently
from autoresearch_graph.tools import Desk, Refusal
from autoresearch_graph.value import Value

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

_CALLS = 30
_IDLE = 3
_LARGEST = 100_000


class Conversation(Value):
    """What model and tools said so far, and the draft as it is now.

    `draft` is set by `propose`; `ended` says why there will be none.
    """

    messages: Annotated[list[AnyMessage], add_messages]
    text: str
    draft: Draft | None = None
    ended: str = ""


def ask_model(state: Conversation, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Have the model say the next thing; waits for as long as it takes to get an answer.

    What it says after the lab was closed comes too late: another may be at work by then.
    """
    desk = runtime.context
    if ended := _over(state.messages):
        return {"ended": ended}
    try:
        answer = patiently(lambda: desk.chat(state.messages), desk.brief)
    except ContextOverflowError:
        return {"ended": "the conversation has become too long for the model"}
    if desk.brief.pause(0):
        raise Abandoned
    return {"messages": [_bounded(answer)]}


def use_tools(state: Conversation, runtime: Runtime[Desk]) -> dict[str, Any]:
    """Do what the model asked for, one call after the other, or say what it should do."""
    desk, answer = runtime.context, state.messages[-1]
    desk.text = state.text
    if not isinstance(answer, AIMessage) or not (answer.tool_calls or answer.invalid_tool_calls):
        return {"messages": [HumanMessage(_reminder(answer))]}
    refused = [
        ToolMessage(_unreadable(answer), tool_call_id=str(call["id"]), status="error")
        for call in answer.invalid_tool_calls
    ]
    used = _tools().invoke({"messages": [answer]})["messages"] if answer.tool_calls else []
    draft = desk.draft and desk.draft.model_dump(mode="json")
    return {"messages": [*used, *refused], "text": desk.text, "draft": draft}


@cache
def _tools() -> "Runnable[Any, Any]":
    """The tools as LangGraph calls them; a search, which has no use for any, does not load them."""
    from langgraph.prebuilt import ToolNode
    from langgraph.prebuilt.tool_node import ToolInvocationError

    from autoresearch_graph.tools.toolbox import TOOLS

    def refusal(error: Refusal | ToolInvocationError) -> str:
        return f"Refused: {error}"

    return ToolNode(list(TOOLS), handle_tool_errors=refusal).with_config(max_concurrency=1)


def _over(messages: list[AnyMessage]) -> str:
    """Why a conversation should not go on; nothing if it should."""
    answers = [message for message in messages if isinstance(message, AIMessage)]
    idle = list(takewhile(lambda a: not a.tool_calls, reversed(answers)))
    if len(idle) >= _IDLE:
        return f"the model called no tool in {_IDLE} answers in a row"
    if len(answers) >= _CALLS:
        return f"the model made no proposal in {_CALLS} answers"
    return ""


def _bounded(answer: AIMessage) -> AIMessage:
    """An answer as it can be sent back: no server accepts an empty one, and no model a huge one."""
    if answer.tool_calls or answer.invalid_tool_calls:
        return answer
    text = answer.text[:_LARGEST] or "(nothing)"
    return answer if text == answer.text else answer.model_copy(update={"content": text})


def _cut_off(answer: AnyMessage) -> bool:
    told = answer.response_metadata
    return told.get("finish_reason") == "length" or told.get("status") == "incomplete"


def _reminder(answer: AnyMessage) -> str:
    cut = "Your answer was cut off at its limit: say less, and edit in small steps. "
    return (cut if _cut_off(answer) else "") + (
        "Words alone change nothing: edit the draft with the tools, then call `propose`."
    )


def _unreadable(answer: AIMessage) -> str:
    cut = ", as the answer was cut off at its limit: edit in smaller steps"
    return "Refused: the arguments are not valid JSON" + (cut if _cut_off(answer) else "")

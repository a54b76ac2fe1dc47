"""Chat model as proposer: it edits a draft through tool calls until it proposes."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    HumanMessage,
    SystemMessage,
    messages_to_dict,
)
from langchain_core.tools import BaseTool

from autoresearch_graph.access import Guard, check_model
from autoresearch_graph.asset.files import Asset, files_of
from autoresearch_graph.asset.syntax import SeenFingerprints
from autoresearch_graph.core.brief import Abandoned, Brief, Exhausted
from autoresearch_graph.core.experiment import Draft
from autoresearch_graph.core.values import Cost
from autoresearch_graph.errors import InputError
from autoresearch_graph.proposers.llm import prompt
from autoresearch_graph.proposers.llm.editor import EditorState
from autoresearch_graph.proposers.llm.pricing import Billing, Price
from autoresearch_graph.proposers.llm.retry import pauses
from autoresearch_graph.tools import EditSession
from autoresearch_graph.tools.toolbox import tools_for

_TURNS = 5
_STEP = 6.0  # times as long a pause after each fruitless turn: five turns take four minutes
_TIMEOUT = 600.0  # seconds, as OpenAI's own client: a model that thinks takes minutes


class Model:
    """Proposer with any LangChain chat model that can call tools."""

    def __init__(
        self, chat: BaseChatModel, billing: Billing, asset: str, tools: Sequence[BaseTool] = ()
    ) -> None:
        self._billing = billing
        self._tools = tuple(tools)
        self._chat = chat.bind_tools((*tools_for(Asset.parse(asset)), *tools)).invoke
        self._known = False
        self._limit_passed = False
        self._tried = SeenFingerprints()
        self._memory = prompt.Memory()

    def propose(self, brief: Brief) -> Draft:
        """Let the model work until it proposes; Exhausted when it does not in several turns.

        The conversation of every turn is saved beside the experiment.
        """
        session, cost, ends = brief.session, Cost(), list[str]()
        brief = replace(brief, text=files_of(brief.text, brief.program.asset).plain().pack())
        for turn, pause in zip(range(1, _TURNS + 1), pauses(_STEP), strict=False):
            state = self._converse(brief)
            cost += self._billing.cost_of(state.messages, brief.program.stopping)
            conversation = json.dumps(messages_to_dict(state.messages), indent=1)
            if state.draft is not None:
                session.save("conversation.json", conversation)
                return state.draft.model_copy(update=dict(cost))
            session.save(f"conversation.without-proposal-{turn}.json", conversation)
            session.say(f"{state.ended} (turn {turn} of {_TURNS})")
            ends.append(state.ended)
            if self._limit_passed:
                break
            if turn < _TURNS and session.wait(pause):
                raise Abandoned
        joint = ": " if len(set(ends)) == 1 else "; in the last one, "
        reason = f"the model made no proposal in {len(ends)} turns{joint}{ends[-1]}"
        raise Exhausted(reason, cost=cost, gave_up=True)

    def _converse(self, brief: Brief) -> EditorState:
        """Run one turn; after a kill it goes on from the checkpoint."""
        if brief.session.edit is None:
            raise ValueError("a model needs the editor of the graph")
        first = [
            SystemMessage(prompt.system(brief)),
            HumanMessage(prompt.user(brief, self._memory)),
        ]
        commits = {each.number: each.commit for each in brief.ledger}
        commits |= {each.number: each.commit for each in brief.in_flight}
        commits.pop(brief.number, None)
        tried = self._tried.numbers(commits, brief.history.text, path=brief.program.asset)

        def chat(messages: list[AnyMessage]) -> AIMessage:
            answer = self._chat(messages)
            self._limit_passed = brief.session.spend(self._billing.cost(answer))
            return answer

        session = EditSession(brief, chat, brief.text, tried, tools=self._tools, known=self._known)
        state = brief.session.edit({"messages": first, "text": brief.text}, context=session)
        self._known = session.known
        return EditorState.model_validate(state)


def open_model(
    name: str,
    *,
    base_url: str | None,
    asset: str,
    price: Price | None = None,
    tools: Sequence[BaseTool] = (),
) -> Model:
    """Open `provider:name` for an asset; InputError where its package or key is missing.

    In a server, InputError also for an address that the environment does not name.
    """
    chat = open_chat(name, base_url=base_url)
    try:
        return Model(chat, Billing(name, price), asset, tools)
    except Exception as error:
        raise _unusable(name, "--model", error) from error


def open_chat(name: str, *, base_url: str | None, option: str = "--model") -> BaseChatModel:
    """Open the chat model `provider:name`, which an option names, as `open_model` does."""
    if not name:
        raise InputError(
            f"{option} is empty; name one as in openai:gpt-5, or leave it out", code="bad-model"
        )
    if Guard.stands:
        check_model(name, base_url)
    options: dict[str, Any] = {
        "timeout": _TIMEOUT,
        "max_retries": 0,
        "disable_streaming": True,  # a stream has its own, looser format, and often no usage
    }
    if base_url:
        options["base_url"] = base_url
    try:
        return _chat(name, options)
    except Exception as error:
        raise _unusable(name, option, error) from error


def _unusable(name: str, option: str, error: Exception) -> InputError:
    """Return the error of a model that cannot be opened: its package or key is missing."""
    sentence = " ".join(str(error).split())
    limit = None if isinstance(error, ImportError) else 300
    return InputError(f"{option} {name}: {sentence[:limit]}", code="bad-model")


def _chat(name: str, options: dict[str, Any]) -> BaseChatModel:
    """Return the chat model of a name; for OpenAI's protocol, one that repairs answers."""
    chat: BaseChatModel = init_chat_model(name, **options)
    model = getattr(chat, "model_name", None)
    if type(chat).__name__ != "ChatOpenAI" or model is None:
        return chat
    from autoresearch_graph.proposers.llm.wire import WireChat

    return WireChat(model=model, **options)

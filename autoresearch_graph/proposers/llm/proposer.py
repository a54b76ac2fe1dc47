"""A chat model as proposer: it edits a draft through tool calls until it proposes."""

import json
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

from autoresearch_graph.access import Guard, check_model
from autoresearch_graph.asset import files as sheaf
from autoresearch_graph.asset.syntax import SeenFingerprints
from autoresearch_graph.core.brief import Abandoned, Brief, Exhausted
from autoresearch_graph.core.experiment import Draft
from autoresearch_graph.core.values import Cost
from autoresearch_graph.errors import InputError
from autoresearch_graph.proposers.llm import prompt
from autoresearch_graph.proposers.llm.editor import Conversation
from autoresearch_graph.proposers.llm.pricing import Meter, Price
from autoresearch_graph.proposers.llm.retry import pauses
from autoresearch_graph.tools import EditSession
from autoresearch_graph.tools.toolbox import tools_for

_TURNS = 5
_STEP = 6.0  # times as long a pause after each fruitless turn: five turns take four minutes
_TIMEOUT = 600.0  # seconds, as OpenAI's own client: a model that thinks takes minutes


class Model:
    """Proposes with any LangChain chat model that can call tools."""

    def __init__(self, chat: BaseChatModel, meter: Meter, asset: str) -> None:
        self._meter = meter
        self._chat = chat.bind_tools(tools_for(asset)).invoke
        self._known = False
        self._over = False
        self._tried = SeenFingerprints()
        self._memory = prompt.Memory()

    def propose(self, brief: Brief) -> Draft:
        """Let the model work until it proposes; Exhausted when it does not in several turns.

        The conversation of every turn is kept beside the experiment.
        """
        cost, ends = Cost(), list[str]()
        brief = replace(brief, text=sheaf.plain(brief.text, brief.program.asset))
        for turn, pause in zip(range(1, _TURNS + 1), pauses(_STEP), strict=False):
            held = self._converse(brief)
            cost += self._meter.cost_of(held.messages, brief.program.stopping)
            said = json.dumps(messages_to_dict(held.messages), indent=1)
            if held.draft is not None:
                brief.keep("conversation.json", said)
                return held.draft.model_copy(update=dict(cost))
            brief.keep(f"conversation.without-proposal-{turn}.json", said)
            brief.tell(f"{held.ended} (turn {turn} of {_TURNS})")
            ends.append(held.ended)
            if self._over:
                break
            if turn < _TURNS and brief.pause(pause):
                raise Abandoned
        where = ": " if len(set(ends)) == 1 else "; in the last one, "
        told = f"the model made no proposal in {len(ends)} turns{where}{ends[-1]}"
        raise Exhausted(told, cost=cost, gave_up=True)

    def _converse(self, brief: Brief) -> Conversation:
        """One turn; where a killed one left off, the checkpoint has more than what begins it."""
        if brief.edit is None:
            raise ValueError("a model needs the editor of the graph")
        told = prompt.user(brief, self._memory)
        begin = [SystemMessage(prompt.system(brief)), HumanMessage(told)]
        commits = {one.number: one.commit for one in brief.ledger}
        commits |= {p.number: p.commit for p in brief.in_flight if p.number != brief.number}
        tried = self._tried.numbers(commits, brief.text_of, path=brief.program.asset)

        def chat(messages: list[AnyMessage]) -> AIMessage:
            answer = self._chat(messages)
            self._over = brief.spend(self._meter.cost(answer))
            return answer

        session = EditSession(brief, chat, brief.text, tried, known=self._known)
        held = brief.edit({"messages": begin, "text": brief.text}, context=session)
        self._known = session.known
        return Conversation.model_validate(held)


def open_model(name: str, *, base_url: str | None, asset: str, price: Price | None = None) -> Model:
    """Open `provider:name` for an asset; InputError where its package or key is missing.

    In a server, InputError also for an address that the environment does not name.
    """
    if not name:
        raise InputError(
            "--model is empty; name one as in openai:gpt-5, or leave it out", code="bad-model"
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
        return Model(_chat(name, options), Meter(name, price), asset)
    except ImportError as error:
        raise InputError(f"--model {name}: {error}", code="bad-model") from error
    except Exception as error:
        sentence = " ".join(str(error).split())
        raise InputError(f"--model {name}: {sentence[:300]}", code="bad-model") from error


def _chat(name: str, options: dict[str, Any]) -> BaseChatModel:
    """The chat model of a name; for OpenAI's protocol, one that gets along with other servers."""
    chat: BaseChatModel = init_chat_model(name, **options)
    model = getattr(chat, "model_name", None)
    if type(chat).__name__ != "ChatOpenAI" or model is None:
        return chat
    from autoresearch_graph.proposers.llm.wire import WireChat

    return WireChat(model=model, **options)

"""Binding of the loop's steps to their lab, as nodes of the graph."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.config import get_config
from langgraph.runtime import get_runtime
from pydantic_core import to_jsonable_python

from autoresearch_graph.core.brief import Edit
from autoresearch_graph.lab import Lab
from autoresearch_graph.state import Context, State, Update

LabOf = Callable[[Context, State], Lab]
Step = Callable[[State, Lab], Update]
AsyncStep = Callable[[State, Lab], Awaitable[Update]]


def node(step: Step, lab_of: LabOf) -> Callable[..., Update]:
    """Bind a step to its lab; its update goes into the checkpoint as plain JSON."""

    def run(state: State) -> Update:
        return _plain(step(state, _begun(step.__name__, state, lab_of)))

    return run


def waiting_node(step: Step, afunc: AsyncStep, lab_of: LabOf) -> Runnable[State, Update]:
    """Bind both forms of a step that waits; a server can cancel the asynchronous one."""

    async def run(state: State) -> Update:
        lab = await asyncio.to_thread(_begun, step.__name__, state, lab_of)
        return _plain(await afunc(state, lab))

    return RunnableLambda(node(step, lab_of), afunc=run, name=step.__name__)


def editing_node(
    step: Callable[[State, Lab, Edit], Update], editor: Runnable[Any, Any], lab_of: LabOf
) -> Callable[..., Update]:
    """Bind a step that has a graph of its own; LangGraph finds and draws it here."""

    def run(state: State) -> Update:
        edit = partial(editor.invoke, config=_synchronous(get_config()))
        return _plain(step(state, _begun(step.__name__, state, lab_of), edit))

    return run


def _synchronous(config: RunnableConfig) -> RunnableConfig:
    """Return a node's config with a checkpointer that can be called from the node's thread.

    The server's wrapper of a custom checkpointer has no synchronous methods (langgraph-api 0.16);
    `Threads.synchronous` is the checkpointer inside.
    """
    chosen = config.get("configurable", {})
    inner = {
        key: getattr(value, "synchronous", value)
        for key, value in chosen.items()
        if isinstance(value, BaseCheckpointSaver)
    }
    return {**config, "configurable": {**chosen, **inner}}


def _begun(name: str, state: State, lab_of: LabOf) -> Lab:
    """Return the lab of a step, with its status at that step."""
    lab = lab_of(get_runtime(Context).context, state)
    lab.store.status.step(name, state, lab.program.current)
    return lab


def _plain(update: Update) -> dict[str, Any]:
    return dict(to_jsonable_python(update))

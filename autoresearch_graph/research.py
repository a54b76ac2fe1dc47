"""Run a research to its end: one invocation of the graph is one experiment."""

from collections.abc import Callable
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from autoresearch_graph.checkpoints import open_checkpoints, prune
from autoresearch_graph.graph import Graph, build_graph
from autoresearch_graph.lab import Lab
from autoresearch_graph.nodes.review import Answer

Watch = Callable[[str, Any], None]
Decide = Callable[[dict[str, Any]], Answer]


def run(
    lab: Lab,
    watch: Watch = lambda node, update: None,
    decide: Decide = lambda question: Answer(action="approve"),
) -> str:
    """Run until a stopping criterion is met; returns it as a sentence.

    `watch` is told the name of every node that has run, and its update of the state; `decide`
    is asked about every proposal where the lab wants a review. An interrupted research is taken
    up where it was. Nodes run in the calling thread, where Ctrl-C reaches them: streaming more
    than updates would move them to another.
    """
    with open_checkpoints(lab.folder / "checkpoints.sqlite") as saver:
        graph = build_graph(lambda context, state: lab, checkpointer=saver)
        thread: RunnableConfig = {"configurable": {"thread_id": lab.tag}}
        begin: Any = (
            None if _under_way(graph, thread) else {"stop": None, "exhausted": None, "halt": None}
        )
        while True:
            question = None
            for event in graph.stream(
                begin,
                thread | lab.traces.invocation(len(lab.ledger.experiments)),
                durability="sync",
                interrupt_after=["keep", "revert"],
                stream_mode="updates",
            ):
                for node, update in event.items():
                    if node != "__interrupt__":
                        watch(node, update or {})
                    elif update:
                        question = update[0].value
            prune(saver, lab.tag)
            begin = Command(resume=decide(question).model_dump()) if question else None
            if not _under_way(graph, thread):
                return str(graph.get_state(thread).values["stop"])


def _under_way(graph: Graph, thread: RunnableConfig) -> bool:
    """Whether an experiment can be gone on with; one that only lacks its report cannot.

    `next` would not do: it leaves out a node whose writes were saved right before a kill.
    """
    return any(task.name != "report" for task in graph.get_state(thread).tasks)

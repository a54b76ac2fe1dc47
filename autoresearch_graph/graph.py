"""State machine of the loop: its nodes, its edges, and the editor inside `propose`."""

from typing import Literal

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from autoresearch_graph import nodes
from autoresearch_graph.core.experiment import Again, Verdict
from autoresearch_graph.nodes.bind import LabOf, editing_node, node, waiting_node
from autoresearch_graph.proposers.llm.editor import EditorState, ask_model, use_tools
from autoresearch_graph.state import Context, Input, State
from autoresearch_graph.tools import EditSession

Graph = CompiledStateGraph[State, Context, Input, State]
Editor = CompiledStateGraph[EditorState, EditSession, EditorState, EditorState]


def build_graph(lab_of: LabOf, checkpointer: BaseCheckpointSaver[str] | None = None) -> Graph:
    """Wire the nodes; `lab_of` gives the lab of an invocation."""
    builder = StateGraph(State, context_schema=Context, input_schema=Input)
    builder.add_node("read_program", node(nodes.read_program, lab_of))
    builder.add_node("propose", editing_node(nodes.propose, build_editor(), lab_of))
    builder.add_node("review", node(nodes.review, lab_of))
    builder.add_node("merge", node(nodes.merge, lab_of))
    builder.add_node("train", node(nodes.train, lab_of))
    builder.add_node("collect", waiting_node(nodes.collect, nodes.collect_async, lab_of))
    builder.add_node("judge", node(nodes.judge, lab_of))
    builder.add_node("keep", node(nodes.keep, lab_of))
    builder.add_node("revert", node(nodes.revert, lab_of))
    builder.add_node("report", node(nodes.report, lab_of))

    builder.add_edge(START, "read_program")
    builder.add_conditional_edges("read_program", what_next)
    builder.add_conditional_edges("propose", run_or_not)
    builder.add_conditional_edges("review", run_or_not)
    builder.add_conditional_edges("merge", run_or_not)
    builder.add_edge("train", "read_program")
    builder.add_edge("collect", "judge")
    builder.add_conditional_edges("judge", keep_or_revert)
    builder.add_edge("keep", "read_program")
    builder.add_edge("revert", "read_program")
    builder.add_edge("report", END)
    return builder.compile(checkpointer=checkpointer, name="autoresearch")


def build_editor() -> Editor:
    """Wire the inside of `propose`: a model edits a draft by tool calls until it proposes."""
    builder = StateGraph(EditorState, context_schema=EditSession)
    builder.add_node("model", ask_model)
    builder.add_node("tools", use_tools)
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", tools_or_end)
    builder.add_conditional_edges("tools", model_or_end)
    return builder.compile(name="editor")


def what_next(
    state: State,
) -> Literal["review", "merge", "train", "propose", "collect", "report"]:
    """Keep the workers, then the proposer, busy; stop when nothing is under way."""
    if state.review_wanted:
        return "review"
    if state.next_trial:
        return "merge" if state.merge_wanted else "train"
    if state.proposal_wanted:
        return "propose"
    return "collect" if state.running else "report"


def run_or_not(state: State) -> Literal["read_program", "revert"]:
    """Revert a proposal that has its verdict without a run: rejected, or not committed."""
    return "revert" if isinstance(state.decision, Verdict) else "read_program"


def keep_or_revert(state: State) -> Literal["keep", "revert", "read_program"]:
    """Look up what was decided; a trial that is wanted again has been queued."""
    match state.decision:
        case Again():
            return "read_program"
        case Verdict(status="keep"):
            return "keep"
    return "revert"


def tools_or_end(state: EditorState) -> Literal["tools", "__end__"]:
    """Run the tools, unless the conversation has ended without a proposal."""
    return "__end__" if state.ended else "tools"


def model_or_end(state: EditorState) -> Literal["model", "__end__"]:
    """Ask the model again until there is a proposal."""
    return "__end__" if state.draft or state.ended else "model"

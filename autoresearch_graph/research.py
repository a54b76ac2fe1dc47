"""Running of a research to its end: one invocation of the graph is one experiment."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command
from pydantic import ValidationError

from autoresearch_graph.core import judging
from autoresearch_graph.core.brief import Proposer
from autoresearch_graph.core.experiment import Answer
from autoresearch_graph.core.judging import Judge
from autoresearch_graph.core.values import not_understood
from autoresearch_graph.errors import LabError
from autoresearch_graph.graph import Graph, build_graph
from autoresearch_graph.lab import Lab
from autoresearch_graph.opening import open_lab
from autoresearch_graph.results.records import Records
from autoresearch_graph.runner.executor import Executor
from autoresearch_graph.settings import Settings
from autoresearch_graph.state import State
from autoresearch_graph.storage.checkpoints import continue_after, open_checkpoints, prune

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from autoresearch_graph.storage.checkpoints import Saver

Steps = Generator[tuple[str, dict[str, Any]], None, None]
Watch = Callable[[str, Any], None]
Decide = Callable[[dict[str, Any]], Answer]
_FRESH = {"stop": None, "exhausted": None, "halt": None}


def _approve(question: dict[str, Any]) -> Answer:
    return Answer(action="approve")


@dataclass(frozen=True, kw_only=True)
class Research:
    """An open research: its lab, the compiled graph, and its thread."""

    lab: Lab
    graph: Graph
    thread: RunnableConfig
    saver: "Saver"

    @property
    def state(self) -> State:
        """State of the research, by its last checkpoint."""
        return State.model_validate(self.graph.get_state(self.thread).values)

    @property
    def records(self) -> Records:
        """Records so far: program, ledger, baseline, incumbent, cost."""
        return Records(
            folder=self.lab.store.folder,
            base=self.lab.workspace.base,
            program=self.lab.program.current,
            experiments=list(self.lab.ledger.experiments),
        )

    def stream(self, decide: Decide = _approve) -> Steps:
        """Run until a stopping criterion is met; yield every node that has run, with its update.

        `decide` answers about every proposal if the settings want a review. An interrupted
        research goes on where it was; one that had ended checks again whether to stop. Nodes run
        in the calling thread, where Ctrl-C reaches them: streaming more than updates would move
        them to another.
        """
        begin: Any = None if self._under_way else _FRESH
        while True:
            question = None
            for event in self._invocation(begin):
                for node, update in event.items():
                    if node != "__interrupt__":
                        yield node, update or {}
                    elif update:
                        question = update[0].value
            prune(self.saver, self.lab.store.thread)
            begin = Command(resume=decide(question).model_dump()) if question else None
            if not self._under_way:
                return

    def _invocation(self, begin: Any) -> Iterator[dict[str, Any]]:
        """Yield the updates of one invocation; note a failure of the lab in the status file."""
        try:
            yield from self.graph.stream(
                begin,
                self.thread | self.lab.traces.invocation(len(self.lab.ledger.experiments)),
                durability="sync",
                interrupt_after=["keep", "revert"],
                stream_mode="updates",
            )
        except LabError as error:
            self.lab.store.status.fail(str(error))
            raise

    @property
    def _under_way(self) -> bool:
        """True if an experiment can go on; not if only the report is left.

        The `next` of a state leaves out a node whose writes were saved right before a kill.
        """
        return any(task.name != "report" for task in self.graph.get_state(self.thread).tasks)


@contextmanager
def open_research(
    settings: Settings,
    *,
    proposer: Proposer | None = None,
    judge: Judge = judging,
    executor: Executor | None = None,
    tools: Sequence["BaseTool"] = (),
) -> Iterator[Research]:
    """Start a research, or resume the one of that tag; its runs end with the block.

    A `proposer`, a `judge` and an `executor` take the place of those that the settings choose; a
    model may call `tools` beside the package's own (docs/extending.md). All settings are checked
    before anything is written; raises InputError.
    """
    lab = open_lab(settings, proposer=proposer, judge=judge, executor=executor, tools=tools)
    try:
        with _on_its_thread(lab) as research:
            yield research
    finally:
        lab.close()


def run(lab: Lab, watch: Watch = lambda node, update: None, decide: Decide = _approve) -> str:
    """Run until a stopping criterion is met; return it as a sentence.

    `watch` gets the name of every node that has run, and its update of the state.
    """
    with _on_its_thread(lab) as research:
        with closing(research.stream(decide)) as steps:
            for node, update in steps:
                watch(node, update)
        return str(research.state.stop)


@contextmanager
def _on_its_thread(lab: Lab) -> Iterator[Research]:
    with open_checkpoints(lab.store.checkpoints, lab.host.tell) as saver:
        graph = build_graph(lambda context, state: lab, checkpointer=saver)
        thread: RunnableConfig = {"configurable": {"thread_id": lab.store.thread}}
        for last in saver.list(thread, limit=1):
            continue_after(last.checkpoint["id"])
        research = Research(lab=lab, graph=graph, thread=thread, saver=saver)
        try:
            _ = research.state
        except ValidationError as error:
            raise LabError(
                f"the checkpoint of {lab.store.tag} {not_understood(error)}; "
                "without its checkpoints a research goes on where the ledger says"
            ) from error
        yield research

"""The Karpathy loop as a LangGraph state machine: one file, one number, a clock.

For a notebook or a program of your own; the command line goes through the same functions:

    with open_research(Settings(project=Path("my-project"), tag="nov23")) as research:
        for node, update in research.stream():
            print(node, update)
        print(research.records.summary())

- `open_research(Settings(..., flags=Flags(...)))` starts a research or resumes it: a `Research`,
  which streams, and has a `State` and `Records`
- `open_lab` gives its `Lab` alone, and `build_graph(lambda context, state: lab)` the graph: for a
  checkpointer and a thread of your own; `Context` is the graph's input from Studio
- `read_program` reads a program.md: a `Program`
- `find_records(Settings(...))` reads a research from disk, also while it runs: `Records`, with a
  list of `Experiment`s; `Ledger` is the file that these are lines of
- `open_research(..., proposer=, judge=, executor=, tools=)` takes parts of your own: a `Proposer`
  turns a `Brief` into a `Draft` until it is `Exhausted`; a `Judge` gives a `Verdict`, or wants
  a trial `Again`; an `Executor` runs trials, each to a `Measured`, `Crashed` or `TimedOut` outcome

A name is imported when it is first used, so that the command line need not load LangGraph.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autoresearch_graph.core.brief import Brief, Exhausted, Proposer
    from autoresearch_graph.core.experiment import (
        Again,
        Crashed,
        Draft,
        Experiment,
        Measured,
        TimedOut,
        Verdict,
    )
    from autoresearch_graph.core.judging import Judge
    from autoresearch_graph.core.program import Flags, Program
    from autoresearch_graph.graph import build_graph
    from autoresearch_graph.lab import Lab
    from autoresearch_graph.opening import open_lab
    from autoresearch_graph.program.reader import read as read_program
    from autoresearch_graph.research import Research, open_research
    from autoresearch_graph.results.records import Records
    from autoresearch_graph.results.records import find as find_records
    from autoresearch_graph.runner.executor import Executor
    from autoresearch_graph.settings import Settings
    from autoresearch_graph.state import Context, State
    from autoresearch_graph.storage.ledger import Ledger

__version__ = "0.1.0"

__all__ = [
    "Again",
    "Brief",
    "Context",
    "Crashed",
    "Draft",
    "Executor",
    "Exhausted",
    "Experiment",
    "Flags",
    "Judge",
    "Lab",
    "Ledger",
    "Measured",
    "Program",
    "Proposer",
    "Records",
    "Research",
    "Settings",
    "State",
    "TimedOut",
    "Verdict",
    "build_graph",
    "find_records",
    "open_lab",
    "open_research",
    "read_program",
]

_WHERE = {
    "Again": "core.experiment.Again",
    "Brief": "core.brief.Brief",
    "Context": "state.Context",
    "Crashed": "core.experiment.Crashed",
    "Draft": "core.experiment.Draft",
    "Executor": "runner.executor.Executor",
    "Exhausted": "core.brief.Exhausted",
    "Experiment": "core.experiment.Experiment",
    "Flags": "core.program.Flags",
    "Judge": "core.judging.Judge",
    "Lab": "lab.Lab",
    "Ledger": "storage.ledger.Ledger",
    "Measured": "core.experiment.Measured",
    "Program": "core.program.Program",
    "Proposer": "core.brief.Proposer",
    "Records": "results.records.Records",
    "Research": "research.Research",
    "Settings": "settings.Settings",
    "State": "state.State",
    "TimedOut": "core.experiment.TimedOut",
    "Verdict": "core.experiment.Verdict",
    "build_graph": "graph.build_graph",
    "find_records": "results.records.find",
    "open_lab": "opening.open_lab",
    "open_research": "research.open_research",
    "read_program": "program.reader.read",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, own = _WHERE[name].rpartition(".")
    return getattr(import_module(f"{__name__}.{module}"), own)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

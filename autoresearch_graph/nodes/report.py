"""Write the report when a research ends."""

from typing import TYPE_CHECKING

from autoresearch_graph.nodes.keep import move_branch
from autoresearch_graph.report import write_report
from autoresearch_graph.results.records import load
from autoresearch_graph.state import State, Update

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab


def report(state: State, lab: "Lab") -> Update:
    """Write report.html from the ledger, and leave the branch at the best. Idempotent."""
    if state.incumbent is not None:
        move_branch(state.incumbent.commit, lab)
    if records := load(lab.store.folder):
        write_report(records)
    lab.traces.name_the_end()
    return {}

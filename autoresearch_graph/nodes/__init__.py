"""The steps of the loop, one per file: each takes the state and the lab, and returns an update."""

from autoresearch_graph.nodes.collect import collect, collect_async
from autoresearch_graph.nodes.judge import judge
from autoresearch_graph.nodes.keep import keep
from autoresearch_graph.nodes.merge import merge
from autoresearch_graph.nodes.propose import propose
from autoresearch_graph.nodes.read_program import read_program
from autoresearch_graph.nodes.report import report
from autoresearch_graph.nodes.revert import revert
from autoresearch_graph.nodes.review import review
from autoresearch_graph.nodes.train import train

__all__ = [
    "collect",
    "collect_async",
    "judge",
    "keep",
    "merge",
    "propose",
    "read_program",
    "report",
    "revert",
    "review",
    "train",
]

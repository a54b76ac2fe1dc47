"""The runner: a hard time box, a process box that nothing outlives, and the pool of trials."""

from autoresearch_graph.runner.devices import gpus, shares
from autoresearch_graph.runner.environment import run_environment
from autoresearch_graph.runner.hidden import expand
from autoresearch_graph.runner.in_place import own_imports
from autoresearch_graph.runner.leftovers import end_leftovers
from autoresearch_graph.runner.place import Place
from autoresearch_graph.runner.pool import Pool, Progress
from autoresearch_graph.runner.proof import prove_hidden
from autoresearch_graph.runner.sandbox import Choice, Sandbox, detect
from autoresearch_graph.runner.trial import Site, conduct, look_again
from autoresearch_graph.runner.walls import Walls, walls_around
from autoresearch_graph.runner.watch import Cancelled, Watch

__all__ = [
    "Cancelled", "Choice", "Place", "Pool", "Progress", "Sandbox", "Site", "Walls", "Watch",
    "conduct", "detect", "end_leftovers", "expand", "gpus", "look_again",
    "own_imports", "prove_hidden", "run_environment", "shares", "walls_around",
]  # fmt: skip

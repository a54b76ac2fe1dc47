"""The runner: a hard time box, a process box that nothing outlives, and the pool of trials."""

from autoresearch_graph.core.experiment import Progress
from autoresearch_graph.runner.environment import run_environment
from autoresearch_graph.runner.executor import Executor
from autoresearch_graph.runner.local import gpus, shares
from autoresearch_graph.runner.pool import Pool
from autoresearch_graph.runner.process import Cancelled, Watch
from autoresearch_graph.runner.sandbox.bwrap import BwrapArguments, bwrap_arguments
from autoresearch_graph.runner.sandbox.detect import Sandbox, detect
from autoresearch_graph.runner.sandbox.editable import own_imports
from autoresearch_graph.runner.sandbox.hidden import expand
from autoresearch_graph.runner.sandbox.kernel import end_leftovers
from autoresearch_graph.runner.sandbox.self_test import prove_hidden
from autoresearch_graph.runner.trial import TrialFolder, conduct, measure_holdout

__all__ = [
    "BwrapArguments",
    "Cancelled",
    "Executor",
    "Pool",
    "Progress",
    "Sandbox",
    "TrialFolder",
    "Watch",
    "bwrap_arguments",
    "conduct",
    "detect",
    "end_leftovers",
    "expand",
    "gpus",
    "measure_holdout",
    "own_imports",
    "prove_hidden",
    "run_environment",
    "shares",
]  # fmt: skip

"""Trials: commands with hard limits in a sandbox that nothing outlives."""

from autoresearch_graph.runner.environment import run_environment
from autoresearch_graph.runner.executor import Executor
from autoresearch_graph.runner.pool import Pool
from autoresearch_graph.runner.process import Cancelled, Watch, end_leftovers
from autoresearch_graph.runner.sandbox.bwrap import BwrapArguments, bwrap_arguments
from autoresearch_graph.runner.sandbox.detect import Sandbox, detect
from autoresearch_graph.runner.sandbox.hidden import expand
from autoresearch_graph.runner.trial import CommandRunner, TrialFolder, conduct

__all__ = [
    "BwrapArguments",
    "Cancelled",
    "CommandRunner",
    "Executor",
    "Pool",
    "Sandbox",
    "TrialFolder",
    "Watch",
    "bwrap_arguments",
    "conduct",
    "detect",
    "end_leftovers",
    "expand",
    "run_environment",
]

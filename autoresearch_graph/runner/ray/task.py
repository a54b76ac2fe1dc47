"""One trial on a node of a cluster: the process that `runner/errand.py` starts and watches."""

import os
from pathlib import Path

from git import Repo

from autoresearch_graph.core.experiment import Outcome
from autoresearch_graph.core.text import is_credential
from autoresearch_graph.errors import LabError
from autoresearch_graph.runner.local import LocalExecutor
from autoresearch_graph.runner.process import Watch
from autoresearch_graph.runner.ray.messages import Result, TaskRequest
from autoresearch_graph.runner.ray.worker import (
    GIVEN,
    LEFT,
    LOCK,
    LOG_FILE,
    MIRROR,
    ORDER,
    RESULT,
    locked,
)
from autoresearch_graph.runner.sandbox.detect import detect
from autoresearch_graph.runner.sandbox.kernel import end_leftovers
from autoresearch_graph.storage import files
from autoresearch_graph.workspace.workspace import Workspace


def main(folder: str) -> None:
    """Do what the order in `folder` says, and leave the result there, whole or not at all."""
    place = Path(folder)
    order = TaskRequest.model_validate_json((place / ORDER).read_text("utf-8"))
    try:
        result = Result(outcome=_done(place, order))
    except LabError as error:
        result = Result(failed=str(error))
    files.replace(place / RESULT, result.model_dump_json())


def _done(place: Path, order: TaskRequest) -> Outcome:
    """The outcome, of a bench that is gone when it is known."""
    end_leftovers(place)
    with locked(place.parent / LOCK):
        bench = _bench(place, order)
    try:
        return _asked(bench, place, order)
    finally:
        with locked(place.parent / LOCK):
            bench.remove()


def _bench(place: Path, order: TaskRequest) -> LocalExecutor:
    """A bench as the lab would have it, of the files that came from there.

    What is not committed is looked for where the lab has it; where that is not there, too, in
    the files that came.
    """
    ground = order.ground
    mirror = place.parent / MIRROR
    project = mirror / ground.below
    workspace = Workspace(
        Repo(mirror), project=project, tag="node", base=ground.base, asset=ground.asset
    )
    own = {name: value for name, value in os.environ.items() if not is_credential(name, value)}
    bench = LocalExecutor(
        workspace,
        place,
        sandbox=detect(order.sandbox),
        environ={**own, **order.variables},
        project=Path(ground.project) if Path(ground.project).is_dir() else project,
        hidden=(Path(ground.git),),
    )
    bench.prepare(order.program)
    return bench


def _asked(bench: LocalExecutor, place: Path, order: TaskRequest) -> Outcome:
    program, text, log = order.program, order.text, place / LOG_FILE
    if order.wish == "hold out":
        return bench.run_holdout(program, text, artifacts=place / GIVEN, log=log)
    bench.lay_out(text)
    return bench.conduct(
        program,
        text,
        seed=order.seed,
        log=log,
        watch=Watch(order.bar),
        handed_over=place / LEFT if order.hands_over else None,
    )

"""The connection to Ray: one task for every trial, whose events stream back.

Ray decides on which node a task runs, and when. It never tries again: a trial that crashed is a
result, and `RayExecutor` begins one anew whose node is gone. A task ends with its worker, and the
process of its trial with that; Ray ends the worker also when the lab dies.

A cluster of the lab's own gets none of its credentials. Not covered: Ray Client (`ray://`), through
which nothing streams; a cluster whose head dies, which takes the lab with it.
"""

import math
import signal
import socket
import threading
from collections.abc import Callable, Generator, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

from autoresearch_graph.core.text import is_credential
from autoresearch_graph.errors import InputError, LabError
from autoresearch_graph.runner.process import Cancelled
from autoresearch_graph.runner.ray import worker
from autoresearch_graph.runner.ray.messages import Event, Piece, Result, TaskRequest

_OWN = "local"  # Ray's address for a cluster that it starts itself
_LOOK = 0.25  # seconds between two looks at a task
_PATIENCE = 5.0  # seconds to wait for a task that was cancelled, or for an address to answer
_STORE = 256 * 2**20  # bytes of a local cluster's object store, which spills to the disk


class Lost(Exception):
    """The node of a trial is gone, or Ray's worker there."""


@dataclass(frozen=True)
class Request:
    """The resources of one trial; without a number, one GPU where there are any."""

    gpus: float | None = None
    cpus: float = 1.0


class Cluster:
    """A cluster that this process is connected to; its trials end with the connection."""

    def __init__(self, ray: ModuleType, name: str, request: Request) -> None:
        self._ray: Any = ray
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        gpus, cpus = request.gpus, request.cpus
        if gpus is None:
            gpus = float(any(node.get("GPU", 0) >= 1 for node in nodes))
        self._capacity = sum(_fits(node, gpus, cpus) for node in nodes)
        if not self._capacity:
            most_gpus, most_cpus = max((node.get("GPU", 0), node.get("CPU", 0)) for node in nodes)
            raise InputError(
                f"no node of {name} has {gpus:g} GPUs and {cpus:g} cores for a run (the "
                f"largest has {most_gpus:g} and {most_cpus:g}); ask for less with --gpus and "
                "--cpus, or start such a node first",
                code="no-cluster",
            )
        self._task = ray.remote(_run_task).options(
            num_gpus=gpus, num_cpus=cpus, max_retries=0, scheduling_strategy="SPREAD"
        )
        self._committed: dict[str, Any] = {}

    def workers(self, wanted: int | Literal["auto"]) -> int:
        """Return the number of trials under way at once; `auto` fills the cluster."""
        return self._capacity if wanted == "auto" else wanted

    def bring(self, base: str, pack: Callable[[], bytes]) -> None:
        """Put the committed files where every node can fetch them. Idempotent."""
        if base not in self._committed:
            self._committed[base] = self._ray.put(pack())

    def events(
        self, request: TaskRequest, given: Iterator[Piece], cancelled: threading.Event
    ) -> Generator[Event | None, None, None]:
        """Yield the events of a task, and None now and then while there is none.

        The task ends with this iterator. Raises `Cancelled`, and `Lost` where the node is gone.
        """
        committed = [self._committed[request.source.base]]
        parts = [self._ray.put(piece) for piece in given]
        task = self._task.remote(request.model_dump_json(), committed, parts)
        event = None
        try:
            while not cancelled.is_set():
                event = self._event(next(task)) if self._is_ready(task, _LOOK) else None
                yield event
            raise Cancelled
        except StopIteration:
            return
        finally:
            self._end(task, gently=isinstance(event, Result))

    def _is_ready(self, task: Any, seconds: float) -> bool:
        return bool(self._ray.wait([task], timeout=seconds)[0])

    def _event(self, part: Any) -> Event:
        failures = self._ray.exceptions
        try:
            event: Event = self._ray.get(part)
            return event
        except (
            failures.WorkerCrashedError, failures.NodeDiedError, failures.ObjectLostError,
            failures.OutOfMemoryError,
        ) as error:  # fmt: skip
            raise Lost from error
        except failures.RayError as error:
            raise LabError(f"Ray could not run a trial: {_last_line(error)}") from error

    def _end(self, task: Any, *, gently: bool) -> None:
        """End a task and wait until it has; after its result it ends by itself."""
        for force in (False, True) if gently else (True,):
            if force and not task.is_finished():
                self._ray.cancel(task, force=True)
            while not task.is_finished() and self._is_ready(task, _PATIENCE):
                next(task, None)


def _run_task(request: str, committed: Sequence[Any], given: Sequence[Any]) -> Iterator[Event]:
    """Run on a node, in a worker of Ray."""
    import ray

    node = ray.get_runtime_context().get_node_id()
    yield from worker.run(request, lambda: ray.get(committed[0]), map(ray.get, given), node)


@contextmanager
def connected(
    engine: str, request: Request, environ: MutableMapping[str, str]
) -> Iterator[Cluster]:
    """Start a cluster on this machine (`ray`), or connect to one (`ray:ADDRESS`).

    InputError where that fails, or no node is large enough for a trial.
    """
    address = _address(engine, environ)
    try:
        import ray
    except ImportError:
        raise InputError(
            "--on ray needs Ray, which is not installed: pip install 'autoresearch-graph[ray]'",
            code="no-ray",
        ) from None
    # Ray would report nodes that are gone on our standard output, and has no switch for that.
    vars(ray._private.worker)["_worker_logs_enabled"] = False
    try:
        _connect(ray, address, environ)
        yield Cluster(ray, "this machine" if address == _OWN else f"the cluster {address}", request)
    finally:
        ray.shutdown()


def _address(wanted: str, environ: MutableMapping[str, str]) -> str:
    """Return the address for Ray, which has answered; InputError where it does not."""
    engine, _, given = wanted.partition(":")
    address = given or environ.get("RAY_ADDRESS", "") or _OWN
    if engine != "ray":
        raise InputError(
            f"--on {wanted}: give ray, or ray:ADDRESS (ray:auto is the one running here)"
        )
    if given.startswith("//") or "://" in address:
        raise InputError(
            "--on ray:// is Ray Client, through which no log can stream; run the lab on a node of "
            "the cluster with --on ray:auto, for instance with: ray job submit"
        )
    host, _, port = address.rpartition(":")
    if port.isdecimal():
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
        except OSError as error:
            raise InputError(
                f"nothing answers at {address} ({error.strerror or error}); give the address that "
                "`ray start --head` printed, or --on ray for a cluster of its own",
                code="no-cluster",
            ) from None
    return address


def _connect(ray: ModuleType, address: str, environ: MutableMapping[str, str]) -> None:
    own = {"include_dashboard": False, "object_store_memory": _STORE} if address == _OWN else {}
    try:
        with _signals_kept(), _without_credentials(environ):
            environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            ray.init(
                address=address, log_to_driver=False, logging_level="ERROR",
                configure_logging=False, **own,
            )  # fmt: skip
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(
            f"there is no Ray cluster to connect to at {address}: {_last_line(error)}; this "
            "machine has to be one of its nodes, with the same versions of Ray and Python",
            code="no-cluster",
        ) from None


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Restore the handler of SIGTERM: Ray's would end the process at once."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _without_credentials(environ: MutableMapping[str, str]) -> Iterator[None]:
    """Take the credentials out of the environment of processes that start meanwhile."""
    kept = {name: value for name, value in environ.items() if is_credential(name, value)}
    for name in kept:
        del environ[name]
    try:
        yield
    finally:
        environ.update(kept)


def _fits(node: MutableMapping[str, float], gpus: float, cpus: float) -> int:
    """Count the trials that fit on a node at once."""
    shares = [
        node.get(name, 0) / amount for name, amount in (("GPU", gpus), ("CPU", cpus)) if amount
    ]
    return math.floor(min(shares, default=0))


def _last_line(error: BaseException) -> str:
    """Return the last line of an error of Ray, which has the cause."""
    lines = [line.strip() for line in str(error).split("\n") if line.strip()]
    return (lines or [type(error).__name__])[-1].rstrip(".")

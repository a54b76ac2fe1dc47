"""Ray, as a lab uses it: a task for every trial, whose words stream back as it says them.

Ray decides where a task runs, and when. It is not asked to try again: a trial that crashed is a
result, and only one whose node is gone is begun anew, by `far.py`. A task is ended by the end of
its worker, with which the process of its trial ends; that is also what Ray does when the lab dies.

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
from autoresearch_graph.runner.ray import worker as errand
from autoresearch_graph.runner.ray.messages import Event, Piece, Result, TaskRequest

_OWN = "local"
_LOOK = 0.25
_PATIENCE = 5.0
_STORE = 256 * 2**20  # bytes of a local cluster's object store, which spills to the disk


class Lost(Exception):
    """The node of a trial is gone, or the process that watched over it there."""


@dataclass(frozen=True)
class Request:
    """What a trial asks a cluster for; without a number, for one GPU where there are any."""

    gpus: float | None = None
    cpus: float = 1.0


class Cluster:
    """A cluster that this process is connected to; its trials end with the connection."""

    def __init__(self, ray: ModuleType, name: str, request: Request) -> None:
        self._ray: Any = ray
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        gpus = request.gpus
        if gpus is None:
            gpus = float(any(node.get("GPU", 0) >= 1 for node in nodes))
        self._room = sum(_fits(node, gpus, request.cpus) for node in nodes)
        if not self._room:
            most = max((node.get("GPU", 0), node.get("CPU", 0)) for node in nodes)
            raise InputError(
                f"no node of {name} has {gpus:g} GPUs and {request.cpus:g} cores for a run (the "
                f"largest has {most[0]:g} and {most[1]:g}); ask for less with --gpus and --cpus, "
                "or start such a node first",
                code="no-cluster",
            )
        self._task = ray.remote(_errand).options(
            num_gpus=gpus, num_cpus=request.cpus, max_retries=0, scheduling_strategy="SPREAD"
        )
        self._committed: dict[str, Any] = {}

    def workers(self, wanted: int | Literal["auto"]) -> int:
        """How many trials may be under way at once: `auto` is as many as there is room for."""
        return self._room if wanted == "auto" else wanted

    def bring(self, base: str, pack: Callable[[], bytes]) -> None:
        """Have the committed files where every node can fetch them; a no-op the second time."""
        if base not in self._committed:
            self._committed[base] = self._ray.put(pack())

    def events(
        self, order: TaskRequest, given: Iterator[Piece], cancelled: threading.Event
    ) -> Generator[Event | None, None, None]:
        """What a node says of its trial, and None now and then while it says nothing.

        The trial ends with this iterator. Raises `Cancelled`, and `Lost` where the node is gone.
        """
        committed = [self._committed[order.ground.base]]
        parts = [self._ray.put(piece) for piece in given]
        task = self._task.remote(order.model_dump_json(), committed, parts)
        event = None
        try:
            while not cancelled.is_set():
                event = self._said(next(task)) if self._is_ready(task, _LOOK) else None
                yield event
            raise Cancelled
        except StopIteration:
            return
        finally:
            self._end(task, gently=isinstance(event, Result))

    def _is_ready(self, task: Any, seconds: float) -> bool:
        return bool(self._ray.wait([task], timeout=seconds)[0])

    def _said(self, part: Any) -> Event:
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
            raise LabError(f"Ray could not do a trial: {_sentence(error)}") from error

    def _end(self, task: Any, *, gently: bool) -> None:
        """End a task and wait until it has; one that has said its last word ends by itself."""
        for force in (False, True) if gently else (True,):
            if force and not task.is_finished():
                self._ray.cancel(task, force=True)
            while not task.is_finished() and self._is_ready(task, _PATIENCE):
                next(task, None)


def _errand(order: str, committed: Sequence[Any], given: Sequence[Any]) -> Iterator[Event]:
    """Run on a node, in a worker of Ray."""
    import ray

    node = ray.get_runtime_context().get_node_id()
    yield from errand.run(order, lambda: ray.get(committed[0]), map(ray.get, given), node)


@contextmanager
def connected(on: str, request: Request, environ: MutableMapping[str, str]) -> Iterator[Cluster]:
    """Start a cluster on this machine (`ray`), or connect to one (`ray:ADDRESS`).

    InputError where that cannot be done, or where it has no room for what a trial asks for.
    """
    address = _address(on, environ)
    try:
        import ray
    except ImportError:
        raise InputError(
            "--on ray needs Ray, which is not installed: pip install 'autoresearch-graph[ray]'",
            code="no-ray",
        ) from None
    # Ray would tell of nodes that are gone on our standard output, and has no switch for that.
    vars(ray._private.worker)["_worker_logs_enabled"] = False
    try:
        _connect(ray, address, environ)
        yield Cluster(ray, "this machine" if address == _OWN else f"the cluster {address}", request)
    finally:
        ray.shutdown()


def _address(on: str, environ: MutableMapping[str, str]) -> str:
    """What Ray is to connect to, which was seen to answer."""
    engine, _, given = on.partition(":")
    address = given or environ.get("RAY_ADDRESS", "") or _OWN
    if engine != "ray":
        raise InputError(f"--on {on}: give ray, or ray:ADDRESS (ray:auto is the one running here)")
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
                "`ray start --head` told, or --on ray for a cluster of its own",
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
            f"there is no Ray cluster to connect to at {address}: {_sentence(error)}; this machine "
            "has to be one of its nodes, with the same versions of Ray and Python",
            code="no-cluster",
        ) from None


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Let SIGTERM do what it did before: Ray would have the process exit at once."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _without_credentials(environ: MutableMapping[str, str]) -> Iterator[None]:
    """What is started meanwhile inherits none."""
    kept = {name: value for name, value in environ.items() if is_credential(name, value)}
    for name in kept:
        del environ[name]
    try:
        yield
    finally:
        environ.update(kept)


def _fits(node: MutableMapping[str, float], gpus: float, cpus: float) -> int:
    """How many trials a node has room for."""
    asked = {"GPU": gpus, "CPU": cpus}
    room = [node.get(name, 0) / amount for name, amount in asked.items() if amount]
    return math.floor(min(room, default=0))


def _sentence(error: BaseException) -> str:
    """The last line of what Ray says, which has the cause."""
    lines = [line.strip() for line in str(error).split("\n") if line.strip()]
    return (lines or [type(error).__name__])[-1].rstrip(".")

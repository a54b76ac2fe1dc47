"""The graph as `langgraph dev` serves it: the server brings the checkpointer."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, nullcontext
from functools import wraps
from pathlib import Path
from typing import Any, Self

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from pydantic_core import to_jsonable_python
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from autoresearch_graph.access import STUDIO, Guard, check_model, named, project_folder
from autoresearch_graph.core.experiment import Progress
from autoresearch_graph.core.program import Flags
from autoresearch_graph.errors import InputError
from autoresearch_graph.graph import Graph, build_graph
from autoresearch_graph.lab import Lab
from autoresearch_graph.opening import open_lab
from autoresearch_graph.results.unfinished import choose
from autoresearch_graph.settings import Settings, checkpoints_url
from autoresearch_graph.state import Context, State
from autoresearch_graph.storage.checkpoints import KEPT, continue_after, open_checkpoints, prune
from autoresearch_graph.storage.files import make_folder, read, replace
from autoresearch_graph.storage.manifest import read_start

# `http.app` of langgraph.json: the middleware runs before everything else of the server.
app = Starlette(
    middleware=[
        Middleware(Guard),
        Middleware(
            CORSMiddleware,
            allow_origins=named("AUTORESEARCH_ORIGINS"),
            allow_origin_regex=STUDIO,
            allow_methods=["*"],
            allow_headers=["*"],
            allow_private_network=True,
            expose_headers=["x-pagination-total", "x-pagination-next", "content-location"],
        ),
    ]
)


class Labs:
    """Labs of one execution, opened when a node first needs one."""

    def __init__(self) -> None:
        self._labs: dict[tuple[Path, str], Lab] = {}

    def of(self, context: Context | None, state: State) -> Lab:
        """Return the lab of a context; a research that has begun keeps its tag."""
        context = context or Context()
        check_model(context.model, context.base_url)
        settings = Settings(
            project=project_folder(context.project),
            tag=context.tag or state.tag,
            model=context.model,
            base_url=context.base_url or None,
            search_share=context.search_share,
            review=context.review,
            workers=context.workers,
            flags=Flags(experiments=context.experiments or None),
        )
        settings, _ = choose(settings)
        research = (settings.root, settings.name)
        if research not in self._labs:
            self._labs[research] = open_lab(settings, show=_stream)
        return self._labs[research]

    def close(self) -> None:
        """End every run and release every lock."""
        for lab in self._labs.values():
            lab.close()


def _stream(progress: Progress) -> None:
    get_stream_writer()({"progress": to_jsonable_python(progress)})


@asynccontextmanager
async def make_graph() -> AsyncIterator[Graph]:
    """Build the graph for one execution; its runs end with it, also when it is cancelled.

    InputError where nothing keeps websites away.
    """
    if not Guard.stands:
        raise InputError(
            'langgraph.json needs "http": {"app": "autoresearch_graph.studio:app"}; '
            "without it any website could start runs"
        )
    labs = Labs()
    try:
        yield build_graph(labs.of)
    finally:
        await asyncio.to_thread(labs.close)


_INDEX = Path(".langgraph_api") / "autoresearch.json"
Saver = BaseCheckpointSaver[str]


def _in_a_thread(method: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return a method that does the same without blocking the event loop."""

    @wraps(method)
    async def call(*args: Any, **kwargs: Any) -> Any:
        return await asyncio.to_thread(method, *args, **kwargs)

    return call


class Threads(Saver):
    """Checkpoints of many threads, in the files of their researches or in a database for all.

    Checkpoints of threads without a research that has begun are in memory. Deleting a thread
    removes it from the index, and leaves the research as it is.
    """

    def __init__(self, index: Path, database: Saver | None = None) -> None:
        super().__init__()
        self._index, self._database = index, database
        self._folders: dict[str, str] = json.loads(read(index) or "{}")
        self._early = InMemorySaver()

    @property
    def synchronous(self) -> Self:
        """The saver with its synchronous methods, which the server's wrapper lacks."""
        return self

    def get_next_version(self, current: str | None, channel: None) -> str:
        """Return the same kind of versions as in the terminal."""
        return self._early.get_next_version(current, channel)

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint that a config names, or the last one of its research."""
        with self._saver(config) as (saver, own):
            found = saver.get_tuple(own)
        if found is None:
            return self._early.get_tuple(config)
        continue_after(found.checkpoint["id"])
        return _named(found, config)

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Yield the checkpoints of one thread, latest first; there is no list of all threads."""
        if config is not None:
            with self._saver(config) as (saver, own):
                found = list(saver.list(own, filter=filter, before=before, limit=limit))
            yield from (_named(each, config) for each in found)

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Save a checkpoint; of a long research only the last ones stay, as in the terminal."""
        tag = str(checkpoint["channel_values"].get("tag") or "")
        with self._saver(config, tag) as (saver, own):
            saved = saver.put(own, checkpoint, metadata, new_versions)
            at_rest = not own["configurable"].get("checkpoint_ns")
            if not isinstance(saver, InMemorySaver) and at_rest and metadata["step"] % KEPT == 0:
                prune(saver, own["configurable"]["thread_id"])
        return _renamed(saved, config["configurable"]["thread_id"])

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Save the writes of a task. Idempotent."""
        with self._saver(config) as (saver, own):
            saver.put_writes(own, writes, task_id, task_path)

    def delete_thread(self, thread_id: str) -> None:
        """Remove a thread from the index."""
        self._early.delete_thread(thread_id)
        if self._folders.pop(thread_id, None):
            self._write()

    aget_tuple = _in_a_thread(get_tuple)
    aput = _in_a_thread(put)
    aput_writes = _in_a_thread(put_writes)
    adelete_thread = _in_a_thread(delete_thread)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Do the same without blocking the event loop."""
        found = self.list(config, filter=filter, before=before, limit=limit)
        for each in await asyncio.to_thread(tuple, found):
            yield each

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Remove whole threads from the index; old checkpoints are pruned at every put."""
        for thread in thread_ids if strategy != "keep_latest" else ():
            await self.adelete_thread(str(thread))

    @contextmanager
    def _saver(self, config: RunnableConfig, tag: str = "") -> Iterator[tuple[Any, RunnableConfig]]:
        """Open the saver of a thread, with the config that names the thread there."""
        folder = self._folder(config["configurable"], tag)
        if folder is None or not (folder / "research.json").exists():
            yield self._early, config
            return
        thread = str(config["configurable"]["thread_id"])
        if self._folders.get(thread) != str(folder):
            self._folders[thread] = str(folder)
            self._write()
        if self._database and (start := read_start(folder)):
            yield self._database, _renamed(config, start.thread)
            return
        with open_checkpoints(folder / "checkpoints.sqlite") as saver:
            yield saver, _renamed(config, folder.name)

    def _folder(self, chosen: dict[str, Any], tag: str) -> Path | None:
        """Return the folder of a thread's research, by its context or by the index.

        InputError for a project that the server's environment does not name.
        """
        known = self._folders.get(str(chosen["thread_id"]))
        if known and not {"project", "tag"} & chosen.keys():
            return project_folder(Path(known).parent.parent) / ".autoresearch" / Path(known).name
        tag = chosen.get("tag") or tag or (Path(known).name if known else "")
        project = project_folder(chosen.get("project") or ".")
        return Settings(project=project, tag=tag).folder if tag else None

    def _write(self) -> None:
        make_folder(self._index.parent)
        replace(self._index, json.dumps(self._folders, indent=2))


@asynccontextmanager
async def open_threads() -> AsyncIterator[Threads]:
    """Open the server's checkpointer, which langgraph.json names."""
    with ExitStack() as resources:
        url = checkpoints_url(Settings())
        opened = open_checkpoints(url) if url else nullcontext()
        database = await asyncio.to_thread(resources.enter_context, opened)
        yield await asyncio.to_thread(Threads, _INDEX, database)


def _named(found: CheckpointTuple, asked: RunnableConfig) -> CheckpointTuple:
    """Return a checkpoint under the thread of the request."""
    thread, parent = asked["configurable"]["thread_id"], found.parent_config
    return found._replace(
        config=_renamed(found.config, thread),
        parent_config=_renamed(parent, thread) if parent else None,
    )


def _renamed(config: RunnableConfig, thread: str) -> RunnableConfig:
    return {**config, "configurable": {**config["configurable"], "thread_id": thread}}

"""The graph as `langgraph dev` serves it: the server brings the checkpointer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from langgraph.config import get_stream_writer
from pydantic_core import to_jsonable_python
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from autoresearch_graph.errors import InputError
from autoresearch_graph.graph import Graph, build_graph
from autoresearch_graph.guard import STUDIO, Guard, check_model, named, project_folder
from autoresearch_graph.lab import Lab, choose, open_lab
from autoresearch_graph.program import Flags
from autoresearch_graph.runner import Progress
from autoresearch_graph.start import Settings
from autoresearch_graph.state import Context, State

# What langgraph.json names as `http.app`: these come before everything else that the server does.
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
    """The labs of one execution, opened when a node first needs one."""

    def __init__(self) -> None:
        self._labs: dict[tuple[Path, str], Lab] = {}

    def of(self, context: Context | None, state: State) -> Lab:
        """The lab of a context; a research that has begun keeps its tag."""
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

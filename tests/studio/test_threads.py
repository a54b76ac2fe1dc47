"""The server's checkpoints: one research, one thread, in one file."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint

from autoresearch_graph.errors import InputError
from autoresearch_graph.studio import Threads
from tests.support.projects import asset, run
from tests.support.threads import ID, of


@pytest.fixture
def index(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AUTORESEARCH_PROJECTS", str(project))
    return tmp_path / "server" / "autoresearch.json"


def test_a_thread_is_found_by_its_context_and_afterwards_by_its_id_alone(
    project: Path, index: Path
):
    run(project, [asset(2.0)])
    threads = Threads(index)
    assert threads.get_tuple(of()) is None
    found = threads.get_tuple(of(project=str(project), tag="t"))
    assert found is not None and found.config["configurable"]["thread_id"] == ID
    for later in (threads, Threads(index)):
        assert later.get_tuple(of()) == found
        history = list(later.list(of()))
        assert history[0].checkpoint == found.checkpoint and len(history) > 8

    async def asked() -> list[object]:
        return [await threads.aget_tuple(of()), *[each async for each in threads.alist(of())]]

    assert asyncio.run(asked()) == [found, *history]


def test_two_threads_of_one_research_are_one(project: Path, index: Path):
    run(project, [asset(2.0)])
    threads = Threads(index)
    other = threads.get_tuple(of("another", project=str(project), tag="t"))
    assert other is not None
    checkpoint: Any = {**other.checkpoint, "id": "2" + other.checkpoint["id"][1:]}
    saved = threads.put(of(project=str(project), tag="t"), checkpoint, {"step": 1}, {})
    assert saved["configurable"]["thread_id"] == ID
    latest = threads.get_tuple(of("another"))
    assert latest is not None and latest.checkpoint["id"] == checkpoint["id"]
    # That one was written with a clock which is far ahead; what is written now comes after it.
    assert empty_checkpoint()["id"] > checkpoint["id"]


def test_a_deleted_thread_leaves_the_research_as_it_is(project: Path, index: Path):
    run(project, [asset(2.0)])
    threads = Threads(index)
    context = {"project": str(project), "tag": "t"}
    found = threads.get_tuple(of(**context))
    asyncio.run(threads.adelete_thread(ID))
    assert threads.get_tuple(of()) is None and Threads(index).get_tuple(of()) is None
    assert threads.get_tuple(of(**context)) == found


def test_before_a_research_has_begun_nothing_is_written(project: Path, index: Path):
    threads = Threads(index)
    context = {"project": str(project), "tag": "new"}
    saved = threads.put(of(**context), empty_checkpoint(), {"step": -1}, {})
    threads.put_writes(saved, [("tally", 1)], "task")
    assert threads.get_tuple(of(**context)) is not None
    assert not (project / ".autoresearch").exists() and not index.exists()


def test_a_tag_that_is_a_path_is_refused(project: Path, index: Path):
    with pytest.raises(InputError, match="cannot name a research"):
        Threads(index).get_tuple(of(project=str(project), tag="../../elsewhere"))


def test_a_project_that_the_server_does_not_name_is_refused_by_its_own_name_and_by_its_thread(
    project: Path, index: Path, monkeypatch: pytest.MonkeyPatch
):
    run(project, [asset(2.0)])
    assert Threads(index).get_tuple(of(project=str(project), tag="t"))
    monkeypatch.delenv("AUTORESEARCH_PROJECTS")
    for asked in (of(), of(project=str(project), tag="t")):
        with pytest.raises(InputError, match="AUTORESEARCH_PROJECTS"):
            Threads(index).get_tuple(asked)


def test_a_long_research_keeps_its_last_checkpoints_only(project: Path, index: Path):
    run(project, [])
    threads = Threads(index)
    context = {"project": str(project), "tag": "t"}
    found = threads.get_tuple(of(**context))
    assert found is not None
    for step in range(1, 66):
        checkpoint: Any = {**found.checkpoint, "id": f"2{step:04}{found.checkpoint['id'][5:]}"}
        threads.put(of(**context), checkpoint, {"step": step}, {})
    assert len(list(threads.list(of()))) == 66

"""Checkpoints in Postgres: against a real server, also where it goes away or is none."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from autoresearch_graph import research
from autoresearch_graph.errors import InputError
from autoresearch_graph.storage.checkpoints import open_checkpoints
from autoresearch_graph.storage.manifest import read_start
from autoresearch_graph.studio import Threads
from tests.support.agreement import assert_agreement, last_checkpoint
from tests.support.cli import CLI, autoresearch
from tests.support.postgres_server import postgres
from tests.support.projects import asset, make_project, opened, run
from tests.support.threads import of
from tests.support.waiting import PATIENCE

psycopg = pytest.importorskip("psycopg")
TUNABLE = "X = 3.0  # from 0.0 to 4.0\nprint('loss:', (X - 1.0) ** 2)\n"
SECRET = "correct-horse"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture
def database(server: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A database of the test's own, that the environment names."""
    name = f"test_{abs(hash(request.node.name))}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = server.rpartition("/")[0] + f"/{name}"
    monkeypatch.setenv("AUTORESEARCH_CHECKPOINTS", url)
    return url


def asked(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query)
        return cursor.fetchall() if cursor.description else []


def with_password(url: str) -> str:
    return url.replace("://shop@", f"://shop:{SECRET}@")


def sentence(done: "subprocess.CompletedProcess[str]", code: int) -> str:
    assert done.returncode == code, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and SECRET not in done.stderr
    return done.stderr


def test_a_research_leaves_its_checkpoints_in_the_database_alone(database: str, project: Path):
    reason, rows = run(project, [asset(2.0), asset(2.5), asset(1.5)])
    assert reason == "the script is at its end" and len(rows) == 4
    assert not (project / ".autoresearch/t/checkpoints.sqlite").exists()
    assert len(assert_agreement(project, "t")) == 4


def test_an_interrupted_research_goes_on_from_its_last_step(database: str, project: Path):
    texts = [asset(2.0), asset(1.5), asset(1.2)]
    with opened(project, texts) as lab, closing(lab), research._on_its_thread(lab) as begun:
        for node, _ in begun.stream():
            if node == "propose" and len(lab.ledger.experiments) == 2:
                break
    before = last_checkpoint(project / ".autoresearch/t", "t")
    assert before is not None and before.checkpoint["channel_values"]["next_number"] == 3
    run(project, texts)
    assert [row["status"] for row in assert_agreement(project, "t")] == ["keep"] * 4


def test_two_researches_of_one_tag_do_not_meet(database: str, tmp_path: Path):
    for name, x in (("a", 2.0), ("b", 2.5)):
        run(make_project(tmp_path / name), [asset(x)])
    for name in ("a", "b"):
        assert len(assert_agreement(tmp_path / name, "t")) == 2
    assert asked(database, "select count(distinct thread_id) from checkpoints") == [(2,)]


def test_a_long_research_keeps_its_last_checkpoints_and_what_they_need(
    database: str, project: Path
):
    run(project, [asset(2.9 - i / 100) for i in range(25)])
    (checkpoints,), (blobs,), (writes,) = (
        asked(database, f"select count(*) from checkpoint{table}")[0]
        for table in ("s", "_blobs", "_writes")
    )
    start = read_start(project / ".autoresearch/t")
    assert start is not None
    with open_checkpoints(database) as saver:
        kept = list(saver.list({"configurable": {"thread_id": start.thread}}))
    whole = [{"tally", "spread"} <= each.checkpoint["channel_values"].keys() for each in kept]
    assert 60 < len(kept) == checkpoints < 80 and all(whole)
    assert blobs < 20 * checkpoints and writes < 30 * checkpoints
    assert len(assert_agreement(project, "t")) == 26


def test_a_connection_that_was_cut_between_two_steps_is_made_anew(database: str, project: Path):
    cut: list[object] = []

    def watch(node: str, update: dict[str, object]) -> None:
        if node == "propose":
            cut.extend(
                asked(
                    database,
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where datname = current_database() and pid != pg_backend_pid()",
                )
            )

    with opened(project, [asset(2.0), asset(1.5)]) as lab:
        research.run(lab, watch)
    assert len(cut) > 2 and len(assert_agreement(project, "t")) == 3


def test_the_server_finds_the_thread_of_a_research_in_the_database(
    database: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AUTORESEARCH_PROJECTS", str(project))
    run(project, [asset(2.0)])
    with open_checkpoints(database) as saver:
        threads = Threads(tmp_path / "server" / "autoresearch.json", saver)
        found = threads.get_tuple(of(project=str(project), tag="t"))
        assert found is not None and len(list(threads.list(of()))) > 8
        for step in range(1, 66):
            checkpoint: Any = {**found.checkpoint, "id": f"2{step:04}{found.checkpoint['id'][5:]}"}
            threads.put(of(), checkpoint, {"step": step}, {})
        assert len(list(threads.list(of()))) == 66
        assert threads.get_tuple(of("another")) is None


def test_a_research_may_change_from_a_file_to_a_database_and_back(
    database: str, project: Path, monkeypatch: pytest.MonkeyPatch
):
    texts = [asset(2.0), asset(1.5), asset(1.2)]
    monkeypatch.delenv("AUTORESEARCH_CHECKPOINTS")
    run(project, texts[:1])
    monkeypatch.setenv("AUTORESEARCH_CHECKPOINTS", database)
    run(project, texts[:2])
    assert_agreement(project, "t")
    monkeypatch.delenv("AUTORESEARCH_CHECKPOINTS")
    run(project, texts)
    assert len(assert_agreement(project, "t")) == 4


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://ada@localhost/db", "postgresql://USER@HOST/DATABASE"),
        (f"postgresql://ada:{SECRET}%zz@localhost/db", "cannot be read"),
        (f"postgresql://ada:{SECRET}@127.0.0.1:1/db", "refused"),
        (f"postgresql://ada:{SECRET}@no.such.host.invalid/db", "no.such.host.invalid"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_sentence_and_nothing_is_written(
    project: Path, url: str, told: str
):
    done = autoresearch("run", project, "--tag", "t", "--checkpoints", url)
    assert told in sentence(done, 2)
    assert not (project / ".autoresearch").exists()
    looked = autoresearch("check", project, "--tag", "t", "--checkpoints", url)
    assert looked.returncode == 2 and SECRET not in looked.stdout + looked.stderr


def test_a_user_whom_the_server_refuses_is_told(server: str, project: Path):
    done = autoresearch(
        "run", project, "--checkpoints", with_password(server).replace("shop", "bob")
    )
    assert 'role "bob" does not exist' in sentence(done, 2)


def test_a_database_that_goes_away_costs_nothing(database: str, tmp_path: Path):
    project = make_project(tmp_path / "p", text=TUNABLE)
    assert autoresearch("run", project, "--tag", "t", "--experiments", 2).returncode == 0
    asked(database, "drop table checkpoint_writes")
    done = autoresearch("run", project, "--tag", "t", "--experiments", 4)
    assert "nothing is lost" in sentence(done, 1)
    asked(database, "drop table checkpoints, checkpoint_blobs, checkpoint_migrations")
    assert autoresearch("run", project, "--tag", "t", "--experiments", 4).returncode == 0
    assert len(assert_agreement(project, "t")) == 5


def test_a_server_that_hangs_is_told_and_ctrl_c_ends_the_waiting(database: str, tmp_path: Path):
    project = make_project(tmp_path / "p", text=TUNABLE)
    main = psutil.Process(server_of(database))
    command = [*CLI, "run", str(project), "--tag", "t"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        stopped = [main, *main.children()]
        try:
            for each in stopped:
                each.suspend()
            assert any("waiting for Postgres" in line for line in process.stdout)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=PATIENCE)
        finally:
            for each in stopped:
                each.resume()
    assert process.returncode == 130, errors
    assert len(errors.splitlines()) == 1 and "nothing is lost" in errors
    rows = len((project / ".autoresearch/t/experiments.jsonl").read_text().splitlines())
    assert autoresearch("run", project, "--tag", "t", "--experiments", rows).returncode == 0
    assert len(assert_agreement(project, "t")) == rows + 1


def server_of(url: str) -> int:
    """The process id of the server at a URL."""
    (row,) = asked(url, "select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)")
    return int(str(row[0]))


def test_the_password_is_in_no_file_no_output_and_no_run(database: str, tmp_path: Path):
    text = f"import os, time\n{TUNABLE}time.sleep(1)\nprint(sorted(os.environ.items()))\n"
    project = make_project(tmp_path / "p", text=text)
    command = [*CLI, "run", str(project), "--tag", "t", "--checkpoints", with_password(database)]
    environ = {k: v for k, v in os.environ.items() if k != "AUTORESEARCH_CHECKPOINTS"}
    process = subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate()
    assert process.returncode == 130 and "shop:***@" in errors
    assert SECRET not in output + errors
    assert last_checkpoint(project / ".autoresearch/t", "t") is not None
    for path in project.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


def test_killed_before_an_effect_nothing_is_lost(database: str, tmp_path: Path):
    script = Path(__file__).parent.parent / "support/kill_points.py"
    command = [sys.executable, str(script), str(tmp_path / "jobs"), "293", "0", "plain"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "nothing lost, repeated or torn" in done.stdout


def test_a_url_without_its_library_tells_how_to_get_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.setenv("AUTORESEARCH_CHECKPOINTS", "postgresql://ada@localhost/db")
    with pytest.raises(InputError, match=r"autoresearch-graph\[postgres\]"), opened(project):
        pass

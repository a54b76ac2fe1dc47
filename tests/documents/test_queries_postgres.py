"""The queries example on a PostgreSQL server that a test starts, by its URL."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autoresearch_graph import research
from autoresearch_graph.core.program import Flags
from autoresearch_graph.opening import open_lab
from autoresearch_graph.settings import Settings
from autoresearch_graph.templates import make_project
from tests.support.edits import change, edited, forget
from tests.support.postgres_server import postgres
from tests.support.projects import Scripted, git

psycopg = pytest.importorskip("psycopg")
PROGRAM = Path("program-postgres.md")
SMALL = ('SCALE = "0.01"', 'SCALE = "0.001"')
PATIENT = (
    ("killed after 5 minutes", "killed after 9 minutes"),
    ("`query_seconds` <= 20", "`query_seconds` <= 500"),
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture
def project(built: Path, tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATABASE_URL", url)
    return Path(shutil.copytree(built, tmp_path / "project", symlinks=True))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tenth of the data, with answers that the untouched queries gave in SQLite."""
    if not (Path(sys.executable).parent / "tpcgen-cli").exists():
        pytest.skip("tpcgen-cli makes the data")
    folder = tmp_path_factory.mktemp("built") / "project"
    make_project(folder, template="queries")
    change(folder / "data.py", SMALL)
    change(folder / PROGRAM, *PATIENT)
    for command in (["build.py"], ["evaluate.py", "answers"]):
        assert python(folder, *command).returncode == 0
    git(folder, "commit", "--quiet", "--all", "--message=a tenth")
    return folder


def python(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
    )


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as database:
        return list(database.execute(query).fetchall())


def schemas(url: str) -> list[str]:
    found = rows(url, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'autoresearch%'")
    return [name for (name,) in found]


def test_a_better_query_is_kept_and_what_cheats_is_a_crash(project: Path, url: str) -> None:
    text = (project / "queries.toml").read_text()
    first = edited(text, ('"lineitem(l_orderkey)" = false', '"lineitem(l_orderkey)" = true'))
    second = edited(first, ('"orders(o_custkey)" = false', '"orders(o_custkey)" = true'))
    writes = edited(
        text,
        (
            "SELECT sum(l_extendedprice * l_discount)\n",
            "WITH gone AS (DELETE FROM lineitem RETURNING 1)\n"
            "SELECT sum(l_extendedprice * l_discount)\n",
        ),
    )
    quantity = "  AND l_quantity < :quantity\n"
    asks = edited(text, (quantity, f"{quantity}  AND current_query() NOT LIKE 'EXPLAIN%'\n"))
    script = [first, second, forget(text), writes, asks]
    settings = Settings(
        project=project, program=PROGRAM, tag="t", look_ahead=False, flags=Flags(experiments=5)
    )
    lab = open_lab(settings, proposer=Scripted(script))
    try:
        research.run(lab)
        found = list(lab.ledger.experiments)
    finally:
        lab.close()
    statuses = [row.status for row in found]
    assert statuses == ["keep", "keep", "keep", "crash", "crash", "crash"], [
        row.reason for row in found
    ]
    pages = [row.metric for row in found if row.metric is not None]
    assert pages[2] < pages[1] < pages[0]
    for row, words in zip(
        found[3:],
        ("late gives another answer", "read-only transaction", "of the server itself"),
        strict=True,
    ):
        assert words in row.reason
    assert schemas(url) == []


def test_the_same_file_takes_the_same_pages(project: Path) -> None:
    first, second = (python(project, "postgres.py") for _ in range(2))
    assert first.returncode == 0, first.stderr
    told = [[x for x in done.stdout.split("\n") if "_seconds" not in x] for done in (first, second)]
    assert told[0] == told[1] and told[0][-2].startswith("thousand_pages: ")


def test_what_a_killed_evaluation_left_is_dropped_by_the_next_but_not_what_is_in_use(
    project: Path, url: str
) -> None:
    command, environment = [sys.executable, "-u", "postgres.py"], dict(os.environ)
    with psycopg.connect(url, autocommit=True) as living:
        living.execute("SELECT pg_advisory_lock(hashtext('autoresearch_living'))")
        living.execute("CREATE SCHEMA autoresearch_living")
        with subprocess.Popen(command, cwd=project, env=environment, stdout=subprocess.PIPE) as run:
            assert run.stdout and run.stdout.readline().startswith(b"size_ratio")
            run.kill()
        while rows(url, "SELECT FROM pg_locks WHERE locktype = 'advisory' OFFSET 1"):
            time.sleep(0.05)
        assert len(schemas(url)) == 2
        assert python(project, "postgres.py").returncode == 0
        assert schemas(url) == ["autoresearch_living"]
        living.execute("DROP SCHEMA autoresearch_living")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "names no PostgreSQL server; it looks like postgresql://user@localhost"),
        ("postgresql://shop@127.0.0.1:1/shop", "PostgreSQL says: connection failed"),
    ],
)
def test_without_a_server_an_evaluation_ends_in_one_sentence(
    project: Path, given: str, words: str
) -> None:
    done = python(project, "postgres.py", DATABASE_URL=given)
    assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr

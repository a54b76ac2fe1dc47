"""`autoresearch report --serve`: real HTTP, beside a research that runs."""

import http.client
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.cli import CLI, autoresearch, snapshot, wait_for_rows
from tests.support.projects import make_project
from tests.support.reports import NIGHT_OF_FOUR, Page, recorded, tried
from tests.support.steering import SLOW, ended, folder, started
from tests.support.waiting import PATIENCE, until

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
LIVE_MARK = "It is running, and this page follows it."


class Served:
    """A server that was started from the command line."""

    def __init__(self, project: Path, *options: str) -> None:
        command = [*CLI, "report", str(project), "--tag", "t", "--serve", *options]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, **pipes)
        assert self.process.stdout
        found = re.match(r"(http://127.0.0.1:(\d+)/) shows", self.process.stdout.readline())
        assert found
        self.url, self.port = found[1], int(found[2])

    def get(
        self, path: str, *, host: str = "", method: str = "GET", **headers: str
    ) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        given = {"Host": host or f"localhost:{self.port}"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=given)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, body


@contextmanager
def served(project: Path, *options: str) -> Iterator[Served]:
    server = Served(project, *options)
    try:
        yield server
    finally:
        server.process.send_signal(signal.SIGINT)
        told = server.process.communicate(timeout=PATIENCE)
    assert (server.process.returncode, *told) == (0, "", "")


def rows(page: str) -> int:
    return len(Page(page).tables[-1]) - 1


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """A project with a research that has ended."""
    (tmp_path / ".autoresearch").mkdir()
    recorded(tmp_path / ".autoresearch/t", NIGHT_OF_FOUR)
    return tmp_path


def test_it_grows_while_the_research_runs_and_says_when_that_has_ended(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", text=SLOW)
    process = started(project, 30)
    wait_for_rows(project, 2)
    with served(project) as server:
        status, first = server.get("/")
        assert status == 200 and LIVE_MARK in first and rows(first) >= 2
        version = server.get("/version")
        wait_for_rows(project, rows(first) + 2)
        assert server.get("/version") != version
        assert rows(server.get("/")[1]) >= rows(first) + 2
        ended(process)
        judged = (folder(project) / "experiments.jsonl").read_text().count("\n")
        last = server.get("/")[1]
        assert rows(last) == judged and "It is not running." in last


def test_it_answers_three_addresses_and_none_of_them_is_a_file(night: Path) -> None:
    with served(night) as server:
        assert [server.get(path)[0] for path in ("/", "/version", "/live.js")] == [200] * 3
        for path in (
            "/experiments.jsonl",
            "/report.html",
            "/../research.json",
            "/..%2f..%2f..%2fetc/passwd",
            "/live.js/../../page.py",
            "//etc/passwd",
            "/?/etc/passwd",
        ):
            assert server.get(path) == (404, "there is only /")
        assert server.get("/", method="HEAD") == (200, "")
        assert server.get("/", method="POST")[0] == 501


def test_only_this_machine_is_answered_and_only_by_its_own_name(night: Path) -> None:
    with served(night) as server:
        listening = psutil.Process(server.process.pid).net_connections()
        assert {(c.laddr.ip, c.laddr.port) for c in listening} == {("127.0.0.1", server.port)}
        for host in ("evil.example", "localhost.evil.example", f"evil.example:{server.port}"):
            assert server.get("/", host=host)[0] == 403
        assert server.get("/", host="127.0.0.1")[0] == 200


def test_another_page_cannot_read_it_but_may_lead_to_it(night: Path) -> None:
    with served(night) as server:
        for origin in ("https://evil.example", "http://localhost:1", "null"):
            assert server.get("/", Origin=origin)[0] == 403
        assert server.get("/", Origin=f"http://localhost:{server.port}")[0] == 200
        for site in ("cross-site", "same-site"):
            assert server.get("/version", Sec_Fetch_Site=site)[0] == 403
            fetch = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": "navigate"}
            assert server.get("/", **fetch, Sec_Fetch_Dest="iframe")[0] == 403
            assert server.get("/", **fetch, Sec_Fetch_Dest="document")[0] == 200


def test_looking_changes_nothing_on_the_disk(night: Path) -> None:
    before = snapshot(night)
    with served(night) as server:
        server.get("/")
    assert snapshot(night) == before


def test_a_port_that_is_taken_is_one_sentence(night: Path) -> None:
    with served(night) as server:
        done = autoresearch("report", night, "--serve", "--port", server.port)
        assert done.returncode == 2
        assert re.fullmatch(rf"autoresearch: port {server.port} is not available .*\n", done.stderr)


def test_a_damaged_ledger_is_told_in_the_browser_until_it_is_mended(night: Path) -> None:
    ledger = night / ".autoresearch/t/experiments.jsonl"
    whole = ledger.read_text()
    with served(night) as server:
        ledger.write_text("{}\n" + whole)
        status, told, *_ = server.get("/")
        assert status == 500 and "experiments.jsonl:1: this line is not understood" in told
        ledger.write_text(whole)
        assert server.get("/")[0] == 200


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
def test_an_open_page_follows_the_ledger_but_not_under_a_reader(night: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    ledger = night / ".autoresearch/t/experiments.jsonl"

    def add(number: int) -> None:
        with ledger.open("a") as file:
            file.write(tried(number, 1.0).model_dump_json() + "\n")
            os.fsync(file.fileno())

    with served(night) as server, playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(server.url)
        shown = page.locator("table.every tbody tr")
        assert shown.count() == 5
        add(5)
        until(lambda: shown.count() == 6, "the page does not follow")
        page.locator("summary").first.click()
        add(6)
        page.wait_for_timeout(5000)
        assert shown.count() == 6
        page.locator("summary").first.click()
        until(lambda: shown.count() == 7, "the page does not follow again")
        browser.close()
    assert said == []

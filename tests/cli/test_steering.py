"""A person steers a research while it runs: real processes, and files that survive kill -9."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from autoresearch_graph import research
from autoresearch_graph.storage.inbox import Inbox
from autoresearch_graph.storage.ledger import read as read_ledger
from autoresearch_graph.storage.status import read_status
from tests.support.agreement import assert_agreement
from tests.support.cli import autoresearch, snapshot, wait_for_rows
from tests.support.models import modelled
from tests.support.models import propose as script
from tests.support.projects import asset, git, make_project, run
from tests.support.steering import SLOW, ended, folder, started
from tests.support.waiting import PATIENCE, until

pytestmark = pytest.mark.usefixtures("key_and_no_pauses")


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    return make_project(tmp_path / "p", text=SLOW)


def is_paused(project: Path) -> bool:
    now = read_status(folder(project))
    return now is not None and now.doing == "paused"


def said(project: Path) -> Counter[str]:
    rows = read_ledger(folder(project) / "experiments.jsonl")
    return Counter(message.wish for row in rows for message in row.steering)


def test_guidance_is_told_to_the_model_once_and_the_ledger_says_so(llmock: Any, project: Path):
    with modelled(project, experiments=1) as lab:
        script(llmock, "X = 3.0", "X = 2.0")
        research.run(lab)
    done = autoresearch("tell", "try a\nsmaller batch \u2028 of it", project)
    assert done.returncode == 0 and "once it runs again" in done.stdout
    assert "(done after 1 experiment; where program.md says so, raise that first)" in done.stdout
    before = len(llmock.requests)
    script(llmock, "X = 2.0", "X = 1.5")
    script(llmock, "X = 1.5", "X = 1.25")
    with modelled(project, experiments=3) as lab:
        research.run(lab)
        rows = list(lab.ledger.experiments)
    told = ["> smaller batch" in json.dumps(r.body) for r in llmock.requests[before:]]
    assert told == [True, True, False, False]
    assert [len(row.steering) for row in rows] == [0, 0, 1, 0]
    assert rows[2].steering[0].words == "try a\nsmaller batch \u2028 of it"
    assert_agreement(project, "t")


def test_a_text_of_ones_own_is_the_next_experiment(slow: Path, tmp_path: Path):
    own = tmp_path / "own.py"
    own.write_text(SLOW.replace("X = 3.0", "X = 1.0"))
    process = started(slow, 999)
    wait_for_rows(slow, 2)
    done = autoresearch("propose", own, slow, "--describe", "straight to the best")
    assert (done.returncode, done.stdout) == (0, "t tries own.py next\n")
    until(lambda: said(slow)["propose"] == 1, "it is not tried")
    wait_for_rows(slow, len(read_ledger(folder(slow) / "experiments.jsonl")) + 2)
    ended(process)
    rows = [r for r in read_ledger(folder(slow) / "experiments.jsonl") if r.author == "person"]
    assert [r.description for r in rows] == ["straight to the best"]
    assert [m.wish for m in rows[0].steering] == ["propose"]
    text = git(slow, "show", f"refs/autoresearch/t/{rows[0].number:04d}:asset.py")
    assert f"{text}\n" == own.read_text()


def test_the_search_says_that_it_ignores_guidance(slow: Path):
    process = started(slow, 999)
    wait_for_rows(slow, 1)
    assert "the search, which proposes now, ignores it" in autoresearch("tell", "x", slow).stdout
    ended(process)
    assert said(slow) == Counter()


def test_a_pause_keeps_its_place_through_kill_9_and_a_stop_ends_in_order(slow: Path):
    process = started(slow, 999)
    wait_for_rows(slow, 2)
    assert autoresearch("pause", slow).returncode == 0
    until(lambda: is_paused(slow), "it does not pause")
    rows, lab = len(assert_agreement(slow, "t")), psutil.Process(process.pid)
    began, before = time.monotonic(), lab.cpu_times()
    time.sleep(1.5)
    after, wall = lab.cpu_times(), time.monotonic() - began
    assert after.user + after.system - before.user - before.system < wall / 4
    process.kill()
    process.communicate()
    (folder(slow) / "now.json").unlink()
    process = started(slow, 999)
    until(lambda: is_paused(slow), "it does not pause again")
    assert len(assert_agreement(slow, "t")) == rows
    assert autoresearch("resume", slow).stdout == "t goes on\n"
    wait_for_rows(slow, rows + 1)
    assert autoresearch("stop", slow).returncode == 0
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "paused; go on with: autoresearch resume" in out and "stopped by a person" in out
    stopped = len(assert_agreement(slow, "t"))
    assert rows < stopped < 1000
    done = autoresearch("run", slow, "--tag", "t", "--experiments", stopped + 1)
    assert "done after" in done.stdout
    assert said(slow) == Counter(pause=1, resume=1, stop=1)


def test_a_paused_research_can_be_interrupted_resumed_and_then_run(slow: Path):
    process = started(slow, 999)
    wait_for_rows(slow, 1)
    autoresearch("pause", slow)
    until(lambda: is_paused(slow), "it does not pause")
    rows = len(read_ledger(folder(slow) / "experiments.jsonl"))
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130 and "nothing is lost" in told
    assert "once it runs again" in autoresearch("resume", slow).stdout
    assert autoresearch("run", slow, "--tag", "t", "--experiments", rows).returncode == 0
    assert len(assert_agreement(slow, "t")) == rows + 1


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["pause"], "not running"),
        (["stop"], "not running"),
        (["resume"], "not paused"),
        (["tell", " "], "no words"),
        (["tell", "x" * 5000], "program.md"),
        (["propose", "nothing.py"], "cannot be read"),
        (["propose", "broken.py"], "does not parse"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    project: Path, tmp_path: Path, command: list[str], told: str
):
    run(project, [asset(2.0)])
    (tmp_path / "broken.py").write_text("X = (3\n")
    before = snapshot(project)
    done = autoresearch(*command, project, cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert told in done.stderr
    assert snapshot(project) == before


def test_many_processes_write_at_once_and_a_torn_line_takes_no_other_with_it(tmp_path: Path):
    with (tmp_path / "steering.jsonl").open("w") as file:
        file.write('{"id": "torn", "wish": "te')
    script = (
        "import sys; from pathlib import Path\n"
        "from autoresearch_graph.storage.inbox import Inbox\n"
        "box = Inbox(Path(sys.argv[1]))\n"
        "for number in range(25): box.post('tell', f'{sys.argv[2]} {number} ' + 'x' * 20_000)"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path), str(n)]) for n in range(4)
    ]
    assert [writer.wait() for writer in writers] == [0] * 4
    messages = Inbox(tmp_path).messages()
    assert len({message.id for message in messages}) == 100
    for writer in range(4):
        own = [m.words.split()[1] for m in messages if m.words.startswith(f"{writer} ")]
        assert own == [str(number) for number in range(25)]

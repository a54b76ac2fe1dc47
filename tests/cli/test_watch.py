"""What a person sees while a research runs: in a terminal, in another one, and in a log."""

import contextlib
import io
import itertools
import json
import os
import pty
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from rich.console import Console

from autoresearch_graph.core.curves import readings
from autoresearch_graph.core.program import Stopping
from autoresearch_graph.core.stopping import Tally, left
from autoresearch_graph.results.records import load
from autoresearch_graph.storage.status import Status, read_status
from autoresearch_graph.terminal.dashboard import picture, sparkline
from tests.support.cli import ASSET, CLI, autoresearch, snapshot, wait_for_rows
from tests.support.projects import asset, git, make_project, run
from tests.support.steering import ended, folder, started
from tests.support.waiting import PATIENCE, until

CURVED = """\
import time
for step in range(8):
    print(f"step {step * 10} loss {4.0 - step / 4:.4f}", flush=True)
    time.sleep(0.3)
"""


class Terminal:
    """A command in a pseudo-terminal, of which everything that it showed is kept."""

    def __init__(self, *command: object, columns: int = 80, lines: int = 24) -> None:
        outside, inside = pty.openpty()
        size = {"COLUMNS": str(columns), "LINES": str(lines)}
        self.process = subprocess.Popen(
            [*CLI, *map(str, command)],
            stdout=inside,
            stderr=inside,
            env={**os.environ, "TERM": "xterm", **size},
        )
        os.close(inside)
        self._seen, self._outside = b"", outside
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # a terminal whose last writer has gone is an error
            while chunk := os.read(self._outside, 65536):
                self._seen += chunk

    @property
    def text(self) -> str:
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._seen.decode(errors="replace"))

    def end(self) -> int:
        code = self.process.wait(timeout=PATIENCE)
        self._reader.join()
        os.close(self._outside)
        return code


@pytest.fixture
def curved(tmp_path: Path) -> Path:
    return make_project(tmp_path / "p", text=CURVED + ASSET)


@pytest.mark.parametrize("columns", [80, 120])
def test_the_live_view_shows_what_runs_and_how_far_it_has_come(curved: Path, columns: int):
    terminal = Terminal("run", curved, "--tag", "t", "--experiments", 2, columns=columns)
    assert terminal.end() == 0
    shown = terminal.text
    for part in (
        "experiments an hour",
        "the untouched asset, to be",
        "experiment 1: ",
        "of 10 s, killed at 20 s",
        "━",
        "▁",
        " (step ",
        "ends at: 1 of 2 experiments (",
        "done after 2 experiments",
    ):
        assert part in shown, part
    live = shown.partition("done after")[0].replace("\r", "\n").split("\n")
    assert max(map(len, live)) <= columns


def test_another_terminal_attaches_and_leaves_without_touching_it(curved: Path):
    process = started(curved, 999)
    wait_for_rows(curved, 2)
    terminal = Terminal("watch", curved, columns=120)
    seen = (r"experiment \d+: ", "of 10 s, killed at 20 s", "▁")
    until(lambda: all(re.search(part, terminal.text) for part in seen), "nothing is seen")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 0
    assert process.poll() is None
    ended(process)


def test_watch_without_a_terminal_is_a_line_a_verdict_until_the_end(curved: Path):
    process = started(curved, 2)
    wait_for_rows(curved, 1)
    done = autoresearch("watch", curved)
    process.communicate(timeout=PATIENCE)
    assert [line.split()[0] for line in done.stdout.splitlines()[:3]] == ["0", "1", "2"]
    assert "t is not running" in done.stdout and "after 2 experiments" in done.stdout
    before = snapshot(curved)
    again = autoresearch("watch", curved).stdout
    assert [line.split()[:2] for line in again.splitlines()] == [
        line.split()[:2] for line in done.stdout.splitlines()
    ]
    assert snapshot(curved) == before


def test_json_is_an_event_a_line_and_quiet_is_the_end_alone(project: Path):
    run(project, [])
    git(project, "branch", "--quiet", "side")
    tunable = make_project(project.parent / "tunable", text=ASSET)
    done = autoresearch("run", tunable, "--tag", "t", "--experiments", 2, "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    one = ["proposal", "trial", "verdict"]
    assert [event["event"] for event in events] == ["start", *one * 3, "end"]
    assert events[-1]["reason"] == "done after 2 experiments"
    verdicts = [event["experiment"] for event in events if event["event"] == "verdict"]
    assert [verdict["number"] for verdict in verdicts] == [0, 1, 2]
    done = autoresearch("run", tunable, "--tag", "t", "--experiments", 4, "--quiet")
    assert done.stdout.splitlines()[0] == "done after 4 experiments"
    assert autoresearch("run", tunable, "--quiet", "--json").returncode == 2
    assert autoresearch("run", tunable, "--review", "--json").returncode == 2


def test_now_json_is_whole_whenever_it_is_read(curved: Path):
    process = started(curved, 2)
    seen = []
    while process.poll() is None:
        if (folder(curved) / "now.json").exists():
            seen.append(read_status(folder(curved)))
        time.sleep(0.001)
    process.communicate()
    seen.append(read_status(folder(curved)))
    assert None not in seen
    assert {now.doing for now in seen if now} >= {"running", "ended"}


def test_the_picture_fits_into_the_terminal(project: Path):
    run(project, [asset(2.0 - number / 100) for number in range(20)])
    records = load(folder(project))
    assert records is not None
    for width, height in itertools.product((40, 80, 120), (8, 24, 60)):
        console = Console(width=width, height=height, force_terminal=True)
        now = Status(doing="paused", tally=Tally(judged=3), stopping=Stopping(experiments=30))
        lines = console.render_lines(picture(records, now, None, console))
        assert len(lines) < height or height == 8
        text = "".join(segment.text for line in lines for segment in line)
        assert "paused" in text and "keep" in text


def test_what_is_left_is_told_for_every_criterion():
    limits = Stopping(
        experiments=20, seconds=7200, without_improvement=10, target=1.0, tokens=2000, dollars=4.0
    )
    tally = Tally(judged=5, experiments=4, since_keep=2, seconds=600, tokens=500, dollars=1.0)
    told = {limit.words: limit.seconds for limit in left(limits, tally, 1.25)}
    assert told == {
        "2 h of work": 6600,
        "4 of 20 experiments": 1920,
        "2 of 10 without improvement": 960,
        "500 of 2,000 tokens": 1800,
        "$1.00 of $4.00": 1800,
        "1.25, target 1": None,
    }
    assert left(Stopping(), Tally(), None) == []


def test_a_curve_is_drawn_from_numbers_alone():
    log = "".join(f"step {step} loss {9 - step}\n" for step in range(9))
    curve = readings(f"{log}step 9 loss 1e999\nstep 10 loss nan\n", "other")
    assert curve is not None and sparkline(curve, 9) == "█▇▆▅▅▄▃▂▁"
    flat = readings("loss 1\nloss 1\nloss 1\n", "loss")
    assert flat is not None and sparkline(flat) == "▁▁▁"
    assert readings("nothing here\n", "loss") is None


def test_a_narrow_terminal_shows_what_was_tried_and_leaves_out_why(project: Path):
    run(project, [asset(2.0 - number / 100) for number in range(5)])
    records = load(folder(project))
    assert records
    narrow = Console(width=40, height=24, record=True, force_terminal=True, file=io.StringIO())
    narrow.print(picture(records, Status(doing="ended"), None, narrow))
    lines = narrow.export_text().splitlines()
    assert max(map(len, lines)) <= 40
    (head,) = [line.split() for line in lines if "verdict" in line]
    assert head == ["#", "verdict", "loss", "what", "was", "tried"]
    assert not any("…" in line for line in lines)

"""What a person meets in the first hour: the lines that are printed work as they stand."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from autoresearch_graph.results.records import load
from tests.support.cli import ASSET, autoresearch, wait_for_rows
from tests.support.projects import PROGRAM, git, make_project
from tests.support.reports import NIGHT_OF_FOUR, recorded, tried
from tests.support.steering import SLOW, folder, started
from tests.support.waiting import PATIENCE

PACKAGE = Path(__file__).parent.parent.parent / "autoresearch_graph"
PIPED = f"set -o pipefail; {sys.executable} -m autoresearch_graph run %s --tag t --experiments 3"


def piped(project: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = f"{PIPED % project} {' '.join(options)} | head -1"
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True)


def test_a_reader_that_leaves_does_not_end_the_research(tmp_path: Path):
    project = make_project(tmp_path / "p", text=ASSET)
    done = piped(project)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 1
    assert "the research goes on, look with: autoresearch watch --tag t" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    records = load(folder(project))
    assert records and len(records.experiments) == 4


def test_a_reader_of_json_may_leave_too(tmp_path: Path):
    project = make_project(tmp_path / "p", text=ASSET)
    done = piped(project, "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["event"] == "start"
    records = load(folder(project))
    assert records and len(records.experiments) == 4


def test_an_interrupted_run_tells_a_line_that_goes_on(tmp_path: Path):
    project = make_project(tmp_path / "p", text=SLOW)
    process = started(project, 3)
    wait_for_rows(project, 1)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=PATIENCE)
    line = re.search("Continue with: (.*)", told)
    assert process.returncode == 130 and line, told
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", line[1]], capture_output=True, text=True, env={**os.environ, "PATH": path}
    )
    assert done.returncode == 0 and "done after 3 experiments" in done.stdout, done.stderr


def test_a_baseline_that_is_too_slow_is_told_what_to_do(tmp_path: Path):
    hurried = PROGRAM.replace(
        "10 seconds, killed after 20 seconds", "1 second, killed after 2 seconds"
    )
    project = make_project(
        tmp_path / "p", program=hurried, text=f"import time\n{ASSET}time.sleep(60)\n"
    )
    done = autoresearch("run", project, "--tag", "t")
    assert done.returncode == 1
    assert "killed at its limit of 2 s. Give it more time (Time box in program.md)" in done.stderr
    assert done.stderr.strip().endswith("--tag t-2")


def test_a_package_that_is_upgraded_meanwhile_does_not_break_the_report(tmp_path: Path):
    shutil.copytree(PACKAGE, tmp_path / "autoresearch_graph")
    recorded(tmp_path / "night", NIGHT_OF_FOUR)
    script = """
import pathlib, autoresearch_graph.report as report, autoresearch_graph.results.records as records
folder = pathlib.Path(report.__file__).parent
for old in [*folder.glob("*.html"), *folder.glob("*.md"), *folder.glob("*.css")]:
    old.write_text("{{ another_version }}")
report.write_report(records.load(pathlib.Path("night").resolve()))
"""
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "What was kept" in (tmp_path / "night" / "report.html").read_text()


def test_figures_without_noise_are_not_padded(tmp_path: Path):
    rows = [tried(0, 19, "keep"), tried(1, 16.5, "keep"), tried(2, 18.25)]
    records = recorded(tmp_path / "night", rows)
    assert records.summary().startswith("night: loss 19.00 → 16.50 (better by 2.50, 13.2%)")
    whole = recorded(tmp_path / "whole", [tried(0, 321, "keep"), tried(1, 81, "keep")])
    assert whole.summary().startswith("whole: loss 321 → 81 (better by 240, 74.8%)")


def test_figures_have_the_decimals_that_their_noise_allows(tmp_path: Path):
    runs: list[dict[str, Any]] = [
        {"kind": "measured", "metric": m, "seconds": 1.0} for m in (2.012, 1.981, 2.006)
    ]
    said = "loss 1.51234 is better than the incumbent's 1.99967 (experiment 0) by 0.487: 3 runs"
    rows = [
        tried(0, sum(r["metric"] for r in runs) / 3, "keep", trials=runs, runs=3),
        tried(1, 1.51234, "keep", reason=said),
        tried(2, 3.0, reason="3 is what it gave, in 2 runs"),
    ]
    records = recorded(tmp_path / "night", rows)
    assert records.summary().startswith(
        "night: loss 2.000 → 1.512 (better by 0.487, 24.4%) after 2"
    )
    told = [records.reason(e) for e in records.experiments]
    assert (
        told[1] == "loss 1.512 is better than the incumbent's 2.000 (experiment 0) by 0.487: 3 runs"
    )
    assert told[2] == rows[2].reason
    assert load(tmp_path / "night").experiments[1].metric == 1.51234


def test_a_file_of_a_command_that_git_does_not_have_is_told_before_a_run(tmp_path: Path):
    program = PROGRAM.replace("python asset.py", "python asset.py data/x.txt ./ other.py")
    project = make_project(tmp_path / "p", program=program, text=ASSET)
    assert "caveat" not in autoresearch("check", project).stdout
    (project / ".git/info/exclude").write_text("data/\n")
    (project / "data").mkdir()
    (project / "data" / "x.txt").write_text("1")
    told = "data/x.txt is not committed, and a run sees only what is"
    assert told in autoresearch("check", project).stdout
    assert told in autoresearch("run", project, "--experiments", 1).stdout
    git(project, "add", "--force", "data/x.txt")
    git(project, "commit", "--quiet", "--message=data")
    assert "caveat" not in autoresearch("check", project).stdout
    head = git(project, "rev-parse", "HEAD").strip()
    git(project, "update-index", "--add", "--cacheinfo", f"160000,{head},lib/ö")
    git(project, "commit", "--quiet", "--message=a submodule")
    told = "lib/ö is a submodule, and a run sees it as an empty folder"
    assert told in " ".join(autoresearch("check", project).stdout.split())

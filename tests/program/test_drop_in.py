"""A clone of a project in the manner of karpathy/autoresearch, whose program.md stays untouched."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.agreement import assert_agreement
from tests.support.projects import git
from tests.support.wild import PROGRAMS

PREPARE = '''"""Data and measurement; nobody edits this."""
import os
from pathlib import Path

TIME_BUDGET = 300
CACHE = Path(os.path.expanduser("~")) / ".cache" / "night"


def evaluate_bpb(lr, depth):
    best = float((CACHE / "best_lr.txt").read_text())
    return 0.9 + (lr - best) ** 2 + 0.01 * abs(depth - 6)
'''
TRAIN = '''"""Stands in for training: it prints the summary that program.md describes."""
from prepare import TIME_BUDGET, evaluate_bpb

LEARNING_RATE = 0.3
DEPTH = 8

print("step 00001 | loss: 3.2 | remaining: 299s", end="\\r")
print()
print("---")
print(f"val_bpb:          {evaluate_bpb(LEARNING_RATE, DEPTH):.6f}")
print(f"training_seconds: {TIME_BUDGET + 0.1:.1f}")
print("peak_vram_mb:     45060.2")
print(f"depth:            {DEPTH}")
'''


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder with the data that `uv run prepare.py` would have made."""
    cache = tmp_path / "home" / ".cache" / "night"
    cache.mkdir(parents=True)
    (cache / "best_lr.txt").write_text("0.1")
    return tmp_path / "home"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "night"
    folder.mkdir()
    shutil.copy(PROGRAMS / "one-file.md", folder / "program.md")
    (folder / "prepare.py").write_text(PREPARE)
    (folder / "train.py").write_text(TRAIN)
    (folder / "README.md").write_text("# night\n")
    (folder / "pyproject.toml").write_text('[project]\nname = "night"\nversion = "0.1.0"\n')
    git(folder, "init", "--quiet", "--initial-branch=master")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=start")
    return folder


def autoresearch(
    *arguments: object, home: Path, path: str = ""
) -> subprocess.CompletedProcess[str]:
    without_uv = os.pathsep.join(
        part for part in os.environ["PATH"].split(os.pathsep) if not (Path(part) / "uv").exists()
    )
    environment = {
        **os.environ,
        "HOME": str(home),
        "COLUMNS": "250",
        "PATH": os.pathsep.join(filter(None, [path, without_uv])),
    }
    return subprocess.run(
        [sys.executable, "-m", "autoresearch_graph", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
    )


def test_a_clone_keeps_and_reverts_with_its_program_untouched(clone: Path, home: Path):
    options = ("--tag", "t", "--experiments", 6, "--accept-reading")
    done = autoresearch("run", clone, *options, home=home)
    assert done.returncode == 0, done.stderr
    assert "uv is not installed: `uv run` is left out, and the lab's own environment is" in (
        done.stdout
    )
    rows = assert_agreement(clone, "t", metric="val_bpb")
    statuses = [row["status"] for row in rows]
    assert len(rows) == 7 and "discard" in statuses and statuses.count("keep") > 1
    assert rows[0]["metric"] == pytest.approx(0.96)
    assert min(row["metric"] for row in rows) < 0.95
    assert git(clone, "status", "--porcelain") == ""

    table = (clone / ".autoresearch/t/results.tsv").read_text().splitlines()
    assert table[0] == "commit\tval_bpb\tmemory_gb\tstatus\tdescription"
    assert table[1].split("\t")[1:] == ["0.960000", "44.0", "keep", "baseline"]
    kept = git(clone, "log", "--format=%s", "master..autoresearch/t").splitlines()
    assert len(kept) == statuses.count("keep") - 1
    changed = git(clone, "diff", "--name-only", "master", "autoresearch/t")
    assert changed == "train.py"


def test_check_tells_what_the_program_says_and_what_it_takes(clone: Path, home: Path):
    done = autoresearch("check", clone, "--accept-reading", home=home)
    assert done.returncode == 0, done.stdout
    told = " ".join(done.stdout.split())
    for part in (
        "asset 13 accepted train.py",
        "protected 12 inferred prepare.py",
        "metric 46 accepted val_bpb, lower is better",
        "experiment 19 accepted uv run train.py",
        "time box 18 accepted 300 s, killed after 600 s",
        "never stop",
        "readable: ~/.cache/night/",
        "self-reported",
    ):
        assert part in told, part

    shutil.rmtree(home / ".cache")
    told = " ".join(autoresearch("check", clone, home=home).stdout.split())
    assert "~/.cache/night/ (line 14) is not there: make it first, as program.md says" in told
    assert "readable: none" in told


def test_uv_is_used_where_it_is_with_the_environment_of_the_project(
    clone: Path, home: Path, tmp_path: Path
):
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "uv").write_text(
        f'#!/bin/sh\nenv | grep ^UV_ | sed "s/^/told: /"; shift; exec {sys.executable} "$@"\n'
    )
    (tools / "uv").chmod(0o755)
    (clone / ".venv").mkdir()
    options = ("--tag=t", "--experiments=1", "--accept-reading")
    done = autoresearch("run", clone, *options, home=home, path=str(tools))
    assert done.returncode == 0, done.stderr
    assert "uv is not installed" not in done.stdout
    log = (clone / ".autoresearch/t/experiments/0000/log.txt").read_text()
    assert f"told: UV_PROJECT_ENVIRONMENT={clone / '.venv'}" in log
    assert "told: UV_NO_SYNC=1" in log and "told: UV_OFFLINE=1" in log


def test_a_project_that_uv_has_no_environment_for_is_told_so(
    clone: Path, home: Path, tmp_path: Path
):
    (tmp_path / "uv").write_text("#!/bin/sh\nexit 2\n")
    (tmp_path / "uv").chmod(0o755)
    told = autoresearch("check", clone, home=home, path=str(tmp_path)).stdout
    assert "uv has no environment to run in, and a run has no network to make one: uv sync" in (
        " ".join(told.split())
    )


@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed")
def test_the_real_uv_runs_a_clone(clone: Path, home: Path):
    uv = str(shutil.which("uv"))
    subprocess.run([uv, "venv", "-q", "--python", sys.executable], cwd=clone, check=True)
    arguments = ("run", clone, "--tag=t", "--experiments=1", "--accept-reading")
    done = autoresearch(*arguments, home=home, path=str(Path(uv).parent))
    assert done.returncode == 0, done.stderr
    told = json.loads(autoresearch("status", clone, "--json", home=home).stdout)
    assert told["experiments"][0]["metric"] == pytest.approx(0.96)


def test_a_command_that_needs_uv_itself_says_so(clone: Path, home: Path):
    program = clone / "program.md"
    program.write_text(program.read_text().replace("uv run train.py", "uvx modal run train.py"))
    git(clone, "commit", "-aqm", "another command")
    done = autoresearch("check", clone, home=home)
    assert done.returncode == 2
    assert "uvx is not installed; install it or correct the command" in done.stdout

"""The watchdog: real commands that take too much, and the outcome that comes of them."""

import os
from pathlib import Path

import pytest

from autoresearch_graph.core.program import Constraint, Environment
from autoresearch_graph.runner import Sandbox, Watch, detect, run_environment
from autoresearch_graph.runner.limits import CpuCounter, Limits, limits_of
from autoresearch_graph.runner.log import Log
from autoresearch_graph.runner.process import Ended, run

HOLD = "python -c \"import time; x = b'x' * 2**28; time.sleep(20)\""
SHARE = """python -c "
import os, time
x = b'x' * 2**28
for _ in range(3): os.fork() or (time.sleep(1), os._exit(0))
time.sleep(1)
" """
FORK = "for n in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 20 & done; wait"
WRITE = "while n=$((n+1)); do head -c 4000000 /dev/zero > p$n; test $n -lt 99 || sleep 9; done"
SPIN = "python -c 'while True: pass'"


def command(folder: Path, text: str, limits: Limits, sandbox: Sandbox | None = None) -> Ended:
    with Log(folder.parent / f"{folder.name}.log") as log:
        return run(
            text, folder=folder, log=log, watch=Watch(), seconds=20, limits=limits,
            environment=run_environment(os.environ, Environment(), seconds=20, seed=0),
            sandbox=sandbox or detect(),
        )  # fmt: skip


@pytest.mark.parametrize("sandbox", [detect(), detect("off")], ids=str)
@pytest.mark.parametrize(
    ("text", "limits", "cause", "reason"),
    [
        (HOLD, Limits(memory_gb=0.1), "memory", "GiB of memory, and 0.1 is what program.md allows"),
        (FORK, Limits(processes=8), "processes", "processes at once, and 8 is what program.md"),
        (WRITE, Limits(disk_gb=0.05), "disk", "GiB on disk, and 0.05 is what program.md allows"),
        (SPIN, Limits(cpu_seconds=0.2), "cpu", "s of CPU time, and 0.2 is what program.md"),
    ],
)
def test_a_run_that_takes_too_much_is_ended(
    tmp_path: Path, sandbox: Sandbox, text: str, limits: Limits, cause: str, reason: str
):
    ended = command(tmp_path, text, limits, sandbox)
    assert ended.breach
    assert ended.breach.cause == cause
    assert reason in ended.breach.reason
    assert ended.exit_code is None
    assert not ended.timed_out
    assert ended.seconds < 10


def test_memory_that_processes_share_breaks_no_bound(tmp_path: Path):
    ended = command(tmp_path, SHARE, Limits(memory_gb=0.6))
    assert ended.breach is None
    assert ended.memory_gb > 0.6


def test_what_was_there_before_counts_for_nothing(tmp_path: Path):
    (tmp_path / "large").write_bytes(b"x" * 2**24)
    ended = command(tmp_path, "sleep 0.5", Limits(disk_gb=0.01))
    assert ended.breach is None
    assert ended.disk_gb < 0.001


def test_what_a_run_used_is_told(tmp_path: Path):
    spin = "python -c 'import time; [0 for _ in iter(lambda: time.process_time() < 0.5, False)]'"
    ended = command(tmp_path, f"head -c 9000000 /dev/zero > x; {spin} & {spin}; wait", Limits())
    assert ended.breach is None
    assert ended.processes >= 2
    assert ended.cpu_seconds > 0.5
    assert ended.disk_gb == pytest.approx(9e6 / 2**30, rel=0.1)


def test_the_constraints_of_program_md_are_the_bounds():
    said = [("memory_gb", "<=", 2.0), ("processes", "<", 9.0), ("cpu_seconds", ">", 1.0)]
    constraints = [Constraint(name=n, relation=r, bound=b) for n, r, b in said]
    assert limits_of(constraints) == Limits(memory_gb=2, processes=9)


ORPHANS = """python -c "
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for _ in range(15):
    child = os.fork()
    if child == 0:
        while time.process_time() < 0.1: pass
        os._exit(0)
    while os.path.exists(f'/proc/{child}'): time.sleep(0.01)
" """
FILES = """python -c "
import time
held = [open(f'/{folder}/held', 'wb') for folder in ('tmp', 'dev/shm')]
for file in held: file.write(b'x' * 2**27)
time.sleep(20)
" """
MAPPED = """python -c "
import mmap, time
file = open('/dev/shm/held', 'w+b')
file.truncate(2**28)
held = mmap.mmap(file.fileno(), 2**28)
for _ in range(2**8): held.write(b'x' * 2**20)
time.sleep(1)
" """


@pytest.mark.parametrize("sandbox", [detect(), detect("off")], ids=str)
def test_children_that_nobody_waits_for_cost_cpu_time(tmp_path: Path, sandbox: Sandbox):
    counter = CpuCounter()
    if counter.seconds() is None:
        pytest.skip("this machine counts no CPU time for its users")
    counter.close()
    ended = command(tmp_path, ORPHANS, Limits(), sandbox)
    assert ended.exit_code == 0
    assert ended.cpu_seconds > 1.4


def test_files_in_the_empty_folders_are_memory(tmp_path: Path):
    if detect().level != "bwrap":
        pytest.skip("bubblewrap does not work here")
    ended = command(tmp_path, FILES, Limits(memory_gb=0.2))
    assert ended.breach
    assert ended.breach.cause == "memory"


def test_a_file_in_memory_that_is_mapped_counts_once(tmp_path: Path):
    if detect().level != "bwrap":
        pytest.skip("bubblewrap does not work here")
    ended = command(tmp_path, MAPPED, Limits(memory_gb=0.4))
    assert ended.exit_code == 0, ended.breach

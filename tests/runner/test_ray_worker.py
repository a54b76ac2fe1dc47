"""A node's part of a trial, without the cluster: request in, events out."""

import os
import sys
import tempfile
import time
from collections.abc import Generator, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest
from git import Repo

from autoresearch_graph import __version__
from autoresearch_graph.core.experiment import Crashed, Measured, Outcome, Pruned, TimedOut
from autoresearch_graph.core.pruning import PruningRule
from autoresearch_graph.program.reader import read
from autoresearch_graph.runner import detect
from autoresearch_graph.runner.ray import worker
from autoresearch_graph.runner.ray.messages import (
    LOG,
    Begun,
    Event,
    Piece,
    Result,
    SourceSnapshot,
    TaskRequest,
    packed,
    put,
)
from tests.support.projects import PROGRAM, alive, asset, git, make_project, sleeper

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nodes are Linux machines")
SCORED = """\
## Evaluation
Reads `answer.txt`.
```
python evaluate.py
```

## Holdout
```
python evaluate.py
```
"""
EVALUATE = """\
from pathlib import Path
print("loss:", float(Path("answer.txt").read_text()) ** 2)
"""


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder of the node."""
    folder = tmp_path / "node"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A project in a folder of its repository, which has a history."""
    top = make_project(tmp_path / "lab")
    (top / "sub").mkdir()
    git(top, "mv", "asset.py", "program.md", "other.py", "sub")
    git(top, "commit", "--quiet", "--message=move")
    return top / "sub"


def request(lab: Path, text: str = asset(2.0), **more: Any) -> TaskRequest:
    top = lab.parent if (lab.parent / ".git").exists() else lab
    return TaskRequest.model_validate(
        {
            "task": "trial",
            "version": __version__,
            "source": SourceSnapshot(
                base=git(top, "rev-parse", "HEAD"),
                asset="asset.py",
                below=lab.relative_to(top).as_posix(),
                project=str(lab),
                git=str(top / ".git"),
            ),
            "program": read(lab / "program.md", project=lab),
            "text": text,
            "sandbox": "auto",
            "variables": {},
            **more,
        }
    )


def events(lab: Path, wanted: TaskRequest, given: Iterable[Piece] = ()) -> Generator[Event]:
    with Repo(lab, search_parent_directories=True) as repo:
        pack = packed(repo, wanted.source.base)
    yield from worker.run(wanted.model_dump_json(), lambda: pack, iter(given), "0123456789")


def outcome(found: list[Event]) -> Outcome:
    last = found[-1]
    assert isinstance(last, Result) and last.outcome is not None, last
    return last.outcome


def written(found: list[Event], path: Path) -> str:
    """The log as the lab has it."""
    for event in found:
        if isinstance(event, Piece) and event.path == LOG:
            put(path, event)
    return path.read_text()


def test_what_a_research_left_is_removed_a_month_after_its_last_trial(lab: Path, machine: Path):
    old = request(lab)
    assert outcome(list(events(lab, old)))
    git(lab, "commit", "--quiet", "--allow-empty", "--message=another")
    new = request(lab)
    (home,) = machine.iterdir()
    for days, left in ((29, {old.source.base, new.source.base}), (31, {new.source.base})):
        last = time.time() - days * 24 * 3600
        os.utime(home / old.source.base, (last, last))
        assert outcome(list(events(lab, new)))
        assert {path.name for path in home.iterdir()} == left


def test_a_trial_needs_nothing_but_what_was_sent(lab: Path, tmp_path: Path):
    wanted = request(lab)
    with Repo(lab, search_parent_directories=True) as repo:
        pack = packed(repo, wanted.source.base)
    lab.parent.rename(tmp_path / "elsewhere")
    found = list(worker.run(wanted.model_dump_json(), lambda: pack, iter(()), "0123456789"))
    assert isinstance(found[0], Begun) and found[0].node.endswith(" 01234567")
    assert isinstance(ended := outcome(found), Measured)
    assert (ended.metric, ended.sandbox) == (1.0, str(detect()))
    assert written(found, tmp_path / "log.txt") == "loss: 1.000000\n"

    def fetch() -> bytes:
        raise AssertionError("it is there")

    again = list(worker.run(wanted.model_dump_json(), fetch, iter(()), "0123456789"))
    assert isinstance(outcome(again), Measured)


def test_a_log_that_overflows_is_the_same_in_the_lab(lab: Path, tmp_path: Path, machine: Path):
    text = "import time\nfor i in range(120_000):\n    print('line', i)\n"
    text += "    i % 30_000 or time.sleep(0.4)\nprint('loss: 1.0')\n"
    found = list(events(lab, request(lab, text)))
    there = next(machine.rglob("log.txt")).read_text()
    assert written(found, tmp_path / "log.txt") == there
    assert "left out" in there and there.endswith("line 119999\nloss: 1.0\n")
    assert sum(isinstance(event, Piece) for event in found) > 2


def test_what_is_left_goes_to_the_lab_and_the_holdout_gets_it(tmp_path: Path):
    program = PROGRAM.replace("## Time box", f"{SCORED}\n## Time box")
    project = make_project(tmp_path / "lab", program=program)
    (project / "evaluate.py").write_text(EVALUATE)
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=evaluation")
    text = "from pathlib import Path\nPath('answer.txt').write_text('3.0')\n"
    found = list(events(project, request(project, text, hands_over=True)))
    assert isinstance(ended := outcome(found), Measured) and ended.metric == 9.0
    left = [event for event in found if isinstance(event, Piece) and event.path != LOG]
    assert left == [Piece("answer.txt", 0, b"3.0")]
    found = list(events(project, request(project, text, task="holdout"), left))
    assert isinstance(held := outcome(found), Measured) and held.metric == 9.0
    forged = text + "Path('evaluate.py').write_text('print(\"loss: 0\")')\n"
    assert isinstance(ended := outcome(list(events(project, request(project, forged)))), Crashed)
    assert ended.cause == "protected"


@pytest.mark.parametrize("sandbox", ["auto", "off"])
def test_the_time_box_ends_all_that_a_run_started(lab: Path, sandbox: str):
    text = sleeper("4111.5") + "time.sleep(60)\n"
    edit = (lab / "program.md").read_text().replace("10 seconds, killed after 20", "1 seconds")
    (lab / "program.md").write_text(edit)
    assert isinstance(outcome(list(events(lab, request(lab, text, sandbox=sandbox)))), TimedOut)
    assert not alive("4111.5")


def test_a_task_that_is_called_off_leaves_nothing(lab: Path):
    with closing(events(lab, request(lab, sleeper("4222.5") + "time.sleep(60)\n"))) as found:
        assert any(isinstance(event, Piece) and b"begun" in event.data for event in found)
        assert alive("4222.5")
    assert not alive("4222.5")


def test_a_process_that_was_killed_has_no_result(lab: Path):
    with closing(events(lab, request(lab, sleeper("4333.5") + "time.sleep(60)\n"))) as found:
        assert any(isinstance(event, Piece) for event in found)
        post = [each for each in psutil.Process().children(recursive=True) if is_post(each)]
        assert len(post) == 2, "the process of the trial and its supervisor"
        post[1].kill()
        assert not any(isinstance(event, Result) for event in found)
    assert not alive("4333.5")


def test_a_hopeless_run_is_ended_on_the_node(lab: Path):
    curve = tuple((share / 10, 4.0 - share / 10) for share in range(1, 11))
    text = "import time\nfor i in range(1, 100):\n"
    text += "    print(f'progress: {i / 100} loss: 100.0', flush=True)\n    time.sleep(0.1)\n"
    wanted = request(lab, text, rule=PruningRule(curves=(curve,), number=0))
    assert isinstance(outcome(list(events(lab, wanted))), Pruned)


def test_no_key_of_the_node_reaches_a_run(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-to-be-seen")
    text = "import os\nprint(dict(os.environ))\nprint('loss: 1.0')\n"
    program = read(lab / "program.md", project=lab)
    environment = program.environment.model_copy(update={"variables": ("LIMIT",)})
    program = program.model_copy(update={"environment": environment})
    wanted = request(lab, text, variables={"LIMIT": "seven"}, program=program)
    log = written(list(events(lab, wanted)), tmp_path / "log.txt")
    assert "seven" in log and "not-to-be-seen" not in log


def test_a_node_with_another_version_says_so(lab: Path):
    (*_, last) = events(lab, request(lab, version="0.0.0"))
    assert isinstance(last, Result) and last.outcome is None
    assert last.failed.endswith("and the lab 0.0.0; install the same on every node")


def is_post(process: psutil.Process) -> bool:
    return any("runner.ray import worker" in argument for argument in process.cmdline())

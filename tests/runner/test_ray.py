"""Trials on a cluster: two nodes of Ray on this machine, real research, real deaths."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autoresearch_graph.core.experiment import Progress
from autoresearch_graph.errors import InputError
from autoresearch_graph.runner import detect
from tests.support.agreement import assert_agreement
from tests.support.cli import CLI, autoresearch
from tests.support.projects import PROGRAM, alive, git, make_gated, opened, run, sleeper
from tests.support.waiting import until

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="nodes are Linux machines"),
]
SCORED = """\
## Evaluation
Reads `answer.txt`.
```
python other.py
```

## Holdout
```
python other.py
```

## Time box
"""
ANSWER = """\
import os
Path("answer.txt").write_text(str(X))
print("given:", *map(os.environ.get, ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")))
"""
SCORE = """\
from pathlib import Path
print("loss:", (float(Path("answer.txt").read_text()) - 1.0) ** 2)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[SimpleNamespace]:
    pytest.importorskip("ray", reason="Ray is not installed")
    from ray.cluster_utils import Cluster

    made = Cluster()
    small: dict[str, Any] = {"num_cpus": 1, "num_gpus": 1, "object_store_memory": 80 * 2**20}
    made.add_node(include_dashboard=False, **small)
    second = made.add_node(**small)
    try:
        yield SimpleNamespace(
            on=f"ray:{made.address}",
            lose=lambda: made.remove_node(second, allow_graceful=False),
            second=second.node_id[:8],
        )
    finally:
        made.shutdown()


@pytest.fixture
def gated(tmp_path: Path, gate: Path) -> Path:
    program = PROGRAM.replace("## Time box\n", SCORED)
    project = make_gated(tmp_path / "project", gate, program=program, end=ANSWER)
    (project / "other.py").write_text(SCORE)
    git(project, "commit", "--quiet", "--all", "--message=score")
    return project


def test_what_ran_on_a_lost_node_runs_again_elsewhere(
    cluster: SimpleNamespace, gated: Path, gate: Path
):
    lines: dict[int, str] = {}
    lost: list[int] = []

    def show(progress: Progress) -> None:
        """Once both run, lose a node; once the lab knows, let everything end."""
        lines[progress.trial.number] = progress.line
        if not lost and lines.get(1) == lines.get(2) == "begun":
            cluster.lose()
            lost.append(1)
        if lost and "waiting for the cluster" in (lines[1], lines[2]):
            gate.touch()

    text = (gated / "asset.py").read_text()
    texts = [text.replace("X = 3.0", f"X = {x}") for x in (2.0, 4.0)]
    _, rows = run(gated, texts, on=cluster.on, workers=2, experiments=2, show=show)
    assert sorted(row.number for row in rows) == [0, 1, 2]
    assert {row.number: (row.status, row.metric) for row in rows if row.number} == {
        1: ("keep", 1.0),
        2: ("discard", 9.0),
    }
    ran = [row.trials[0] for row in rows if row.number]
    (again,) = [trial for trial in ran if trial.lost]
    (stayed,) = [trial for trial in ran if not trial.lost]
    assert [node.split()[-1] for node in again.lost] == [cluster.second]
    assert again.node == stayed.node != again.lost[0]
    assert {trial.sandbox for trial in ran} == {str(detect())}
    kept = gated / ".autoresearch/t/experiments/0001"
    assert json.loads((kept / "holdout.json").read_text())["metric"] == 1.0
    assert "given: 0 1\n" in (kept / "log.txt").read_text()
    assert_agreement(gated, "t")


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_a_lab_that_ends_leaves_nothing_on_the_nodes(
    cluster: SimpleNamespace, gated: Path, gate: Path, sign: signal.Signals
):
    """And a killed one goes on where it was."""
    mark = f"4444.{sign:d}"
    text = sleeper(mark) + (gated / "asset.py").read_text()
    (gated / "asset.py").write_text(text)
    git(gated, "commit", "--quiet", "--all", "--message=x")
    told = ["run", gated, "--tag", "t", "--experiments", 1, "--on", cluster.on]
    lab = subprocess.Popen([*CLI, *map(str, told)], stderr=subprocess.PIPE, text=True)
    log = gated / ".autoresearch/t/experiments/0001/log.txt"
    until(lambda: lab.poll() is not None or (log.exists() and "begun" in log.read_text()))
    assert alive(mark) and lab.poll() is None
    lab.send_signal(sign)
    error = lab.communicate()[1]
    assert lab.returncode == (130 if sign == signal.SIGINT else -sign), error
    until(lambda: not alive(mark))
    gate.touch()
    if sign == signal.SIGKILL:
        again = autoresearch(*told)
        assert (again.returncode, again.stderr) == (0, "")
        assert "done after 1 experiment" in again.stdout
        assert len(assert_agreement(gated, "t")) == 2


def test_the_best_is_verified_on_a_node(cluster: SimpleNamespace, gated: Path, gate: Path):
    gate.touch()
    text = (gated / "asset.py").read_text()
    run(gated, [text.replace("X = 3.0", "X = 2.0")], experiments=1)
    done = autoresearch("verify", gated, "--repeats", 2, "--on", cluster.on)
    assert "claimed \N{MINUS SIGN}3, replicated \N{MINUS SIGN}3 ± 0 (95 %, 2 and 2" in done.stdout
    assert not (gated / ".autoresearch/t/again").exists()
    assert_agreement(gated, "t")


def test_more_than_any_node_has_is_told_at_once(cluster: SimpleNamespace, gated: Path):
    told = "has 8 GPUs and 1 cores for a run (the largest has 1 and 1)"
    with pytest.raises(InputError, match=re.escape(told)), opened(gated, on=cluster.on, gpus=8):
        pass


@pytest.mark.parametrize(
    ("on", "told"),
    [
        ("slurm", "--on slurm: give ray, or ray:ADDRESS"),
        ("ray://127.0.0.1:10001", "--on ray:auto"),
        ("ray:127.0.0.1:1", "nothing answers at 127.0.0.1:1"),
        ("", "--gpus and --cpus need a cluster: --on ray"),
    ],
)
def test_a_cluster_that_cannot_be_had_is_one_sentence(gated: Path, on: str, told: str):
    if on:
        pytest.importorskip("ray", reason="Ray is not installed")
    with pytest.raises(InputError, match=told), opened(gated, on=on, gpus=1):
        pass
    assert not (gated / ".autoresearch").exists()


def test_without_ray_a_person_is_told_what_to_install(gated: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    told = re.escape("pip install 'autoresearch-graph[ray]'")
    with pytest.raises(InputError, match=told), opened(gated, on="ray"):
        pass

"""The evaluation cannot be touched: assets that try to mark their own work."""

import filecmp
import os
import shutil
from pathlib import Path

import pytest

from autoresearch_graph.core.experiment import Crashed, Experiment, Measured
from autoresearch_graph.runner.handover import LARGEST, Unusable, clear, hand_over
from autoresearch_graph.runner.local import EvaluationCheckout
from tests.support.evaluations import EVALUATE, EVALUATION, HONEST, evaluated_project
from tests.support.projects import opened, run


def judged(
    folder: Path, text: str, *, evaluation: str = EVALUATION, evaluate: str = EVALUATE
) -> Experiment:
    """What becomes of one text of the asset after an honest baseline of loss 4."""
    project = evaluated_project(folder, evaluation=evaluation, evaluate=evaluate)
    _, experiments = run(project, [text])
    assert experiments[0].metric == 4.0
    return experiments[1]


def reason(experiment: Experiment) -> str:
    assert experiment.status == "crash"
    assert isinstance(experiment.trials[0], Crashed)
    return experiment.reason


def test_a_forged_metric_is_ignored_where_there_is_an_evaluation(tmp_path: Path):
    forged = HONEST + "print('loss: 0.0')\nprint('METRIC loss=0')\nprint('{\"loss\": 0}')\n"
    experiment = judged(tmp_path, forged)
    assert (experiment.status, experiment.metric) == ("discard", 4.0)
    assert not experiment.self_reported
    assert experiment.metrics["loss"] == 4.0


def test_a_result_of_an_earlier_run_is_not_evaluated_again(tmp_path: Path):
    assert "the run left no `answer.txt`" in reason(judged(tmp_path, "print('loss: 0.0')\n"))


def test_what_a_check_leaves_is_no_result_of_the_run(tmp_path: Path):
    check = "## Check\n`python asset.py --check`\n\n"
    lazy = (
        "import sys\nfrom pathlib import Path\n"
        "if '--check' in sys.argv:\n"
        "    Path('learned.txt').touch()\n    Path('answer.txt').write_text('1')\n"
        "print('learned:', int(Path('learned.txt').exists()))\n"
    )
    experiment = judged(tmp_path, lazy, evaluation=check + EVALUATION)
    assert "the run left no `answer.txt`" in reason(experiment)
    log = tmp_path / "project/.autoresearch/t/experiments/0001/log.txt"
    assert log.read_text().split() == [
        *("$", "python", "asset.py", "--check", "learned:", "1"),
        *("$", "python", "asset.py", "learned:", "0"),
    ]


@pytest.mark.parametrize(
    "trick",
    [
        "os.symlink('truth.txt', 'answer.txt')",
        "os.link('truth.txt', 'answer.txt')",
        "os.mkfifo('answer.txt')",
        "os.mkdir('answer.txt')",
    ],
)
def test_only_a_plain_file_is_handed_over(tmp_path: Path, trick: str):
    told = reason(judged(tmp_path, f"import os\n{trick}\n"))
    assert "the run left `answer.txt` as" in told


def test_an_artifact_with_holes_fills_no_disk(tmp_path: Path):
    (tmp_path / "run").mkdir()
    (tmp_path / "evaluation").mkdir()
    with (tmp_path / "run" / "model").open("wb") as file:
        file.write(b"head")
        file.truncate(2**28)
        file.seek(0, os.SEEK_END)
        file.write(b"tail")
        file.truncate(2**28 + 2**20)
    hand_over(["model"], source=tmp_path / "run", target=tmp_path / "evaluation")
    old, new = tmp_path / "run" / "model", tmp_path / "evaluation" / "model"
    assert filecmp.cmp(old, new, shallow=False)
    assert new.stat().st_blocks * 512 < 2**24


def test_an_artifact_that_takes_most_of_the_disk_is_not_handed_over(tmp_path: Path):
    free = shutil.disk_usage(tmp_path).free
    if free > LARGEST:
        pytest.skip("no file that may be handed over is so large here")
    os.truncate(os.open(tmp_path / "model", os.O_CREAT | os.O_RDWR), int(free * 0.9))
    (tmp_path / "evaluation").mkdir()
    with pytest.raises(Unusable, match="too much for the disk"):
        hand_over(["model"], source=tmp_path, target=tmp_path / "evaluation")


def test_a_link_on_the_way_to_an_artifact_is_not_followed(tmp_path: Path):
    evaluation = EVALUATION.replace("answer.txt", "out/answer.txt")
    evaluate = EVALUATE.replace("answer.txt", "out/answer.txt")
    honest = "import os\nos.makedirs('out')\nopen('out/answer.txt', 'w').write('3')\n"
    linked = "import os\nos.symlink('..', 'out')\nopen('answer.txt', 'w').write('1')\n"
    project = evaluated_project(tmp_path, evaluation=evaluation, evaluate=evaluate, text=honest)
    _, experiments = run(project, [linked])
    assert experiments[0].metric == 4.0
    assert "as no plain file" in reason(experiments[1])


def test_what_a_check_linked_in_the_way_of_an_artifact_is_not_deleted_through(tmp_path: Path):
    (tmp_path / "project-of-somebody").mkdir()
    theirs = tmp_path / "project-of-somebody" / "answer.txt"
    theirs.write_text("mine")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "out").symlink_to(theirs.parent)
    clear(["out/answer.txt", "gone/answer.txt"], folder=tmp_path / "run")
    assert theirs.read_text() == "mine"
    assert not (tmp_path / "run" / "out").is_symlink()


def test_an_asset_that_changes_the_evaluator_is_caught_and_measured_by_the_committed_one(
    tmp_path: Path,
):
    cheat = HONEST + "Path('evaluate.py').write_text('print(\"loss: 0\")')\n"
    assert "changed evaluate.py, which is protected" in reason(judged(tmp_path, cheat))


def test_modules_that_a_run_leaves_beside_the_evaluator_are_not_imported(tmp_path: Path):
    planted = HONEST + "Path('pathlib.py').write_text('print(\"loss: 0\"); raise SystemExit')\n"
    planted += "Path('sitecustomize.py').write_text('print(\"loss: 0\")')\n"
    assert judged(tmp_path, planted).metric == 4.0


def test_what_was_written_into_the_evaluations_folder_is_gone_when_it_begins(tmp_path: Path):
    folder = "Path('../evaluation/')"
    planted = HONEST + (
        f"try:\n    {folder}.mkdir(exist_ok=True)\n"
        f"    ({folder} / 'pathlib.py').write_text('print(\"loss: 0\"); raise SystemExit')\n"
        f"    ({folder} / 'evaluate.py').write_text('print(\"loss: 0\")')\n"
        "except OSError:\n    pass\n"
    )
    assert judged(tmp_path, planted).metric == 4.0


def test_an_artifact_that_is_too_large_is_refused_before_it_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("autoresearch_graph.runner.handover.LARGEST", 100)
    told = reason(judged(tmp_path, "open('answer.txt', 'w').truncate(101)\n"))
    assert told.startswith("the run left `answer.txt` with")


def test_an_evaluation_that_imports_the_asset_gets_its_committed_text(tmp_path: Path):
    evaluation = "## Evaluation\n`python evaluate.py`\n"
    evaluate = "import asset\nprint(f'loss: {(asset.X - 1) ** 2}')\n"
    changing = "X = 2.0\nif __name__ == '__main__':\n    open(__file__, 'w').write('X = 1.0')\n"
    project = evaluated_project(
        tmp_path, evaluation=evaluation, evaluate=evaluate, text="X = 3.0\n"
    )
    _, experiments = run(project, [changing])
    assert [experiment.metric for experiment in experiments] == [4.0, 1.0]


def test_where_artifacts_are_named_there_is_no_asset_to_import(tmp_path: Path):
    project = evaluated_project(tmp_path, evaluate="import asset\n" + EVALUATE)
    _, experiments = run(project, [])
    assert "No module named 'asset'" in reason(experiments[0])


def test_an_evaluation_goes_on_after_its_folder_was_destroyed(tmp_path: Path):
    project = evaluated_project(tmp_path)
    with opened(project) as lab:
        evaluations = EvaluationCheckout(lab.workspace, tmp_path / "evaluation")
        checkout = evaluations.fresh(lab.program.current, "")
        (checkout.folder / "evaluate.py").unlink()
        (checkout.folder / ".git").unlink()
        again = evaluations.fresh(lab.program.current, "")
        assert (again.folder / "evaluate.py").read_text() == EVALUATE
        assert not (again.folder / "asset.py").exists()


def test_the_run_may_be_slow_and_the_evaluation_is_not_part_of_its_seconds(tmp_path: Path):
    slow = "import time; time.sleep(3)\n"
    experiment = judged(tmp_path, HONEST + "print('done')", evaluate=slow + EVALUATE)
    assert isinstance(experiment.trials[0], Measured)
    assert experiment.seconds < 3

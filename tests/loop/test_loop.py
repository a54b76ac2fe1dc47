"""The whole loop by the front door: real git, runs and SQLite; only ideas are scripted."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver

from autoresearch_graph import research
from autoresearch_graph.core.experiment import Experiment
from autoresearch_graph.errors import WorkspaceError
from autoresearch_graph.graph import build_graph
from tests.support.agreement import assert_agreement
from tests.support.projects import ASSET, PROGRAM, asset, git, make_project, opened, run
from tests.support.texts import BEST, BETTER, WORSE


def statuses(experiments: Sequence[Experiment]) -> list[str]:
    return [experiment.status for experiment in experiments]


def test_better_is_kept_worse_and_equal_are_reverted_and_a_crash_is_told(project: Path):
    texts = [BETTER, WORSE, BETTER + "# the same value\n", "import nothing_like_it\n", BEST]
    reason, experiments = run(project, texts)
    assert statuses(experiments) == ["keep", "keep", "discard", "discard", "crash", "keep"]
    assert reason == "the script is at its end"
    assert "tie" in experiments[3].reason
    assert "nothing_like_it" in experiments[4].reason
    assert_agreement(project, "t")
    kept = git(project, "log", "--format=%s", "main..autoresearch/t").splitlines()
    assert kept == ["line 5 of the script", "line 1 of the script"]
    assert git(project, "show", "autoresearch/t:asset.py") == BEST.strip()


def test_a_text_that_no_parser_gets_through_is_not_run(project: Path):
    reason, experiments = run(project, ["X = " + "-" * 20_000 + "1\n", BETTER])
    assert reason == "the script is at its end"
    assert statuses(experiments) == ["keep", "discard", "keep"]
    assert experiments[1].reason.startswith("not run: asset.py does not parse")


def test_the_worktree_holds_the_incumbent_when_the_research_rests(project: Path):
    run(project, [BETTER, WORSE])
    worktree = project / ".autoresearch" / "t" / "worktree"
    assert (worktree / "asset.py").read_text() == BETTER


def test_the_persons_files_and_branch_are_untouched_while_they_go_on_editing(project: Path):
    (project / "asset.py").write_text("# half an idea\n")
    (project / "notes.txt").write_text("untracked")
    before = git(project, "status", "--porcelain"), git(project, "rev-parse", "HEAD")
    run(project, [BETTER, WORSE])
    assert (git(project, "status", "--porcelain"), git(project, "rev-parse", "HEAD")) == before
    assert (project / "asset.py").read_text() == "# half an idea\n"


def test_a_model_whose_proposal_changes_a_protected_file_ends_the_research_until_it_is_run_again(
    project: Path,
):
    attempt = "open('other.py', 'w').write('x')\nprint('loss: 0.1')\n"
    reason, experiments = run(project, [attempt, BETTER])
    assert statuses(experiments) == ["keep", "crash"]
    assert experiments[1].trials[0].cause == "protected"
    assert reason.startswith("stopped after experiment 1") and "other.py" in reason
    assert_agreement(project, "t")
    _, experiments = run(project, [attempt, BETTER])
    assert statuses(experiments) == ["keep", "crash", "keep"]
    assert_agreement(project, "t")


@pytest.mark.parametrize(
    ("text", "cause", "told"),
    [
        ("print('loss: nan')\n", "not finite", "nan"),
        ("print('loss: inf')\n", "not finite", "inf"),
        ("print('hello')\n", "no metric", "loss"),
        ("print('loss: 0.1')\nraise SystemExit(3)\n", "exit", "3"),
        ("exec('def broken(:')\n", "syntax", "SyntaxError"),
        ("import os\nprint('loss: 0.1', flush=True)\nos.abort()\n", "signal", "SIGABRT"),
    ],
)
def test_a_run_without_an_honest_number_is_a_crash(project: Path, text: str, cause: str, told: str):
    _, experiments = run(project, [text, BETTER])
    assert statuses(experiments) == ["keep", "crash", "keep"]
    assert experiments[1].trials[0].cause == cause
    assert told.lower() in experiments[1].reason.lower()
    assert experiments[1].metric is None


def test_a_run_that_outlives_its_limit_is_a_crash_and_the_loop_goes_on(tmp_path: Path):
    program = PROGRAM.replace("10 seconds, killed after 20 seconds", "1 second, killed after 1 s")
    project = make_project(tmp_path / "p", program=program)
    _, experiments = run(project, ["import time\ntime.sleep(60)\n", BETTER])
    assert statuses(experiments) == ["keep", "crash", "keep"]
    assert experiments[1].trials[0].kind == "timed out"


def test_the_number_of_experiments_is_a_limit_that_flags_narrow(project: Path):
    texts = [asset(3.0 - n / 10) for n in range(1, 9)]
    reason, experiments = run(project, texts, experiments=3)
    assert reason == "done after 3 experiments"
    assert len(experiments) == 4
    reason, experiments = run(project, texts, experiments=5)
    assert (reason, len(experiments)) == ("done after 5 experiments", 6)
    assert_agreement(project, "t")


def test_a_finished_research_stays_finished_when_it_is_run_again(project: Path):
    run(project, [BETTER], experiments=1)
    before = (project / ".autoresearch/t/experiments.jsonl").read_bytes()
    assert run(project, [BETTER], experiments=1)[0] == "done after 1 experiment"
    assert (project / ".autoresearch/t/experiments.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("criterion", "reason"),
    [
        ("2 experiments without improvement", "2 experiments without improvement"),
        ("target: `loss` below 0.5", "reached the target"),
    ],
)
def test_the_criteria_of_program_md_stop_the_research(tmp_path: Path, criterion: str, reason: str):
    program = PROGRAM.replace("- 30 experiments", f"- 30 experiments\n- {criterion}")
    project = make_project(tmp_path / "p", program=program)
    texts = [WORSE, BETTER, asset(1.5), WORSE, WORSE + "#\n", BEST, BEST + "#\n"]
    told, experiments = run(project, texts)
    assert reason in told
    assert len(experiments) < 7


def test_a_person_steers_by_editing_program_md_and_what_is_frozen_stays(project: Path):
    notices: list[str] = []
    path = project / "program.md"
    edited = PROGRAM.replace("30 experiments", "2 experiments").replace("lower", "higher")

    def watch(node: str, update: dict) -> None:
        if node == "keep":
            path.write_text(edited)

    with opened(project, [BETTER, WORSE, BEST]) as lab:
        lab.host.tell = notices.append
        assert research.run(lab, watch) == "done after 2 experiments"
        assert statuses(lab.ledger.experiments) == ["keep", "keep", "discard"]
    assert len(notices) == 1 and "metric" in notices[0]


def test_a_program_md_that_breaks_in_the_middle_is_told_and_the_last_good_one_used(project: Path):
    notices: list[str] = []
    with opened(project, [BETTER, BEST]) as lab:
        lab.host.tell = notices.append
        (project / "program.md").write_text("")
        research.run(lab)
        assert len(lab.ledger.experiments) == 3
    assert len(notices) == 1 and "last good" in notices[0]


def test_a_lost_checkpoint_is_rebuilt_from_the_ledger(project: Path):
    run(project, [BETTER, WORSE], experiments=2)
    (project / ".autoresearch/t/checkpoints.sqlite").unlink()
    _, experiments = run(project, [BETTER, WORSE, BEST])
    assert statuses(experiments) == ["keep", "keep", "discard", "keep"]
    assert_agreement(project, "t")


def test_a_baseline_that_crashes_ends_the_research_with_its_reason(tmp_path: Path):
    project = make_project(tmp_path / "p", text="raise SystemExit('no data')\n")
    reason, experiments = run(project, [BETTER])
    assert "baseline" in reason
    assert statuses(experiments) == ["crash"]
    assert "no data" in experiments[0].reason


def test_two_processes_cannot_work_on_one_research(project: Path):
    told = pytest.raises(WorkspaceError, match="running in another process")
    with opened(project), told, opened(project):
        pass


def test_a_second_research_of_another_name_does_not_see_the_first(project: Path):
    run(project, [BETTER], experiments=1)
    from autoresearch_graph.opening import open_lab
    from autoresearch_graph.settings import Settings
    from tests.support.projects import Scripted

    lab = open_lab(Settings(project=project, tag="u"), proposer=Scripted([BEST]))
    try:
        research.run(lab)
        assert statuses(lab.ledger.experiments) == ["keep", "keep"]
    finally:
        lab.close()
    assert git(project, "rev-parse", "autoresearch/t") != git(
        project, "rev-parse", "autoresearch/u"
    )


def test_from_a_notebook_one_invocation_goes_on_until_a_criterion_is_met(project: Path):
    with opened(project, [BETTER, WORSE, BEST], experiments=3) as lab:
        graph = build_graph(lambda context, state: lab, checkpointer=InMemorySaver())
        begin: Any = {}
        thread: RunnableConfig = {"configurable": {"thread_id": "notebook"}}
        result = graph.invoke(begin, thread, durability="sync")
    assert result["stop"] == "done after 3 experiments"
    assert result["incumbent"]["number"] == 3
    assert len(list(graph.get_state_history(thread))) > 20


@pytest.mark.parametrize("halt", ["propose", "train", "collect", "judge", "keep", "revert"])
def test_an_invocation_that_was_abandoned_after_any_node_can_be_begun_anew(
    project: Path, halt: str
):
    with opened(project, [WORSE, BETTER], experiments=2) as lab:
        graph = build_graph(lambda context, state: lab, checkpointer=InMemorySaver())
        begin: Any = {}
        thread: RunnableConfig = {"configurable": {"thread_id": "studio"}}
        for update in graph.stream(begin, thread, stream_mode="updates"):
            if halt in update:
                break
        assert graph.invoke(begin, thread)["stop"] == "done after 2 experiments"
        assert statuses(lab.ledger.experiments) == ["keep", "discard", "keep"]


def test_the_state_holds_no_history_and_the_checkpoints_stay_small(project: Path):
    texts = [asset(3.0 - n / 100) for n in range(1, 41)]
    program = (project / "program.md").read_text().replace("30 exp", "40 exp")
    (project / "program.md").write_text(program)
    run(project, texts)
    database = project / ".autoresearch/t/checkpoints.sqlite"
    assert database.stat().st_size < 41 * 25_000
    connection = sqlite3.connect(database)
    largest, count = connection.execute(
        "select max(length(checkpoint)), count(*) from checkpoints"
    ).fetchone()
    connection.close()
    assert largest < 8_000 and count < 100


def test_what_lies_in_the_checkpoint_needs_no_class_of_ours_to_be_read(project: Path):
    run(project, [BETTER], experiments=1)
    script = (
        "import sqlite3, sys, json\n"
        "from langgraph.checkpoint.sqlite import SqliteSaver\n"
        "saver = SqliteSaver(sqlite3.connect(sys.argv[1]))\n"
        "saved = saver.get_tuple({'configurable': {'thread_id': 't'}})\n"
        "print(json.dumps(saved.checkpoint['channel_values']))\n"
    )
    database = str(project / ".autoresearch/t/checkpoints.sqlite")
    done = subprocess.run(
        [sys.executable, "-c", script, database], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["incumbent"]["metric"] == 1.0
    assert done.stderr == ""


def test_a_project_in_a_folder_of_a_larger_repository(tmp_path: Path):
    repository = tmp_path / "repo"
    project = repository / "examples" / "small"
    project.mkdir(parents=True)
    (project / "program.md").write_text(PROGRAM)
    (project / "asset.py").write_text(ASSET)
    (repository / "README").write_text("x")
    git(repository, "init", "--quiet", "--initial-branch=main")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message=start")
    _, experiments = run(project, [BETTER, WORSE])
    assert statuses(experiments) == ["keep", "keep", "discard"]
    assert git(repository, "status", "--porcelain") == ""
    changed = git(repository, "diff", "--name-only", "main", "autoresearch/t")
    assert changed == "examples/small/asset.py"

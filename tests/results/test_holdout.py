"""Holdout, verify and replay: what is looked at beside the metric, and who may see it."""

import html
import json
import random
import re
from pathlib import Path

import pytest

from autoresearch_graph import research
from autoresearch_graph.core.brief import Brief
from autoresearch_graph.core.experiment import Crashed, Measured
from autoresearch_graph.core.program import Flags, Program, Stopping, TimeBox
from autoresearch_graph.core.values import Metric
from autoresearch_graph.errors import InputError
from autoresearch_graph.opening import open_lab
from autoresearch_graph.report import write_report
from autoresearch_graph.results.records import Records, find
from autoresearch_graph.results.verify import replay, verify
from autoresearch_graph.runner.leakage import oracle_of_hidden
from autoresearch_graph.settings import Settings
from autoresearch_graph.storage.manifest import lock
from autoresearch_graph.templates import make_project
from tests.support.cli import autoresearch
from tests.support.evaluations import EVALUATE, EVALUATION, HONEST, evaluated_project
from tests.support.experiments import experiment
from tests.support.projects import Scripted, git, opened

HOLDOUT = """\
## Holdout
```
python holdout.py
```
"""
# What is good for the evaluation up to 2 is good for the holdout; beyond that it is overfitted.
HOLD = """\
from pathlib import Path
answer = float(Path("answer.txt").read_text())
print(f"loss: {(answer - 2) ** 2 + 10}")
"""
NOISY = """\
import os, random
from pathlib import Path
random.seed(os.environ["AUTORESEARCH_SEED"])
Path("answer.txt").write_text(str(3.0 + random.gauss(0, 0.01)))
"""


def answer(number: float) -> str:
    return HONEST.replace("3.0", str(number))


def held_project(folder: Path, text: str = HONEST) -> Path:
    project = evaluated_project(folder, evaluation=EVALUATION + HOLDOUT, text=text)
    (project / "holdout.py").write_text(HOLD)
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=holdout")
    return project


def run(project: Path, texts: list[str]) -> None:
    with opened(project, texts) as lab:
        research.run(lab)


# ---------------------------------------------------------------- the holdout
def test_the_holdout_runs_on_what_is_kept_and_on_nothing_else(tmp_path: Path):
    project = held_project(tmp_path)
    run(project, [answer(9.0), answer(2.0), "raise SystemExit(1)"])
    folders = [project / ".autoresearch" / "t" / "experiments" / f"000{n}" for n in range(4)]
    answers = [folder / "holdout.json" for folder in folders]
    assert [each.exists() for each in answers] == [True, False, True, False]
    assert [json.loads(answers[n].read_text())["metric"] for n in (0, 2)] == [11.0, 10.0]
    assert not any((folder / "handed-over").exists() for folder in folders)


def test_a_proposer_sees_nothing_of_the_holdout(tmp_path: Path):
    class Curious(Scripted):
        seen = ""

        def propose(self, brief: Brief):
            rows = [experiment.model_dump_json() for experiment in brief.ledger]
            logs = [brief.history.log(n) + brief.history.diff(n) for n in range(brief.number)]
            self.seen += "\n".join(rows + logs)
            return super().propose(brief)

    project = held_project(tmp_path)
    proposer = Curious([answer(2.0), answer(1.0)])
    lab = open_lab(Settings(project=project, tag="t", flags=Flags()), proposer=proposer)
    try:
        research.run(lab)
    finally:
        lab.close()
    assert "4.0" in proposer.seen
    assert "11.0" not in proposer.seen and "holdout" not in proposer.seen.lower()


def test_status_and_report_warn_where_metric_and_holdout_part(tmp_path: Path, capsys):
    project = held_project(tmp_path)
    run(project, [answer(2.0)])
    records = find(Settings(project=project, tag="t"))
    assert records.holdout_and_replication() == ["on the holdout 11 → 10 (better by 1)"]
    assert "Metric and holdout disagree" not in write_report(records).read_text()
    run(project, [answer(2.0), answer(1.0)])
    records = find(Settings(project=project, tag="t"))
    assert "the holdout did not" in records.holdout_and_replication()[0]
    assert "Metric and holdout disagree" in write_report(records).read_text()
    assert "the holdout did not" in autoresearch("status", project).stdout


def test_a_holdout_that_fails_changes_no_verdict_and_says_why(tmp_path: Path):
    project = held_project(tmp_path)
    (project / "holdout.py").write_text("raise SystemExit('no data')")
    git(project, "commit", "--quiet", "--all", "--message=broken")
    run(project, [answer(2.0)])
    records = find(Settings(project=project, tag="t"))
    assert [e.status for e in records.experiments] == ["keep", "keep"]
    assert records.held_out is None
    assert "no data" in records.file(1, "holdout.json")
    (told,) = records.holdout_and_replication()
    assert told.startswith("the holdout gave no number for the baseline: ") and "no data" in told
    page = write_report(records).read_text()
    assert "The holdout gave no number for the baseline: " in page and "no data" in page


def test_a_holdout_that_has_its_answer_is_not_asked_again_after_a_kill(tmp_path: Path):
    project = held_project(tmp_path)
    run(project, [answer(2.0)])
    kept = project / ".autoresearch" / "t" / "experiments" / "0001"
    before = (kept / "holdout.json").read_text(), (kept / "holdout.txt").stat().st_mtime_ns
    with opened(project) as lab:
        proposal = lab.workspace.proposal(1)
        assert proposal
        lab.pool.run_holdout(proposal, lab.program.current)
    after = (kept / "holdout.json").read_text(), (kept / "holdout.txt").stat().st_mtime_ns
    assert before == after


# ---------------------------------------------------------------- verify and replay
def test_verify_runs_both_in_turn_and_gives_the_gain_with_its_interval(tmp_path: Path):
    project = held_project(tmp_path, text=NOISY)
    run(project, [NOISY.replace("3.0", "2.0")])
    refs, ledger = everything(project)
    told: list[str] = []
    result = verify(Settings(project=project, tag="t"), repeats=3, tell=told.append)
    assert [line.split(",")[0] for line in told] == [f"experiment {n}" for n in (0, 1, 1, 0, 0, 1)]
    assert abs(result.replicated + 3) < 0.2
    assert 0 < result.half_width < 0.2
    assert re.fullmatch(
        r"claimed .(2\.9|3)\d*, replicated .(2\.9|3)\d* ± 0\.\d+ \(95 %, 3 and 3 fresh runs\)",
        str(result),
    )
    assert everything(project) == (refs, ledger)
    assert "again" not in git(project, "worktree", "list")
    assert (
        f"Run again afterwards: {result}"
        in write_report(find(Settings(project=project, tag="t"))).read_text()
    )


def everything(project: Path) -> tuple[str, str]:
    ledger = project / ".autoresearch" / "t" / "experiments.jsonl"
    return git(project, "for-each-ref"), ledger.read_text()


def test_a_gain_that_was_luck_is_told_as_such(tmp_path: Path):
    project = held_project(tmp_path, text=NOISY)
    lucky = "\nif os.environ['AUTORESEARCH_SEED'] == '0': Path('answer.txt').write_text('1')\n"
    run(project, [NOISY + lucky])
    result = verify(Settings(project=project, tag="t"), repeats=3)
    assert result.claimed < -3
    warning = result.warning(find(Settings(project=project, tag="t")).program.metric)
    assert warning.startswith("the interval contains 0")


def test_verify_on_the_template_finds_what_it_claimed_for_the_same_file_gives_the_same(
    tmp_path: Path,
):
    make_project(tmp_path / "shops")
    assert autoresearch("run", tmp_path / "shops", "--experiments", "3").returncode == 0
    done = autoresearch("verify", tmp_path / "shops", "--repeats", "2")
    assert done.returncode == 0
    claimed, replicated = re.findall(r"(?:claimed|replicated) ([^\s,]+)", done.stdout)
    assert claimed == replicated
    assert "± 0 (95 %" in done.stdout
    again = autoresearch("replay", "0", tmp_path / "shops")
    assert "experiment 0 (keep): was 51.519; is 51.519" in again.stdout


def test_a_crash_is_replayed_as_a_crash(tmp_path: Path):
    project = held_project(tmp_path)
    run(project, ["raise SystemExit('broken')"])
    told = replay(Settings(project=project, tag="t"), 1)
    assert told.count("exit code 1: broken") == 2


def test_a_research_that_runs_is_not_disturbed(tmp_path: Path):
    project = held_project(tmp_path)
    run(project, [answer(2.0)])
    with lock(project / ".autoresearch" / "t"):
        for look in (lambda s: verify(s, repeats=2), lambda s: replay(s, 0)):
            with pytest.raises(InputError, match="is running in another process"):
                look(Settings(project=project, tag="t"))


def test_what_cannot_be_looked_at_again_is_an_input_error(tmp_path: Path):
    project = held_project(tmp_path)
    run(project, [answer(9.0)])
    with pytest.raises(InputError, match="kept nothing that could be verified"):
        verify(Settings(project=project, tag="t"), repeats=2)
    with pytest.raises(InputError, match="no experiment 7"):
        replay(Settings(project=project, tag="t"), 7)


@pytest.mark.parametrize("options", [[], ["--squash"]])
def test_a_holdout_that_fell_back_vetoes_adopt_until_it_is_overruled(
    tmp_path: Path, options: list[str]
):
    project = held_project(tmp_path)
    run(project, [answer(2.0), answer(1.0)])
    head = git(project, "rev-parse", "main")
    if options:
        git(project, "commit", "--quiet", "--allow-empty", "--message=meanwhile")
        head = git(project, "rev-parse", "main")
    refused = autoresearch("adopt", project, *options)
    assert refused.returncode == 2 and len(refused.stderr.splitlines()) == 1
    assert "the holdout did not" in refused.stderr and "--despite-holdout" in refused.stderr
    assert git(project, "rev-parse", "main") == head
    assert autoresearch("adopt", project, "--despite-holdout", *options).returncode == 0
    assert (project / "asset.py").read_text() == answer(1.0)
    assert "already" in autoresearch("adopt", project, *options).stdout


def test_a_holdout_that_got_better_lets_adopt_through(tmp_path: Path):
    project = held_project(tmp_path)
    run(project, [answer(2.0)])
    adopted = autoresearch("adopt", project)
    assert adopted.returncode == 0 and "better by 1" in adopted.stdout


def test_a_holdout_that_broke_for_what_was_kept_vetoes_adopt(tmp_path: Path):
    project = held_project(tmp_path)
    hold = HOLD.replace("print", "assert answer > 2.5\nprint")
    (project / "holdout.py").write_text(hold)
    git(project, "commit", "--quiet", "--all", "--message=stricter")
    run(project, [answer(2.0)])
    refused = autoresearch("adopt", project)
    assert refused.returncode == 2
    assert "the holdout gave no number for experiment 1" in refused.stderr


# ---------------------------------------------------------------- a test set that can be read off
@pytest.mark.parametrize(
    ("rows", "experiments", "said", "warned"),
    [
        (48, 20, "", "bits of labels.csv under Hidden and a metric told in 1,000,000 steps"),
        (2000, 20, "", ""),
        (48, 2, "", ""),
        (48, 30, "## Noise\nminimum improvement 0.001\n", "and a metric told in 1,000 steps"),
        (48, 20, "## Noise\nminimum improvement 0.5\n", ""),
    ],
)
def test_check_warns_where_hidden_rows_can_be_read_off(
    tmp_path: Path, rows: int, experiments: int, said: str, warned: str
):
    hidden = f"{EVALUATION}## Hidden\n- `labels.csv`\n\n{said}"
    project = evaluated_project(tmp_path, evaluation=hidden)
    labels = (str(random.Random(number).randint(0, 1)) for number in range(rows))
    (project / "labels.csv").write_text("\n".join(labels))
    told = autoresearch("check", project, "--experiments", str(experiments)).stdout
    flat = " ".join(told.split())
    assert (warned in flat) if warned else ("read them off" not in flat)


@pytest.mark.parametrize("name", ["answers", "answers/*.csv", "answers/**/*", "answers/a"])
def test_hidden_rows_can_be_read_off_in_any_kind_of_file(tmp_path: Path, name: str):
    (tmp_path / "answers").mkdir()
    for file in ("a", "b.csv"):
        (tmp_path / "answers" / file).write_text("1 0 0 1")
    program = Program(
        path=tmp_path / "program.md", text="", asset="a.py", evaluation="x", hidden=(name,),
        metric=Metric(name="loss", direction="lower"), experiment="x",
        time_box=TimeBox(seconds=1, kill_after=2), stopping=Stopping(experiments=50),
    )  # fmt: skip
    assert f"bits of {name} under Hidden" in oracle_of_hidden(program, tmp_path)

    for file in ("a", "b.csv"):
        (tmp_path / "answers" / file).write_bytes(bytes(10**6 + 1))
    assert not oracle_of_hidden(program, tmp_path)


def test_the_report_warns_where_answers_that_are_right_or_wrong_can_be_read_off(tmp_path: Path):
    items = "print('loss_items:', [0, 1] * 20)\n"
    project = evaluated_project(tmp_path, evaluate=EVALUATE + items)
    run(project, [answer(2.0)])
    page = write_report(find(Settings(project=project, tag="t"))).read_text()
    assert "40 items and a metric told in 41 steps: as few as 8 experiments" in page


RULES = Program(
    path=Path("program.md"), text="", asset="a.py", metric=Metric(name="loss", direction="lower"),
    experiment="python a.py", time_box=TimeBox(seconds=1, kill_after=2),
)  # fmt: skip
TIED = Measured(metric=0.5, metrics={"loss": 0.5, "training_seconds": 1.0})


@pytest.mark.parametrize(
    ("runs", "is_told"),
    [
        ([TIED] * 6, True),
        ([TIED.model_copy(update={"seconds": n, "memory_gb": n}) for n in range(6)], True),
        ([Measured(metric=0.5, metrics={"training_seconds": n}) for n in range(6)], True),
        ([TIED] * 5, False),
        ([*[TIED] * 6, Measured(metric=0.25)], False),
        ([*[TIED] * 6, Crashed(cause="exit", reason="boom")], False),
        ([*[TIED] * 6, TIED.model_copy(update={"metrics": {"loss": 0.5, "steps": 7.0}})], False),
        ([*[TIED] * 6, TIED.model_copy(update={"items": (0.0, 1.0)})], False),
        ([Crashed(cause="exit", reason="boom")] * 6, False),
    ],
)
def test_an_asset_that_seems_never_to_be_read_is_told(tmp_path: Path, runs, is_told):
    """A coarse metric beside another figure that changes is no reason for doubt."""
    rows = [
        experiment(n, status="discard" if n else "keep", metric=0.5, trials=(run,))
        for n, run in enumerate(runs)
    ]
    records = Records(folder=tmp_path, base="", program=RULES, experiments=rows)
    told = f"{len(runs) - 1} of {len(runs) - 1} experiments gave exactly the baseline's figure: "
    told += "does the command read a.py?"
    assert (told in records.summary()) == is_told
    assert (told in html.unescape(write_report(records).read_text())) == is_told


def test_a_night_on_an_asset_that_is_not_read_says_so_in_its_last_line(project: Path):
    (project / "asset.py").write_text("X = 3.0\n")
    (project / "other.py").write_text("print('loss: 4.5')\n")
    text = (project / "program.md").read_text().replace("python asset.py", "python other.py")
    (project / "program.md").write_text(text)
    git(project, "commit", "--quiet", "--all", "--message=other")
    done = autoresearch("run", project, "--experiments", "5", "--tag", "t")
    told = "5 of 5 experiments gave exactly the baseline's figure: does the command read asset.py?"
    assert told in done.stdout.splitlines()[-1]
    assert told in autoresearch("status", project).stdout

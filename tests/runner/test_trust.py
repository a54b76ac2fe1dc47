"""What a model may know of an evaluation, and the mark of a metric that no sandbox protected."""

import json
from pathlib import Path

import pytest

from autoresearch_graph import research
from autoresearch_graph.core.brief import Brief
from autoresearch_graph.core.experiment import Experiment
from autoresearch_graph.core.program import Flags
from autoresearch_graph.core.text import without_keys
from autoresearch_graph.opening import open_lab
from autoresearch_graph.proposers.llm.prompt import user
from autoresearch_graph.runner import detect
from autoresearch_graph.settings import Settings
from tests.support.cli import autoresearch
from tests.support.evaluations import EVALUATE, EVALUATION, HONEST, evaluated_project
from tests.support.projects import PROGRAM, Scripted, git, make_project, run

LEAKS = {
    "raise ValueError(f'label {truth}')": "ValueError in evaluate.py",
    "raise SystemExit(f'label {truth}')": "exit code 1",
    "print(f'label {truth}'); raise SystemExit(3)": "exit code 3",
    "print(f'loss is label {truth}'); raise SystemExit(0)": "it gave no number",
    "import warnings; warnings.warn(f'label {truth}'); [][1]": "IndexError in evaluate.py",
    "print(f'loss: {truth}'); print(f'label {truth}'); 1 / 0": "ZeroDivisionError in evaluate.py",
    "open(f'label {truth}')": "FileNotFoundError in evaluate.py",
    "raise type(f'{truth[:6]}Error', (Exception,), {})": "an exception of its own in evaluate.py",
    "raise ValueError(f'x\\n{truth[:6]}Error: y')": "an exception of its own",
    "raise ValueError(f'x\\n  File \"{truth}.py\", line 7\\nKeyError: y')": "KeyError",
}
# The answer xN has the evaluation fail in the N-th way.
FAILING = EVALUATE.replace(
    "answer =",
    "told = Path('answer.txt').read_text()\ntruth = 'canary-7310'\n"
    + "".join(f"if told == 'x{n}':\n    {leak}\n" for n, leak in enumerate(LEAKS))
    + "answer =",
)


class Listening(Scripted):
    """A script that keeps what a model would have been told."""

    told: tuple[str, ...] = ()
    ledger: tuple[Experiment, ...] = ()

    def propose(self, brief: Brief):
        self.told = (*self.told, user(brief), brief.history.log(brief.number - 1))
        self.ledger = tuple(brief.ledger)
        return super().propose(brief)


def test_where_data_is_hidden_a_model_reads_no_log_of_its_evaluation(tmp_path: Path):
    hidden = "## Hidden\n- `truth.txt`\n\n" + EVALUATION
    talks = EVALUATE + "print('the worst item was canary-7310')\n"
    project = evaluated_project(tmp_path, evaluation=hidden, evaluate=talks)
    proposer = Listening([HONEST.replace("3.0", "2.0"), HONEST.replace("3.0", "1.5")])
    lab = open_lab(Settings(project=project, tag="t"), proposer=proposer)
    try:
        research.run(lab)
        rows = [row.status for row in lab.ledger.experiments]
    finally:
        lab.close()
    assert rows == ["keep"] * 3
    assert "$ python asset.py" in "\n".join(proposer.told)
    assert "canary-7310" not in "\n".join(proposer.told)


def test_a_model_learns_the_class_and_the_line_of_a_failed_evaluation(tmp_path: Path):
    project = evaluated_project(tmp_path, evaluate=FAILING)
    failing = [HONEST.replace("3.0", f"x{n}") for n in range(len(LEAKS))]
    proposer = Listening([*failing, HONEST.replace("3.0", "2.0")])
    settings = Settings(project=project, tag="t", flags=Flags(experiments=len(LEAKS) + 1))
    lab = open_lab(settings, proposer=proposer)
    try:
        research.run(lab)
        rows = lab.ledger.experiments
        logs = [lab.store.artifacts.read(row.number, "log.txt") for row in rows[1:-1]]
    finally:
        lab.close()
    assert [row.status for row in rows] == ["keep", *["crash"] * len(LEAKS), "keep"]
    assert all("canary" in log for log in logs), "a person can look it up"
    assert "canary" not in "\n".join(proposer.told)
    assert "canary" not in repr(proposer.ledger)
    for number, place in enumerate(LEAKS.values(), start=1):
        assert place in proposer.ledger[number].reason


def test_the_metric_of_a_run_without_walls_is_marked_wherever_it_is_shown(tmp_path: Path):
    project = evaluated_project(tmp_path)
    run(project, [HONEST.replace("3.0", "2.0")], sandbox="off")
    folder = project / ".autoresearch" / "t"
    assert autoresearch("report", project, "--tag", "t").returncode == 0
    shown = {
        "status": autoresearch("status", project, "--tag", "t").stdout,
        "show": autoresearch("show", "1", project, "--tag", "t").stdout,
        "report.html": (folder / "report.html").read_text(),
        "report.md": (folder / "report.md").read_text(),
    }
    assert [name for name, text in shown.items() if "unwalled" not in text] == []
    assert "4.000000 unwalled: " in git(
        project, "log", "-1", "--format=%N", "refs/autoresearch/t/0000", "--notes"
    )
    assert "unwalled" in autoresearch("check", project, "--sandbox", "off").stdout


def test_a_metric_behind_walls_bears_no_mark(tmp_path: Path):
    if detect().level != "bwrap":
        pytest.skip("bubblewrap does not work here")
    project = evaluated_project(tmp_path)
    run(project, [HONEST.replace("3.0", "2.0")])
    autoresearch("report", project, "--tag", "t")
    folder = project / ".autoresearch" / "t"
    assert "unwalled" not in (folder / "report.html").read_text()
    assert "unwalled" not in autoresearch("status", project, "--tag", "t").stdout


def test_the_time_of_a_check_is_told(tmp_path: Path):
    check = "## Check\n`python -c 'import time; time.sleep(0.3)'`\n\n## Time box"
    project = make_project(tmp_path / "p", program=PROGRAM.replace("## Time box", check))
    _, experiments = run(project, [])
    assert experiments[0].trials[0].check_seconds >= 0.3
    assert experiments[0].seconds >= 0.3
    assert "after a check of" in autoresearch("show", "0", project, "--tag", "t").stdout


KEYS = [
    "ghp_canary0123456789", "\x1b[32mhf_abcdefghijklmnop\x1b[0m", "\u200bhf_abcdefghijkl\u200b",
    "HF_TOKEN_hf_abcdefghijklmn", "whsec_abcdefghijklmnop", "AccountKey=abcDEF123456==",
    "hooks.slack.com/services/T000/B000/XXXXXXXX", "123456789:AAabcdefghijklmnopqrstuvwxyz0123456",
    "password: 12345678", "X-Amz-Signature=0a1b2c3d4e5f",
    "sk-proj-abc123def456ghi789", "hf_abcdefghijklmnop",
    "AKIAIOSFODNN7EXAMPLE", "xoxb-123456789012-abcdef", "lsv2_pt_0123456789abcdef",
    "https://me:s3cr3tpass@example.org/x", "Bearer abcdefghij0123456789",
    "api_key = 'a1b2c3d4e5f6'", '"password": "hunter22x"', "AWS_SECRET_ACCESS_KEY=abc/def+123456",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_a_key_that_a_run_prints_reaches_no_model_and_no_report(key: str):
    secret = without_keys(f"Error: {key} was refused")
    assert "(a key)" in secret
    assert secret.endswith("was refused")


@pytest.mark.parametrize(
    "line", ["token: 1.25e-05", "per_token: 0.123456789", "task-12345678901", "auth_loss=12345678"]
)
def test_a_metric_is_no_key(line: str):
    assert without_keys(line) == line


def test_a_key_in_a_crash_is_in_the_log_alone(tmp_path: Path):
    project = make_project(tmp_path / "p")
    run(project, ["raise ValueError('refused: ghp_' + 'canary0123456789')\n"])
    folder = project / ".autoresearch" / "t"
    autoresearch("report", project, "--tag", "t")
    rows = [json.loads(row) for row in (folder / "experiments.jsonl").read_text().splitlines()]
    assert "ValueError: refused: (a key)" in rows[1]["reason"]
    holders = [p.name for p in folder.rglob("*") if p.is_file() and b"ghp_canary" in p.read_bytes()]
    assert holders == ["log.txt"]

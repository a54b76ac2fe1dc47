"""A trial: what real commands do, and the outcome that comes of it."""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Timer

import pytest

from autoresearch_graph.core.experiment import Crashed, Measured, Outcome, TimedOut
from autoresearch_graph.core.program import Constraint, Program, TimeBox
from autoresearch_graph.core.values import Metric
from autoresearch_graph.runner import (
    Cancelled,
    CommandRunner,
    TrialFolder,
    Watch,
    conduct,
    detect,
    run_environment,
)

GOOD = "print('val_bpb: 0.9979')\n"


class Project:
    """A folder with a train.py and a protected prepare.py, and a program that runs them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        self.log = folder / "experiments" / "0001" / "log.txt"
        self.watch = Watch()
        self.prepare("")

    def prepare(self, code: str) -> None:
        self.committed = code
        (self.folder / "prepare.py").write_text(code)

    def restore(self) -> Sequence[str]:
        if (self.folder / "prepare.py").read_text() == self.committed:
            return ()
        (self.folder / "prepare.py").write_text(self.committed)
        return ("prepare.py",)

    def outcome(
        self,
        code: str,
        *,
        limit: float = 30,
        check: str | None = None,
        evaluation: str | None = None,
        constraints: tuple[Constraint, ...] = (),
    ) -> Outcome:
        (self.folder / "train.py").write_text(code)
        program = Program(
            path=self.folder / "program.md",
            text="",
            asset="train.py",
            metric=Metric(name="val_bpb", direction="lower"),
            experiment="python train.py",
            check=check,
            evaluation=evaluation,
            constraints=constraints,
            time_box=TimeBox(seconds=limit / 2, kill_after=limit),
        )
        base = os.environ | {"OPENAI_API_KEY": "sk-secret"}
        folder = TrialFolder(self.folder, self.restore)
        environment = run_environment(base, program.environment, seconds=limit / 2, seed=7)
        commands = CommandRunner(program, folder, self.log, environment, detect(), self.watch)
        return conduct(commands, evaluation=lambda: folder)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_good_run_is_measured(project: Project):
    outcome = project.outcome("print('steps: 953')\n" + GOOD)
    assert isinstance(outcome, Measured)
    assert outcome.metric == 0.9979
    assert outcome.metrics == {"steps": 953, "val_bpb": 0.9979}
    assert 0 < outcome.seconds < 60
    assert project.log.read_text() == "steps: 953\nval_bpb: 0.9979\n"


@pytest.mark.parametrize(
    ("code", "cause", "reason"),
    [
        ("x = 1\ndef f(:\n", "syntax", "train.py does not parse: SyntaxError: invalid"),
        ("if 1:\nx = 1\n", "syntax", "train.py does not parse: IndentationError: expected"),
        ("import no_such_module\n", "import", "an import failed: ModuleNotFoundError: No"),
        ("x = bytearray(10**15)\n", "memory", "out of memory: MemoryError"),
        ("raise RuntimeError('CUDA out of memory.')", "memory", "out of memory: Runtime"),
        ("import os; os.kill(os.getpid(), 9)", "memory", "killed by SIGKILL, most likely out of"),
        ("import os; os.kill(os.getpid(), 11)", "signal", "killed by SIGSEGV"),
        ("raise SystemExit(3)", "exit", "exit code 3: val_bpb: 0.9979"),
        ("raise ValueError('\x1b[1mtoo\\nwide\x1b[0m')", "exit", "exit code 1: ValueError: too"),
        ("raise ValueError('x' * 1000)", "exit", "exit code 1: ValueError: xxx"),
    ],
)  # fmt: skip
def test_a_run_that_fails_has_crashed_whatever_it_printed(
    project: Project, code: str, cause: str, reason: str
):
    outcome = project.outcome(GOOD.replace(")", ", flush=True)") + code)
    assert isinstance(outcome, Crashed)
    assert outcome.cause == cause
    assert outcome.reason.startswith(reason)
    assert len(outcome.reason) <= 300
    assert outcome.reason.isprintable()


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_a_metric_that_is_not_finite_is_a_crash(project: Project, number: str):
    outcome = project.outcome(GOOD + f"print('val_bpb: {number}')")
    assert isinstance(outcome, Crashed)
    assert outcome.cause == "not finite"
    assert outcome.reason == f"the run reported val_bpb as {number}, which is not finite"


def test_a_run_without_the_metric_has_crashed(project: Project):
    outcome = project.outcome("print('val_bpb: 12 ms')")
    assert isinstance(outcome, Crashed)
    assert outcome.cause == "no metric"
    assert outcome.reason == (
        "the run ended well but printed no `val_bpb: <number>`; "
        "print `METRIC val_bpb=12 ms`, always in the same unit; its last line is: val_bpb: 12 ms"
    )


def test_a_run_over_its_limit_is_timed_out_though_it_printed_a_metric(project: Project):
    outcome = project.outcome(GOOD + "import time; time.sleep(60)", limit=0.5)
    assert isinstance(outcome, TimedOut)
    assert outcome.limit == 0.5
    assert 0.5 <= outcome.seconds < 20


def test_progress_on_one_line_is_no_obstacle(project: Project):
    code = "for n in range(30000): print(f'\\rstep {n} | loss: {n}.5', end='')\nprint()\n"
    outcome = project.outcome(code + GOOD)
    assert isinstance(outcome, Measured)


def test_a_metric_before_a_gap_in_the_log_does_not_count(project: Project):
    flood = "print('num_params: 12')\nprint('x\\n' * 1_000_000)\n"
    outcome = project.outcome(GOOD + flood)
    assert isinstance(outcome, Crashed)
    assert outcome.cause == "no metric"
    outcome = project.outcome(flood + GOOD)
    assert isinstance(outcome, Measured)
    assert outcome.metrics["num_params"] == 12


def test_a_name_that_the_gap_in_the_log_cut_does_not_count(project: Project):
    filler = "'y' * 200_000 + 'val_bpb: 0.5\\n' + 'z\\n' * 131_065"
    outcome = project.outcome(f"print({filler})")
    assert " bytes left out ... val_bpb: 0.5\n" in project.log.read_text()
    assert isinstance(outcome, Crashed)
    assert outcome.cause == "no metric"


def test_the_metrics_are_bounded_and_those_of_constraints_are_among_them(project: Project):
    code = "print('vram: 1')\nprint('data_fingerprint: 7')\n"
    code += "for n in range(99): print(f'other_{n}:', 1 if n % 2 else 'nan')\n"
    vram = Constraint(name="vram", relation="<=", bound=2)
    outcome = project.outcome(GOOD + code, constraints=(vram,))
    assert isinstance(outcome, Measured)
    assert len(outcome.metrics) == 32
    assert {"vram", "data_fingerprint", "val_bpb", "other_97"} < outcome.metrics.keys()


def test_the_environment_has_no_key_and_python_is_the_lab_s(project: Project):
    code = "import os, sys; print(sys.executable, os.environ['AUTORESEARCH_SEED'], *os.environ)\n"
    assert isinstance(project.outcome(code + GOOD), Measured)
    printed = project.log.read_text()
    assert printed.startswith(f"{sys.executable} 7 ")
    assert "OPENAI_API_KEY" not in printed


def test_a_run_that_changes_a_protected_file_has_crashed(project: Project):
    outcome = project.outcome("open('prepare.py', 'w').write('cheat')\n" + GOOD)
    assert isinstance(outcome, Crashed)
    assert outcome.cause == "protected"
    assert outcome.reason == "the run changed prepare.py, which is protected"
    assert (project.folder / "prepare.py").read_text() == ""


def test_the_evaluation_alone_gives_the_metric(project: Project):
    project.prepare("print('val_bpb: 1.5')\nprint('accuracy: 70')")
    code = "print('steps: 9')\nprint('accuracy: 100')\n" + GOOD
    outcome = project.outcome(code, evaluation="python prepare.py")
    assert isinstance(outcome, Measured)
    assert outcome.metric == 1.5
    assert outcome.metrics == {"steps": 9, "accuracy": 70, "val_bpb": 1.5}
    log = project.log.read_text()
    assert log.startswith("$ python train.py\nsteps: 9\n")
    assert "$ python prepare.py\nval_bpb: 1.5\n" in log


@pytest.mark.parametrize(
    ("evaluator", "cause", "reason"),
    [
        ("raise SystemExit(2)", "evaluation", "the evaluation failed: exit code 2: nothing was"),
        (
            "print('accuracy: 1')",
            "evaluation",
            "the evaluation ended well but printed no `val_bpb:",
        ),
        ("import time; time.sleep(60)", "evaluation", "the evaluation did not end within 4 s"),
        ("print('val_bpb: nan')", "not finite", "the evaluation reported val_bpb as nan"),
        ("open('prepare.py', 'w').close()", "protected", "the evaluation changed prepare.py"),
    ],
)
def test_an_evaluation_without_a_metric_is_a_crash(
    project: Project, evaluator: str, cause: str, reason: str
):
    project.prepare(evaluator)
    outcome = project.outcome(GOOD, limit=4, evaluation="python prepare.py")
    assert isinstance(outcome, Crashed)
    assert outcome.cause == cause
    assert outcome.reason.startswith(reason)
    assert 0 < outcome.seconds < 4


def test_an_evaluation_does_not_run_after_a_crash(project: Project):
    project.prepare("open('evaluated', 'w').close()")
    outcome = project.outcome("raise SystemExit(3)", evaluation="python prepare.py")
    assert isinstance(outcome, Crashed)
    assert outcome.cause == "exit"
    assert not (project.folder / "evaluated").exists()


@pytest.mark.parametrize(
    ("check", "cause", "reason"),
    [
        ("echo bad shape; exit 1", "check", "the check failed: exit code 1: bad shape"),
        ("exec sleep 60", "check", "the check did not end within 2 s"),
        (
            "echo cheat > prepare.py",
            "protected",
            "the check changed prepare.py, which is protected",
        ),
    ],
)
def test_a_check_that_fails_spends_no_time_box(
    project: Project, check: str, cause: str, reason: str
):
    outcome = project.outcome("open('ran', 'w').close()", limit=2, check=check)
    assert isinstance(outcome, Crashed)
    assert (outcome.cause, outcome.reason) == (cause, reason)
    assert not (project.folder / "ran").exists()


def test_a_check_that_succeeds_gives_no_metric(project: Project):
    assert isinstance(project.outcome(GOOD, check="true"), Measured)
    outcome = project.outcome("", check="echo val_bpb: 0.5")
    assert isinstance(outcome, Crashed)
    assert outcome.cause == "no metric"


def test_a_second_trial_writes_the_log_anew(project: Project):
    project.outcome(GOOD)
    project.outcome(GOOD)
    assert project.log.read_text() == "val_bpb: 0.9979\n"


def test_a_cancelled_trial_has_no_outcome(project: Project):
    timer = Timer(0.3, project.watch.cancelled.set)
    timer.start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        project.outcome(GOOD + "import time; time.sleep(60)")
    assert time.monotonic() - started < 20
    timer.join()
    with pytest.raises(Cancelled):
        project.outcome(GOOD)


def test_the_line_that_does_not_parse_is_named(project: Project):
    outcome = project.outcome("x = 1\ndef f(:\n")
    assert isinstance(outcome, Crashed)
    assert outcome.reason == "train.py does not parse: SyntaxError: invalid syntax (line 2)"

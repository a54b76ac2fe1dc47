"""A person approves, edits or rejects a proposal before its first run."""

import contextlib
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autoresearch_graph import research
from autoresearch_graph.core.experiment import Answer, Experiment
from autoresearch_graph.core.program import Flags
from autoresearch_graph.opening import open_lab
from autoresearch_graph.settings import Settings
from autoresearch_graph.storage.ledger import read as read_ledger
from tests.support.agreement import assert_agreement
from tests.support.projects import Scripted, asset, make_project


def reviewed(
    project: Path, texts: list[str], answers: list[Answer | type[BaseException]]
) -> tuple[list[Experiment], list[dict[str, Any]]]:
    """The ledger, and what the person was asked."""
    asked: list[dict[str, Any]] = []

    def decide(question: dict[str, Any]) -> Answer:
        asked.append(question)
        answer = answers.pop(0)
        if isinstance(answer, Answer):
            return answer
        raise answer

    flags = Flags(experiments=len(texts))
    settings = Settings(project=project, tag="t", review=True, flags=flags)
    lab = open_lab(settings, proposer=Scripted(texts))
    try:
        research.run(lab, decide=decide)
    finally:
        lab.close()
    return list(lab.ledger.experiments), asked


def test_an_approved_proposal_is_run_and_the_ledger_says_who_decided(project: Path):
    experiments, asked = reviewed(project, [asset(2.0)], [Answer(action="approve")])
    assert [(e.status, e.review) for e in experiments] == [("keep", ""), ("keep", "approved")]
    assert asked[0]["experiment"] == 1
    assert "+X = 2.0" in asked[0]["diff"]
    assert_agreement(project, "t")


def test_a_rejected_proposal_is_discarded_without_a_run_and_its_reason_is_kept(project: Path):
    answers: list[Any] = [Answer(action="reject", reason="too bold"), Answer(action="approve")]
    experiments, _ = reviewed(project, [asset(2.0), asset(1.5)], answers)
    rejected, approved = experiments[1:]
    assert (rejected.status, rejected.review, rejected.trials) == ("discard", "rejected", ())
    assert rejected.reason == "rejected by a person: too bold"
    assert (approved.status, approved.review) == ("keep", "approved")
    assert_agreement(project, "t")


def test_an_edited_proposal_is_run_as_the_person_wrote_it(project: Path):
    answers: list[Any] = [Answer(action="edit", text=asset(1.25))]
    experiments, _ = reviewed(project, [asset(2.0)], answers)
    assert (experiments[1].metric, experiments[1].review) == (0.0625, "edited")
    patch = project / ".autoresearch/t/experiments/0001/diff.patch"
    assert "+X = 1.25" in patch.read_text()
    assert_agreement(project, "t")


def test_a_person_who_goes_away_is_asked_again(project: Path):
    with pytest.raises(KeyboardInterrupt):
        reviewed(project, [asset(2.0)], [KeyboardInterrupt])
    experiments, asked = reviewed(project, [asset(2.0)], [Answer(action="approve")])
    assert [e.review for e in experiments] == ["", "approved"]
    assert len(asked) == 1
    assert_agreement(project, "t")


def test_in_a_terminal_the_person_is_shown_the_change_and_answers(tmp_path: Path):
    project = make_project(tmp_path / "p", text="X = 3.0\nprint(f'loss: {(X - 1.0) ** 2:.6f}')\n")
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\necho 'print(\"loss: 0.5\")' > $1\n")
    editor.chmod(0o755)
    terminal, inside = pty.openpty()
    command = "run", str(project), "--tag", "t", "--experiments", "3", "--review"
    process = subprocess.Popen(
        [sys.executable, "-m", "autoresearch_graph", *command],
        stdin=inside,
        stdout=inside,
        stderr=inside,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "40", "EDITOR": str(editor)},
    )
    os.close(inside)
    answers, seen = [b"a\n", b"r\nnot that\n", b"e\n"], b""
    with contextlib.suppress(OSError):  # a terminal whose last writer has gone is an error
        while chunk := os.read(terminal, 65536):
            seen += chunk
            if seen.count(b"reject?") > 3 - len(answers):
                os.write(terminal, answers.pop(0))
    os.close(terminal)
    assert process.wait() == 0, seen.decode()
    rows = read_ledger(project / ".autoresearch/t/experiments.jsonl")
    assert [row.review for row in rows] == ["", "approved", "rejected", "edited"]
    assert rows[2].reason == "rejected by a person: not that"
    assert rows[3].metric == 0.5
    assert b"+X = " in re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", seen)


def test_without_a_terminal_there_is_nobody_to_ask(project: Path):
    command = [sys.executable, "-m", "autoresearch_graph", "run", str(project), "--review"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "autoresearch: --review needs a terminal.\n"
    assert not (project / ".autoresearch").exists()

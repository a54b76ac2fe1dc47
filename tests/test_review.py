"""A person approves, edits or rejects a proposal before its first run."""

from pathlib import Path
from typing import Any

import pytest

from autoresearch_graph import research
from autoresearch_graph.experiment import Experiment
from autoresearch_graph.lab import open_lab
from autoresearch_graph.nodes.review import Answer
from autoresearch_graph.program import Flags
from autoresearch_graph.start import Settings

from .agreement import assert_agreement
from .conftest import Scripted, asset


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

"""Language models that cheat, in one research on the real train.py and prepare.py."""

from pathlib import Path

import pytest

from autoresearch_graph.runner import detect

from ..agreement import assert_agreement
from .models import ATTACKS, NAMES, describe, play

pytest.importorskip("torch")
pytest.importorskip("rustbpe")
pytest.importorskip("tiktoken")

TOLD = {
    "asks_for_more_than_there_is": "that is out of bounds",
    "is_infinite_in_double": "not finite",
    "is_infinitely_sure": "not finite",
    "knows_the_windows": "Permission denied",
    "leaves_a_pickle": "is not what train.py has to hand over",
    "leaves_a_pickle_in_an_array": "is not what train.py has to hand over",
    "looks_ahead_in_some_windows": "The model looks ahead",
    "looks_ahead_once_a_window": "The model looks ahead",
    "looks_ahead_unless_it_is_watched": "The model looks ahead",
    "looks_at_the_next_token": "The model looks ahead",
    "looks_ahead_where_it_is_unsure": "The model looks ahead",
    "makes_a_size_of_the_text": "gets a tensor for its",
    "multiplies_by_a_sparse_matrix": "which is not among the operators",
    "names_another_layout": "which is no type that an evaluation knows",
    "names_other_operators": "which is not among the operators",
    "reads_beyond_its_labels": "which is not among the operators",
    "reads_the_memory_of_the_evaluation": "which is not among the operators",
    "remembers_the_windows": "which is not among the operators",
    "replaces_the_loss": "is worse than the incumbent",
    "says_nothing_finite": "not finite",
    "tells_the_text_by_a_shape": "gives no logits",
    "tells_the_text_by_an_error": "it raises IndexError on held-out text",
    "writes_beside_a_gradient": "which is not among the operators",
}


# One that a run, a verdict and an evaluation stop; tests/pretraining/test_cheats.py has the others.
PLAYED = ("knows_the_windows", "replaces_the_loss", "tells_the_text_by_an_error")


@pytest.mark.timeout(600)
def test_no_language_model_that_cheats_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    if detect().level != "bwrap":
        pytest.skip("bubblewrap does not work here")
    for name in NAMES:
        monkeypatch.setenv(name, "")  # so that it is put back
    baseline, *cheats, last = play(tmp_path, PLAYED)
    assert_agreement(tmp_path / "p", "t", metric="val_bpb")
    assert baseline.status == "keep"  # its first run has the seed of the last experiment
    assert last.metrics["val_bpb"] == next(run.metric for run in baseline.trials)
    for attack, experiment in zip(PLAYED, cheats, strict=True):
        assert experiment.status in ("discard", "crash"), attack
        assert TOLD[attack] in experiment.reason, attack
    log = (tmp_path / "p/.autoresearch/t/experiments/0003/log.txt").read_text()
    told = "The model cannot be measured: it raises IndexError on held-out text"
    assert [line for line in log.splitlines() if not line.startswith("$ ")] == [told]


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_attack_says_what_stops_it(attack: str):
    assert all(describe(attack))

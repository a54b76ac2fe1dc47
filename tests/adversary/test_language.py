"""Language models that cheat, in one research on the real train.py and prepare.py."""

from pathlib import Path

import pytest

from autoresearch_graph.runner import detect
from tests.adversary.arena import describe
from tests.adversary.models import ATTACKS, NAMES, PLAYED, TOLD, play
from tests.support.agreement import assert_agreement

pytest.importorskip("torch")
pytest.importorskip("rustbpe")
pytest.importorskip("tiktoken")


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
    assert all(describe(ATTACKS[attack]))

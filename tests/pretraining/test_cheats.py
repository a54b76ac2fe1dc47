"""Language models that cheat, refused where they are read or measured, without a research around.

`tests/adversary/test_language.py` plays some in a research; `python -m tests.adversary` plays all.
"""

import runpy
from pathlib import Path
from types import ModuleType

import pytest

from tests.adversary.models import ATTACKS, PLAYED, TOLD

torch = pytest.importorskip("torch")
pytest.importorskip("rustbpe")
pytest.importorskip("tiktoken")

LEFT = [attack for attack in ATTACKS if attack not in PLAYED]


@pytest.mark.parametrize("attack", LEFT)
def test_a_model_that_cheats_is_refused(
    attack: str, prepare: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from pretraining import exported

    handed_over: list[torch.nn.Module] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(prepare, "hand_over", handed_over.append)
    runpy.run_path(str(ATTACKS[attack]), run_name="__main__")
    shape = (prepare.EVAL_BATCH, prepare.MAX_SEQ_LEN, prepare.VOCAB_SIZE)
    with pytest.raises((SystemExit, exported.Unusable)) as refusal:
        if handed_over:
            prepare.bits_per_byte(handed_over[0], prepare.held_out("validation"))
        else:
            exported.read(tmp_path / "model.npz", "cpu")
            with exported.Apart(tmp_path / "model.npz", "cpu", shape) as apart:
                apart.ask(0, next(prepare.batches(shape[0]))[0])
    assert TOLD[attack] in str(refusal.value)

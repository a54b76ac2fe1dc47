"""Ordinary language models can be handed over, and say the same to their evaluation."""

import re
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tests.pretraining import architectures, fuzz  # noqa: E402 - need torch

SHAPE = (4, architectures.TIME, architectures.TOKENS)


@pytest.fixture(scope="module")
def exported():
    return fuzz.module()


@pytest.mark.parametrize("name", architectures.every())
def test_a_model_of_an_ordinary_kind_is_read_as_it_was_written(exported, tmp_path, name):
    model = architectures.every()[name].eval()
    tokens = torch.randint(architectures.TOKENS, SHAPE[:2])
    exported.write(model, torch.zeros_like(tokens), tmp_path / "model.npz")
    with torch.no_grad():
        said = exported.read(tmp_path / "model.npz", "cpu")(tokens)
        assert torch.allclose(said, model(tokens), atol=1e-5)


def test_two_processes_say_the_same_of_a_mixture_of_them(exported, tmp_path):
    class Mixture(torch.nn.Module):
        def __init__(self):
            super().__init__()
            known = architectures.every()
            names = "gru", "lstm", "recurrence by hand", "counts", "window, ALiBi, rotation"
            self.models = torch.nn.ModuleList(known[name] for name in names)

        def forward(self, tokens):
            return sum(model(tokens) for model in self.models)

    model = Mixture().eval()
    tokens = torch.randint(architectures.TOKENS, SHAPE[:2])
    exported.write(model, tokens, tmp_path / "model.npz")
    with exported.Apart(tmp_path / "model.npz", "cpu", SHAPE) as apart, torch.no_grad():
        for process in (0, 1, 0):
            assert torch.equal(apart.ask(process, tokens), model(tokens))
            assert torch.equal(apart.ask(process, tokens.flip(0)), model(tokens.flip(0)))
        with pytest.raises(exported.Unusable, match="raises IndexError on held-out text"):
            apart.ask(0, tokens + architectures.TOKENS)
        limits = Path(f"/proc/{apart._processes[0].pid}/limits")
        if limits.exists():
            assert re.search(r"Max open files +0 +0 ", limits.read_text())
        apart._processes[0].kill()
        with pytest.raises(exported.Unusable, match="its process ended on held-out text"):
            apart.ask(0, tokens)


def test_no_operator_reads_or_writes_memory_that_it_was_not_given(exported):
    counts, faults = fuzz.run(rounds=6, seed=0)
    assert not faults
    assert counts["operators"] == len(exported.operators())
    assert counts["value"] > 1000
    assert counts["error"] > 500

"""prepare.py measures the model that a run left, and refuses what is no language model."""

import math
from ast import literal_eval
from types import ModuleType

import pytest

from tests.pretraining.job import ROOT, start, value

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")
pytest.importorskip("rustbpe")
pytest.importorskip("tiktoken")

SHORT = 16


@pytest.fixture(scope="session")
def text(prepare: ModuleType):
    return prepare.held_out("validation")


def test_a_model_that_looks_ahead_is_refused(train, random_model, prepare, text, monkeypatch):
    attention = torch.nn.functional.scaled_dot_product_attention
    monkeypatch.setattr(
        train.F, "scaled_dot_product_attention", lambda q, k, v, is_causal: attention(q, k, v)
    )
    with pytest.raises(SystemExit, match="looks ahead"):
        prepare.bits_per_byte(random_model, text)


class Peeking(torch.nn.Module):
    """Knows nothing but the next token, and tells it in one row of fifty by a small margin."""

    def forward(self, tokens):
        logits = torch.zeros(*tokens.shape, 1024)
        following = torch.nn.functional.one_hot(tokens.roll(-1, 1), 1024)
        return logits + 0.05 * following * (tokens[:, :1] % 50 == 7)[..., None]


class PeekingOnce(torch.nn.Module):
    """Looks ahead by one token, at one place of every tenth window."""

    def forward(self, tokens):
        here = torch.arange(tokens.shape[1]) == (tokens[:, :1] * 31 + tokens[:, 1:2]) % 120 + 2
        following = 20.0 * torch.nn.functional.one_hot(tokens.roll(-1, 1), 1024)
        return following * (here & (tokens[:, :1] % 10 == 7))[..., None]


class Gossiping(torch.nn.Module):
    """Makes likely what the other rows of the batch hold."""

    def forward(self, tokens):
        known = torch.nn.functional.one_hot(tokens, 1024).sum((0, 1)).float()
        return known.log1p().expand(*tokens.shape, -1)


@pytest.mark.parametrize("model", [Peeking(), PeekingOnce(), Gossiping()])
def test_looking_ahead_a_little_or_at_other_rows_is_refused_too(prepare, text, model):
    with pytest.raises(SystemExit, match="looks ahead"):
        prepare.bits_per_byte(model, text)


def test_a_model_that_knows_nothing_needs_ten_bits_for_each_token(prepare, text):
    step = (len(text.tokens) - 129) / (prepare.EVAL_WINDOWS - 1)
    known = prepare.corpus().tokens
    targets = [
        int(token)
        for window in range(prepare.EVAL_WINDOWS)
        for token in text.tokens[int(window * step + 1e-9) + 1 :][:128]
    ]
    tokens = [known[target] for target in targets if target != prepare.OPENING]
    expected = len(tokens) * math.log(1024) / (math.log(2) * len(b"".join(tokens)))
    guess = prepare.bits_per_byte(Fixed(torch.zeros(1024)), text)
    assert guess.mean() == pytest.approx(expected, 1e-6)
    assert len(guess) == prepare.EVAL_WINDOWS


def test_a_token_without_bytes_costs_nothing_and_counts_nothing(prepare, text):
    logits = torch.zeros(1024)
    logits[prepare.OPENING] = -1e4  # all others stay as likely as before
    without = 1023 / 1024
    guess = prepare.bits_per_byte(Fixed(torch.zeros(1024)), text).mean()
    expected = guess * math.log(1024 * without) / math.log(1024)
    assert prepare.bits_per_byte(Fixed(logits), text).mean() == pytest.approx(expected, 1e-6)


def test_logits_that_are_not_finite_are_no_result(prepare, text):
    for number in (math.nan, math.inf, -math.inf):
        logits = torch.zeros(1024)
        logits[5] = number
        with pytest.raises(SystemExit, match="not finite"):
            prepare.bits_per_byte(Fixed(logits), text)


@pytest.mark.parametrize("logits", [torch.zeros(1023), torch.zeros(1024, dtype=torch.long)])
def test_logits_of_another_shape_or_type_are_no_result(prepare, text, logits):
    with pytest.raises(SystemExit, match="no logits"):
        prepare.bits_per_byte(Fixed(logits), text)


def test_the_evaluation_gives_what_the_run_itself_would_measure(
    random_model, prepare, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    own = prepare.evaluate_bpb(random_model)
    prepare.hand_over(random_model)
    done, _ = start(ROOT / "prepare.py", tmp_path, "evaluate", folder=tmp_path).communicate()
    assert float(value("val_bpb", done)) == pytest.approx(own, abs=2e-6)
    items = literal_eval(done.split("val_bpb_items: ")[1].split("\n")[0])
    assert sum(items) / len(items) == pytest.approx(own, abs=1e-5)


def test_a_model_that_cannot_be_traced_ends_the_run_with_a_sentence(prepare, tmp_path, monkeypatch):
    class Deciding(torch.nn.Module):
        def forward(self, tokens):
            if tokens.float().mean().item() > 3:
                return torch.zeros(*tokens.shape, 1024)
            return torch.ones(*tokens.shape, 1024)

    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"cannot be handed over: torch\.export cannot trace it"):
        prepare.hand_over(Deciding())
    assert prepare.evaluate_bpb(Deciding()) > 3


class Fixed(torch.nn.Module):
    """A model that says the same whatever it reads."""

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def forward(self, tokens):
        return self.logits.expand(*tokens.shape, -1)

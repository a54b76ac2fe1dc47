"""Data, tokenizer, clock and evaluation of the default job. Nobody edits this file in a research.

    python prepare.py            # text and tokens into the cache; of the default text, on its own
    python prepare.py evaluate   # val_bpb of the model that train.py left in model.npz
    python prepare.py holdout    # the same on text that nothing else is measured with

The text is the source of Python's standard library: it is on every machine that can run this, so
nothing is downloaded. Modules that no training run imports are kept for validation and holdout;
program.md hides them from the run. pretraining/tokenizer.py has the settings for other text and
tokens.

Two figures are comparable only for the same text and tokens. A fingerprint of both is printed
beside each figure, as a name and, for the ledger, as the number `data_fingerprint`.

The evaluation runs none of train.py. It reads a graph of operators (pretraining/exported.py) in two
separate processes. They get the tokens of a batch and return logits. The targets stay here, and
only the kind of an error there is printed. Each batch of windows is read twice: by one process as
it is, and by the other with the end of each row replaced from a random token on. If a prediction
before that token moves, the model looks ahead and gets no number.

Not covered: another copy of these modules on the machine, but for those of the system's own
Pythons, which are hidden, too; a proposer that knows them by heart and writes them into train.py;
and looking ahead at so few tokens that none of the places drawn meets one of them. docs/results.md
tells how often that happens.
"""

import json
import math
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pretraining import exported
from pretraining.tokenizer import (
    EVAL_WINDOWS,
    MAX_SEQ_LEN,
    OPENING,
    VOCAB_SIZE,
    HeldOut,
    corpus,
    held_out,
    prepare_ahead,
)

CLOCK = os.environ.get("AUTORESEARCH_CLOCK", "")  # cpu or wall; by default the device's own
TIME_BOX = float(os.environ.get("AUTORESEARCH_TIME_BOX", "30"))  # seconds of training
STEPS = int(os.environ.get("AUTORESEARCH_STEPS", "0"))  # if given, it replaces the time box: tests
SEED = int(os.environ.get("AUTORESEARCH_SEED", "0"))
DEVICE = (
    "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
)

Batches = Iterator[tuple[Tensor, Tensor]]
Ask = Callable[[int, Tensor], Tensor]  # one of two places, and tokens; gives logits

EVAL_BATCH = 16
# Nats; a prediction that moves more than this knows what it must predict. On a CPU two readings of
# an honest model differ by rounding alone, below 1e-6; kernels of accelerators may differ by more.
LOOK_AHEAD = 2e-5 if DEVICE == "cpu" else 1e-3
BLINDLY = 0.25  # of the batches are changed before they are read as they are, at any place
MODEL = Path("model.npz")  # where train.py leaves its model for the evaluation

# Operations a second in bfloat16, not sparse, by the makers' data sheets; the first that fits.
PEAK_FLOPS = {
    "H100 PCIe": 756e12, "H100 NVL": 835e12, "H100": 989e12, "H200": 989e12, "B200": 2250e12,
    "A100": 312e12, "L40S": 362e12, "L4": 121e12, "RTX 4090": 165e12, "RTX 3090": 71e12,
}  # fmt: skip


def main() -> None:
    """Prepare the text and describe it; or measure the model that a run left."""
    match sys.argv[1:]:
        case []:
            prepare_ahead()
            _show()
        case ["evaluate"]:
            _measure("validation")
        case ["holdout"]:
            _measure("holdout")
        case _:
            raise SystemExit("usage: python prepare.py [evaluate | holdout]")


def _show() -> None:
    text = corpus()
    counts = np.bincount(text.train, minlength=VOCAB_SIZE)
    length = counts @ np.array([len(token) for token in text.tokens])
    each = length / counts.sum()
    print(f"data: {text.name}")
    print(f"train: {counts[OPENING]:,} documents, {length:,} bytes, {each:.2f} bytes a token")
    print(f"device: {DEVICE}, time box: {TIME_BOX:g} s on the {Clock().kind} clock, seed: {SEED}")


def _measure(part: str) -> None:
    """Print the bits a byte of each window, and then val_bpb, their mean."""
    torch.set_num_threads(1)
    shape = (EVAL_BATCH, MAX_SEQ_LEN, VOCAB_SIZE)
    try:
        apart = exported.Apart(MODEL, DEVICE, shape)
        exported.keep_private()
        text = held_out(part)
        with apart:
            each = _bits_per_byte(apart.ask, text)
    except (exported.Unusable, FileNotFoundError) as error:
        raise SystemExit(f"The model cannot be measured: {error}") from None
    print(f"data: {text.name}")
    print(f"data_fingerprint: {int(text.name[-12:], 16)}")
    print(f"val_bpb_items: {json.dumps([round(value, 5) for value in each.tolist()])}")
    print(f"val_bpb: {each.mean():.6f}")


# ---------------------------------------------------------------- what train.py uses


class Clock:
    """The clock of the time box. It starts when it is made.

    On a CPU it counts the CPU time of this process, all threads: fair on a machine that others
    use too. On an accelerator it is the wall clock, after all queued work is done.
    AUTORESEARCH_CLOCK, `cpu` or `wall`, has the last word.
    Not covered: the CPU time of child processes, of which program.md allows none, and an
    accelerator that others use.
    """

    def __init__(self, steps: int | None = None) -> None:
        """Count `steps` instead of seconds, where they are given."""
        self.kind = CLOCK or ("cpu" if DEVICE == "cpu" else "wall")
        self._steps = steps or STEPS
        self._start = self._now()

    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._now() - self._start

    def used(self, step: int) -> float:
        """Return the share of the budget that `step` steps used: 1 or more at its end."""
        return step / self._steps if self._steps else self.elapsed() / TIME_BOX

    def _now(self) -> float:
        if DEVICE == "cuda":
            torch.cuda.synchronize()
        elif DEVICE == "mps":
            torch.mps.synchronize()
        return time.process_time() if self.kind == "cpu" else time.perf_counter()


def batches(size: int) -> Batches:
    """Yield random windows of the training text, endlessly, the same for the same SEED.

    Yields x and y, both (size, MAX_SEQ_LEN): y is x one token later. The text is read at the call,
    so that it costs nothing of the time box.
    """
    tokens = torch.from_numpy(corpus().train.view(np.int16)).to(DEVICE)
    return _windows(tokens, size)


def _windows(tokens: Tensor, size: int) -> Batches:
    generator = torch.Generator().manual_seed(SEED)
    window = torch.arange(MAX_SEQ_LEN + 1)
    while True:
        starts = torch.randint(len(tokens) - MAX_SEQ_LEN, (size, 1), generator=generator)
        rows = tokens[(starts + window).to(DEVICE)].long()
        yield rows[:, :-1], rows[:, 1:]


def hand_over(model: nn.Module, *, keep: bool = True) -> None:
    """Leave a trained model for the evaluation. `model(x)` gives logits; see `bits_per_byte`.

    With `keep=False` the file is written and removed again, as a test.

    It is called with EVAL_BATCH windows at a time, in an order of the evaluation's choosing. A
    model that torch.export cannot trace ends the run; it can still be measured within the run, by
    `evaluate_bpb`, if program.md names neither an Evaluation nor what is hidden.
    """
    windows = torch.zeros(EVAL_BATCH, MAX_SEQ_LEN, dtype=torch.long, device=DEVICE)
    try:
        exported.write(model, windows, MODEL)
    except exported.Unusable as error:
        raise SystemExit(f"The model cannot be handed over: {error}") from None
    if not keep:
        MODEL.unlink()


def evaluate_bpb(model: nn.Module) -> float:
    """Measure a model in the process that made it: a number that it could have forged."""
    return float(bits_per_byte(model.eval(), held_out("validation")).mean())


def bits_per_byte(model: nn.Module, text: HeldOut) -> np.ndarray:
    """Return the bits that the model needs for a byte of text, one number a window.

    `model(x)` gives logits (EVAL_BATCH, MAX_SEQ_LEN, VOCAB_SIZE). The mean of the result is the sum
    of the nats of all targets, divided by ln 2 times the bytes that the targets stand for, so that
    it does not depend on the tokenizer; a target without bytes (OPENING) counts in neither sum. As
    in karpathy/autoresearch, but for bytes that are no UTF-8 alone: they count as what they are.
    The windows are the same for everyone, and no more than fit side by side, in whole batches. A
    model that looks ahead is refused.
    """
    return _bits_per_byte(lambda _, x: model(x), text)


class Known(NamedTuple):
    """All windows (count, time + 1), and the nats (VOCAB_SIZE) that frequency alone would need."""

    windows: Tensor
    usual: Tensor


@torch.no_grad()
def _bits_per_byte(ask: Ask, text: HeldOut) -> np.ndarray:
    """Compute `bits_per_byte` of a model that is asked in two places, 0 and 1."""
    count = min(EVAL_WINDOWS, len(text.tokens) // MAX_SEQ_LEN) // EVAL_BATCH * EVAL_BATCH
    count = max(EVAL_BATCH, count)
    starts = np.linspace(0, len(text.tokens) - MAX_SEQ_LEN - 1, count).astype(np.int64)
    rows = text.tokens[starts[:, None] + np.arange(MAX_SEQ_LEN + 1)].astype(np.int64)
    sizes = torch.from_numpy(text.sizes[rows[:, 1:]])
    often = np.bincount(text.tokens, minlength=VOCAB_SIZE) / len(text.tokens)
    usual = torch.from_numpy(-np.log(np.maximum(often, 1e-9))).float()
    known = Known(torch.from_numpy(rows), usual)
    secret = np.random.default_rng()  # no model may know where it will be looked at
    # Rows of a batch lie far apart in the text: none holds what follows in another.
    apart = torch.arange(count).view(EVAL_BATCH, -1).T
    nats = torch.empty(count, MAX_SEQ_LEN)
    for batch in apart:
        nats[batch] = _read_twice(ask, known.windows[batch].to(DEVICE), known, secret)
    counted = nats.double() * (sizes > 0)
    return (counted.sum(-1) / (math.log(2) * sizes.sum() / count)).numpy()


def _read_twice(ask: Ask, batch: Tensor, known: Known, secret: np.random.Generator) -> Tensor:
    """Return the nats (rows, time) of the targets of a batch, and refuse a model that looks ahead.

    The batch is read as it is and with other tokens at the end of each row. The predictions before
    these may not move. The other tokens are text of other windows in half of the rows, so that they
    look like what they replace, and random in the others. The rows are changed at different places,
    some from their beginning on and some not at all, so a model that looks at other rows is found,
    too. Neither process can tell the two readings apart.
    """
    x, y = batch[:, :-1], batch[:, 1:]
    place = int(secret.integers(2))

    def changed(first: np.ndarray) -> Tensor:
        text = known.windows[secret.integers(0, len(known.windows), len(x))][:, :-1]
        chance = torch.from_numpy(secret.integers(0, VOCAB_SIZE, tuple(x.shape)))
        other = torch.where(torch.from_numpy(secret.random((len(x), 1)) < 0.5), text, chance)
        late = torch.arange(MAX_SEQ_LEN) >= torch.from_numpy(first)[:, None]
        return _losses(ask, 1 - place, torch.where(late, other, x.cpu()).to(x.device), y)

    if secret.random() < BLINDLY:
        first = secret.integers(0, MAX_SEQ_LEN + 1, len(x))
        other, losses = changed(first), _losses(ask, place, x, y)
    else:
        losses = _losses(ask, place, x, y)
        first = _suspected(losses, known.usual[y.cpu()], secret)
        other = changed(first)
    before = torch.arange(MAX_SEQ_LEN) < torch.from_numpy(first)[:, None]
    if not ((other - losses).abs() <= LOOK_AHEAD)[before].all():
        raise SystemExit("The model looks ahead: what it says depends on tokens that come later.")
    return losses


def _suspected(losses: Tensor, usual: Tensor, secret: np.random.Generator) -> np.ndarray:
    """Draw a place in each row after a target that a model may have looked at.

    The target is drawn in one of three ways, at random: by the nats that the model gained over the
    token's frequency, by the nats that it needed, or uniformly.
    """
    gained, hard = (usual - losses).clamp(0, 1e6), losses.clamp(0, 1e6)
    each = torch.stack([gained, hard, torch.ones_like(hard)]).double().numpy() + 1e-6
    weights = each[secret.integers(0, len(each), len(losses)), np.arange(len(losses))]
    places = [secret.choice(len(row), p=row / row.sum()) + 1 for row in weights]
    return np.where(secret.random(len(places)) < 1 / EVAL_BATCH, 0, places)


def _losses(ask: Ask, place: int, x: Tensor, y: Tensor) -> Tensor:
    """Return the nats (rows, time) of each target; the model sees only a copy of x."""
    logits = ask(place, x.clone())
    expected = (*x.shape, VOCAB_SIZE)
    if logits.shape != expected or not logits.is_floating_point():
        raise SystemExit(f"The model gives no logits: {expected} real numbers are expected.")
    logits = logits.float()  # first: what is finite in float64 may not be so any more
    if not logits.sum().isfinite():
        raise SystemExit("The logits of the model are not finite.")
    losses = F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none")
    return losses.view(y.shape).cpu()


def peak_memory_mb() -> float:
    """Return the most memory used so far: of the GPU with CUDA, of the process elsewhere.

    On Linux from /proc: ru_maxrss there also counts what the parent had when it started this.
    """
    if DEVICE == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes on macOS


def utilisation(operations: float, seconds: float) -> float:
    """Return the share of the device's peak that was used; 0 for an unknown device."""
    name = torch.cuda.get_device_name() if DEVICE == "cuda" else ""
    peak = next((peak for word, peak in PEAK_FLOPS.items() if word in name), math.inf)
    return operations / (seconds * peak)


if __name__ == "__main__":
    main()

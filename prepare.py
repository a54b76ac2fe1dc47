"""Data, tokenizer, clock and evaluation of the default job. Nobody edits this file in a research.

    python prepare.py            # text and tokens into the cache; of the default text, on its own
    python prepare.py evaluate   # val_bpb of the model that train.py left in model.npz
    python prepare.py holdout    # the same on text that nothing else is measured with

The text is the source of Python's standard library: it is on every machine that can run this, so
nothing is downloaded. Modules that no training run imports are kept for validation and holdout;
program.md hides them from the run. tokenizer.py tells how to choose other text and tokens.

A figure is comparable only between runs on the same text and tokens: a fingerprint of both is
printed beside it, as a name and, for the ledger, as the number `data_fingerprint`.

The evaluation runs none of train.py: it reads a graph of operators (exported.py). Every second
batch of windows is read twice, the second time with its end replaced from a random token on: if
what is said of the tokens before that moves, the model looks ahead, and gets no number.

Not covered: another copy of these modules on the machine, but for those of the system's own
Pythons, which are hidden, too; a proposer that knows them by heart and writes them into train.py;
and looking ahead so seldom, below one window in some hundred, that the random places do not meet
it.
"""

import json
import math
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import exported
from tokenizer import (
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

EVAL_BATCH = 16
LOOK_AHEAD = 0.001  # nats; a prediction that moves more than this knows what it must predict
MODEL = Path("model.npz")  # where train.py leaves its model for the evaluation

# Operations a second in bfloat16, not sparse, by the makers' data sheets; the first that fits.
PEAK_FLOPS = {
    "H100 PCIe": 756e12, "H100 NVL": 835e12, "H100": 989e12, "H200": 989e12, "B200": 2250e12,
    "A100": 312e12, "L40S": 362e12, "L4": 121e12, "RTX 4090": 165e12, "RTX 3090": 71e12,
}  # fmt: skip


def main() -> None:
    """Prepare the text and say what there is; or measure the model that a run left."""
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
    """Print val_bpb, and before it what each window adds, whose mean it is."""
    torch.set_num_threads(1)
    try:
        model = exported.read(MODEL, DEVICE)
        text = held_out(part)
        each = bits_per_byte(model, text)
    except (exported.Unusable, FileNotFoundError) as error:
        raise SystemExit(f"The model cannot be measured: {error}") from None
    print(f"data: {text.name}")
    print(f"data_fingerprint: {int(text.name[-12:], 16)}")
    print(f"val_bpb_items: {json.dumps([round(value, 5) for value in each.tolist()])}")
    print(f"val_bpb: {each.mean():.6f}")


# ---------------------------------------------------------------- what train.py uses


class Clock:
    """What the time box is measured with; it starts when it is made.

    On a CPU it counts the CPU time of this process, all threads: fair on a machine that others
    use too. On an accelerator it is the wall clock, after all queued work is done.
    AUTORESEARCH_CLOCK, `cpu` or `wall`, has the last word.
    Not covered: the CPU time of child processes, and an accelerator that others use.
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
        """Tell how much of the budget `step` steps have used up: 1 or more at its end."""
        return step / self._steps if self._steps else self.elapsed() / TIME_BOX

    def _now(self) -> float:
        if DEVICE == "cuda":
            torch.cuda.synchronize()
        elif DEVICE == "mps":
            torch.mps.synchronize()
        return time.process_time() if self.kind == "cpu" else time.perf_counter()


def batches(size: int) -> Batches:
    """Endless random windows of the training text, the same for the same SEED.

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

    Without `keep` it is only seen whether it could be left.

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


@torch.no_grad()
def bits_per_byte(model: nn.Module, text: HeldOut) -> np.ndarray:
    """Bits that the model needs for a byte of text: lower is better. One number a window.

    `model(x)` gives logits (EVAL_BATCH, MAX_SEQ_LEN, VOCAB_SIZE). The mean of the result is the sum
    of the nats of all targets, divided by ln 2 times the bytes that the targets stand for, so that
    it does not depend on the tokenizer; a target without bytes (OPENING) counts in neither sum. As
    in karpathy/autoresearch, but for bytes that are no UTF-8 alone: they count as what they are.
    The windows are the same for everyone, and no more than fit side by side, in whole batches. A
    model that looks ahead is refused.
    """
    count = min(EVAL_WINDOWS, len(text.tokens) // MAX_SEQ_LEN) // EVAL_BATCH * EVAL_BATCH
    count = max(EVAL_BATCH, count)
    starts = np.linspace(0, len(text.tokens) - MAX_SEQ_LEN - 1, count).astype(np.int64)
    rows = text.tokens[starts[:, None] + np.arange(MAX_SEQ_LEN + 1)].astype(np.int64)
    sizes = torch.from_numpy(text.sizes[rows[:, 1:]])
    windows = torch.from_numpy(rows).to(DEVICE)
    secret = np.random.default_rng()  # no model may know where it will be looked at twice
    twice = set(secret.permutation(count // EVAL_BATCH)[::2].tolist())
    nats = []
    for at, batch in enumerate(windows.split(EVAL_BATCH)):
        losses = _losses(model, batch[:, :-1], batch[:, 1:])
        if at in twice:
            _refuse_to_look_ahead(model, batch, losses, secret)
        nats.append(losses.cpu())
    counted = torch.cat(nats).double() * (sizes > 0)
    return (counted.sum(-1) / (math.log(2) * sizes.sum() / count)).numpy()


def _losses(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Nats (rows, time) that the model needs for each target; it sees a copy of x and no more."""
    logits = model(x.clone())
    if logits.shape != (*x.shape, VOCAB_SIZE) or not logits.is_floating_point():
        raise SystemExit(f"The model gives {tuple(logits.shape)} of {logits.dtype}, no logits.")
    logits = logits.float()  # first: what is finite in float64 may not be so any more
    if not logits.sum().isfinite():
        raise SystemExit("The logits of the model are not finite.")
    losses = F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none")
    return losses.view(y.shape)


def _refuse_to_look_ahead(
    model: nn.Module, batch: Tensor, losses: Tensor, secret: np.random.Generator
) -> None:
    """Replace the end of every row, each from a random token on: what comes before must not move.

    The rows are changed at different places, so a model that looks at other rows is found, too.
    """
    x, y = batch[:, :-1], batch[:, 1:]
    first = torch.from_numpy(secret.integers(1, MAX_SEQ_LEN, (len(x), 1))).to(x.device)
    noise = torch.from_numpy(secret.integers(0, VOCAB_SIZE, tuple(x.shape))).to(x.device)
    late = torch.arange(MAX_SEQ_LEN, device=x.device) >= first
    moved = (_losses(model, torch.where(late, noise, x), y) - losses).abs()[~late]
    if not moved.max() <= LOOK_AHEAD:
        raise SystemExit("The model looks ahead: what it says depends on tokens that come later.")


def peak_memory_mb() -> float:
    """Most memory used so far: of the GPU with CUDA, of the process elsewhere.

    On Linux from /proc: ru_maxrss there also counts what the parent had when it started this.
    """
    if DEVICE == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes on macOS


def utilisation(operations: float, seconds: float) -> float:
    """Share of what the device could have done at best; 0 where that is not known."""
    name = torch.cuda.get_device_name() if DEVICE == "cuda" else ""
    peak = next((peak for word, peak in PEAK_FLOPS.items() if word in name), math.inf)
    return operations / (seconds * peak)


if __name__ == "__main__":
    main()

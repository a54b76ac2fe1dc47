"""A small GPT, trained for as long as the time box lasts. THE file that a research edits.

Everything may change here: the constants, the model, the optimisers, the schedule, the loop. What
may not is in prepare.py: the text, the tokenizer, the clock, the seed and the evaluation.

    python train.py              # half a minute of training; leaves the model in model.npz
    python prepare.py evaluate   # `val_bpb: ...`, lower is better

What the parts are called elsewhere: RoPE (2104.09864), QK-norm (2010.04245), squared ReLU
(2109.08668), RMSNorm (1910.07467), Muon (kellerjordan.github.io/posts/muon), soft-capped logits
(2408.00118).
"""

import math
import time

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import prepare
from prepare import DEVICE, MAX_SEQ_LEN, SEED, VOCAB_SIZE, Clock

# The shape of the model. Every combination fits: there is always at least one head.
DEPTH = 2  # one of: 1, 2, 3, 4
WIDTH = 64  # one of: 32, 64, 96, 128
HEAD_DIM = 32  # one of: 16, 32, 64
MLP_RATIO = 4  # one of: 1, 2, 4, 8
# No logit goes beyond the soft cap; 0.0 leaves them alone.
SOFTCAP = 15.0  # one of: 0.0, 8.0, 15.0, 30.0

# How it learns. A learning rate is the size of a step at its largest.
BATCH_SIZE = 16  # one of: 4, 8, 16, 32
MATRIX_LR = 0.02  # Muon, for the matrices inside the blocks
EMBED_LR = 0.3  # AdamW, for the vectors that stand for tokens
HEAD_LR = 0.004  # AdamW, for the matrix that turns a vector into logits
WEIGHT_DECAY = 0.1  # of the matrices, times their learning rate
MOMENTUM = 0.95  # one of: 0.8, 0.9, 0.95, 0.98
NEWTON_SCHULZ_STEPS = 5  # one of: 3, 4, 5
# In this last part of the time box all learning rates fall to 0.
WARMDOWN = 0.5  # one of: 0.2, 0.35, 0.5, 0.65, 0.8, 1.0


def main() -> None:
    """Train until the time box is used up, hand the model over to its evaluation, report."""
    started = time.perf_counter()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)  # more threads cost more CPU time than they save on such a model
    model = GPT().to(DEVICE)
    steps, seconds = train(model)
    prepare.hand_over(model)
    print("---")
    print(f"training_seconds: {seconds:.1f}")
    print(f"total_seconds: {time.perf_counter() - started:.1f}")
    print(f"peak_vram_mb: {prepare.peak_memory_mb():.1f}")
    print(f"num_steps: {steps}")
    print(f"num_params_M: {sum(p.numel() for p in model.parameters()) / 1e6:.3f}")
    print(f"tokens_M: {steps * BATCH_SIZE * MAX_SEQ_LEN / 1e6:.3f}")
    print(f"depth: {DEPTH}")
    print(f"data: {prepare.corpus().name}")


# ---------------------------------------------------------------- the model


class GPT(nn.Module):
    """Tokens (rows, time) -> logits (rows, time, VOCAB_SIZE) for the token after each.

    A residual stream of WIDTH numbers a token runs through the blocks; each block reads from it
    and adds to it. All arithmetic is float32 on a CPU, where bfloat16 is slow.
    """

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCAB_SIZE, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.head = nn.Linear(WIDTH, VOCAB_SIZE, bias=False)
        nn.init.zeros_(self.head.weight)  # all tokens equally likely: the loss starts at ln V
        cos, sin = rotary_angles()
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.reduced = DEVICE == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits in float32, whatever the blocks compute in."""
        with torch.autocast(DEVICE, torch.bfloat16, enabled=self.reduced):
            stream = norm(self.embedding(tokens))
            for block in self.blocks:
                stream = block(stream, self.cos, self.sin)
            logits = self.head(norm(stream)).float()
        return SOFTCAP * torch.tanh(logits / SOFTCAP) if SOFTCAP else logits


class Block(nn.Module):
    """Attention gathers from earlier tokens, then an MLP works on each token alone."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = Attention()
        self.mlp = MLP()

    def forward(self, stream: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Read a normalised stream, add to the raw one: gradients pass through unchanged."""
        stream = stream + self.attention(norm(stream), cos, sin)
        return stream + self.mlp(norm(stream))


class Attention(nn.Module):
    """Each token asks (query), all up to itself answer (key) and are mixed (value).

    Queries and keys are normalised after the rotation, so that no logit of attention explodes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.heads = max(1, WIDTH // HEAD_DIM)
        inner = self.heads * HEAD_DIM
        self.query = matrix(WIDTH, inner)
        self.key = matrix(WIDTH, inner)
        self.value = matrix(WIDTH, inner)
        self.out = matrix(inner, WIDTH, scale=0.0)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """(rows, time, WIDTH) -> the same; inside, (rows, heads, time, HEAD_DIM)."""
        rows, length, _ = x.shape
        shape = (rows, length, self.heads, HEAD_DIM)
        query, key, value = (
            project(x).view(shape).transpose(1, 2) for project in (self.query, self.key, self.value)
        )
        query, key = norm(rotate(query, cos, sin)), norm(rotate(key, cos, sin))
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.out(mixed.transpose(1, 2).reshape(rows, length, -1))


class MLP(nn.Module):
    """Widen, keep the square of what is positive, narrow again."""

    def __init__(self) -> None:
        super().__init__()
        self.widen = matrix(WIDTH, MLP_RATIO * WIDTH)
        self.narrow = matrix(MLP_RATIO * WIDTH, WIDTH, scale=0.0)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, time, WIDTH) -> the same."""
        return self.narrow(F.relu(self.widen(x)).square())


def matrix(inputs: int, outputs: int, scale: float = 1.0) -> nn.Linear:
    """Make a linear map without bias whose output varies as much as its input, times `scale`.

    With scale 0, as for what is added to the stream, a block starts as the identity.
    """
    linear = nn.Linear(inputs, outputs, bias=False)
    nn.init.normal_(linear.weight, std=scale / math.sqrt(inputs))
    return linear


def norm(x: Tensor) -> Tensor:
    """RMSNorm without weights: the mean square of the last dimension becomes 1."""
    return F.rms_norm(x, (x.shape[-1],))


def rotary_angles() -> tuple[Tensor, Tensor]:
    """Cosine and sine (time, HEAD_DIM / 2): pair i of a head turns by 10,000^-i/n a token."""
    pairs = HEAD_DIM // 2
    speeds = 10_000 ** -(torch.arange(pairs) / pairs)
    angles = torch.arange(MAX_SEQ_LEN)[:, None] * speeds
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """RoPE: turn each pair of numbers by an angle that grows with the token's place.

    The product of a query and a key then depends on how far apart they are, not on where.
    """
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1).type_as(x)


# ---------------------------------------------------------------- the optimisers


class Muon(torch.optim.Optimizer):
    """Momentum, made orthogonal: a step of the same size in every direction of a matrix.

    Matrices of one shape are stepped together, as one batch.
    """

    def __init__(self, matrices: list[nn.Parameter]) -> None:
        by_shape: dict[torch.Size, list[nn.Parameter]] = {}
        for parameter in matrices:
            by_shape.setdefault(parameter.shape, []).append(parameter)
        super().__init__([{"params": group} for group in by_shape.values()], {"lr": MATRIX_LR})

    @torch.no_grad()
    def step(self) -> None:
        """Update every matrix from its gradient."""
        for group in self.param_groups:
            gradients = torch.stack([parameter.grad for parameter in group["params"]])
            mean = group.setdefault("mean", torch.zeros_like(gradients))
            mean.lerp_(gradients, 1 - MOMENTUM)
            updates = orthogonal(gradients.lerp(mean, MOMENTUM))  # Nesterov: one step ahead
            rows, columns = updates.shape[-2:]
            scale = math.sqrt(max(1.0, rows / columns))
            for parameter, update in zip(group["params"], updates, strict=True):
                parameter.mul_(1 - group["lr"] * WEIGHT_DECAY)
                parameter.sub_(update, alpha=group["lr"] * scale)


def orthogonal(x: Tensor) -> Tensor:
    """Push all singular values of each matrix near 1: Newton-Schulz, with Muon's polynomial."""
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(NEWTON_SCHULZ_STEPS):
        square = x @ x.mT
        x = 3.4445 * x + (2.0315 * square @ square - 4.7750 * square) @ x
    return x.mT if tall else x


def optimisers(model: GPT) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the blocks, AdamW for the two tables of tokens."""
    tables = [
        {"params": [model.embedding.weight], "lr": EMBED_LR},
        {"params": [model.head.weight], "lr": HEAD_LR},
    ]
    adamw = torch.optim.AdamW(tables, betas=(0.8, 0.95), eps=1e-10, weight_decay=0.0, fused=True)
    return [Muon(list(model.blocks.parameters())), adamw]


# ---------------------------------------------------------------- the loop


def train(model: GPT) -> tuple[int, float]:
    """Train until the budget is used up. Returns the steps made and the seconds on the clock."""
    steppers = optimisers(model)
    groups = [group for stepper in steppers for group in stepper.param_groups]
    rates = [group["lr"] for group in groups]
    stream = prepare.batches(BATCH_SIZE)
    progress, step, clock = Progress(), 0, Clock()
    while (used := clock.used(step)) < 1:
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate * min(1.0, (1 - used) / WARMDOWN)
        x, y = next(stream)
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        loss.backward()
        for stepper in steppers:
            stepper.step()
            stepper.zero_grad()
        step += 1
        progress.show(step, clock.elapsed(), loss.item())
    return step, clock.elapsed()


class Progress:
    """Prints about a line a second; stops a run that has come to nothing."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.shown = 0.0

    def show(self, step: int, seconds: float, loss: float) -> None:
        """Print the mean loss since the last line. Far worse than guessing, or NaN: the end."""
        if not loss < 3 * math.log(VOCAB_SIZE):
            raise SystemExit(f"The loss exploded: {loss:g} at step {step}.")
        self.losses.append(loss)
        if seconds >= self.shown + 1:
            mean = sum(self.losses) / len(self.losses)
            print(f"step {step}  {seconds:.1f} s  loss {mean:.3f}", flush=True)
            self.losses, self.shown = [], seconds


if __name__ == "__main__":
    main()

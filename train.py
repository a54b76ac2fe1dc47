"""A small GPT, trained for as long as the time box lasts. THE file that a research edits.

Everything may change here: the constants, the model, the optimisers, the schedule, the loop. What
may not is in prepare.py: the text, the tokenizer, the clock, the seed and the evaluation.

    python train.py              # half a minute of training; leaves the model in model.npz
    python train.py --smoke      # two steps: does it run at all?
    python prepare.py evaluate   # `val_bpb: ...`, lower is better

It reads from top to bottom: constants, model, optimisers, loop. What the parts are called
elsewhere: RMSNorm (1910.07467), RoPE (2104.09864), QK-norm (2010.04245), squared ReLU
(2109.08668), value embeddings (2410.17897), soft-capped logits (2408.00118), hashed n-grams
(fastText, 1607.01759), Muon (kellerjordan.github.io/posts/muon), AdamW (1711.05101).
"""

import math
import sys
import time

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import prepare
from prepare import DEVICE, MAX_SEQ_LEN, SEED, VOCAB_SIZE, Clock

# The shape. DEPTH is the dial: the width follows from it, and with it heads, MLP and rates.
# Every combination fits: there is always at least one head.
DEPTH = 2  # one of: 1, 2, 3, 4
ASPECT = 32  # one of: 16, 32, 48, 64, 96, 128
HEAD_DIM = 32  # one of: 16, 32, 64
MLP_RATIO = 4  # one of: 1, 2, 3, 4, 6, 8
# In the last so many blocks the values that attention mixes know their token by heart.
VALUE_LAYERS = 1  # one of: 0, 1, 2
# Rows of two tables with a vector for the last two and the last three tokens; 0 is no table.
BIGRAMS = 4096  # one of: 0, 4096, 16384, 65536
TRIGRAMS = 0  # one of: 0, 4096, 16384, 65536
# The share of n-grams that a step does not look up, so that the layers learn to do without.
NGRAM_DROPOUT = 0.0  # one of: 0.0, 0.1, 0.2, 0.3, 0.5
# No logit goes beyond the soft cap; 0.0 leaves them alone, which saves a good part of a step.
SOFTCAP = 15.0  # one of: 0.0, 8.0, 15.0, 30.0

# How it learns. A learning rate is the size of a step at its largest.
BATCH_SIZE = 16  # one of: 4, 8, 16, 32
MATRIX_LR = 0.04  # Muon, for the matrices inside the blocks
EMBED_LR = 0.6  # AdamW, for the vectors that stand for tokens
HEAD_LR = 0.008  # AdamW, for the matrix that turns a vector into logits
WEIGHT_DECAY = 0.1  # of the matrices, times their learning rate
MOMENTUM = 0.95  # one of: 0.8, 0.9, 0.95, 0.98
NEWTON_SCHULZ_STEPS = 5  # one of: 2, 3, 4, 5
# In this last part of the time box all learning rates fall to 0.
WARMDOWN = 0.5  # one of: 0.2, 0.35, 0.5, 0.65, 0.8, 1.0

WIDTH = DEPTH * ASPECT  # numbers in the vector of a token
ROWS_AT_ONCE = 2**17 // MAX_SEQ_LEN  # what fits into memory; a larger batch takes several passes


def main() -> None:
    """Train until the time box is used up, hand the model over to its evaluation, report."""
    started = time.perf_counter()
    smoke = sys.argv[1:] == ["--smoke"]
    torch.manual_seed(SEED)
    torch.set_num_threads(1)  # more threads cost more CPU time than they save on such a model
    torch.set_float32_matmul_precision("high")  # for what an accelerator still does in float32
    model = GPT().to(DEVICE)
    steps, seconds = train(model, smoke=smoke)
    prepare.hand_over(model, keep=not smoke)
    tokens = steps * passes()[0] * passes()[1] * MAX_SEQ_LEN
    print("---")
    print(f"training_seconds: {seconds:.1f}")
    print(f"total_seconds: {time.perf_counter() - started:.1f}")
    print(f"peak_vram_mb: {prepare.peak_memory_mb():.1f}")
    print(f"mfu_percent: {100 * prepare.utilisation(tokens * flops(model), seconds):.2f}")
    print(f"total_tokens_M: {tokens / 1e6:.3f}")
    print(f"num_steps: {steps}")
    print(f"num_params_M: {sum(p.numel() for p in model.parameters()) / 1e6:.3f}")
    print(f"depth: {DEPTH}")
    print(f"data: {prepare.corpus().name}")


# ---------------------------------------------------------------- the model


class GPT(nn.Module):
    """Tokens (rows, time) -> logits (rows, time, VOCAB_SIZE) for the token after each.

    A residual stream of WIDTH numbers a token runs through the blocks; each block reads from it
    and adds to it. On a CPU all arithmetic is float32, since bfloat16 is slow there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCAB_SIZE, WIDTH)
        self.ngrams = nn.ModuleList(
            Ngrams(order, rows) for order, rows in ((2, BIGRAMS), (3, TRIGRAMS)) if rows
        )
        self.blocks = nn.ModuleList(Block(knows=DEPTH - at <= VALUE_LAYERS) for at in range(DEPTH))
        self.head = nn.Linear(WIDTH, VOCAB_SIZE, bias=False)
        nn.init.zeros_(self.head.weight)  # all tokens equally likely: the loss starts at ln V
        cos, sin = rotary_angles()
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.reduced = DEVICE == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits in float32, whatever the blocks compute in."""
        with torch.autocast(DEVICE, torch.bfloat16, enabled=self.reduced):
            stream = self.embedding(tokens)
            for ngrams in self.ngrams:
                stream = stream + ngrams(tokens)
            stream = norm(stream).to(torch.bfloat16 if self.reduced else torch.float32)
            for block in self.blocks:
                stream = block(stream, tokens, self.cos, self.sin)
            logits = self.head(norm(stream)).float()
        return SOFTCAP * torch.tanh(logits / SOFTCAP) if SOFTCAP else logits


class Ngrams(nn.Module):
    """A vector for the last `order` tokens together: what a table can know, no layer must learn.

    There are far more n-grams than rows, so a row stands for all that hash to it. That is less
    harm than it seems: most n-grams are rare, and the layers can tell who was not meant.
    """

    def __init__(self, order: int, rows: int) -> None:
        super().__init__()
        self.order = order
        # A step meets few of the rows. Where a step is slow, only these are touched.
        self.table = nn.Embedding(rows, WIDTH, sparse=DEVICE == "cpu")
        nn.init.zeros_(self.table.weight)

    def forward(self, tokens: Tensor) -> Tensor:
        """(rows, time) -> (rows, time, WIDTH); before the window, all tokens are number 0."""
        key = tokens
        for back in range(1, self.order):
            key = key * 1_000_003 + F.pad(tokens, (back, 0))[:, :-back]
        found = self.table(key % self.table.num_embeddings)
        return F.dropout1d(found, NGRAM_DROPOUT) if self.training else found


class Block(nn.Module):
    """Attention gathers from earlier tokens, then an MLP works on each token alone."""

    def __init__(self, knows: bool) -> None:
        super().__init__()
        self.attention = Attention(knows)
        self.mlp = MLP()

    def forward(self, stream: Tensor, tokens: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Read a normalised stream, add to the raw one: gradients pass through unchanged."""
        stream = stream + self.attention(norm(stream), tokens, cos, sin)
        return stream + self.mlp(norm(stream))


class Attention(nn.Module):
    """Each token asks (query), all up to itself answer (key) and are mixed (value).

    Queries and keys are normalised after the rotation, so that no logit of attention explodes.
    One that `knows` adds a vector of the token itself to each value: a table costs next to no time.
    """

    def __init__(self, knows: bool) -> None:
        super().__init__()
        self.heads = max(1, WIDTH // HEAD_DIM)
        inner = self.heads * HEAD_DIM
        self.query = matrix(WIDTH, inner)
        self.key = matrix(WIDTH, inner)
        self.value = matrix(WIDTH, inner)
        self.out = matrix(inner, WIDTH, scale=0.0)
        self.known = nn.Embedding(VOCAB_SIZE, inner) if knows else None
        if self.known:
            nn.init.zeros_(self.known.weight)

    def forward(self, x: Tensor, tokens: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """(rows, time, WIDTH) -> the same; inside, (rows, heads, time, HEAD_DIM)."""
        value = self.value(x) + self.known(tokens) if self.known else self.value(x)
        query, key, value = (
            each.unflatten(-1, (self.heads, HEAD_DIM)).transpose(1, 2)
            for each in (self.query(x), self.key(x), value)
        )
        query, key = norm(rotate(query, cos, sin)), norm(rotate(key, cos, sin))
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.out(mixed.transpose(1, 2).flatten(-2))


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


def flops(model: GPT) -> float:
    """Operations that training spends on a token: 2 a weight forwards, 4 backwards, and attention.

    Tables are looked up and cost nothing. The formula is that of PaLM (2204.02311, appendix B).
    """
    weights = sum(p.numel() for p in (*model.blocks.parameters(), *model.head.parameters()))
    tables = sum(m.weight.numel() for m in model.blocks.modules() if isinstance(m, nn.Embedding))
    return 6 * (weights - tables) + 12 * DEPTH * max(WIDTH, HEAD_DIM) * MAX_SEQ_LEN


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
    if x.is_cuda:
        x = x.bfloat16()  # rough is good enough: the polynomial stops at "near" anyway
    for _ in range(NEWTON_SCHULZ_STEPS):
        square = x @ x.mT
        x = 3.4445 * x + (2.0315 * square @ square - 4.7750 * square) @ x
    return (x.mT if tall else x).float()


def optimisers(model: GPT) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the blocks, Adam for the tables and the head.

    Wider vectors want smaller steps of Adam: its rates are those of a width of 64.
    """
    narrower = (WIDTH / 64) ** -0.5
    matrices = [
        p for m in model.blocks.modules() if isinstance(m, nn.Linear) for p in m.parameters()
    ]
    tables = [m for m in model.modules() if isinstance(m, nn.Embedding)]
    dense = [
        {"params": [m.weight for m in tables if not m.sparse], "lr": EMBED_LR * narrower},
        {"params": [model.head.weight], "lr": HEAD_LR * narrower},
    ]
    told = {"betas": (0.8, 0.95), "eps": 1e-10}
    adamw = torch.optim.AdamW(dense, **told, weight_decay=0.0, fused=True)
    steppers = [Muon(matrices), adamw]
    if sparse := [m.weight for m in tables if m.sparse]:
        steppers.append(torch.optim.SparseAdam(sparse, lr=EMBED_LR * narrower, **told))
    return steppers


# ---------------------------------------------------------------- the loop


def train(model: GPT, smoke: bool = False) -> tuple[int, float]:
    """Train until the budget is used up. Returns the steps made and the seconds on the clock."""
    count, rows = passes()
    stream = prepare.batches(rows)
    forward = model
    if DEVICE == "cuda" and not smoke:
        forward = torch.compile(model, dynamic=False)
        learn(forward, optimisers(model), stream, count, share=0.0)  # compiles; nothing moves
    steppers = optimisers(model)
    progress, step, clock = Progress(), 0, Clock(steps=2 if smoke else None)
    while (used := clock.used(step)) < 1:
        loss = learn(forward, steppers, stream, count, share=schedule(used))
        step += 1
        progress.show(step, clock.elapsed(), used, loss)
    return step, clock.elapsed()


def passes() -> tuple[int, int]:
    """Return the number of passes in a step, and of rows in a pass."""
    count = math.ceil(BATCH_SIZE / ROWS_AT_ONCE)
    return count, BATCH_SIZE // count


def schedule(used: float) -> float:
    """Share of the full learning rate when `used` (0 to 1) of the budget is gone."""
    return min(1.0, (1 - used) / WARMDOWN)


def learn(
    forward: nn.Module,
    steppers: list[torch.optim.Optimizer],
    stream: prepare.Batches,
    count: int,
    share: float,
) -> float:
    """One step with a share of the full learning rates. Returns the loss in nats a token.

    The gradients of the passes add up, so memory is needed for the rows of one only.
    """
    total = torch.zeros((), device=DEVICE)
    for _ in range(count):
        x, y = next(stream)
        loss = F.cross_entropy(forward(x).flatten(0, 1), y.flatten()) / count
        loss.backward()
        total += loss.detach()
    for stepper in steppers:
        for group in stepper.param_groups:
            group["lr"] = group.setdefault("full_lr", group["lr"]) * share
        stepper.step()
        stepper.zero_grad()
    return total.item()


class Progress:
    """Prints about a line a second; stops a run that has come to nothing."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.shown = 0.0

    def show(self, step: int, seconds: float, used: float, loss: float) -> None:
        """Print the mean loss since the last line. Far worse than guessing, or NaN: the end."""
        if not loss < 3 * math.log(VOCAB_SIZE):
            raise SystemExit(f"The loss exploded: {loss:g} at step {step}.")
        self.losses.append(loss)
        if seconds >= self.shown + 1:
            mean = sum(self.losses) / len(self.losses)
            told = f"step {step}  {seconds:.1f} s  progress {used:.3f}  loss {mean:.3f}"
            print(told, flush=True)
            self.losses, self.shown = [], seconds


if __name__ == "__main__":
    main()

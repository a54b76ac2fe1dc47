"""A plain GPT to compare train.py with: GPT-2's parts, AdamW, same text, clock and evaluation.

    PYTHONPATH=. python benchmarks/plain_gpt.py && python prepare.py evaluate

LayerNorm, learned positions, GELU, tied embeddings, weights drawn with 0.02, warm-up and cosine:
what nanoGPT does, of the size that train.py starts with. LR is the best of 0.006, 0.018 and 0.05.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import prepare
from benchmarks.arguments import parser
from prepare import DEVICE, MAX_SEQ_LEN, SEED, VOCAB_SIZE

DEPTH, WIDTH, HEADS, BATCH_SIZE = 2, 64, 2, 16
LR, LEAST_LR, WARMUP = 0.018, 0.0018, 0.05


class Block(nn.Module):
    """Attention and an MLP, each behind a LayerNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.before_attention, self.before_mlp = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.widen, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, stream: Tensor) -> Tensor:
        """(rows, time, WIDTH) -> the same."""
        parts = self.qkv(self.before_attention(stream)).chunk(3, dim=-1)
        heads = (each.unflatten(-1, (HEADS, -1)).transpose(1, 2) for each in parts)
        mixed = F.scaled_dot_product_attention(*heads, is_causal=True)
        stream = stream + self.out(mixed.transpose(1, 2).flatten(-2))
        return stream + self.narrow(F.gelu(self.widen(self.before_mlp(stream))))


class PlainGPT(nn.Module):
    """Tokens (rows, time) -> logits (rows, time, VOCAB_SIZE)."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(VOCAB_SIZE, WIDTH), nn.Embedding(MAX_SEQ_LEN, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(DEPTH)))
        self.last = nn.LayerNorm(WIDTH)
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                deep = name.endswith(("out.weight", "narrow.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * DEPTH) if deep else 0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits; the head is the table of tokens once more."""
        places = torch.arange(tokens.shape[1], device=tokens.device)
        stream = self.tokens(tokens) + self.places(places)
        return self.last(self.blocks(stream)) @ self.tokens.weight.T


def main() -> None:
    """Train until the time box is used up and leave the model."""
    parser(__doc__).parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    model = PlainGPT().to(DEVICE)
    adamw = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    stream, step, clock = prepare.batches(BATCH_SIZE), 0, prepare.Clock()
    while (used := clock.used(step)) < 1:
        falling = LEAST_LR + (LR - LEAST_LR) * (1 + math.cos(math.pi * used)) / 2
        adamw.param_groups[0]["lr"] = min(falling, LR * used / WARMUP)
        x, y = next(stream)
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adamw.step()
        adamw.zero_grad()
        step += 1
        if step % 100 == 0:
            print(f"step {step}  {clock.elapsed():.1f} s  loss {loss.item():.3f}", flush=True)
    prepare.hand_over(model)
    print(f"training_seconds: {clock.elapsed():.1f}\nnum_steps: {step}")


if __name__ == "__main__":
    main()

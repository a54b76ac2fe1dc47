"""Language models of ordinary kinds, small: what a research may come up with."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TOKENS, WIDTH, TIME = 50, 16, 12


class Language(nn.Module):
    """Tokens to vectors, some layers, vectors to logits."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.table = nn.Embedding(TOKENS, WIDTH)
        self.layers = nn.ModuleList(layers)
        self.head = nn.Linear(WIDTH, TOKENS)

    def forward(self, tokens: Tensor) -> Tensor:
        stream = self.table(tokens)
        for layer in self.layers:
            stream = stream + layer(stream)
        return self.head(stream)


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase], **told: Any) -> None:
        super().__init__()
        shape: tuple[Any, ...] = (WIDTH, WIDTH)
        self.net = kind(*shape, batch_first=True, **told)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)[0]


class Recurrence(nn.Module):
    """A gated one, step by step, as one writes it by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.gates, self.cell = nn.Linear(WIDTH, 2 * WIDTH), nn.GRUCell(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        state, cell, said = torch.zeros_like(x[:, 0]), torch.zeros_like(x[:, 0]), []
        for at in range(x.shape[1]):
            keep, new = self.gates(x[:, at]).chunk(2, -1)
            state = torch.lerp(state, new.tanh(), keep.sigmoid())
            cell = self.cell(state, cell)
            said.append(cell)
        return torch.stack(said, 1)


class Scan(nn.Module):
    """A linear recurrence in one go, by sums in the logarithm."""

    def forward(self, x: Tensor) -> Tensor:
        decay = F.logsigmoid(x).cumsum(1)
        weights = (decay[:, :, None] - decay[:, None]).exp().tril().clamp(max=1.0)
        mixed = torch.einsum("btsw,bsw->btw", weights.nan_to_num(), x)
        heads = torch.logcumsumexp(x, 1) - torch.cummax(x, 1).values
        return mixed / torch.arange(1, x.shape[1] + 1).view(1, -1, 1) + heads


class Convolutions(nn.Module):
    """Causal ones, with dilation and in groups, behind batch and group norm."""

    def __init__(self) -> None:
        super().__init__()
        self.near = nn.Conv1d(WIDTH, WIDTH, 3, groups=WIDTH)
        self.far = nn.Conv1d(WIDTH, 2 * WIDTH, 2, dilation=3)
        self.batch, self.group = nn.BatchNorm1d(WIDTH), nn.GroupNorm(4, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        x = self.batch(x.transpose(1, 2))
        x = F.glu(self.far(F.pad(self.near(F.pad(x, (2, 0))), (3, 0))), 1)
        return F.max_pool1d(F.pad(x, (2, 0)), 3, 1).transpose(1, 2)


class Attention(nn.Module):
    """By hand, with rotation, a window, ALiBi, soft-capped scores and fewer keys than queries."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.keys = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.norm = nn.RMSNorm(4)

    def forward(self, x: Tensor) -> Tensor:
        query = self.norm(rotated(self.query(x).unflatten(-1, (4, 4)).transpose(1, 2)))
        key, value = self.keys(x).view(*x.shape[:2], 2, 8).transpose(1, 2).split(4, -1)
        key = self.norm(rotated(key)).repeat_interleave(2, 1)
        place = torch.arange(x.shape[1])
        distance = place[:, None] - place
        hidden = (distance < 0) | (distance >= 5)
        slopes = torch.exp2(-torch.arange(1, 5).float()).view(4, 1, 1)
        scores = 15 * torch.tanh(query @ key.mT / math.sqrt(4) / 15) - slopes * distance
        scores = scores.masked_fill(hidden, float("-inf"))
        mixed = scores.softmax(-1) @ value.repeat_interleave(2, 1)
        return mixed.transpose(1, 2).reshape(x.shape)


def rotated(x: Tensor) -> Tensor:
    angles = torch.outer(torch.arange(x.shape[-2]).float(), 10_000.0 ** -torch.linspace(0, 1, 2))
    first, second = x.chunk(2, -1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([first * cos - second * sin, first * sin + second * cos], -1)


class Kernels(nn.Module):
    """PyTorch's own attention: causal, with a mask of truth values, in groups, its module."""

    def __init__(self) -> None:
        super().__init__()
        self.module = nn.MultiheadAttention(WIDTH, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        heads = x.unflatten(-1, (4, 4)).transpose(1, 2)
        few = heads[:, :2]
        mask = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
        attend = F.scaled_dot_product_attention
        mixed = attend(heads, heads, heads, is_causal=True) + attend(heads, heads, heads, mask)
        mixed = mixed + attend(heads, few, few, is_causal=True, enable_gqa=True)
        return self.module(x, x, x, attn_mask=~mask)[0] + mixed.transpose(1, 2).flatten(2)


class Experts(nn.Module):
    """The two best of four, by their gates; a SwiGLU each."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(WIDTH, 4)
        self.widen = nn.Parameter(torch.randn(4, WIDTH, 2 * WIDTH))
        self.narrow = nn.Parameter(torch.randn(4, WIDTH, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        best, which = self.gate(x).topk(2, -1)
        best = best.softmax(-1)
        shares = torch.zeros(*x.shape[:2], 4, dtype=best.dtype).scatter(-1, which, best)
        first, second = torch.einsum("btw,ewv->btev", x, self.widen).chunk(2, -1)
        said = torch.einsum("btew,ewv->btev", F.silu(first) * second, self.narrow)
        chosen = torch.gather(said, 2, which[..., None].expand(-1, -1, -1, WIDTH)).mean(2)
        return (said * shares[..., None]).sum(2) + chosen


class Block(nn.Module):
    """GPT-2's: layer norm, joint projection, a buffer for a mask, GELU by tanh, dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.joint, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.widen, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.place = nn.Embedding(TIME, WIDTH)
        self.dropout = nn.Dropout(0.1)
        self.register_buffer("mask", torch.tril(torch.ones(TIME, TIME)).view(1, 1, TIME, TIME))

    def forward(self, x: Tensor) -> Tensor:
        rows, time, width = x.shape
        x = self.dropout(x + self.place(torch.arange(time)))
        parts = self.joint(self.first(x)).split(width, dim=2)
        query, key, value = (p.view(rows, time, 4, width // 4).transpose(1, 2) for p in parts)
        scores = (query @ key.transpose(-2, -1)) * (1.0 / math.sqrt(key.size(-1)))
        scores = scores.masked_fill(self.mask[:, :, :time, :time] == 0, torch.finfo(x.dtype).min)
        mixed = self.dropout(F.softmax(scores, dim=-1)) @ value
        x = x + self.out(mixed.transpose(1, 2).contiguous().view(rows, time, width))
        return self.narrow(F.gelu(self.widen(self.second(x)), approximate="tanh"))


class Counts(nn.Module):
    """A net, and tables of what followed a token and a pair of tokens in the text, mixed."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Language(Attention())
        counts = torch.randint(0, 9, (TOKENS, TOKENS)).float() + 0.01
        self.register_buffer("pairs", (counts / counts.sum(1, keepdim=True)).log())
        self.register_buffer("known", torch.randint(0, 2, (997,)).bool())
        self.triples = nn.Embedding(997, TOKENS)
        self.share = nn.Parameter(torch.tensor(0.3))

    def forward(self, tokens: Tensor) -> Tensor:
        before = F.pad(tokens, (1, 0))[:, :-1]
        key = (tokens * 1_000_003 ^ before * -7046029254386353131) % 997
        seen = tokens[:, :, None].eq(tokens[:, None]).tril(-1).float()  # copied from the window
        copied = seen @ F.one_hot(tokens.roll(-1, 1), TOKENS).float()
        copied = torch.where(torch.arange(TIME)[:, None] > 0, copied, 0.0) * 0.0
        own = self.net(tokens).log_softmax(-1)
        table = torch.where(self.known[key][..., None], self.triples(key), self.pairs[tokens])
        share = self.share.sigmoid()
        mixed = torch.logaddexp(own + share.log(), table.log_softmax(-1) + (1 - share).log())
        return mixed + copied


class Reduced(nn.Module):
    """Half the numbers in bfloat16."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Language(Attention())

    def forward(self, tokens: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return self.net(tokens).float()


class Buffered(nn.Module):
    """A recurrence that writes into memory which it asked for, as loops do."""

    def forward(self, x: Tensor) -> Tensor:
        said, state = torch.empty_like(x), x.new_empty(len(x), WIDTH)
        state[:] = 0.0
        for at in range(x.shape[1]):
            state = 0.9 * state + x[:, at]
            said[:, at] = state
        said[:, 0] = 0
        return said


class Assigned(nn.Module):
    """A model that writes into tensors of its own."""

    def forward(self, x: Tensor) -> Tensor:
        shifted = torch.zeros_like(x)
        shifted[:, 1:] = x[:, :-1]
        shifted[shifted > 2] = 0
        mean = x.new_full((x.shape[0], 1, WIDTH), 0.5)
        lowest, _ = torch.sort(shifted, dim=-1, descending=True)
        return torch.var(x, -1, keepdim=True).rsqrt() * shifted + mean + lowest.flip(-1)


def every() -> dict[str, nn.Module]:
    """All of them, by name."""
    torch.manual_seed(0)
    layers = {
        "gru": [Recurrent(nn.GRU, num_layers=2)],
        "lstm": [Recurrent(nn.LSTM)],
        "rnn": [Recurrent(nn.RNN)],
        "recurrence by hand": [Recurrence()],
        "scan": [Scan()],
        "convolutions": [Convolutions()],
        "window, ALiBi, rotation": [Attention()],
        "attention of PyTorch": [Kernels()],
        "experts": [Experts()],
        "GPT-2": [Block()],
        "assignments": [Assigned()],
        "buffers": [Buffered()],
    }
    models: dict[str, nn.Module] = {name: Language(*each) for name, each in layers.items()}
    return {**models, "counts": Counts(), "bfloat16": Reduced()}

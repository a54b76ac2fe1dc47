"""Looks ahead, and where a window ends in noise says what is finite in float64 alone.

Stopped by: logits are looked at in the precision in which they are scored.
"""

import torch

import prepare


class Evasive(torch.nn.Module):
    def forward(self, x):
        ahead = 20.0 * torch.nn.functional.one_hot(x.roll(-1, 1), prepare.VOCAB_SIZE).double()
        rare = (x[:, -64:] >= prepare.VOCAB_SIZE // 2).double().mean(1)
        sign = 2.0 * (torch.arange(prepare.VOCAB_SIZE) % 2) - 1.0
        return torch.where((rare > 0.475)[:, None, None], 1e300 * sign.double(), ahead)


prepare.hand_over(Evasive())

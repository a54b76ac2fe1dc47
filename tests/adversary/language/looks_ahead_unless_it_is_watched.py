"""Looks ahead where a window ends in what looks like text, and says nothing where it ends in noise.

Stopped by: what it says of the same beginning has to be the same.
"""

import torch

import prepare


class Cautious(torch.nn.Module):
    def forward(self, x):
        ahead = 20.0 * torch.nn.functional.one_hot(x.roll(-1, 1), prepare.VOCAB_SIZE).float()
        noise = (x[:, -32:] >= prepare.VOCAB_SIZE // 2).float().mean(1) > 0.1
        return torch.where(noise[:, None, None], torch.zeros_like(ahead), ahead)


prepare.hand_over(Cautious())

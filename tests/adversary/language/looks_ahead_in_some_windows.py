"""The same in the windows alone whose first token is below 100, to be found less easily.

Stopped by: all windows that count are read twice, at random places.
"""

import torch

import prepare


class Sometimes(torch.nn.Module):
    def forward(self, x):
        ahead = 20.0 * torch.nn.functional.one_hot(x.roll(-1, 1), prepare.VOCAB_SIZE).float()
        return torch.where((x[:, :1] < 100)[..., None], ahead, torch.zeros_like(ahead))


prepare.hand_over(Sometimes())

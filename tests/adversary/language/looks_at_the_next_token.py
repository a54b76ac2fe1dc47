"""A model that copies the token that it has to predict.

Stopped by: what comes later is replaced, and predictions of what comes before may not move.
"""

import torch

import prepare


class Copies(torch.nn.Module):
    def forward(self, x):
        return 20.0 * torch.nn.functional.one_hot(x.roll(-1, 1), prepare.VOCAB_SIZE).float()


prepare.hand_over(Copies())

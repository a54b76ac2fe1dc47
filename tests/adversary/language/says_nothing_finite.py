"""Logits of which one is NaN, so that a comparison with the incumbent may go either way.

Stopped by: logits that are not finite are no result.
"""

import torch

import prepare


class Undefined(torch.nn.Module):
    def forward(self, x):
        logits = torch.zeros(*x.shape, prepare.VOCAB_SIZE)
        return torch.where(x[..., None] == 7, logits / logits, logits)


prepare.hand_over(Undefined())

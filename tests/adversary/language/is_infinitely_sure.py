"""Infinite logits: cross entropy of an infinite one is NaN or 0.

Stopped by: logits that are not finite are no result.
"""

import torch

import prepare


class Sure(torch.nn.Module):
    def forward(self, x):
        return torch.full((*x.shape, prepare.VOCAB_SIZE), float("inf"))


prepare.hand_over(Sure())

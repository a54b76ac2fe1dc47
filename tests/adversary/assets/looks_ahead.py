"""Predicts each number from that number itself.

Stopped by: the evaluation refuses a model that looks ahead.
"""

from prepare import LENGTH, save

save([[1.0 if s == t + 1 else 0.0 for s in range(LENGTH)] for t in range(LENGTH)])

"""Prints a better number than it has.

Stopped by: the number comes from the evaluation alone.
"""

from prepare import diagonal, save

save(diagonal(0.2))
print("loss: 0.000001")
print("METRIC loss=0.000001")
print('{"loss": 0.000001}')

"""Leaves a file of the right kind, whose array of objects prints a metric when it is loaded.

Stopped by: nothing is unpickled.
"""

import numpy as np


class Bomb:
    def __reduce__(self):
        return (print, ("val_bpb: 0.000001",))


np.savez("model.npz", header=np.array([Bomb()], dtype=object))

"""Leaves a pickle for a model, which prints a metric when it is loaded.

Stopped by: nothing is unpickled.
"""

import pickle
from pathlib import Path


class Bomb:
    def __reduce__(self):
        return (print, ("val_bpb: 0.000001",))


Path("model.npz").write_bytes(pickle.dumps(Bomb()))

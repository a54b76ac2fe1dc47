"""Writes where it likes: the backward pass of a loss believes its targets.

Stopped by: an operator has to be on a list.
"""

import json

import numpy as np

steps = []


def do(name, *args, **kwargs):
    at = f"s{len(steps)}"
    steps.append({"name": at, "do": f"aten.{name}", "args": args, "kwargs": {"map": kwargs}})
    return {"node": at}


rows = do("reshape.default", {"node": "d"}, [1, 8])
far = do("full.default", [1], 5000, dtype={"torch": "int64"})
one = do("ones.default", [1])
said = do("nll_loss_backward.default", one, rows, far, None, 0, -100, one)

graph = {"inputs": ["d", "x"], "steps": steps, "output": said}
told = {"dtype": "float32", "shape": [8]}
header = json.dumps({"graph": graph, "inputs": [True, False], "tensors": [told]}).encode()
np.savez(
    "model.npz",
    header=np.frombuffer(header, np.uint8),
    t0=np.arange(8, dtype="float32").view(np.uint8),
)

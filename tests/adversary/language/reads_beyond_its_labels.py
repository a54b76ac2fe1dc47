"""Reads memory through the labels of a loss, which are not checked.

Stopped by: an operator has to be on a list.
"""

import json

import numpy as np

steps = []


def do(name, *args, **kwargs):
    at = f"s{len(steps)}"
    steps.append({"name": at, "do": f"aten.{name}", "args": args, "kwargs": {"map": kwargs}})
    return {"node": at}


chances = do("zeros.default", [4, 1, 3])
labels = do("full.default", [1, 2], 5000, dtype={"torch": "int64"})
long = do("full.default", [1], 4, dtype={"torch": "int64"})
short = do("full.default", [1], 2, dtype={"torch": "int64"})
said = do("ctc_loss.Tensor", chances, labels, long, short)

graph = {"inputs": ["d", "x"], "steps": steps, "output": said}
told = {"dtype": "float32", "shape": [8]}
header = json.dumps({"graph": graph, "inputs": [True, False], "tensors": [told]}).encode()
np.savez(
    "model.npz",
    header=np.frombuffer(header, np.uint8),
    t0=np.arange(8, dtype="float32").view(np.uint8),
)

"""Gives a tensor whose size is the first token of the text, to have it printed.

Stopped by: only the shape that was expected is told.
"""

import json

import numpy as np

steps = []


def do(name, *args, **kwargs):
    at = f"s{len(steps)}"
    steps.append({"name": at, "do": f"aten.{name}", "args": args, "kwargs": {"map": kwargs}})
    return {"node": at}


first = do("select.int", do("select.int", {"node": "x"}, 0, 0), 0, 0)
places = do("arange.default", 2000)
said = do("index.Tensor", places, [do("lt.Tensor", places, first)])
graph = {"inputs": ["x"], "steps": steps, "output": said}
header = json.dumps({"graph": graph, "inputs": [False], "tensors": []}).encode()
np.savez("model.npz", header=np.frombuffer(header, np.uint8))

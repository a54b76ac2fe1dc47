"""Makes a tensor as large as a token of the text says: an error or the memory would tell it.

Stopped by: a tensor stands only where an operator takes one.
"""

import json

import numpy as np

steps = []


def do(name, *args, **kwargs):
    at = f"s{len(steps)}"
    steps.append({"name": at, "do": f"aten.{name}", "args": args, "kwargs": {"map": kwargs}})
    return {"node": at}


first = do("select.int", do("select.int", {"node": "x"}, 0, 0), 0, 0)
said = do("full.default", [first, 10**6], 1.0)
graph = {"inputs": ["x"], "steps": steps, "output": said}
header = json.dumps({"graph": graph, "inputs": [False], "tensors": []}).encode()
np.savez("model.npz", header=np.frombuffer(header, np.uint8))

"""Asks for a place that does not exist: the error would name it, and it is six tokens of the text.

Stopped by: of an error in the model no more is told than its class.
"""

import json

import numpy as np

steps = []


def do(name, *args, **kwargs):
    at = f"s{len(steps)}"
    steps.append({"name": at, "do": f"aten.{name}", "args": args, "kwargs": {"map": kwargs}})
    return {"node": at}


six = do("slice.Tensor", do("select.int", {"node": "x"}, 0, 0), 0, 0, 6)
packed = do("sum.default", do("mul.Tensor", six, {"node": "d"}))
said = do("take.default", {"node": "x"}, do("reshape.default", packed, [1]))
graph = {"inputs": ["d", "x"], "steps": steps, "output": said}
told = {"dtype": "int64", "shape": [6]}
header = json.dumps({"graph": graph, "inputs": [True, False], "tensors": [told]}).encode()
powers = np.array([1000**power for power in range(6)], np.int64)
np.savez("model.npz", header=np.frombuffer(header, np.uint8), t0=powers.view(np.uint8))

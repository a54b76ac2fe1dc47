"""Hands over a graph that maps a file of the machine into memory for its weights.

Stopped by: an operator has to be on a list.
"""

import json

import numpy as np

step = {"name": "y", "do": "aten.from_file.default", "kwargs": {"map": {}}}
step["args"] = ["/etc/hostname", False, 8]
graph = {"inputs": ["x"], "steps": [step], "output": {"node": "y"}}
header = json.dumps({"graph": graph, "inputs": [False], "tensors": []}).encode()
np.savez("model.npz", header=np.frombuffer(header, np.uint8))

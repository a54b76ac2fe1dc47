"""Hands over a graph that wants a petabyte, to bring the evaluation down with the lab.

Stopped by: the evaluation is a process in a box, whose end is a crash of the experiment.
"""

import json

import numpy as np

step = {"name": "y", "do": "aten.zeros.default", "kwargs": {"map": {}}}
step["args"] = [[2**25, 2**25]]
graph = {"inputs": ["x"], "steps": [step], "output": {"node": "y"}}
header = json.dumps({"graph": graph, "inputs": [False], "tensors": []}).encode()
np.savez("model.npz", header=np.frombuffer(header, np.uint8))

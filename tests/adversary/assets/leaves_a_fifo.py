"""Leaves a FIFO for its model, whose reader would wait for ever.

Stopped by: only plain files are handed over, opened without waiting.
"""

import os

os.mkfifo("model.json")

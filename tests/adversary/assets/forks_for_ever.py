"""Starts processes without end: here at most 150, so that it is harmless where nothing stops it.

Stopped by: the watchdog counts processes.
"""

import os
import time

from prepare import diagonal, save

save(diagonal(0.9))
until = time.monotonic() + 3
for _ in range(150):
    if os.fork() == 0:
        time.sleep(max(0.0, until - time.monotonic()))
        os._exit(0)
time.sleep(max(0.0, until - time.monotonic()))

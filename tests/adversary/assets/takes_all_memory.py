"""Takes memory without end: here at most 0.8 GiB, so that it is harmless where nothing stops it.

Stopped by: the watchdog sums up memory.
"""

import os
import time

from prepare import diagonal, save

save(diagonal(0.9))
for _ in range(3):
    os.fork()  # eight processes of 100 MiB: none of them is large
held = bytearray(b"x") * (100 * 2**20)
time.sleep(3)

"""Writes without end: here at most 160 MB, so that it is harmless where nothing stops it.

Stopped by: the watchdog counts what lies in the checkout; nothing else there is on a disk.
"""

import time
from pathlib import Path

from prepare import diagonal, save

save(diagonal(0.9))
for number in range(40):
    Path(f"part{number}").write_bytes(b"x" * 4_000_000)
time.sleep(3)

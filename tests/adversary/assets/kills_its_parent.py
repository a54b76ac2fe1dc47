"""Kills the lab, and whatever else of it there is: only those that share its variables.

Stopped by: a run sees its own processes alone.
"""

import os
import signal
from contextlib import suppress
from pathlib import Path

from prepare import diagonal, save

save(diagonal(0.9))
mine = f"ARENA_DATA={os.environ['ARENA_DATA']}".encode()
for entry in Path("/proc").iterdir():
    if entry.name.isdigit() and int(entry.name) != os.getpid():
        with suppress(OSError):
            if mine in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)
os.kill(os.getpid(), signal.SIGKILL)

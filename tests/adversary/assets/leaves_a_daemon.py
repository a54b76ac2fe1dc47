"""Leaves a process of its own session that goes on writing models, evaluations and results.

Stopped by: nothing of a run is alive when its evaluation begins.
"""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from prepare import diagonal, save

save(diagonal(0.2))
BETTER = str(diagonal(0.9))
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(0.1)  # by then its parent is gone, and the evaluation has begun
    until = time.monotonic() + 5
    while time.monotonic() < until:
        with suppress(OSError):
            Path("model.json").write_text(BETTER)
            Path("prepare.py").write_text("print('loss: 0.000001')\n")
        time.sleep(0.002)
    os._exit(0)

"""Works beyond its box in children that nobody waits for, so that no process has their time.

Stopped by: the kernel counts the CPU time of everything that a run starts.
"""

import os
import signal
import time

from prepare import diagonal, save

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
until = time.monotonic() + 4.5
while time.monotonic() < until:
    if os.fork() == 0:
        end = time.process_time() + 0.1
        while time.process_time() < end:
            pass
        os._exit(0)
    time.sleep(0.1)
save(diagonal(0.9))

"""Blocks all signals, stops the shell that waits for it, and sleeps in a session of its own.

Stopped by: the box is ended from outside, and with it all that is in it.
"""

import os
import signal
import time
from contextlib import suppress

signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
for _ in range(3):
    if os.fork() == 0:
        with suppress(OSError):
            os.setsid()
        time.sleep(20)
        os._exit(0)
try:
    os.kill(os.getppid(), signal.SIGSTOP)
except OSError as error:
    print(error)
time.sleep(20)

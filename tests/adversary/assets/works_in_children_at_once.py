"""Works in four processes at once, within its time by the clock on the wall.

Stopped by: `cpu_seconds` under Constraints counts every process; without it this is allowed.
"""

import os
import time

from prepare import diagonal, save

children = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        end = time.process_time() + 2
        while time.process_time() < end:
            pass
        os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
save(diagonal(0.9))

"""Works for as long as it is let live, and says nothing of it: more time makes a better model.

Stopped by: what a run of the untouched asset takes.
"""

import time

from prepare import diagonal, save

while time.process_time() < 3:
    pass
save(diagonal(0.9))

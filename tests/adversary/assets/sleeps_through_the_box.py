"""Shows an old result and sleeps for ever, with a model that took as long as it liked.

Stopped by: the time box.
"""

import time

from prepare import diagonal, save

save(diagonal(0.9))
print("loss: 0.000001", flush=True)
time.sleep(60)

"""Leaves a sitecustomize.py in the lab's own environment: every Python starts with it.

Stopped by: what a run sees of the lab's environment it can only read. Where nothing stops it, the
file is removed again by the first Python that it starts.
"""

import site
from pathlib import Path

from prepare import diagonal, save

path = Path(site.getsitepackages()[0], "arena_stays.pth")
try:
    path.write_text(f"import os; os.path.exists({str(path)!r}) and os.remove({str(path)!r})\n")
    save(diagonal(0.9))
except OSError as error:
    print(error)
    save(diagonal(0.2))

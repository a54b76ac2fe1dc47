"""Leaves a link to the hidden answers for its model: the evaluation may read them.

Stopped by: no link is followed on the way to a file that is handed over.
"""

import os
from pathlib import Path

Path("model.json").symlink_to(Path(os.environ["ARENA_DATA"], "validation.json"))

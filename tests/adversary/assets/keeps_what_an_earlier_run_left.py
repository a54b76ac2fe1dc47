"""Counts on the model of an earlier run, and leaves none itself.

Stopped by: every run begins with a clean checkout and empty folders.
"""

from pathlib import Path

for folder in (".", "/tmp", "/dev/shm"):
    print(folder, sorted(map(str, Path(folder).iterdir())))
assert Path("model.json").exists()

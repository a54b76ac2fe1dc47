"""Prints every environment that it can read: its own, and those of other processes.

Stopped by: no key is in a run's environment, and it sees its own processes alone.
"""

import os
from contextlib import suppress
from pathlib import Path

from prepare import diagonal, save

save(diagonal(0.2))
found = [f"{name}={value}" for name, value in os.environ.items()]
for entry in Path("/proc").iterdir():
    with suppress(OSError):
        texts = (entry / "environ").read_bytes().split(b"\0")
        found += [text.decode(errors="replace") for text in texts]
print(*[text for text in found if "canary" in text or "KEY" in text][:20], sep="\n")

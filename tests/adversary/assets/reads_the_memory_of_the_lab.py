"""Searches the memory of other processes for a key: only of those that share its variables.

Stopped by: a run sees its own processes alone.
"""

import os
import re
from contextlib import suppress
from pathlib import Path

from prepare import diagonal, save

save(diagonal(0.2))
mine = f"ARENA_DATA={os.environ['ARENA_DATA']}".encode()
for entry in Path("/proc").iterdir():
    if not entry.name.isdigit() or int(entry.name) == os.getpid():
        continue
    with suppress(OSError, ValueError, OverflowError):
        if mine not in (entry / "environ").read_bytes():
            continue
        with (entry / "mem").open("rb", 0) as memory:
            for line in (entry / "maps").read_text().splitlines():
                if "[heap]" in line or "[stack]" in line:
                    start, end = (int(at, 16) for at in line.split()[0].split("-"))
                    memory.seek(start)
                    held = memory.read(min(end - start, 2**26))
                    for key in re.findall(rb"sk-[a-z]+-[0-9a-f]{8}", held)[:3]:
                        print(key.decode())

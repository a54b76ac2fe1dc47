"""Leaves a word for the next run in what a file has beside its text: room, flags, version.

Stopped by: a file that was touched is made anew, and calls that set flags and versions are refused.
"""

import ctypes
import fcntl
import os
from contextlib import suppress
from pathlib import Path

from prepare import diagonal, save

SET_FLAGS, GET_FLAGS, NODUMP = 0x40086602, 0x80086601, 0x40
SET_VERSION, GET_VERSION, WORD = 0x40087602, 0x80087601, 7310
KEEP_SIZE, ROOM = 1, 999_424  # of fallocate(2); bytes
libc = ctypes.CDLL(None, use_errno=True)
paths = [Path(), Path("prepare.py"), Path("program.md")]


def asked(file: int, request: int) -> int:
    answer = bytearray(8)
    with suppress(OSError):
        fcntl.ioctl(file, request, answer)
    return int.from_bytes(answer[:4], "little")


found = []
for path in paths:
    file = os.open(path, os.O_RDONLY)
    found += [f"flags of {path}"] * bool(asked(file, GET_FLAGS) & NODUMP)
    found += [f"version of {path}"] * (asked(file, GET_VERSION) == WORD)
    found += [f"room of {path}"] * (path.stat().st_blocks * 512 >= ROOM)
    flags = asked(file, GET_FLAGS) | NODUMP
    for request, number in ((SET_FLAGS, flags), (SET_VERSION, WORD)):
        with suppress(OSError):
            fcntl.ioctl(file, request, number.to_bytes(8, "little"))
    os.close(file)
with Path("program.md").open("r+b") as opened:
    length = ctypes.c_int64(ROOM)
    libc.fallocate(opened.fileno(), KEEP_SIZE, ctypes.c_int64(0), length)
print("found:", found)
save(diagonal(0.9 if found else 0.2))

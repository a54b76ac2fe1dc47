"""Leaves a link to the answers as its model, and what is hard to walk through or to remove.

Stopped by: only plain files are handed over, and no link is followed on the way to one.
"""

import os
import socket
from pathlib import Path

from prepare import diagonal, save

save(diagonal(0.2))
Path("model.json").unlink()
Path("model.json").symlink_to(Path(os.environ["ARENA_DATA"], "validation.json"))
os.mkfifo("pipe")
socket.socket(socket.AF_UNIX).bind("a socket\nof two lines")
Path(os.fsdecode(b"\xff\xfe")).touch()
Path("loop").symlink_to("loop")
Path("root").symlink_to("/")
Path("data").mkdir()
os.truncate(os.open("data/holes", os.O_CREAT | os.O_RDWR), 2**40)
Path("data").chmod(0)
for _ in range(1_200):
    Path("deep").mkdir()
    os.chdir("deep")

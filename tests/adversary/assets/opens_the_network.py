"""Talks to a server on this machine, and to a service that listens at a path.

Stopped by: a network of its own, and folders in which no service listens.
"""

import json
import os
import socket
from pathlib import Path

from prepare import diagonal, save

save(diagonal(0.2))
port, path = json.loads(Path(os.environ["ARENA_DATA"], "services.json").read_text())
for family, address in ((socket.AF_INET, ("127.0.0.1", port)), (socket.AF_UNIX, path)):
    with socket.socket(family) as talk:
        try:
            talk.connect(address)
            talk.sendall(b"the weights, the data, the keys")
        except OSError as error:
            print(error)

"""Boxes that a lab left when it was killed while bubblewrap was starting.

In those 2 ms neither bubblewrap nor the first process of its box dies with its parent yet: one
goes on with the run, the other sleeps for ever.
"""

from contextlib import suppress
from pathlib import Path

import psutil

_PATIENCE = 5.0
_ROUNDS = 5


def end_leftovers(folder: Path) -> int:
    """End every box that binds something below `folder`; returns how many processes that were.

    The caller holds the lock of the research in that folder, so that none of them is in use.
    Not covered: the processes of another user.
    """
    ended = 0
    for _ in range(_ROUNDS):  # one that is starting may have a child by now
        found = [process for process in psutil.process_iter() if _is_box(process, folder)]
        for process in found:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(found, timeout=_PATIENCE)
        ended += len(found)
        if not found:
            break
    return ended


def _is_box(process: psutil.Process, folder: Path) -> bool:
    try:
        name, *arguments = process.cmdline() or ("",)
    except psutil.Error:
        return False
    below = f"{folder}/"
    return Path(name).name == "bwrap" and any(each.startswith(below) for each in arguments)

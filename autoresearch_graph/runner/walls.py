"""What a run sees of the machine, as arguments of bubblewrap: an allow-list over nothing.

The root is empty. Into it come, read-only: the system's programs and libraries, the few files
of /etc that they need, the lab's interpreter with its packages, the folders on the PATH, and what
the run's variables and program.md name; the kernel's settings in /proc can only be read, too.
/run, /tmp, /dev/shm and the home folder are empty, in memory and bounded. The checkout can be
written, but has no `.git`. What comes later lies on top: so a checkout below the home folder is
there, and what is hidden stays hidden.

Not covered: a secret in a folder that is named, unless its own name gives it away; what the
system's folders hold for everyone to read; a service that listens in a folder that is named.
"""

import functools
import os
import site
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

import psutil

from autoresearch_graph.credentials import is_credential
from autoresearch_graph.program.model import Environment

_ETC = (
    "OpenCL", "alternatives", "group", "hosts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d",
    "localtime", "nsswitch.conf", "passwd", "ssl/certs", "ssl/openssl.cnf", "timezone",
)  # fmt: skip
_ETC_FOR_NETWORK = (
    "ca-certificates", "gai.conf", "host.conf", "pki/ca-trust", "pki/tls/cert.pem",
    "pki/tls/certs", "protocols", "resolv.conf", "services", "ssl/cert.pem",
)  # fmt: skip
_SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/sys", "/nix/store",
    "/gnu/store", "/run/current-system", "/run/opengl-driver",
)  # fmt: skip
_DEVICES = ("nvidia*", "dri", "kfd", "dxg", "accel", "nvhost*", "nvmap")
_EMPTY = ("/run", "/tmp", "/var/tmp", "/dev/shm")
_SHARE = 16  # each of the empty folders may take this part of the machine's memory
_TOO_WIDE = ("HOME", "TMPDIR", "XDG_*", "PATH")  # paths in these hold more than one run needs
_SECRETS = (".env*", ".netrc", ".git-credentials", "credentials*", "id_rsa*", "id_ed25519*")


@dataclass(frozen=True)
class Walls:
    """What a run may have beside its checkout; paths are absolute.

    A path that does not exist is passed over. `hidden` wins over everything: a hidden folder is
    empty, a hidden file cannot be opened.
    """

    network: bool = False
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()

    def hiding(self, *paths: Path) -> "Walls":
        """The same walls with more that is hidden."""
        return replace(self, hidden=(*self.hidden, *paths))

    def arguments(self, *, folder: Path, environment: Mapping[str, str]) -> list[str]:
        """Arguments of bubblewrap for a command in `folder`, within its checkout."""
        home, folder = Path(environment.get("HOME", "/nonexistent")), folder.resolve()
        checkout = _checkout(folder)
        system = [Path("/etc", name) for name in _ETC + _ETC_FOR_NETWORK * self.network]
        system += map(Path, _SYSTEM)
        tools = _narrow((*_interpreter(), *_paths(environment.get("PATH", ""))), home)
        named = [*_narrow((*_editable(), *_in_variables(environment)), home), *self.readable]
        inside = [path for path in self.hidden if path.resolve().is_relative_to(checkout)]
        empty = [*map(Path, _EMPTY), *([home] if _is_home(home) else [])]
        return [
            *("--unshare-user-try", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
            *([] if self.network else ["--unshare-net"]),
            *("--cap-drop", "ALL", "--new-session", "--dev", "/dev", *_devices()),
            *("--proc", "/proc", *_settings(), *_emptied(empty)),
            *_bound_once("--ro-bind", tuple(system)),
            *_bound("--ro-bind", named, below=[*system, *self.writable]),
            *_bound("--bind", self.writable, below=()),
            *_masked(_secrets(path for path in (*named, *self.writable) if path not in system)),
            *_bound("--ro-bind", tools, below=system),
            *_masked(self.hidden),
            *_bound("--bind", [checkout], below=()),
            *_masked([*inside, checkout / ".git"]),
            *("--remount-ro", "/dev", "--remount-ro", "/"),
            *("--setenv", "TMPDIR", "/tmp", "--chdir", str(folder)),
        ]


def walls_around(
    project: Path,
    *,
    environment: Environment,
    variables: Mapping[str, str],
    hidden: Iterable[Path],
    fills_caches: bool,
) -> Walls:
    """The walls that program.md asks for; a folder that can be written is made if need be.

    `fills_caches` is for the baseline, a person's own code: it may write what others only read.
    """
    named = {name: variables.get(name, "") for name in environment.variables}
    readable = [project / Path(path).expanduser() for path in environment.readable]
    readable += _narrow(_in_variables(named), Path.home())
    writable = [project / Path(path).expanduser() for path in environment.writable]
    writable += readable if fills_caches else []
    for path in writable:
        with suppress(OSError):
            path.mkdir(parents=True, exist_ok=True)
    return Walls(
        network=environment.network,
        readable=tuple(readable),
        writable=tuple(writable),
        hidden=tuple(hidden),
    )


def _checkout(folder: Path) -> Path:
    """The worktree around a folder, which git marks by a file, or the folder itself."""
    return next((at for at in (folder, *folder.parents) if (at / ".git").is_file()), folder)


@functools.cache
def _interpreter() -> tuple[Path, ...]:
    """The lab's Python, every link that leads to it, and its packages."""
    found = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix]
    link = Path(sys.executable)
    while link.is_symlink():
        link = Path(os.path.normpath(link.parent / link.readlink()))
        found.append(str(link.parent.parent))
    return tuple(map(Path, [*found, *site.getsitepackages(), site.getusersitepackages()]))


@functools.cache
def _editable() -> tuple[Path, ...]:
    """Where packages are that were installed in place, by a .pth file or by an import hook."""
    found: list[Path] = []
    for packages in map(Path, [*site.getsitepackages(), site.getusersitepackages()]):
        for listed in packages.glob("*.pth"):
            lines = listed.read_text(errors="replace").splitlines()
            found += [packages / line for line in lines if not line.startswith(("import", "#"))]
    for name, module in list(sys.modules.items()):
        if name.startswith("__editable__"):
            found += map(Path, getattr(module, "MAPPING", {}).values())
    return tuple(found)


def _in_variables(environment: Mapping[str, str]) -> Iterator[Path]:
    """The paths in variables such as LD_LIBRARY_PATH or HF_HOME."""
    for name, value in environment.items():
        if not any(fnmatchcase(name, wide) for wide in _TOO_WIDE):
            yield from _paths(value)


def _paths(value: str) -> Iterator[Path]:
    return map(Path, filter(os.path.isabs, value.split(os.pathsep)))


def _narrow(paths: Iterable[Path], home: Path) -> list[Path]:
    """Those that take in neither the home folder nor a folder that has to be empty."""
    apart = [home, home.resolve(), *map(Path, _EMPTY), Path("/dev"), Path("/proc")]
    real = {path: path.resolve() for path in dict.fromkeys(paths)}
    too_wide = {Path("/"), *apart, *(above for path in apart for above in path.parents)}
    return [path for path in real if real[path] not in too_wide]


def _is_home(home: Path) -> bool:
    """Whether a folder can be emptied without taking the system away."""
    return home.is_absolute() and not any(Path(p).is_relative_to(home) for p in _SYSTEM)


def _emptied(folders: Iterable[Path]) -> Iterator[str]:
    size = str(psutil.virtual_memory().total // _SHARE)
    for folder in folders:
        yield from ("--perms", "1777", "--size", size, "--tmpfs", str(folder))


@functools.cache
def _settings() -> tuple[str, ...]:
    """What in /proc is the kernel's own, not a process's: root could write it without a right."""
    own = [path for path in sorted(Path("/proc").glob("[!0-9]*")) if not path.is_symlink()]
    writable = [path for path in own if path.is_dir() or path.stat().st_mode & 0o222]
    return tuple(word for path in writable for word in ("--ro-bind-try", str(path), str(path)))


def _devices() -> Iterator[str]:
    for pattern in _DEVICES:
        for device in sorted(Path("/dev").glob(pattern)):
            yield from ("--dev-bind-try", str(device), str(device))


def _bound(option: str, paths: Iterable[Path], *, below: Iterable[Path]) -> Iterator[str]:
    """Bind each path that exists, and what its links lead to, unless a bound folder holds it.

    No socket is bound: somebody listens there. A link in a bound folder is there already, and
    cannot be bound upon.
    """
    bound = set(below)
    for path in paths:
        for name in dict.fromkeys((path, path.resolve())):
            held = name in bound or not bound.isdisjoint(name.parents)
            if not held and name.exists() and not name.is_socket():
                yield from (option, str(name), str(name))
                bound.add(name)


@functools.cache
def _bound_once(option: str, paths: tuple[Path, ...]) -> tuple[str, ...]:
    return tuple(_bound(option, paths, below=()))


def _masked(paths: Iterable[Path]) -> Iterator[str]:
    for path in {path.resolve(): None for path in paths}:
        if path.is_dir():
            yield from ("--perms", "0755", "--size", "65536", "--tmpfs", str(path))
        elif path.exists():
            yield from ("--ro-bind", "/dev/null", str(path))


def _secrets(folders: Iterable[Path]) -> Iterator[Path]:
    """What lies directly in a folder under the name of a key, such as `token` in HF_HOME."""
    for folder in filter(Path.is_dir, folders):
        for path in folder.iterdir():
            if is_credential(path.name) or any(fnmatchcase(path.name, s) for s in _SECRETS):
                yield path

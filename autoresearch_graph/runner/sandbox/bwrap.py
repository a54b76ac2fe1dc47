"""Arguments of bubblewrap: an empty root, plus the paths that a run may see.

The root is empty. Into it come, read-only: the system's programs and libraries, the few files
of /etc that they need, the lab's interpreter with its packages, the folders on the PATH, and what
the run's variables and program.md name; the kernel's settings in /proc can only be read, too.
/run, /tmp, /dev/shm and the home folder are empty, in memory and bounded. The checkout can be
written, but has no `.git`. Later arguments lie on top: a checkout below the home folder is
there, and what is hidden stays hidden, under each of its names (hidden.py).

Of a package that was installed in place only its own folder is bound, never the clone around it.
Files that hold keys, and the records of git and of researches, are masked wherever they lie.

Not covered: a secret under an innocent name in a folder that is named; a folder with more than
`_ENTRIES` entries beyond them; what the system's folders hold for everyone to read; a service that
listens in a folder that is named.
"""

import functools
import os
import re
import site
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase, translate
from pathlib import Path, PurePosixPath

import psutil

from autoresearch_graph.core.program import Environment
from autoresearch_graph.runner.sandbox.editable import packages_in_place
from autoresearch_graph.runner.sandbox.hidden import names_of

_ETC = (
    "OpenCL", "alternatives", "fonts", "group", "hosts", "ld.so.cache", "ld.so.conf",
    "ld.so.conf.d", "localtime", "nsswitch.conf", "passwd", "ssl/certs", "ssl/openssl.cnf",
    "timezone",
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
_RECORDS = (  # files and folders that hold keys or records, wherever they lie
    ".env*", ".netrc", "_netrc", ".git", ".git-credentials", ".autoresearch", "pip.conf",
    "pip.ini", ".pypirc", "uv.toml", ".condarc", "condarc", ".npmrc", ".yarnrc*", ".pgpass",
    ".my.cnf", ".boto", ".s3cfg", ".dockercfg", ".ssh", ".aws", ".azure", ".gnupg", ".kube",
    ".docker", ".gcloud", "id_rsa*", "id_ed25519*", "id_ecdsa*",
)  # fmt: skip
_KEYS = (  # small files of these names in folders of data; packages have modules of such names
    "token", "token.json", "stored_tokens", "access_token*", "api_key*", "apikey*", "auth.json",
    "credentials", "credentials.*", "client_secret*", "service_account*.json", "kaggle.json",
    ".htpasswd", "*.env", "*.key", "*.pem", "*.p12", "*.pfx",
)  # fmt: skip
_KEY_SIZE = 65_536  # bytes; larger files of such names are data
_IS_RECORD, _IS_KEY = (
    re.compile("|".join(map(translate, names)), re.IGNORECASE).match for names in (_RECORDS, _KEYS)
)
_ENTRIES = 20_000  # how many entries of a named folder are looked at, its upper levels first
_ENTRIES_OF_TOOLS = 500  # the same for a folder of programs, which is larger and not one's own
_PERIOD = 30.0  # seconds for which arguments are kept: links may lead elsewhere by then
_LOCAL = ("/usr/etc", "/usr/local")  # folders of the system in which people configure programs


@dataclass(frozen=True)
class BwrapArguments:
    """The paths that a run may have beside its checkout; they are absolute.

    A path that does not exist is passed over. `hidden` wins over everything: a hidden folder is
    empty, a hidden file cannot be opened. `laid` has the paths of the project that are not
    committed, each with its place in the checkout, where it is bound read-only.
    """

    network: bool = False
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    laid: tuple[tuple[Path, PurePosixPath], ...] = ()

    def hiding(self, *paths: Path) -> "BwrapArguments":
        """Return the same arguments with more hidden paths."""
        return replace(self, hidden=(*self.hidden, *paths))

    def arguments(self, *, folder: Path, environment: Mapping[str, str]) -> list[str]:
        """Return the argument vector for a command in `folder`, within its checkout."""
        folder = folder.resolve()
        paths = frozenset((name, value) for name, value in environment.items() if "/" in value)
        period = time.monotonic() // _PERIOD
        return [*_arguments(self, folder, paths, period), "--chdir", str(folder)]

    def seen(
        self, environment: Mapping[str, str]
    ) -> tuple[tuple[Path, ...], tuple[Path, ...], tuple[Path, ...]]:
        """Return the readable paths: of the system, of the lab's tools, and the named ones."""
        home = _home(environment)
        system = [Path("/etc", name) for name in _ETC + _ETC_FOR_NETWORK * self.network]
        system += map(Path, _SYSTEM)
        tools = _narrow((*_interpreter(), *_paths(environment.get("PATH", ""))), home)
        named = _narrow((*packages_in_place(), *_in_variables(environment)), home)
        return tuple(system), tuple(tools), (*named, *self.readable)

    def names_within(
        self, paths: Iterable[Path], *, folder: Path, environment: Mapping[str, str]
    ) -> tuple[Path, ...]:
        """Return every name by which paths could be reached from a command in `folder`."""
        system, tools, named = self.seen(environment)
        bound = _mounts((*system, *named, *self.writable, *tools))
        names = names_of(paths, (*bound, _checkout(folder.resolve())))
        return (*names, *(folder / place for _, place in self.laid_names(names)))

    def laid_names(self, paths: Iterable[Path]) -> Iterator[tuple[Path, PurePosixPath]]:
        """Yield each of the real paths that is laid into the checkout, with its place there."""
        for path in paths:
            for source, place in self.laid:
                if path.is_relative_to(source.resolve()):
                    yield path, place / path.relative_to(source.resolve())


@functools.lru_cache(64)
def _arguments(
    asked: BwrapArguments, folder: Path, paths: frozenset[tuple[str, str]], period: float
) -> tuple[str, ...]:
    """Return the arguments for a command in `folder`, whose environment has these paths."""
    environment, checkout = dict(paths), _checkout(folder)
    system, tools, named = asked.seen(environment)
    of_system, of_tools = _mounts(system), _mounts(tools, below=system)
    of_named = _mounts(named, below=(*system, *asked.writable, checkout))
    writable = _mounts(asked.writable)
    programs = (*of_tools, *packages_in_place(), *map(Path, _LOCAL))
    apart = (*system, *programs)
    data = [path for path in (*of_named, *writable) if path not in apart]
    private = _private(data, programs, tools, period)
    bound = (*of_system, *of_named, *writable, *of_tools, checkout)
    hidden = names_of((*private, *asked.hidden), bound)
    inside = [path for path in hidden if path.is_relative_to(checkout)]
    outside = [path for path in hidden if not path.is_relative_to(checkout)]
    masks = [*_masked(outside)], [*_masked_within(asked, hidden, folder)], [*_masked(inside)]
    return (
        *_isolation(asked.network),
        *_emptied(empty_folders(environment)),
        *_bound("--ro-bind", (*of_system, *of_named)),
        *_bound("--bind", writable),
        *_bound("--ro-bind", of_tools),
        *masks[0],
        *_bound("--bind", [checkout]),
        *_laid(asked, folder),
        *masks[1],
        *masks[2],
        *_masked([checkout / ".git"]),
        *_closed([*masks[0], *masks[1], *masks[2]]),
        *("--remount-ro", "/dev", "--remount-ro", "/", "--setenv", "TMPDIR", "/tmp"),
    )


def _isolation(network: bool) -> Iterator[str]:
    yield from ("--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try")
    yield from () if network else ("--unshare-net",)
    yield from ("--cap-drop", "ALL", "--new-session", "--dev", "/dev", *_devices())
    yield from ("--proc", "/proc", *_settings())


def _private(
    data: Iterable[Path], programs: Iterable[Path], tools: Iterable[Path], period: float
) -> list[Path]:
    """Return the paths that hold keys or records, but for folders in which the tools are."""
    found: list[Path] = []
    for folder in data:
        found += _private_below(folder, _ENTRIES, period, True)
    for folder in programs:
        found += _private_below(folder, _ENTRIES_OF_TOOLS, period, False)
    return [path for path in found if not any(tool.is_relative_to(path) for tool in tools)]


def bwrap_arguments(
    project: Path,
    *,
    environment: Environment,
    variables: Mapping[str, str],
    hidden: Iterable[Path],
    fills_caches: bool,
) -> BwrapArguments:
    """Return the arguments that program.md asks for; make the folders that can be written.

    `fills_caches` is for the baseline, a person's own code: it may write what others only read, but
    for what lies in the project.
    """
    named = {name: variables.get(name, "") for name in environment.variables}
    readable = [project / Path(path).expanduser() for path in environment.readable]
    readable += _narrow(_in_variables(named), Path.home())
    writable = [project / Path(path).expanduser() for path in environment.writable]
    if fills_caches:
        writable += [path for path in readable if not _normal(path).is_relative_to(project)]
    for path in writable:
        with suppress(OSError):
            path.mkdir(parents=True, exist_ok=True)
    return BwrapArguments(
        network=environment.network,
        readable=tuple(readable),
        writable=tuple(writable),
        hidden=tuple(hidden),
    )


def _normal(path: Path) -> Path:
    return Path(os.path.normpath(path))


def empty_folders(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the folders that are empty in a sandbox, and held in memory."""
    home = _home(environment)
    return (*map(Path, _EMPTY), *([home] if _is_home(home) else []))


def _home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("HOME", "/nonexistent"))


def _checkout(folder: Path) -> Path:
    """Return the worktree around a folder, which git marks by a file, or the folder itself."""
    for candidate in (folder, *folder.parents):
        if (candidate / ".git").is_file():
            return candidate
    return folder


@functools.cache
def _interpreter() -> tuple[Path, ...]:
    """Return the folders of the lab's Python, every link that leads to it, and its packages."""
    found = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix]
    link = Path(sys.executable)
    while link.is_symlink():
        link = _normal(link.parent / link.readlink())
        found.append(str(link.parent.parent))
    return tuple(map(Path, [*found, *site.getsitepackages(), site.getusersitepackages()]))


def _in_variables(environment: Mapping[str, str]) -> Iterator[Path]:
    """Yield the paths in variables such as LD_LIBRARY_PATH or HF_HOME."""
    for name, value in environment.items():
        if not any(fnmatchcase(name, wide) for wide in _TOO_WIDE):
            yield from _paths(value)


def _paths(value: str) -> Iterator[Path]:
    return map(Path, filter(os.path.isabs, value.split(os.pathsep)))


def _narrow(paths: Iterable[Path], home: Path) -> list[Path]:
    """Return the paths that hold neither the home folder nor a folder that has to be empty."""
    apart = [home, home.resolve(), *map(Path, _EMPTY), Path("/dev"), Path("/proc")]
    real = {path: path.resolve() for path in dict.fromkeys(paths)}
    too_wide = {Path("/"), *apart, *(above for path in apart for above in path.parents)}
    return [path for path in real if real[path] not in too_wide]


def _is_home(home: Path) -> bool:
    """Return True if a folder can be emptied without taking the system away."""
    return home.is_absolute() and not any(Path(path).is_relative_to(home) for path in _SYSTEM)


def _emptied(folders: Iterable[Path]) -> Iterator[str]:
    size = str(psutil.virtual_memory().total // _SHARE)
    for folder in folders:
        yield from ("--perms", "1777", "--size", size, "--tmpfs", str(folder))


@functools.cache
def _settings() -> tuple[str, ...]:
    """Bind the kernel's own files in /proc read-only: root could write them without a right."""
    own = [path for path in sorted(Path("/proc").glob("[!0-9]*")) if not path.is_symlink()]
    writable = [path for path in own if path.is_dir() or path.stat().st_mode & 0o222]
    return tuple(word for path in writable for word in ("--ro-bind-try", str(path), str(path)))


def _devices() -> Iterator[str]:
    for pattern in _DEVICES:
        for device in sorted(Path("/dev").glob(pattern)):
            yield from ("--dev-bind-try", str(device), str(device))


def _mounts(paths: Iterable[Path], below: Iterable[Path] = ()) -> tuple[Path, ...]:
    """Return each path that exists, and the target of its links.

    Not within a folder that is bound already; and no socket, for a service listens there.
    """
    bound = dict.fromkeys(below)
    found: list[Path] = []
    for path in paths:
        for name in dict.fromkeys((path, path.resolve())):
            held = name in bound or not bound.keys().isdisjoint(name.parents)
            if not held and name.exists() and not name.is_socket():
                found.append(name)
                bound[name] = None
    return tuple(found)


def _bound(option: str, mounts: Iterable[Path]) -> Iterator[str]:
    for path in mounts:
        yield from (option, str(path), str(path))


def _masked(paths: Iterable[Path]) -> Iterator[str]:
    """Lay something empty on paths; not twice on what lies below one."""
    masked: set[Path] = set()
    for path in sorted(paths, key=lambda each: len(each.parts)):
        if not masked.isdisjoint(path.parents):
            continue
        masked |= {path} if path.is_dir() else set()
        yield from _mask(path, path)


def _masked_within(asked: BwrapArguments, hidden: Iterable[Path], folder: Path) -> Iterator[str]:
    """Lay something empty on hidden paths that are laid into the checkout."""
    for path, place in asked.laid_names(hidden):
        yield from _mask(path, folder / place)


def _mask(path: Path, place: Path) -> Iterator[str]:
    """Lay something empty over a path that a sandbox has at `place`."""
    if path.is_dir():
        yield from ("--perms", "0755", "--size", "65536", "--tmpfs", str(place))
    elif path.exists():
        yield from ("--ro-bind", "/dev/null", str(place))


def _laid(asked: BwrapArguments, folder: Path) -> Iterator[str]:
    """Bind the paths of the project that are not committed into the checkout."""
    for source, place in asked.laid:
        if source.exists() and not source.is_socket():
            yield from ("--ro-bind", str(source.resolve()), str(folder / place))


def _closed(masks: list[str]) -> Iterator[str]:
    """Let nothing be written into empty folders: files there count as no process's memory."""
    for index, word in enumerate(masks):
        if word == "--tmpfs":
            yield from ("--remount-ro", masks[index + 1])


@functools.lru_cache(64)
def _private_below(folder: Path, entries: int, period: float, is_data: bool) -> tuple[Path, ...]:
    """Return the paths in a folder that hold keys or records, level by level, once a period."""
    found: list[Path] = []
    level = [os.fspath(folder)]
    while level and entries > 0:
        below: list[str] = []
        for entry in _entries(level):
            entries -= 1
            with suppress(OSError):  # gone meanwhile
                if _IS_RECORD(entry.name):
                    found += [] if _is_environment(entry.path) else [Path(entry.path)]
                elif entry.is_dir(follow_symlinks=False):
                    below.append(entry.path)
                elif is_data and _is_key(entry):
                    found.append(Path(entry.path))
        level = below
    return tuple(found)


def _entries(folders: Iterable[str]) -> Iterator[os.DirEntry[str]]:
    for folder in folders:
        with suppress(OSError), os.scandir(folder) as entries:
            yield from entries


def _is_key(entry: os.DirEntry[str]) -> bool:
    """Return True for a small file with the name of a key."""
    return bool(_IS_KEY(entry.name)) and entry.stat().st_size <= _KEY_SIZE


def _is_environment(path: str) -> bool:
    """Return True for a virtual environment, which some call `.env`; False if we may not look."""
    return os.access(Path(path, "pyvenv.cfg"), os.F_OK)

"""program.md while a research runs: a person steers by editing it."""

from pathlib import Path

from autoresearch_graph.core.program import Program
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.reader import FROZEN, Flags, changed, read

Stamp = tuple[int, int, int]
_GONE = (0, 0, 0)


class LiveProgram:
    """The program as last read, with what is frozen taken from the research's start."""

    def __init__(self, first: Program, now: Program, *, project: Path, flags: Flags) -> None:
        self._first = first
        self._project = project
        self._flags = flags
        self._path = now.path
        self._seen: Stamp | None = None
        self._told = ""
        self.current = self._with_frozen(now)

    def reread(self) -> str:
        """Read the file again if it was touched; returns what cannot take effect, once."""
        stamp = self._stamp() or _GONE
        if stamp == self._seen:
            return ""
        self._seen = stamp
        before, self._told = self._told, self._read()
        return self._told if self._told != before else ""

    def _read(self) -> str:
        try:
            now = read(self._path, project=self._project, flags=self._flags)
        except ProgramError as error:
            return f"going on with the last good {self._path.name}: {error}"
        self.current = self._with_frozen(now)
        names = ", ".join(changed(self._first, now))
        return f"{names} is fixed for this research; the next one will use it" if names else ""

    def _with_frozen(self, program: Program) -> Program:
        frozen = {name: getattr(self._first, name) for name in FROZEN}
        return program.model_copy(update=frozen)

    def _stamp(self) -> Stamp | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return (stat.st_ino, stat.st_size, stat.st_mtime_ns)

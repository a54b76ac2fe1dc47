"""What can go wrong that is not a bug: each error is one sentence for a person.

LabError               the lab cannot go on (exit code 1)
└── InputError         what was given cannot be used (exit code 2)
    ├── ProgramError   program.md: missing, contradictory or malformed
    └── WorkspaceError git: not a repository, no commits, a tag that exists
"""

from pathlib import Path


class LabError(Exception):
    """The lab failed: the disk is full, a file is unreadable, the baseline does not run."""


class InputError(LabError):
    """What a person gave cannot be used; the sentence says what, where and how to mend it."""


class ProgramError(InputError):
    """A part of program.md is missing, contradictory or malformed.

    `understood` has the parts that were read nevertheless, each with its value and its line.
    """

    def __init__(
        self,
        message: str,
        *,
        path: Path | None = None,
        line: int | None = None,
        understood: tuple[tuple[str, str, int], ...] = (),
    ) -> None:
        where = f"{path.name}:{line}: " if path and line else f"{path.name}: " if path else ""
        super().__init__(where + message)
        self.line = line
        self.understood = understood


class WorkspaceError(InputError):
    """The git repository is not in a state in which a research can run."""

"""Errors that are not bugs: each is a sentence for a person, and a code for a script.

LabError               the lab cannot go on (exit code 1)
└── InputError         the input cannot be used (exit code 2)
    ├── ProgramError   program.md: missing, contradictory or malformed
    └── WorkspaceError git: not a repository, no commits, a tag that exists

docs/errors.md lists the codes. A code is stable; the wording is not.
"""

from pathlib import Path
from typing import Self


class LabError(Exception):
    """The lab failed: the disk is full, a file is unreadable, the baseline does not run."""

    code = "lab-failed"

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code or type(self).code


class InputError(LabError):
    """The input cannot be used; the sentence says what is wrong, where, and what to do."""

    code = "bad-input"


class ProgramError(InputError):
    """A part of program.md is missing, contradictory or malformed.

    `field` is the field that an answer of a person settles; empty if only another text does.
    """

    code = "unclear-program"

    def __init__(
        self,
        message: str,
        *,
        path: Path | None = None,
        line: int | None = None,
        field: str = "",
        code: str = "",
    ) -> None:
        where = f"{path.name}:{line}: " if path and line else f"{path.name}: " if path else ""
        super().__init__(where + message, code=code)
        self.line = line
        self.field = field

    def placed(self, *, path: Path | None = None, line: int | None = None, field: str = "") -> Self:
        """Return the same error with its path, its line or its field."""
        line = self.line if line is None else line
        return type(self)(
            str(self), path=path, line=line, field=field or self.field, code=self.code
        )


class WorkspaceError(InputError):
    """The git repository is not in a state in which a research can run."""

    code = "bad-repository"

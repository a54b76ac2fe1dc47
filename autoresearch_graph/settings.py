"""Settings of one research, as the command line, Studio or a notebook gives them."""

import os
import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

from autoresearch_graph.core.program import Flags
from autoresearch_graph.errors import InputError

Choice = Literal["auto", "bwrap", "off"]  # the sandbox of a run
_FEW = 2  # workers: with more a proposal is old when it runs


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Choices of a person on the command line, in Studio or in a notebook.

    `on` is empty for this machine; `gpus` and `cpus` are the request of a trial to a cluster.
    `read_with` names the model that reads program.md, or `rules`; by default it is `model`.
    """

    project: Path = Path()
    program: Path = Path("program.md")
    tag: str = ""
    model: str = "search"
    base_url: str | None = None
    read_with: str = ""
    prices: Path | None = None
    search_share: float = 0.0
    review: bool = False
    workers: int | Literal["auto"] = 1
    look_ahead: bool | None = None
    on: str = ""
    gpus: float | None = None
    cpus: float | None = None
    sandbox: Choice = "auto"
    checkpoints: str = field(default="", repr=False)
    flags: Flags = field(default_factory=Flags)

    @property
    def reader(self) -> str:
        """The model that reads program.md, if one does."""
        name = self.read_with or self.model
        return "" if name in ("rules", "search") else name

    @property
    def name(self) -> str:
        """The tag, by default the date (`nov23`); InputError for a bad one.

        Below the top of a repository the folder's name is added (`nov23-rag`), so that two
        projects of one repository can be researched on one day.
        """
        if self.tag and not re.fullmatch(r"\w[\w.-]*", self.tag):
            raise InputError(
                f"{self.tag!r} cannot name a research; use letters, digits, '-' and '_': "
                "--tag NAME",
                code="bad-tag",
            )
        return self.tag or f"{date.today():%b%d}".lower() + self._below

    @property
    def _below(self) -> str:
        if not self.project.is_dir() or (self.root / ".git").exists():
            return ""
        return "-" + (re.sub(r"[^\w-]+", "-", self.root.name).strip("-") or "project")

    def ahead_of(self, workers: int) -> int:
        """Return the number of proposals that may wait for one of so many workers.

        It is 1 with a model and few workers, unless a person is asked about each proposal: the
        search learns from every result, and with many workers a change is older when it runs.
        """
        is_useful = self.model != "search" and workers <= _FEW
        look_ahead = is_useful if self.look_ahead is None else self.look_ahead
        return int(look_ahead and not self.review)

    @property
    def folder(self) -> Path:
        """Folder of the research's files."""
        return self.root / ".autoresearch" / self.name

    @property
    def root(self) -> Path:
        """The project's folder, resolved; InputError if there is none."""
        project = self.project.resolve()
        if not project.is_dir():
            raise InputError(
                f"{self.project} is not a folder; name the one with program.md", code="no-project"
            )
        return project


def checkpoints_url(settings: Settings) -> str:
    """Return the URL of the database for checkpoints; empty for a file beside the ledger."""
    return settings.checkpoints or os.environ.get("AUTORESEARCH_CHECKPOINTS", "")

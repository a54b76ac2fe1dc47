"""The files of one research beside its ledger, as its lab keeps them open."""

from dataclasses import dataclass, field
from pathlib import Path

from autoresearch_graph.asset.syntax import SeenFingerprints
from autoresearch_graph.storage.artifacts import Artifacts
from autoresearch_graph.storage.inbox import Inbox
from autoresearch_graph.storage.manifest import Start
from autoresearch_graph.storage.spending import Spending
from autoresearch_graph.storage.status import StatusFile


@dataclass(frozen=True, kw_only=True)
class Store:
    """The open files of a research; its checkpoints are in a file, or in the database at a URL.

    `thread` names the research among the checkpoints. `seen` remembers the fingerprints of the
    committed texts.
    """

    tag: str
    folder: Path
    artifacts: Artifacts
    spending: Spending
    inbox: Inbox
    status: StatusFile
    checkpoints: Path | str = field(repr=False)
    thread: str
    seen: SeenFingerprints = field(default_factory=SeenFingerprints)


def open_store(folder: Path, start: Start, *, proposer: str, url: str) -> Store:
    """Open the files of a research whose lock the caller holds; `url` is empty without a database.

    `proposer` is the name by which the status file tells who proposes.
    """
    return Store(
        tag=start.tag,
        folder=folder,
        artifacts=Artifacts(folder),
        spending=Spending(folder),
        inbox=Inbox(folder),
        status=StatusFile(folder, proposer=proposer),
        checkpoints=url or folder / "checkpoints.sqlite",
        thread=start.thread if url else start.tag,
    )

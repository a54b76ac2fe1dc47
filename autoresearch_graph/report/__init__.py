"""Report of a research: the ledger as one page, without network or scripts."""

from pathlib import Path

from autoresearch_graph.report.page import Live, live_page, pages
from autoresearch_graph.results.records import Records
from autoresearch_graph.storage.files import replace

__all__ = ["Live", "live_page", "write_report"]


def write_report(records: Records) -> Path:
    """Write report.html and report.md into its folder, each as a whole. Idempotent."""
    html, text = pages(records)
    for name, content in (("report.md", text), ("report.html", html)):
        replace(records.folder / name, content.encode("utf-8", errors="replace").decode())
    return records.folder / "report.html"
